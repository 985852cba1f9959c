/* SPDX-License-Identifier: Apache-2.0
 *
 * make_trace SCRIPT TRACE: a trace from readable text, see trace_script.h. `-` is standard
 * input. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"
#include "tests/support/trace_script.h"

static int read_all(const char *path, struct lt_buf *text)
{
    struct lt_input in;
    uint8_t part[4096];
    int err = lt_input_open(&in, path);
    if (err)
        return err;
    int64_t n;
    while ((n = in.read(in.ctx, part, sizeof(part))) > 0 && !err)
        err = lt_buf_put(text, part, (size_t)n);
    in.close(in.ctx);
    if (!err && n < 0)
        err = (int)n;
    return err ? err : lt_buf_put_u8(text, '\0');
}

static int make(const char *text, const char *path)
{
    struct lt_output out;
    char message[256];
    int err = lt_output_atomic(&out, path);
    if (err) {
        fprintf(stderr, "%s: %s\n", path, lt_error_text(err));
        return err;
    }
    err = lt_trace_script(text, &out, message, sizeof(message));
    if (err) {
        fprintf(stderr, "%s\n", message);
        lt_output_abandon(&out);
        return err;
    }
    err = out.close(out.ctx);
    if (err)
        fprintf(stderr, "%s: %s\n", path, lt_error_text(err));
    return err;
}

int main(int argc, char **argv)
{
    struct lt_buf text = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: make_trace SCRIPT TRACE\n");
        return 2;
    }
    int err = read_all(argv[1], &text);
    if (err)
        fprintf(stderr, "%s: %s\n", argv[1], lt_error_text(err));
    else
        err = make((const char *)text.data, argv[2]);
    lt_buf_release(&text);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
