/* SPDX-License-Identifier: Apache-2.0
 *
 * Which format is it? The first bytes are looked at by each format in turn and then read again as
 * if nobody had. */
#include "config.h"

#include "formats/profile_reader.h"

#include <string.h>

#include "formats/austin_reader.h"
#include "formats/classic_log_reader.h"
#include "formats/folded_reader.h"
#include "formats/lt_error.h"
#include "formats/mojo_reader.h"
#include "formats/perf_reader.h"
#include "formats/pprof_reader.h"
#include "formats/speedscope_reader.h"
#include "formats/trace_reader.h"

/* Formats that are told by a signature first, those that are told by looks last. */
const struct lt_input_format *const lt_input_formats[] = {
    &lt_trace_input_format,       &lt_mojo_input_format,   &lt_speedscope_input_format,
    &lt_classic_log_input_format, &lt_austin_input_format, &lt_perf_input_format,
    &lt_pprof_input_format,       &lt_folded_input_format, NULL,
};

/* An input whose first bytes have been taken already and come once more. */
struct rewound {
    struct lt_input *in;
    uint8_t head[LT_PROBE_BYTES];
    size_t len, at;
    bool broken;
};

/* What a damaged gzip file still gives is read, as if it ended there. */
static int64_t read_whole(struct rewound *r, void *buf, size_t len)
{
    int64_t n = r->broken ? 0 : r->in->read(r->in->ctx, buf, len);
    r->broken = r->broken || n == LT_ERR_CORRUPT;
    return r->broken ? 0 : n;
}

static int64_t rewound_read(void *ctx, void *buf, size_t len)
{
    struct rewound *r = ctx;
    size_t left = r->len - r->at;
    if (left == 0)
        return read_whole(r, buf, len);
    size_t n = left < len ? left : len;
    memcpy(buf, r->head + r->at, n);
    r->at += n;
    return (int64_t)n;
}

static int rewound_seek(void *ctx, uint64_t pos)
{
    struct rewound *r = ctx;
    r->at = r->len;
    return r->in->seek(r->in->ctx, pos);
}

static uint64_t rewound_size(void *ctx)
{
    struct rewound *r = ctx;
    return r->in->size ? r->in->size(r->in->ctx) : 0;
}

static int fill_head(struct rewound *r)
{
    while (r->len < LT_PROBE_BYTES) {
        int64_t n = read_whole(r, r->head + r->len, LT_PROBE_BYTES - r->len);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        r->len += (size_t)n;
    }
    return 0;
}

const struct lt_input_format *lt_input_format_find(const uint8_t *head, size_t len)
{
    size_t i = 0;
    while (lt_input_formats[i] && !lt_input_formats[i]->probe(head, len))
        i++;
    return lt_input_formats[i];
}

int lt_profile_read(struct lt_input *in, const struct lt_profile_handler *handler,
                    const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats ignored;
    struct rewound r = {.in = in};
    struct lt_input again = {.ctx = &r,
                             .read = rewound_read,
                             .seek = in->seek ? rewound_seek : NULL,
                             .size = rewound_size};
    stats = stats ? stats : &ignored;
    memset(stats, 0, sizeof(*stats));
    int err = fill_head(&r);
    if (err)
        return err;
    const struct lt_input_format *format = lt_input_format_find(r.head, r.len);
    if (!format)
        return r.broken ? LT_ERR_CORRUPT : LT_ERR_NOT_OURS;
    err = format->read(&again, handler, options, stats);
    if (r.broken) {
        stats->damaged_blocks++;
        stats->complete = false;
    }
    return err;
}
