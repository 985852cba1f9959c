/* SPDX-License-Identifier: Apache-2.0
 *
 * A SQLite database: samples, stacks and frames as tables, top and callers as views. The schema is
 * exporters/assets/sqlite_tables.sql and sqlite_views.sql; the database keeps its comments. The
 * library writes the output's file itself, without a journal: until it is complete it has no name. */
#include "config.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/frame_labels.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define SCHEMA_VERSION "1" /* PRAGMA user_version */

static const char tables[] = {
#include "exporters/assets/sqlite_tables.sql.inc"
    0};

static const char views[] = {
#include "exporters/assets/sqlite_views.sql.inc"
    0};

enum statement {
    ADD_META,
    ADD_PROCESS,
    ADD_THREAD,
    ADD_FRAME,
    ADD_STACK,
    ADD_STACK_FRAME,
    ADD_TAG,
    ADD_SAMPLE,
    N_STATEMENTS
};

/* A process comes with each of its threads, a new frame as often as it is in its first stack. */
static const char *const statement_texts[] = {
    [ADD_META] = "INSERT INTO meta VALUES (?, ?)",
    [ADD_PROCESS] = "INSERT OR REPLACE INTO processes VALUES (?, ?, ?)",
    [ADD_THREAD] = "INSERT INTO threads VALUES (?, ?, ?, ?)",
    [ADD_FRAME] = "INSERT OR IGNORE INTO frames VALUES (?, ?, ?, ?, ?, ?)",
    [ADD_STACK] = "INSERT INTO stacks VALUES (?, ?, ?, ?, ?)",
    [ADD_STACK_FRAME] = "INSERT INTO stack_frames VALUES (?, ?, ?)",
    [ADD_TAG] = "INSERT OR IGNORE INTO tags VALUES (?, ?, ?)",
    [ADD_SAMPLE] = "INSERT INTO samples VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

struct stack {
    uint32_t depth, leaf;
    uint64_t count;
    int64_t weight_ns;
};

struct sqlite_state {
    const struct live_trace_host *host;
    sqlite3 *db;
    sqlite3_stmt *statements[N_STATEMENTS];
    uint32_t n_frames;    /* so many are written: ids are dense */
    struct stack *stacks; /* by id */
    size_t n_stacks, stacks_alloc;
    struct lt_intern *tag_sets; /* KEY NUL VALUE NUL ... -> id */
    const struct live_trace_thread **threads;
    size_t n_threads, threads_alloc;
    struct lt_buf text; /* scratch */
};

static void release(struct sqlite_state *s)
{
    for (int i = 0; i < N_STATEMENTS; i++) {
        sqlite3_finalize(s->statements[i]);
    }
    sqlite3_close(s->db);
    lt_intern_free(s->tag_sets);
    lt_buf_release(&s->text);
    free(s->stacks);
    free(s->threads);
    free(s);
}

/* What the library returned, as an error of ours that the user was told of. */
static int answer(struct sqlite_state *s, int code)
{
    char message[256];

    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) {
        return 0;
    }
    snprintf(message, sizeof message,
             "the database cannot be written (%s): make room or choose another place",
             sqlite3_errmsg(s->db));
    s->host->fail(s->host->ctx, message);
    return code == SQLITE_NOMEM ? LT_ERR_NOMEM : LT_ERR_IO;
}

static int run_sql(struct sqlite_state *s, const char *sql)
{
    return answer(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* Binding. What goes wrong shows when the statement is run: a value that is missing is NULL, where
 * the schema does not allow that. */

static void bind_int(sqlite3_stmt *statement, int place, int64_t value)
{
    sqlite3_bind_int64(statement, place, value);
}

static void bind_known(sqlite3_stmt *statement, int place, bool known, int64_t value)
{
    if (known) {
        sqlite3_bind_int64(statement, place, value);
    } else {
        sqlite3_bind_null(statement, place);
    }
}

/* Valid UTF-8, without what could play with a terminal; "" is NULL. */
static int bind_text(struct sqlite_state *s, enum statement statement, int place, const char *text)
{
    int error;

    lt_buf_clear(&s->text);
    error = lt_clean_text(&s->text, text, "", "");
    if (error < 0) {
        return error;
    }
    if (s->text.len == 0) {
        return answer(s, sqlite3_bind_null(s->statements[statement], place));
    }
    return answer(s, sqlite3_bind_text(s->statements[statement], place, (const char *)s->text.data,
                                       (int)s->text.len, SQLITE_TRANSIENT));
}

static int run_statement(struct sqlite_state *s, enum statement statement)
{
    int code = sqlite3_step(s->statements[statement]);

    sqlite3_reset(s->statements[statement]);
    return answer(s, code);
}

/* Opening. */

static int prepare(struct sqlite_state *s)
{
    int error = run_sql(s, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                           "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -8192;"
                           "PRAGMA user_version = " SCHEMA_VERSION "; BEGIN");

    if (error == 0) {
        error = run_sql(s, tables);
    }
    for (int i = 0; i < N_STATEMENTS && error == 0; i++) {
        error =
            answer(s, sqlite3_prepare_v2(s->db, statement_texts[i], -1, &s->statements[i], NULL));
    }
    return error;
}

static int sqlite_open(const struct live_trace_host *host, void **state)
{
    struct sqlite_state *s;
    int error;

    if (host->file == NULL) {
        host->fail(host->ctx, "a database cannot be written to a stream: give -o FILE");
        return LT_ERR_USAGE;
    }
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = lt_intern_new(&s->tag_sets, 0, 0);
    if (error == 0) {
        error = answer(s, sqlite3_open_v2(host->file, &s->db, SQLITE_OPEN_READWRITE, NULL));
    }
    if (error == 0) {
        error = prepare(s);
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

/* Meta and health, a row a figure. */

static int add_text(struct sqlite_state *s, const char *key, const char *value)
{
    int error = bind_text(s, ADD_META, 1, key);

    if (error == 0) {
        error = bind_text(s, ADD_META, 2, value);
    }
    return error < 0 ? error : run_statement(s, ADD_META);
}

static int add_number(struct sqlite_state *s, const char *key, int64_t value)
{
    int error = bind_text(s, ADD_META, 1, key);

    bind_int(s->statements[ADD_META], 2, value);
    return error < 0 ? error : run_statement(s, ADD_META);
}

static int sqlite_meta(void *state, const struct live_trace_meta *meta)
{
    struct sqlite_state *s = state;
    const char *const texts[][2] = {
        {"title", meta->title}, {"command", meta->command},     {"host", meta->host},
        {"cwd", meta->cwd},     {"recorder", meta->recorder},   {"exporter", "live-trace"},
        {"by", meta->by},       {"selection", meta->selection}, {"version", s->host->version},
    };
    int error = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts && error == 0; i++) {
        error = add_text(s, texts[i][0], texts[i][1]);
    }
    if (error == 0) {
        error = add_number(s, "start_realtime_ns", meta->start_realtime_ns);
    }
    return error < 0 ? error : add_number(s, "interval_ns", meta->interval_ns);
}

static int add_health(struct sqlite_state *s, const struct live_trace_health *health)
{
    const struct {
        const char *key;
        int64_t value;
    } figures[] = {
        {"asked", (int64_t)health->asked},
        {"taken", (int64_t)health->taken},
        {"late", (int64_t)health->late},
        {"retried", (int64_t)health->retried},
        {"sampler_cpu_ns", health->sampler_cpu_ns},
        {"max_lateness_ns", health->max_lateness_ns},
        {"duration_ns", health->duration_ns},
        {"damaged_blocks", (int64_t)health->damaged_blocks},
        {"complete", health->complete != 0},
    };
    int error = 0;

    for (size_t i = 0; i < sizeof figures / sizeof *figures && error == 0; i++) {
        error = add_number(s, figures[i].key, figures[i].value);
    }
    for (uint32_t i = 0; i < health->n_failed && error == 0; i++) {
        char key[64];
        snprintf(key, sizeof key, "failed_%s", health->failed[i].cause);
        error = add_number(s, key, (int64_t)health->failed[i].count);
    }
    return error;
}

/* Frames, stacks, tags: what was not there before is new, as ids are dense. */

static int add_frame(struct sqlite_state *s, const struct live_trace_frame *frame)
{
    int error = bind_text(s, ADD_FRAME, 2, frame->name[0] != '\0' ? frame->name : "?");

    bind_int(s->statements[ADD_FRAME], 1, frame->id);
    bind_known(s->statements[ADD_FRAME], 4, frame->line > 0, frame->line);
    if (error == 0) {
        error = bind_text(s, ADD_FRAME, 3, frame->file);
    }
    if (error == 0) {
        error = bind_text(s, ADD_FRAME, 5, lt_frame_owner(frame));
    }
    if (error == 0) {
        error = bind_text(s, ADD_FRAME, 6, frame->source);
    }
    return error < 0 ? error : run_statement(s, ADD_FRAME);
}

static int add_stack_frames(struct sqlite_state *s, const struct live_trace_stack *stack)
{
    const uint32_t known = s->n_frames;
    int error = 0;

    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        const struct live_trace_frame *frame = stack->frames[i];
        if (frame->id >= known) {
            error = add_frame(s, frame);
            s->n_frames = frame->id >= s->n_frames ? frame->id + 1 : s->n_frames;
        }
        if (error == 0) {
            bind_int(s->statements[ADD_STACK_FRAME], 1, stack->id);
            bind_int(s->statements[ADD_STACK_FRAME], 2, i);
            bind_int(s->statements[ADD_STACK_FRAME], 3, frame->id);
            error = run_statement(s, ADD_STACK_FRAME);
        }
    }
    return error;
}

/* Adds a sample to its stack's sums. */
static int count_stack(struct sqlite_state *s, const struct live_trace_stack *sample)
{
    struct stack *stack;
    int error = lt_array_grow(&s->stacks, &s->stacks_alloc, (size_t)sample->id + 1,
                              sizeof *s->stacks, MAX_ITEMS);

    if (error == 0 && sample->id == s->n_stacks) {
        s->stacks[s->n_stacks++] =
            (struct stack){.depth = sample->depth, .leaf = sample->frames[sample->depth - 1]->id};
        error = add_stack_frames(s, sample);
    }
    if (error < 0) {
        return error;
    }
    stack = &s->stacks[sample->id];
    stack->count += sample->count;
    stack->weight_ns += sample->weight_ns;
    return 0;
}

static int add_stacks(struct sqlite_state *s)
{
    sqlite3_stmt *row = s->statements[ADD_STACK];
    int error = 0;

    for (size_t i = 0; i < s->n_stacks && error == 0; i++) {
        bind_int(row, 1, (int64_t)i);
        bind_int(row, 2, s->stacks[i].depth);
        bind_int(row, 3, s->stacks[i].leaf);
        bind_int(row, 4, (int64_t)s->stacks[i].count);
        bind_int(row, 5, s->stacks[i].weight_ns);
        error = run_statement(s, ADD_STACK);
    }
    return error;
}

static int add_tags(struct sqlite_state *s, uint32_t set, const struct live_trace_stack *sample)
{
    int error = 0;

    for (uint32_t i = 0; i < sample->n_tags && error == 0; i++) {
        error = bind_text(s, ADD_TAG, 2, sample->tags[i].key);
        if (error == 0) {
            error = bind_text(s, ADD_TAG, 3, sample->tags[i].value);
        }
        if (error == 0) {
            bind_int(s->statements[ADD_TAG], 1, set);
            error = run_statement(s, ADD_TAG);
        }
    }
    return error;
}

static int tag_set_for(struct sqlite_state *s, const struct live_trace_stack *sample, uint32_t *id)
{
    bool is_new;
    int error = 0;

    lt_buf_clear(&s->text);
    for (uint32_t i = 0; i < sample->n_tags && error == 0; i++) {
        error = lt_buf_put(&s->text, sample->tags[i].key, strlen(sample->tags[i].key) + 1);
        if (error == 0) {
            error = lt_buf_put(&s->text, sample->tags[i].value, strlen(sample->tags[i].value) + 1);
        }
    }
    if (error == 0) {
        error = lt_intern_id(s->tag_sets, s->text.data, s->text.len, id, &is_new);
    }
    return error == 0 && is_new ? add_tags(s, *id, sample) : error;
}

static int know_thread(struct sqlite_state *s, const struct live_trace_thread *thread)
{
    int error = lt_array_reach(&s->threads, &s->n_threads, &s->threads_alloc, thread->id,
                               sizeof *s->threads, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    s->threads[thread->id] = thread;
    return 0;
}

static int sqlite_sample(void *state, const struct live_trace_stack *sample)
{
    struct sqlite_state *s = state;
    sqlite3_stmt *row = s->statements[ADD_SAMPLE];
    const uint32_t flags[] = {LIVE_TRACE_STATE_CPU, LIVE_TRACE_STATE_GIL, LIVE_TRACE_STATE_GIL_WAIT,
                              LIVE_TRACE_STATE_GC};
    bool known = (sample->state & LIVE_TRACE_STATE_UNKNOWN) == 0;
    uint32_t tag_set = 0;
    int error = know_thread(s, sample->thread);

    if (error == 0) {
        error = count_stack(s, sample);
    }
    if (error == 0 && sample->n_tags > 0) {
        error = tag_set_for(s, sample, &tag_set);
    }
    if (error < 0) {
        return error;
    }
    bind_known(row, 1, sample->time_ns >= 0, sample->time_ns);
    bind_int(row, 2, sample->thread->id);
    bind_int(row, 3, sample->id);
    bind_int(row, 4, (int64_t)sample->count);
    bind_int(row, 5, sample->weight_ns);
    for (int i = 0; i < 4; i++) {
        bind_known(row, 6 + i, known, (sample->state & flags[i]) != 0);
    }
    bind_known(row, 10, sample->n_tags > 0, tag_set);
    return run_statement(s, ADD_SAMPLE);
}

/* Names are known best at the end. */
static int add_threads(struct sqlite_state *s)
{
    int error = 0;

    for (size_t i = 0; i < s->n_threads && error == 0; i++) {
        const struct live_trace_thread *thread = s->threads[i];
        if (thread == NULL) {
            continue;
        }
        bind_int(s->statements[ADD_PROCESS], 1, thread->process);
        bind_known(s->statements[ADD_PROCESS], 2, thread->pid != 0, thread->pid);
        error = bind_text(s, ADD_PROCESS, 3, thread->process_name);
        if (error == 0) {
            error = run_statement(s, ADD_PROCESS);
        }
        bind_int(s->statements[ADD_THREAD], 1, thread->id);
        bind_int(s->statements[ADD_THREAD], 2, thread->process);
        bind_known(s->statements[ADD_THREAD], 3, thread->tid != 0, (int64_t)thread->tid);
        if (error == 0) {
            error = bind_text(s, ADD_THREAD, 4, thread->name);
        }
        if (error == 0) {
            error = run_statement(s, ADD_THREAD);
        }
    }
    return error;
}

static int sqlite_health(void *state, const struct live_trace_health *health)
{
    struct sqlite_state *s = state;
    int error = add_threads(s);

    if (error == 0) {
        error = add_stacks(s);
    }
    if (error == 0) {
        error = add_health(s, health);
    }
    if (error == 0) {
        error = run_sql(s, views);
    }
    return error < 0 ? error : run_sql(s, "COMMIT");
}

static int sqlite_close(void *state, int failed)
{
    (void)failed;
    release(state);
    return 0;
}

const struct live_trace_exporter lt_exporter_sqlite = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "sqlite",
    .description = "a database of samples, stacks and frames, with views for top and callers",
    .extension = "sqlite",
    .read_by = "sqlite3, Python, DuckDB, DB Browser",
    .flags = LIVE_TRACE_EXPORTER_WANTS_SOURCE,
    .open = sqlite_open,
    .meta = sqlite_meta,
    .sample = sqlite_sample,
    .health = sqlite_health,
    .close = sqlite_close,
    .options = lt_no_options,
};
