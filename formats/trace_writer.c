/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder as its callers see it: checks what they ask for, keeps the state of the threads
 * and the totals, and decides when blocks and segments end. What the bytes of a block are is the
 * business of trace_dictionary.c, trace_ticks.c and trace_totals.c. */
#include "config.h"

#include "formats/trace_writer.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/trace_dictionary.h"
#include "formats/trace_format.h"
#include "formats/trace_roster.h"
#include "formats/trace_ticks.h"
#include "formats/trace_totals.h"

#define SECOND INT64_C(1000000000)

static const int64_t SEGMENT_NS = 3600 * SECOND;
static const int64_t HEALTH_LATEST_NS = 60 * SECOND;
/* So much is lost when a block is damaged. */
static const int64_t GROWN_NS = 10 * SECOND;

enum {
    SEGMENT_BYTES = 4 << 20,
    DEFS_BYTES = 1 << 17, /* a DEFS block ends at the first definition beyond that */
    MAX_TOTALS = 1 << 16,
    FEW_TOTALS = 64, /* that are written in any case */
    TOTALS_TICKS =
        32, /* bytes of ticks that a row of totals has to stand for, eight times its own */
    MAX_STATE = 0xff, /* room for flags of later versions */
    MAX_ENDED = 2048, /* threads and processes; then a new segment makes their ids free */
    META_PAIRS = 4,
    /* What a tick and a change in it add to a block: more than nearly all do. */
    TICK_BYTES = 64,
    CHANGE_BYTES = 16
};

struct lt_trace_writer {
    struct lt_trace_config config;
    char *meta_text; /* the bytes of config.meta's strings */
    struct lt_dictionary *dictionary;
    struct lt_trace_totals *totals;
    struct lt_roster roster;
    struct lt_tick_encoder ticks;
    struct lt_buf block;
    int error; /* the first failure; what is in memory may be half of something after it */
    bool closed;

    uint64_t segment;         /* number of the current one */
    int64_t segment_start_ns; /* its first tick, or where it will be */
    bool segment_has_ticks;
    uint64_t segment_bytes, segment_tick_bytes;
    uint64_t segment_ticks;
    uint64_t segment_covers;
    bool totals_full;
    size_t n_ended;

    /* The open block of ticks: since when, and what the sink has of it. */
    int64_t open_ns;
    uint32_t told_ticks;
    size_t told_bytes;

    uint64_t n_calls; /* of lt_trace_writer_tick: marks the threads that a call changes */
    int64_t last_ns;  /* of the last tick */
    int64_t end_ns;   /* and its weight */
    int64_t health_due_ns;
};

static int hand_over(struct lt_trace_writer *w, enum lt_block_type type)
{
    w->segment_bytes += w->block.len;
    if (type == LT_BLOCK_TICKS)
        w->segment_tick_bytes += w->block.len;
    return w->config.sink.block(w->config.sink.ctx, type, w->block.data, w->block.len);
}

/* Failures that leave the tables half-changed end the recording; a caller's mistake and a full
 * table do not. */
static int checked(struct lt_trace_writer *w, int err)
{
    if (err && err != LT_ERR_USAGE && err != LT_ERR_LIMIT)
        w->error = err;
    return err;
}

static int ready(const struct lt_trace_writer *w)
{
    return w->closed ? LT_ERR_USAGE : w->error;
}

static int put_pair(struct lt_buf *b, const char *key, struct lt_str value)
{
    size_t len = value.len < LT_TRACE_STRING_MAX ? value.len : LT_TRACE_STRING_MAX;
    int err = lt_buf_put_varint(b, strlen(key));
    if (!err)
        err = lt_buf_put_text(b, key);
    if (!err)
        err = lt_buf_put_varint(b, len);
    return err ? err : lt_buf_put(b, value.data, len);
}

static int write_segment(struct lt_trace_writer *w)
{
    const struct lt_meta *meta = &w->config.meta;
    struct lt_buf *b = &w->block;
    lt_buf_clear(b);
    int err = lt_buf_put_varint(b, w->segment);
    if (!err)
        err = lt_buf_put_varint(b, (uint64_t)w->last_ns);
    if (!err)
        err = lt_buf_put_svarint(b, meta->start_realtime_ns);
    if (!err)
        err = lt_buf_put_varint(b, (uint64_t)meta->interval_ns);
    if (!err)
        err = lt_buf_put_varint(b, (uint64_t)w->ticks.quantum_ns);
    if (!err)
        err = lt_buf_put_varint(b, meta->jitter);
    if (!err)
        err = lt_buf_put_varint(b, meta->has_time ? LT_SEGMENT_HAS_TIME : 0);
    if (!err)
        err = lt_buf_put_varint(b, META_PAIRS);
    if (!err)
        err = put_pair(b, "host", meta->host);
    if (!err)
        err = put_pair(b, "command", meta->command);
    if (!err)
        err = put_pair(b, "cwd", meta->cwd);
    if (!err)
        err = put_pair(b, "recorder", meta->recorder);
    if (!err)
        err = hand_over(w, LT_BLOCK_SEGMENT);
    /* Once more: without it the whole segment would be lost. */
    return err ? err : hand_over(w, LT_BLOCK_SEGMENT);
}

static int begin_block(struct lt_trace_writer *w)
{
    lt_buf_clear(&w->block);
    return lt_buf_put_u8(&w->block, (uint8_t)w->segment);
}

static int replace_ticks(struct lt_trace_writer *w)
{
    w->segment_bytes += w->block.len - w->told_bytes;
    w->segment_tick_bytes += w->block.len - w->told_bytes;
    return w->config.sink.replace(w->config.sink.ctx, w->block.data, w->block.len);
}

/* The open block, which stays open. */
static int tell_ticks(struct lt_trace_writer *w)
{
    if (w->ticks.n_ticks == w->told_ticks)
        return 0;
    int err = begin_block(w);
    if (!err)
        err = lt_tick_encoder_put(&w->ticks, &w->block);
    if (!err)
        err = w->told_ticks ? replace_ticks(w) : hand_over(w, LT_BLOCK_TICKS);
    w->told_ticks = w->ticks.n_ticks;
    w->told_bytes = w->block.len;
    return err;
}

static int close_ticks(struct lt_trace_writer *w)
{
    int err = tell_ticks(w);
    lt_tick_encoder_close(&w->ticks, &w->roster);
    w->told_ticks = 0;
    return err;
}

/* A block that the sink has ends before another one comes. */
static int settle_ticks(struct lt_trace_writer *w)
{
    return w->told_ticks ? close_ticks(w) : 0;
}

static int seal_defs(struct lt_trace_writer *w)
{
    if (lt_dictionary_pending(w->dictionary) == 0)
        return 0;
    int err = settle_ticks(w);
    if (!err)
        err = begin_block(w);
    if (!err)
        err = lt_dictionary_take(w->dictionary, &w->block);
    return err ? err : hand_over(w, LT_BLOCK_DEFS);
}

/* Processes of other hosts come last in a block, and must come before their threads. */
static int seal_hosted(struct lt_trace_writer *w)
{
    return lt_dictionary_has_hosted(w->dictionary) ? seal_defs(w) : 0;
}

/* Definitions first: a block needs those before it only. */
static int seal_ticks(struct lt_trace_writer *w)
{
    int err = seal_defs(w);
    return err ? err : close_ticks(w);
}

/* Does the next tick fit into the block that the sink has? */
static bool can_grow(const struct lt_trace_writer *w, int64_t time_ns, size_t n_changes)
{
    const struct lt_block_sink *sink = &w->config.sink;
    size_t more = TICK_BYTES + CHANGE_BYTES * n_changes;
    return lt_dictionary_pending(w->dictionary) == 0 && time_ns - w->open_ns < GROWN_NS &&
           lt_tick_encoder_bytes(&w->ticks) + more <= sink->room(sink->ctx);
}

static int write_health(struct lt_trace_writer *w, const struct lt_health *health)
{
    const uint64_t values[] = {
        health->asked,          health->taken,           health->late,   health->retried,
        health->sampler_cpu_ns, health->max_lateness_ns, LT_FAIL_CAUSES,
    };
    int err = settle_ticks(w);
    lt_buf_clear(&w->block);
    for (size_t i = 0; !err && i < sizeof(values) / sizeof(values[0]); i++)
        err = lt_buf_put_varint(&w->block, values[i]);
    for (size_t i = 0; !err && i < LT_FAIL_CAUSES; i++)
        err = lt_buf_put_varint(&w->block, health->failed[i]);
    return err ? err : hand_over(w, LT_BLOCK_HEALTH);
}

/* Ends what a thread was at: adds the ticks since then to the totals. */
static int total_up(struct lt_trace_writer *w, uint32_t id, struct lt_roster_thread *t)
{
    const struct lt_trace_total total = {
        .place = {id, t->stack, t->state, t->tags},
        .count = w->segment_ticks - t->since_tick,
        .covers = w->segment_covers - t->since_covers,
    };
    if (!t->live || total.count == 0 || w->totals_full)
        return 0;
    int err = lt_trace_totals_add(w->totals, &total);
    if (err == LT_ERR_LIMIT) {
        /* The segment goes without totals; whoever wants them sums up its ticks. */
        w->totals_full = true;
        return 0;
    }
    return err;
}

/* Are there totals, and do they save their reader much? In a short recording, in which most places
 * are seen a few times, they would be as long as the ticks. */
static bool totals_pay(const struct lt_trace_writer *w)
{
    uint64_t rows = lt_trace_totals_count(w->totals);
    return w->segment_has_ticks && !w->totals_full &&
           (rows <= FEW_TOTALS || rows * TOTALS_TICKS <= w->segment_tick_bytes);
}

static int end_segment(struct lt_trace_writer *w)
{
    int err = seal_ticks(w);
    for (uint32_t i = 0; !err && i < w->roster.n_threads; i++)
        err = total_up(w, i, &w->roster.threads[i]);
    if (!err && totals_pay(w))
        err = lt_trace_totals_write(w->totals, (uint8_t)w->segment, w->end_ns, &w->config.sink);
    return err;
}

static int copy_meta(struct lt_trace_writer *w)
{
    struct lt_str *strings[] = {&w->config.meta.host, &w->config.meta.command, &w->config.meta.cwd,
                                &w->config.meta.recorder};
    size_t n = sizeof(strings) / sizeof(strings[0]);
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += strings[i]->len;
    char *at = w->meta_text = malloc(len + 1);
    if (!at)
        return LT_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (strings[i]->len)
            memcpy(at, strings[i]->data, strings[i]->len);
        strings[i]->data = at;
        at += strings[i]->len;
    }
    return 0;
}

int lt_trace_writer_new(struct lt_trace_writer **out, const struct lt_trace_config *config)
{
    if (!config->sink.block || config->meta.interval_ns < 0 || config->max_segment_ns < 0)
        return LT_ERR_USAGE;
    struct lt_trace_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return LT_ERR_NOMEM;
    w->config = *config;
    if (!w->config.max_segment_bytes)
        w->config.max_segment_bytes = SEGMENT_BYTES;
    if (!w->config.max_segment_ns)
        w->config.max_segment_ns = SEGMENT_NS;
    int64_t interval_ns = config->meta.interval_ns;
    w->ticks.step_ns = interval_ns ? interval_ns : LT_TICK_STEP_UNKNOWN;
    w->ticks.jitter = config->meta.jitter;
    w->ticks.quantum_ns = w->ticks.step_ns / LT_TICK_PLACES;
    if (w->ticks.quantum_ns == 0)
        w->ticks.quantum_ns = 1;
    int err = copy_meta(w);
    if (!err)
        err = lt_dictionary_new(&w->dictionary);
    if (!err)
        err = lt_trace_totals_new(&w->totals, MAX_TOTALS);
    if (!err)
        err = write_segment(w);
    if (err) {
        lt_trace_writer_free(w);
        return err;
    }
    *out = w;
    return 0;
}

void lt_trace_writer_free(struct lt_trace_writer *w)
{
    if (!w)
        return;
    free(w->meta_text);
    lt_dictionary_free(w->dictionary);
    lt_trace_totals_free(w->totals);
    lt_roster_release(&w->roster);
    lt_tick_encoder_release(&w->ticks);
    lt_buf_release(&w->block);
    free(w);
}

static int end_recording(struct lt_trace_writer *w, const struct lt_health *health)
{
    int err = end_segment(w);
    if (!err && health)
        err = write_health(w, health);
    lt_buf_clear(&w->block);
    return err ? err : hand_over(w, LT_BLOCK_END);
}

int lt_trace_writer_close(struct lt_trace_writer *w, const struct lt_health *health)
{
    int err = ready(w);
    if (!err)
        err = end_recording(w, health);
    w->closed = true;
    return err;
}

int lt_trace_writer_process(struct lt_trace_writer *w, const struct lt_process_info *info,
                            uint32_t *id)
{
    int err = ready(w);
    if (!err)
        err = lt_roster_add_process(&w->roster, info, id);
    if (!err)
        err = lt_dictionary_process(w->dictionary, *id, info);
    if (!err)
        err = seal_hosted(w);
    return checked(w, err);
}

int lt_trace_writer_thread(struct lt_trace_writer *w, const struct lt_thread_info *info,
                           uint32_t *id)
{
    int err = ready(w);
    if (!err)
        err = lt_roster_add_thread(&w->roster, info, id);
    if (!err)
        err = lt_dictionary_thread(w->dictionary, *id, info);
    return checked(w, err);
}

int lt_trace_writer_thread_name(struct lt_trace_writer *w, uint32_t id, struct lt_str name)
{
    int err = ready(w);
    if (!err)
        err = lt_roster_name_thread(&w->roster, id, name);
    if (!err) {
        const struct lt_thread_info info = lt_roster_thread_info(&w->roster.threads[id]);
        err = lt_dictionary_thread(w->dictionary, id, &info);
    }
    return checked(w, err);
}

int lt_trace_writer_thread_pause(struct lt_trace_writer *w, uint32_t id)
{
    int err = ready(w);
    if (err)
        return err;
    struct lt_roster_thread *t = lt_roster_thread(&w->roster, id);
    if (!t)
        return LT_ERR_USAGE;
    err = total_up(w, id, t);
    lt_tick_encoder_thread_end(&w->ticks, t);
    t->live = false;
    return checked(w, err);
}

int lt_trace_writer_thread_end(struct lt_trace_writer *w, uint32_t id)
{
    int err = lt_trace_writer_thread_pause(w, id);
    if (err)
        return err;
    lt_roster_end_thread(&w->roster, id);
    w->n_ended++;
    return 0;
}

int lt_trace_writer_process_end(struct lt_trace_writer *w, uint32_t id)
{
    int err = ready(w);
    if (err)
        return err;
    if (!lt_roster_process(&w->roster, id))
        return LT_ERR_USAGE;
    for (size_t i = 0; i < w->roster.n_threads; i++) {
        const struct lt_roster_thread *t = &w->roster.threads[i];
        if (t->use == LT_ROSTER_IN_USE && t->process == id)
            return LT_ERR_USAGE;
    }
    lt_roster_end_process(&w->roster, id);
    w->n_ended++;
    return 0;
}

/* A burst of definitions within one second must not outgrow a block. */
static int bound_defs(struct lt_trace_writer *w)
{
    return lt_dictionary_pending(w->dictionary) >= DEFS_BYTES ? seal_defs(w) : 0;
}

int lt_trace_writer_frame(struct lt_trace_writer *w, const struct lt_frame_info *info, uint32_t *id)
{
    int err = ready(w);
    if (!err)
        err = bound_defs(w);
    if (!err)
        err = lt_dictionary_frame(w->dictionary, info, id);
    return checked(w, err);
}

int lt_trace_writer_stack(struct lt_trace_writer *w, uint32_t parent, uint32_t frame, uint32_t *id)
{
    int err = ready(w);
    if (!err)
        err = bound_defs(w);
    if (!err)
        err = lt_dictionary_stack(w->dictionary, parent, frame, id);
    return checked(w, err);
}

int lt_trace_writer_tags(struct lt_trace_writer *w, const struct lt_tag *tags, size_t n,
                         uint32_t *id)
{
    int err = ready(w);
    if (!err)
        err = bound_defs(w);
    if (!err)
        err = lt_dictionary_tags(w->dictionary, tags, n, id);
    return checked(w, err);
}

/* All of a call is checked before any of it is done. */
static int check_changes(struct lt_trace_writer *w, const struct lt_change *changes, size_t n)
{
    w->n_calls++;
    for (size_t i = 0; i < n; i++) {
        struct lt_roster_thread *t = lt_roster_thread(&w->roster, changes[i].thread);
        if (!t || t->changed_at == w->n_calls || changes[i].state > MAX_STATE ||
            !lt_dictionary_has_stack(w->dictionary, changes[i].stack) ||
            !lt_dictionary_has_tags(w->dictionary, changes[i].tags))
            return LT_ERR_USAGE;
        t->changed_at = w->n_calls;
    }
    return 0;
}

static int apply_change(struct lt_trace_writer *w, const struct lt_change *change)
{
    struct lt_roster_thread *t = &w->roster.threads[change->thread];
    if (t->live && t->stack == change->stack && t->state == change->state &&
        t->tags == change->tags)
        return 0;
    int err = total_up(w, change->thread, t);
    t->live = true;
    t->stack = change->stack;
    t->state = change->state;
    t->tags = change->tags;
    t->since_tick = w->segment_ticks;
    t->since_covers = w->segment_covers;
    return err ? err : lt_tick_encoder_change(&w->ticks, change->thread, t);
}

static int64_t weight_of(const struct lt_trace_writer *w, uint32_t covers)
{
    int64_t weight_ns;
    bool over = __builtin_mul_overflow((int64_t)covers, w->config.meta.interval_ns, &weight_ns);
    return over ? INT64_MAX : weight_ns;
}

int lt_trace_writer_tick(struct lt_trace_writer *w, int64_t time_ns, uint32_t covers,
                         const struct lt_change *changes, size_t n)
{
    int err = ready(w);
    if (err)
        return err;
    if (time_ns < w->last_ns || covers == 0 || check_changes(w, changes, n))
        return LT_ERR_USAGE;
    w->last_ns = time_ns;
    if (__builtin_add_overflow(time_ns, weight_of(w, covers), &w->end_ns))
        w->end_ns = INT64_MAX;
    if (!w->segment_has_ticks) {
        w->segment_has_ticks = true;
        w->segment_start_ns = time_ns;
    }
    if (w->told_ticks && !can_grow(w, time_ns, n))
        err = close_ticks(w);
    if (w->ticks.n_ticks == 0)
        w->open_ns = time_ns;
    if (!err)
        err = lt_tick_encoder_begin(&w->ticks, time_ns, covers);
    for (size_t i = 0; !err && i < n; i++)
        err = apply_change(w, &changes[i]);
    if (!err)
        err = lt_tick_encoder_end(&w->ticks, &w->roster);
    w->segment_ticks++;
    w->segment_covers += covers;
    if (!err && lt_tick_encoder_full(&w->ticks))
        err = seal_ticks(w);
    return checked(w, err);
}

bool lt_trace_writer_segment_due(const struct lt_trace_writer *w)
{
    uint64_t bytes = w->segment_bytes + lt_tick_encoder_bytes(&w->ticks);
    return lt_dictionary_full(w->dictionary) || w->totals_full ||
           bytes >= w->config.max_segment_bytes || w->n_ended >= MAX_ENDED ||
           (w->segment_has_ticks && w->last_ns - w->segment_start_ns >= w->config.max_segment_ns);
}

void lt_trace_writer_clock(struct lt_trace_writer *w, int64_t start_realtime_ns)
{
    w->config.meta.start_realtime_ns = start_realtime_ns;
}

static int begin_segment(struct lt_trace_writer *w)
{
    w->segment_has_ticks = false;
    w->segment_bytes = w->segment_tick_bytes = w->segment_ticks = w->segment_covers = 0;
    w->totals_full = false;
    w->n_ended = 0;
    lt_trace_totals_clear(w->totals);
    lt_dictionary_clear(w->dictionary);
    int err = write_segment(w);
    if (!err)
        err = lt_roster_renew_processes(&w->roster, w->dictionary);
    if (!err)
        err = seal_hosted(w);
    return err ? err : lt_roster_renew_threads(&w->roster, w->dictionary);
}

int lt_trace_writer_new_segment(struct lt_trace_writer *w)
{
    int err = ready(w);
    if (!err)
        err = end_segment(w);
    w->segment++;
    if (!err)
        err = begin_segment(w);
    return checked(w, err);
}

int lt_trace_writer_new_recording(struct lt_trace_writer *w, const struct lt_health *health,
                                  int64_t start_realtime_ns, uint64_t jitter)
{
    int err = ready(w);
    if (!err)
        err = end_recording(w, health);
    w->config.meta.start_realtime_ns = start_realtime_ns;
    w->config.meta.jitter = w->ticks.jitter = jitter;
    w->segment = 0;
    w->last_ns = w->end_ns = w->health_due_ns = 0;
    lt_tick_encoder_restart(&w->ticks);
    if (!err)
        err = begin_segment(w);
    return checked(w, err);
}

/* Early in a recording often, later once a minute: a recorder that is killed leaves
 * figures that are at most an eighth too small, or a minute old. */
static bool health_due(struct lt_trace_writer *w)
{
    if (w->last_ns < w->health_due_ns)
        return false;
    int64_t wait = w->last_ns / 8;
    w->health_due_ns = w->last_ns + (wait < HEALTH_LATEST_NS ? wait : HEALTH_LATEST_NS);
    return true;
}

int lt_trace_writer_flush(struct lt_trace_writer *w, const struct lt_health *health)
{
    int err = ready(w);
    if (!err)
        err = seal_defs(w);
    if (!err)
        err = w->config.sink.replace ? tell_ticks(w) : close_ticks(w);
    if (!err && health && health_due(w))
        err = write_health(w, health);
    return checked(w, err);
}
