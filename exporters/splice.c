/* SPDX-License-Identifier: Apache-2.0
 *
 * The sources in order of time, into the writer. */
#include "config.h"

#include "exporters/splice.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/recordings.h"
#include "analysis/text_pool.h"
#include "exporters/splice_source.h"
#include "exporters/splice_store.h"
#include "exporters/splice_writer.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

/* With intervals that have no common divisor to speak of, weights are rounded to this. */
#define SMALLEST_UNIT_NS 1000
#define MOST_COMMAND 1000 /* bytes */
/* Each has a thread, an open file, and some megabytes. */
#define MOST_RECORDINGS 1000
#define PROGRESS_TICKS 4096

/* A source and its next tick. */
struct lane {
    struct lt_splice_source *source;
    struct lt_splice_tick tick;
    bool open; /* there is a next tick */
};

struct run {
    const struct lt_splice_request *request;
    struct lt_message message;
    struct lt_recordings recordings;
    struct lt_splice_store *store;
    struct lt_splice_writer *writer;
    struct lane *lanes;
    int64_t unit_ns; /* the interval of the trace */
    int64_t base_ns; /* shared time that is its time 0 */
    uint64_t bytes_all;
    uint64_t n_ticks;
};

static int refuse(struct run *r, const char *format, const char *path)
{
    snprintf(r->message.text, sizeof r->message.text, format,
             strcmp(path, "-") == 0 ? "standard input" : path);
    return LT_ERR_USAGE;
}

/* ---- what can be joined ---- */

static int refuse_headless(struct run *r, const struct lt_recording *rec)
{
    if (rec->stats.damaged_blocks > 0) {
        lt_recording_explain(&r->message, rec->path, LT_ERR_CORRUPT);
    } else {
        refuse(r,
               "nothing was recorded in %s, its recorder has just begun or was killed as early: "
               "wait for it, or record again",
               rec->path);
    }
    return LT_ERR_CORRUPT;
}

/* Heads that are known already: of a single input that is a pipe, it is not. */
static int check_head(struct run *r, const struct lt_recording *rec)
{
    bool several = r->recordings.n > 1;

    if (!rec->known && several) {
        return refuse(r, "several recordings are read twice, which %s cannot be: save it first",
                      rec->path);
    }
    if (rec->known && rec->headless) {
        return refuse_headless(r, rec);
    }
    if (rec->known && !rec->has_time) {
        return refuse(
            r, "%s has no times, which a trace needs: use `live-trace export` on it as it is",
            rec->path);
    }
    if (several && rec->start_realtime_ns == 0) {
        return refuse(r,
                      "%s does not say when it began, so it has no clock in common with others: "
                      "leave it out",
                      rec->path);
    }
    if (several && rec->interval_ns == 0) {
        return refuse(r,
                      "%s does not say how far its ticks are apart, so its samples weigh nothing "
                      "beside others: leave it out",
                      rec->path);
    }
    return 0;
}

static int check_heads(struct run *r)
{
    int error = 0;

    if (r->recordings.n > MOST_RECORDINGS) {
        snprintf(r->message.text, sizeof r->message.text,
                 "%zu recordings are too many at once: join at most %d, and then what came out",
                 r->recordings.n, MOST_RECORDINGS);
        return LT_ERR_USAGE;
    }
    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        error = check_head(r, &r->recordings.at[i]);
    }
    return error;
}

static int open_lanes(struct run *r)
{
    int error = 0;

    r->lanes = calloc(r->recordings.n + 1, sizeof *r->lanes);
    if (r->lanes == NULL) {
        return LT_ERR_NOMEM;
    }
    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        const struct lt_splice_source_config config = {
            .recordings = &r->recordings,
            .index = i,
            .selection = r->request->selection,
            .store = r->store,
            .correct_drift = r->recordings.n > 1,
        };
        error = lt_splice_source_new(&r->lanes[i].source, &config, &r->message);
    }
    return error;
}

static void show_progress(const struct run *r)
{
    uint64_t done = 0;

    if (r->request->progress == NULL) {
        return;
    }
    for (size_t i = 0; i < r->recordings.n; i++) {
        done += lt_splice_source_progress(r->lanes[i].source);
    }
    r->request->progress(r->request->ctx, done, r->bytes_all);
}

static int failed(struct run *r, size_t i, int error)
{
    const char *message = lt_splice_source_message(r->lanes[i].source);

    if (error < 0 && message[0] != '\0' && r->message.text[0] == '\0') {
        snprintf(r->message.text, sizeof r->message.text, "%s", message);
    }
    return error;
}

static int survey(struct run *r)
{
    bool any = false;
    int error = 0;

    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        const struct lt_recording *rec = &r->recordings.at[i];
        r->bytes_all += rec->size * 2;
        if (rec->again) {
            any = true;
            error = failed(r, i, lt_splice_source_survey(r->lanes[i].source));
            show_progress(r);
        } else if (lt_selection_counts_from_end(r->request->selection)) {
            return refuse(r,
                          "times from the end need a file, %s cannot be read twice: save it first",
                          rec->path);
        }
    }
    if (any) {
        lt_splice_store_keep_names(r->store);
    }
    return error;
}

/* ---- the new trace ---- */

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What all weights are multiples of. */
static int64_t common_unit(const struct run *r)
{
    int64_t unit = 0, smallest = INT64_MAX;

    for (size_t i = 0; i < r->recordings.n; i++) {
        int64_t interval = r->recordings.at[i].interval_ns;
        unit = greatest_common_divisor(unit, interval);
        smallest = interval < smallest ? interval : smallest;
    }
    if (unit < SMALLEST_UNIT_NS && unit != smallest) {
        unit = SMALLEST_UNIT_NS;
    }
    return unit;
}

/* Commands that differ are named one after the other. */
static int joined_commands(const struct run *r, struct lt_buf *out)
{
    int error = 0;

    for (size_t i = 0; i < r->recordings.n && error == 0 && out->len < MOST_COMMAND; i++) {
        const char *command = r->recordings.at[i].command;
        bool again = command == NULL || command[0] == '\0';
        for (size_t k = 0; k < i && !again; k++) {
            again = r->recordings.at[k].command != NULL &&
                    strcmp(r->recordings.at[k].command, command) == 0;
        }
        if (!again) {
            error = lt_buf_printf(out, "%s%s", out->len > 0 ? "; " : "", command);
        }
    }
    return error;
}

static int64_t window_start(const struct run *r)
{
    struct lt_view_window window;
    struct lt_message ignored;

    if (!lt_selection_has_window(r->request->selection) ||
        lt_recordings_window(&r->recordings, r->request->selection, &window, &ignored) < 0) {
        return 0;
    }
    return window.from_ns > 0 ? window.from_ns : 0;
}

static struct lt_str common(const struct run *r, size_t member)
{
    return lt_str_of(lt_recordings_common(&r->recordings, member));
}

/* Ticks of a single recording are where they were within their intervals. */
static uint64_t kept_jitter(const struct run *r)
{
    uint64_t seed = r->recordings.n == 1 ? r->recordings.at[0].jitter : 0;
    return seed && r->unit_ns > 0 ? seed + (uint64_t)(r->base_ns / r->unit_ns) : 0;
}

/* Time 0 of the trace is the start of what was asked for, by whole intervals, so that ticks stay where
 * they were within theirs. */
static int open_writer(struct run *r)
{
    int64_t start = lt_recordings_start(&r->recordings);
    struct lt_buf commands = {0};
    int error = joined_commands(r, &commands);

    r->unit_ns = common_unit(r);
    r->base_ns = window_start(r);
    if (r->unit_ns > 0) {
        r->base_ns -= r->base_ns % r->unit_ns;
    }
    const struct lt_meta meta = {
        .host = common(r, offsetof(struct lt_recording, host)),
        .command = {(const char *)commands.data, commands.len},
        .cwd = common(r, offsetof(struct lt_recording, cwd)),
        .recorder = common(r, offsetof(struct lt_recording, recorder)),
        .start_realtime_ns = start != 0 ? start + r->base_ns : 0,
        .interval_ns = r->unit_ns,
        .jitter = kept_jitter(r),
        .has_time = true,
    };
    if (error == 0) {
        error = lt_splice_writer_new(&r->writer, &meta, r->store, r->request->output);
    }
    lt_buf_release(&commands);
    return error;
}

/* ---- ticks ---- */

static int look(struct run *r, size_t i)
{
    struct lane *lane = &r->lanes[i];
    int more = lt_splice_source_peek(lane->source, &lane->tick);

    lane->open = more > 0;
    return failed(r, i, more < 0 ? more : 0);
}

static int begin(struct run *r)
{
    int error = 0;

    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        error = failed(r, i, lt_splice_source_start(r->lanes[i].source));
    }
    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        error = look(r, i);
    }
    /* By now the head of a single pipe is known, too. */
    if (error == 0) {
        error = check_heads(r);
    }
    return error;
}

static uint32_t covers_of(const struct run *r, int64_t weight_ns)
{
    if (r->unit_ns == 0) {
        return 1;
    }
    int64_t covers = (weight_ns + r->unit_ns / 2) / r->unit_ns;
    if (covers < 1) {
        return 1;
    }
    return covers < UINT32_MAX ? (uint32_t)covers : UINT32_MAX;
}

static struct lane *earliest(struct run *r)
{
    struct lane *first = NULL;

    for (size_t i = 0; i < r->recordings.n; i++) {
        struct lane *lane = &r->lanes[i];
        if (lane->open && (first == NULL || lane->tick.time_ns < first->tick.time_ns)) {
            first = lane;
        }
    }
    return first;
}

static bool fits(const struct lt_splice_tick *a, const struct lt_splice_tick *b)
{
    return a->slot_ns >= 0 && a->slot_ns == b->slot_ns && a->weight_ns == b->weight_ns;
}

/* The first tick, and those of the others that belong to it. */
static int write_tick(struct run *r, struct lane *first)
{
    const struct lt_splice_tick tick = first->tick;
    bool taken;
    int error = lt_splice_writer_gather(r->writer, &tick, &taken);

    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        struct lane *lane = &r->lanes[i];
        if (!lane->open || (lane != first && !fits(&lane->tick, &tick))) {
            continue;
        }
        taken = lane == first;
        if (!taken) {
            error = lt_splice_writer_gather(r->writer, &lane->tick, &taken);
        }
        if (error == 0 && taken) {
            lt_splice_source_pass(lane->source);
            error = look(r, i);
        }
    }
    if (error == 0) {
        error = lt_splice_writer_put(r->writer, tick.time_ns - r->base_ns,
                                     covers_of(r, tick.weight_ns));
    }
    return error;
}

/* A cut keeps what its recording found out about its clocks. */
static void pass_clock_on(struct run *r, const struct lane *lane)
{
    int64_t wall = lt_splice_source_wall(lane->source, lane->tick.time_ns);

    if (r->recordings.n == 1 && wall != 0) {
        lt_splice_writer_clock(r->writer, wall + r->base_ns);
    }
}

static int write_ticks(struct run *r)
{
    struct lane *lane;
    int error = 0;

    while (error == 0 && (lane = earliest(r)) != NULL) {
        if (r->n_ticks++ % PROGRESS_TICKS == 0) {
            show_progress(r);
            pass_clock_on(r, lane);
        }
        error = write_tick(r, lane);
    }
    return error;
}

/* ---- the end ---- */

static void note(const struct run *r, const char *text)
{
    if (r->request->note != NULL) {
        r->request->note(r->request->ctx, text);
    }
}

static int say_damage(struct run *r)
{
    struct lt_message m;
    int error = 0;

    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        error = lt_recording_damage(&r->recordings.at[i], r->request->selection->strict, &m);
        if (error < 0) {
            r->message = m;
        } else if (m.text[0] != '\0') {
            note(r, m.text);
        }
    }
    return error;
}

/* The figures stay those of the whole recordings: how well they were made does not depend on what is
 * cut out of them. */
static int finish(struct run *r, struct lt_splice_result *result)
{
    struct lt_health health = {0};
    uint64_t stateless = 0;
    int error = say_damage(r);

    for (size_t i = 0; i < r->recordings.n; i++) {
        const struct lt_health own = lt_splice_source_health(r->lanes[i].source);
        struct lt_view_counts counts = lt_splice_source_counts(r->lanes[i].source);
        lt_health_add(&health, &own);
        result->recorded += counts.recorded;
        result->selected += counts.selected;
        stateless += counts.stateless;
    }
    if (stateless > 0) {
        struct lt_message m;
        lt_message_stateless(&m, stateless);
        note(r, m.text);
    }
    if (error == 0 && result->selected == 0) {
        note(r, result->recorded > 0
                    ? "the selection keeps nothing: the new trace is empty, select more"
                    : "nothing was recorded: the new trace is empty");
    }
    lt_recordings_stats(&r->recordings, &result->read);
    if (error == 0) {
        error = lt_splice_writer_close(r->writer, result->selected > 0 ? &health : NULL);
    }
    return error;
}

static int run(struct run *r, struct lt_splice_result *result)
{
    const struct lt_splice_request *q = r->request;
    int error = lt_recordings_init(&r->recordings, q->logs, q->n_logs);

    if (error == 0) {
        error = lt_recordings_peek(&r->recordings, &r->message);
    }
    if (error == 0) {
        error = check_heads(r);
    }
    if (error == 0) {
        error = lt_splice_store_new(&r->store);
    }
    if (error == 0) {
        error = open_lanes(r);
    }
    if (error == 0) {
        error = survey(r);
    }
    if (error == 0) {
        error = begin(r);
    }
    if (error == 0) {
        error = open_writer(r);
    }
    if (error == 0) {
        error = write_ticks(r);
    }
    return error < 0 ? error : finish(r, result);
}

int lt_splice_run(const struct lt_splice_request *request, struct lt_splice_result *result)
{
    struct run r = {.request = request};
    int error, run_errno;

    *result = (struct lt_splice_result){0};
    error = run(&r, result);
    run_errno = errno;
    if (error == LT_ERR_IO && r.message.text[0] == '\0') {
        snprintf(r.message.text, sizeof r.message.text,
                 "the new trace cannot be written (%s): make room or choose another place",
                 strerror(run_errno));
    }
    if (error < 0) {
        snprintf(result->message, sizeof result->message, "%s",
                 r.message.text[0] != '\0' ? r.message.text : lt_error_text(error));
    }
    for (size_t i = 0; r.lanes != NULL && i < r.recordings.n; i++) {
        lt_splice_source_free(r.lanes[i].source);
    }
    free(r.lanes);
    lt_splice_writer_free(r.writer);
    lt_splice_store_free(r.store);
    lt_recordings_release(&r.recordings);
    errno = run_errno;
    return error;
}
