/* SPDX-License-Identifier: Apache-2.0
 *
 * make_random_trace KIND SEED RATE TICKS THREADS LEVEL TRACE: see random_trace.h. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "formats/io.h"
#include "formats/lt_error.h"
#include "tests/support/random_trace.h"

int main(int argc, char **argv)
{
    struct lt_output out;
    struct lt_block_writer *blocks = NULL;
    if (argc != 8) {
        fprintf(stderr, "usage: make_random_trace KIND SEED RATE TICKS THREADS LEVEL TRACE\n");
        return 2;
    }
    int err = lt_output_atomic(&out, argv[7]);
    if (err) {
        fprintf(stderr, "%s: %s\n", argv[7], lt_error_text(err));
        return EXIT_FAILURE;
    }
    err = lt_block_writer_new(&blocks, &out, atoi(argv[6]));
    const struct lt_random_trace trace = {
        .kind = argv[1],
        .seed = strtoull(argv[2], NULL, 10),
        .rate = (unsigned)strtoul(argv[3], NULL, 10),
        .ticks = (unsigned)strtoul(argv[4], NULL, 10),
        .threads = (unsigned)strtoul(argv[5], NULL, 10),
        .sink = {blocks, lt_block_writer_block, lt_block_writer_room, lt_block_writer_replace},
    };
    if (!err)
        err = lt_random_trace_write(&trace);
    lt_block_writer_free(blocks);
    if (err)
        lt_output_abandon(&out);
    else
        err = out.close(out.ctx);
    if (err)
        fprintf(stderr, "%s: %s\n", argv[7], lt_error_text(err));
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
