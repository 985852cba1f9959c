/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON sink over stdio; main() sees to it that all of it arrives. */
#include "config.h"

#include "cli/json_output.h"

#include <stdio.h>

#include "cli/say.h"
#include "formats/lt_error.h"

static int write_stdout(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    return fwrite(data, 1, len, stdout) == len ? 0 : LT_ERR_IO;
}

void lt_json_to_stdout(struct lt_json *j)
{
    lt_json_init(j, write_stdout, NULL);
}

int lt_json_end_stdout(struct lt_json *j)
{
    lt_json_newline(j);
    return lt_json_finish(j) ? LT_EXIT_FAILURE : LT_EXIT_OK;
}
