/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens any input that live-trace can read, finds its format by content, and
 * delivers it to a handler. One entry a format in the table of profile_reader.c;
 * the usual next thing, a new input format, is a file *_reader.c and a row there. */
#ifndef LT_PROFILE_READER_H
#define LT_PROFILE_READER_H

#include "formats/io.h"
#include "formats/profile.h"

struct lt_read_options {
    /* True: the consumer does not need single samples or their order; the reader
     * may deliver totals (time_ns -1, count > 1) instead, where it has them. */
    bool totals;
    /* With totals, and if `has_window`: totals are of stack samples from from_ns on and before to_ns,
     * in the input's time; those outside are counted in stats->outside. A reader without totals
     * takes no notice and delivers single samples. */
    bool has_window;
    int64_t from_ns, to_ns;
    /* With totals: how many threads may decode, the caller's among them; 0: as many as there are
     * processors. What the handler gets sums up to the same, and it is called from the caller's only. */
    unsigned threads;
    /* Called now and then with bytes done and bytes in all (0 unknown). May be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t all);
    void *progress_ctx;
};

/* What a format is told by. */
#define LT_PROBE_BYTES 4096

struct lt_input_format {
    const char *name;      /* "live-trace", "classic-log", "folded", ... */
    const char *extension; /* "ltrace" */
    const char *description;
    /* Do these first bytes (fewer than LT_PROBE_BYTES: all of them) look like it? */
    bool (*probe)(const uint8_t *head, size_t len);
    int (*read)(struct lt_input *in, const struct lt_profile_handler *handler,
                const struct lt_read_options *options, struct lt_read_stats *stats);
};

/* The table, ended by NULL. */
extern const struct lt_input_format *const lt_input_formats[];

/* The first format that takes these first bytes for its own, or NULL. */
const struct lt_input_format *lt_input_format_find(const uint8_t *head, size_t len);

/* Reads `in` to its end. stats may be NULL and is filled also on failure.
 * LT_ERR_NOT_OURS, LT_ERR_UNSUPPORTED (a newer major version), LT_ERR_IO, or what the handler
 * returned. Damage inside a recording is no error: see stats. */
int lt_profile_read(struct lt_input *in, const struct lt_profile_handler *handler,
                    const struct lt_read_options *options, struct lt_read_stats *stats);

#endif
