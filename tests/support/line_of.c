/* SPDX-License-Identifier: Apache-2.0
 *
 * line_of KIND: the lines of all instructions of code objects, as the collector reads them. KIND is an enum
 * lt_linetable_kind. Standard input has a record a code object: first line, bytes of code, bytes of
 * line table (each 4 bytes, little-endian), the table. Standard output has 4 bytes for every second
 * byte of the code: the line, 0xffffffff where there is an error. See compare_lines.py. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "collector/py_linetable.h"

enum { TABLE_MAX = 1 << 22 };

static int read_u32(uint32_t *value)
{
    uint8_t b[4];
    if (fread(b, 1, 4, stdin) != 4)
        return -1;
    *value = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return 0;
}

static int write_u32(uint32_t v)
{
    const uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    return fwrite(b, 1, 4, stdout) == 4 ? 0 : -1;
}

int main(int argc, char **argv)
{
    uint32_t first, code, len, line;
    uint8_t *table = malloc(TABLE_MAX);
    if (argc != 2 || !table) {
        fprintf(stderr, "usage: line_of KIND\n");
        return 2;
    }
    enum lt_linetable_kind kind = (enum lt_linetable_kind)atoi(argv[1]);
    while (read_u32(&first) == 0) {
        if (read_u32(&code) || read_u32(&len) || len > TABLE_MAX ||
            fread(table, 1, len, stdin) != len)
            return EXIT_FAILURE;
        for (uint32_t at = 0; at < code; at += 2) {
            int err = lt_py_linetable_line(kind, table, len, (int)first, at, &line);
            if (write_u32(err ? UINT32_MAX : line))
                return EXIT_FAILURE;
        }
    }
    free(table);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
