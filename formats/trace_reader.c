/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder of the trace format, one row of the table of input formats: passes each
 * block to whoever understands it, and holds what goes across blocks: the current segment, the
 * clock, the health. A file may hold recordings in a row (`cat a b`): they become one, each
 * beginning where its wall clock says, or where the one before ended. */
#include "config.h"

#include "formats/trace_reader.h"

#include <string.h>

#include "formats/block_reader.h"
#include "formats/lt_error.h"
#include "formats/trace_definitions.h"
#include "formats/trace_format.h"
#include "formats/trace_sources.h"
#include "formats/trace_summing.h"
#include "formats/trace_tick_reader.h"
#include "formats/varint.h"

enum { PROGRESS_BYTES = 1 << 18 };

struct trace_reader {
    const struct lt_profile_handler *handler;
    const struct lt_read_options *options;
    struct lt_read_stats *stats;
    struct lt_block_reader blocks;
    struct lt_inflater *inflater;
    uint8_t major, minor;
    uint64_t bad; /* blocks with a good checksum that made no sense */
    uint64_t reported;

    bool in_segment;
    uint8_t segment;       /* the lower bits of its number */
    struct lt_buf opening; /* the payload of the block that opened it */
    bool has_number;       /* this recording has had a segment: */
    uint64_t number;       /* the last one's */
    struct lt_definitions definitions;
    struct lt_tick_clock clock;
    struct lt_tick_reader ticks;
    struct lt_summing summing; /* with options->totals */

    bool has_meta;             /* the first recording's was delivered */
    int64_t start_realtime_ns; /* of the first recording */
    bool placed;               /* base_ns is that of the current recording */
    int64_t base_ns;           /* of its time 0 */
    int64_t last_ns;           /* time of the last tick; none is told to be before it */
    struct lt_health before, now;
};

/* What opens a segment. */
struct segment_head {
    uint64_t number;
    int64_t start_ns, start_realtime_ns, interval_ns, quantum_ns;
    uint64_t jitter, flags;
    struct lt_str host, command, cwd, recorder;
};

static int64_t saturated_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t weight_of(const struct trace_reader *r, uint64_t covers)
{
    int64_t weight_ns;
    return __builtin_mul_overflow(covers, r->clock.interval_ns, &weight_ns) ? INT64_MAX : weight_ns;
}

static void note_end(struct trace_reader *r, int64_t end_ns)
{
    if (end_ns > r->stats->duration_ns)
        r->stats->duration_ns = end_ns;
}

/* ---- samples ---- */

/* What a damaged block took with it becomes unknown, never wrong. */
static int deliver(struct trace_reader *r, const struct lt_trace_place *place,
                   struct lt_sample *sample)
{
    bool lost = false;
    sample->thread = place->thread;
    sample->stack = place->stack;
    sample->state = place->state;
    sample->tags = place->tags;
    if (!lt_definitions_has_stack(&r->definitions, place->stack)) {
        sample->stack = 0;
        lost = true;
    }
    if (!lt_definitions_has_tags(&r->definitions, place->tags)) {
        sample->tags = 0;
        lost = true;
    }
    if (lost)
        r->stats->lost_samples += sample->count;
    int err = lt_definitions_need_thread(&r->definitions, place->thread);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, sample);
    return err;
}

static int on_sample(void *ctx, int64_t time_ns, uint32_t covers,
                     const struct lt_trace_place *place)
{
    struct trace_reader *r = ctx;
    int64_t at_ns = saturated_sum(r->base_ns, time_ns);
    struct lt_sample sample = {
        .time_ns = at_ns > r->last_ns ? at_ns : r->last_ns,
        .count = 1,
        .weight_ns = weight_of(r, covers),
    };
    return deliver(r, place, &sample);
}

static int on_total(void *ctx, const struct lt_trace_total *total)
{
    struct trace_reader *r = ctx;
    if (total->count == 0)
        return 0;
    struct lt_sample sample = {
        .time_ns = -1,
        .count = total->count,
        .weight_ns = weight_of(r, total->covers),
    };
    return deliver(r, &total->place, &sample);
}

static int on_tick(void *ctx, int64_t time_ns, uint32_t covers)
{
    struct trace_reader *r = ctx;
    int64_t at_ns = saturated_sum(r->base_ns, time_ns);
    if (at_ns > r->last_ns)
        r->last_ns = at_ns;
    note_end(r, saturated_sum(at_ns, weight_of(r, covers)));
    return r->handler->tick
               ? r->handler->tick(r->handler->ctx, r->last_ns, covers, r->clock.interval_ns)
               : 0;
}

/* ---- segments and recordings ---- */

static void take_pair(struct segment_head *head, struct lt_str key, struct lt_str value)
{
    const struct {
        const char *key;
        struct lt_str *value;
    } known[] = {
        {"host", &head->host},
        {"command", &head->command},
        {"cwd", &head->cwd},
        {"recorder", &head->recorder},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].key) == key.len && memcmp(known[i].key, key.data, key.len) == 0)
            *known[i].value = value;
    }
}

static int read_segment_head(struct lt_cursor *c, struct segment_head *head)
{
    *head = (struct segment_head){.number = lt_cursor_varint(c)};
    head->start_ns = (int64_t)lt_cursor_bounded(c, INT64_MAX);
    head->start_realtime_ns = lt_cursor_svarint(c);
    head->interval_ns = (int64_t)lt_cursor_bounded(c, INT64_MAX);
    head->quantum_ns = (int64_t)lt_cursor_bounded(c, INT64_MAX);
    head->jitter = lt_cursor_varint(c);
    head->flags = lt_cursor_varint(c);
    uint64_t n = lt_cursor_bounded(c, LT_TRACE_META_MAX);
    for (uint64_t i = 0; i < n; i++) {
        struct lt_str key = lt_cursor_str(c);
        struct lt_str value = lt_cursor_str(c);
        if (!c->bad)
            take_pair(head, key, value);
    }
    return c->bad ? LT_BAD_PAYLOAD : 0;
}

static int deliver_meta(struct trace_reader *r, const struct segment_head *head)
{
    const struct lt_meta meta = {
        .format = lt_trace_input_format.name,
        .version_major = r->major,
        .version_minor = r->minor,
        .host = head->host,
        .command = head->command,
        .cwd = head->cwd,
        .recorder = head->recorder,
        .start_realtime_ns = head->start_realtime_ns,
        .interval_ns = head->interval_ns,
        .jitter = head->jitter,
        .has_time = head->flags & LT_SEGMENT_HAS_TIME,
        .has_weight = (head->flags & LT_SEGMENT_HAS_TIME) || head->interval_ns > 0,
    };
    r->has_meta = true;
    return r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
}

/* Where a further recording begins. */
static void place_recording(struct trace_reader *r, const struct segment_head *head)
{
    int64_t by_clock;
    int64_t end_ns = r->stats->duration_ns;
    r->placed = true;
    r->base_ns = end_ns;
    if (r->start_realtime_ns && head->start_realtime_ns &&
        !__builtin_sub_overflow(head->start_realtime_ns, r->start_realtime_ns, &by_clock) &&
        by_clock > end_ns)
        r->base_ns = by_clock;
}

/* The window of the options, in the time of this recording. */
static struct lt_tick_window window_of(const struct trace_reader *r)
{
    const struct lt_read_options *o = r->options;
    struct lt_tick_window window = {INT64_MIN, INT64_MAX};
    if (!o->has_window)
        return window;
    if (__builtin_sub_overflow(o->from_ns, r->base_ns, &window.from_ns))
        window.from_ns = INT64_MIN;
    if (o->to_ns == INT64_MAX || __builtin_sub_overflow(o->to_ns, r->base_ns, &window.to_ns))
        window.to_ns = o->to_ns < 0 ? INT64_MIN : INT64_MAX;
    return window;
}

static int end_segment(struct trace_reader *r)
{
    if (!r->in_segment)
        return 0;
    r->in_segment = false;
    if (!r->options->totals)
        return 0;
    int err = lt_summing_end(&r->summing);
    if (r->summing.end_ns)
        note_end(r, saturated_sum(r->base_ns, r->summing.end_ns));
    return err;
}

static void begin_recording(struct trace_reader *r)
{
    r->stats->complete = false;
    r->placed = false;
    r->has_number = false;
    lt_health_add(&r->before, &r->now);
    memset(&r->now, 0, sizeof(r->now));
}

static int read_header(struct trace_reader *r, const struct lt_block *header)
{
    int err = end_segment(r);
    if (err)
        return err;
    if (header->major > LT_TRACE_MAJOR)
        return LT_ERR_UNSUPPORTED;
    r->major = header->major;
    r->minor = header->minor;
    begin_recording(r);
    return 0;
}

/* Writers write the block twice: damage to one of the two costs nothing. */
static bool is_repetition(const struct trace_reader *r, const struct lt_cursor *payload)
{
    return r->in_segment && r->opening.len == lt_cursor_left(payload) &&
           memcmp(r->opening.data, payload->at, r->opening.len) == 0;
}

static int deliver_clock(struct trace_reader *r, const struct segment_head *head)
{
    struct lt_clock_anchor anchor;
    if (!r->handler->clock || !head->start_realtime_ns ||
        __builtin_add_overflow(r->base_ns, head->start_ns, &anchor.time_ns) ||
        __builtin_sub_overflow(head->start_realtime_ns, r->base_ns, &anchor.start_realtime_ns))
        return 0;
    return r->handler->clock(r->handler->ctx, &anchor);
}

static int begin_segment(struct trace_reader *r, struct lt_cursor c)
{
    struct segment_head head;
    if (is_repetition(r, &c))
        return 0;
    lt_buf_clear(&r->opening);
    int err = lt_buf_put(&r->opening, c.at, lt_cursor_left(&c));
    if (!err)
        err = end_segment(r);
    c = lt_cursor_over(r->opening.data, r->opening.len);
    if (!err)
        err = read_segment_head(&c, &head);
    if (err)
        return err;
    /* Numbers grow: the header in between is lost. */
    if (r->has_number && head.number <= r->number)
        begin_recording(r);
    r->has_number = true;
    r->number = head.number;
    if (!r->has_meta) {
        r->start_realtime_ns = head.start_realtime_ns;
        r->placed = true;
        err = deliver_meta(r, &head);
    } else if (!r->placed) {
        place_recording(r, &head);
    }
    if (err)
        return err;
    r->in_segment = true;
    r->segment = (uint8_t)head.number;
    r->clock = (struct lt_tick_clock){
        .interval_ns = head.interval_ns,
        .step_ns = head.interval_ns ? head.interval_ns : LT_TICK_STEP_UNKNOWN,
        .quantum_ns = head.quantum_ns,
        .jitter = head.jitter,
    };
    lt_definitions_clear(&r->definitions);
    if (r->options->totals)
        lt_summing_begin(&r->summing,
                         &(struct lt_folding_segment){r->segment, r->clock, window_of(r)},
                         head.start_ns);
    err = r->handler->segment ? r->handler->segment(r->handler->ctx) : 0;
    return err ? err : deliver_clock(r, &head);
}

static int read_health(struct trace_reader *r, struct lt_cursor c)
{
    struct lt_health h = {.asked = lt_cursor_varint(&c)};
    h.taken = lt_cursor_varint(&c);
    h.late = lt_cursor_varint(&c);
    h.retried = lt_cursor_varint(&c);
    h.sampler_cpu_ns = lt_cursor_varint(&c);
    h.max_lateness_ns = lt_cursor_varint(&c);
    uint64_t causes = lt_cursor_bounded(&c, lt_cursor_left(&c));
    for (uint64_t i = 0; i < causes && i < LT_FAIL_CAUSES; i++)
        h.failed[i] = lt_cursor_varint(&c);
    if (c.bad)
        return LT_BAD_PAYLOAD;
    r->now = h;
    lt_health_add(&h, &r->before);
    return r->handler->health ? r->handler->health(r->handler->ctx, &h) : 0;
}

/* ---- blocks ---- */

/* Blocks of a segment say of which, so that what comes after a lost SEGMENT block is not taken for
 * a part of the one before. */
static bool is_ours(const struct trace_reader *r, struct lt_cursor *c)
{
    return r->in_segment && lt_cursor_u8(c) == r->segment && !c->bad;
}

static int read_ticks(struct trace_reader *r, struct lt_cursor c)
{
    const struct lt_tick_sink sink = {
        .ctx = r, .sample = r->options->totals ? NULL : on_sample, .tick = on_tick};
    return lt_tick_reader_read(&r->ticks, c, &r->clock, &sink);
}

static int read_payload(struct trace_reader *r, enum lt_block_type type, struct lt_cursor c)
{
    struct lt_cursor whole = c;
    switch (type) {
    case LT_BLOCK_SEGMENT:
        return begin_segment(r, c);
    case LT_BLOCK_DEFS:
        return is_ours(r, &c) ? lt_definitions_read(&r->definitions, c) : 0;
    case LT_BLOCK_TICKS:
        return is_ours(r, &c) ? read_ticks(r, c) : 0;
    case LT_BLOCK_TOTALS:
        return is_ours(r, &c) ? lt_summing_totals(&r->summing, whole) : 0;
    case LT_BLOCK_SOURCES:
        return lt_trace_read_sources(c, r->handler);
    case LT_BLOCK_HEALTH:
        return read_health(r, c);
    case LT_BLOCK_END:
        r->stats->complete = true;
        return end_segment(r);
    }
    return 0; /* of a later version */
}

/* Blocks that nobody asks for are not even inflated. */
static bool wanted(const struct trace_reader *r, enum lt_block_type type)
{
    if (type == LT_BLOCK_SOURCES)
        return r->handler->source != NULL;
    return type != LT_BLOCK_TOTALS || r->options->totals;
}

static int read_block(struct trace_reader *r, const struct lt_block *block)
{
    const struct lt_str stored = {(const char *)block->stored, block->stored_len};
    struct lt_str payload;
    int err;
    if (!wanted(r, block->type))
        return 0;
    bool summed = block->type == LT_BLOCK_TICKS && r->options->totals;
    err = summed && r->in_segment ? lt_summing_ticks(&r->summing, block) : 0;
    if (err || (summed && !r->handler->tick))
        return err;
    err = lt_inflater_payload(r->inflater, block->deflated, stored, &payload);
    if (!err) {
        const uint8_t *at = (const uint8_t *)payload.data;
        err = read_payload(r, block->type, (struct lt_cursor){at, at + payload.len, false});
    }
    if (err != LT_BAD_PAYLOAD)
        return err;
    r->bad += !summed; /* the summing counts its own, if it needs them */
    return 0;
}

static void report_progress(struct trace_reader *r, bool at_end)
{
    const struct lt_read_options *options = r->options;
    struct lt_input *in = r->blocks.in;
    if (!options->progress || (!at_end && r->blocks.bytes - r->reported < PROGRESS_BYTES))
        return;
    r->reported = r->blocks.bytes;
    options->progress(options->progress_ctx, r->blocks.bytes, in->size ? in->size(in->ctx) : 0);
}

static int read_blocks(struct trace_reader *r)
{
    struct lt_block block;
    int err = 0;
    int more = lt_block_reader_probe(&r->blocks);
    if (more <= 0)
        return more ? more : LT_ERR_NOT_OURS;
    while (!err && (more = lt_block_reader_next(&r->blocks, &block)) > 0) {
        err = block.is_header ? read_header(r, &block) : read_block(r, &block);
        report_progress(r, false);
    }
    if (!err)
        err = more;
    if (!err)
        err = end_segment(r);
    if (!err && !r->has_meta)
        err = deliver_meta(r, &(struct segment_head){0});
    if (!err)
        report_progress(r, true);
    return err;
}

static int read_trace(struct lt_input *in, const struct lt_profile_handler *handler,
                      const struct lt_read_options *options, struct lt_read_stats *stats)
{
    static const struct lt_read_options no_options;
    struct lt_read_stats unasked;
    struct trace_reader r = {
        .handler = handler,
        .options = options ? options : &no_options,
        .stats = stats ? stats : &unasked,
        .major = LT_TRACE_MAJOR,
        .minor = LT_TRACE_MINOR,
        .definitions = {.handler = handler},
    };
    memset(r.stats, 0, sizeof(*r.stats));
    lt_block_reader_init(&r.blocks, in);
    int err = lt_inflater_new(&r.inflater);
    r.summing = (struct lt_summing){.sink = {&r, on_total}};
    if (!err)
        err = lt_summing_init(&r.summing, r.options->threads);
    if (!err)
        err = read_blocks(&r);
    r.stats->bytes = r.blocks.bytes;
    r.stats->outside = r.summing.outside;
    r.stats->blocks = r.blocks.blocks;
    r.stats->damaged_blocks = r.blocks.damaged + r.bad + r.summing.bad;
    lt_summing_release(&r.summing);
    lt_tick_reader_release(&r.ticks);
    lt_definitions_release(&r.definitions);
    lt_buf_release(&r.opening);
    lt_inflater_free(r.inflater);
    lt_block_reader_release(&r.blocks);
    return err;
}

const struct lt_input_format lt_trace_input_format = {
    .name = "live-trace",
    .extension = "ltrace",
    .description = "trace of live-trace",
    .probe = lt_blocks_probe,
    .read = read_trace,
};
