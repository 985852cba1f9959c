/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_events [--totals] TRACE: what the C reader delivers, as JSON lines (event_log.h). */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/trace_reader.h"
#include "tests/support/event_log.h"

static int to_stdout(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    return fwrite(data, 1, len, stdout) == len ? 0 : LT_ERR_IO;
}

static int print_events(const char *path, bool totals)
{
    struct lt_event_log log;
    const struct lt_profile_handler handler = lt_event_log_handler(&log, to_stdout, NULL);
    const struct lt_read_options options = {.totals = totals};
    struct lt_read_stats stats;
    struct lt_input in;
    int err = lt_input_open(&in, path);
    if (err)
        return err;
    err = lt_trace_input_format.read(&in, &handler, &options, &stats);
    in.close(in.ctx);
    if (!err)
        err = lt_event_log_stats(&log, &stats);
    return !err && fflush(stdout) ? LT_ERR_IO : err;
}

int main(int argc, char **argv)
{
    bool totals = argc == 3 && strcmp(argv[1], "--totals") == 0;
    if (argc != (totals ? 3 : 2)) {
        fprintf(stderr, "usage: trace_events [--totals] TRACE\n");
        return 2;
    }
    int err = print_events(argv[argc - 1], totals);
    if (err)
        fprintf(stderr, "%s: %s\n", argv[argc - 1], lt_error_text(err));
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
