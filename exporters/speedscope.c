/* SPDX-License-Identifier: Apache-2.0
 *
 * speedscope's own JSON: one sampled profile a thread. Samples are kept as runs in a spool while
 * the recording is read; the document is written at the end, frames last, and coarser where it would
 * be more than viewers take. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stack_tree.h"
#include "exporters/coarse_runs.h"
#include "exporters/export_json.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/run_spool.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)

/* speedscope recurses over stacks and fails somewhere between 1000 and 4000 frames. Of deeper
 * ones the outer and the inner end are kept, so that self times stay right. */
#define MAX_DEPTH 2000
#define KEPT_OUTER 1000
#define KEPT_INNER (MAX_DEPTH - KEPT_OUTER - 1)
#define CUT_FRAME UINT32_MAX /* in the tree: what stands for the frames between */

/* speedscope takes some ten times as much memory, and 15 s, for that. */
#define DEFAULT_MAX_SIZE ((uint64_t)100 * 1000 * 1000)
#define PROFILE_BYTES 256 /* of a profile without its runs, about */

struct thread_state {
    const struct live_trace_thread *thread;
    int64_t start_ns;
    uint64_t weight;
};

struct speedscope_state {
    const struct live_trace_host *host;
    char *title;
    bool unit_is_time;
    uint64_t cut_stacks;

    const struct live_trace_frame **frames; /* by id */
    size_t n_frames, frames_alloc;
    struct lt_stack_tree *tree;
    uint32_t *node_of_stack; /* by stack id; 0 not known yet */
    size_t n_stacks, stacks_alloc;
    struct thread_state *threads; /* by id */
    size_t n_threads, threads_alloc;
    struct lt_run_spool *spool; /* a stream a thread */

    uint64_t max_size; /* bytes of the document; 0 for no limit */
    struct lt_coarse_plan plan;
    struct lt_coarse_reader *runs; /* by the plan */
};

static void release(struct speedscope_state *s)
{
    lt_coarse_reader_free(s->runs);
    lt_coarse_plan_release(&s->plan);
    lt_run_spool_free(s->spool);
    lt_stack_tree_free(s->tree);
    free(s->title);
    free(s->frames);
    free(s->node_of_stack);
    free(s->threads);
    free(s);
}

static int speedscope_open(const struct live_trace_host *host, void **state)
{
    struct speedscope_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    s->max_size = DEFAULT_MAX_SIZE;
    error = lt_option_size(host, "max-size", &s->max_size);
    if (error == 0) {
        error = lt_stack_tree_new(&s->tree);
    }
    if (error == 0) {
        error = lt_run_spool_new(&s->spool);
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int speedscope_meta(void *state, const struct live_trace_meta *meta)
{
    struct speedscope_state *s = state;

    s->unit_is_time = meta->unit_is_time;
    s->title = strdup(meta->title);
    return s->title != NULL ? 0 : LT_ERR_NOMEM;
}

static int remember_frame(struct speedscope_state *s, const struct live_trace_frame *frame)
{
    int error = lt_array_reach(&s->frames, &s->n_frames, &s->frames_alloc, frame->id,
                               sizeof *s->frames, MAX_ITEMS);

    if (error == 0) {
        s->frames[frame->id] = frame;
    }
    return error;
}

static bool is_cut(const struct live_trace_stack *stack, uint32_t i)
{
    return stack->depth > MAX_DEPTH && i >= KEPT_OUTER && i < stack->depth - KEPT_INNER;
}

static int add_stack(struct speedscope_state *s, const struct live_trace_stack *stack,
                     uint32_t *node)
{
    int error = 0;

    *node = 0;
    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        if (is_cut(stack, i)) {
            /* Once for all of them; the frames themselves are named all the same: ids are dense. */
            error = i == KEPT_OUTER ? lt_stack_tree_child(s->tree, *node, CUT_FRAME, node) : 0;
        } else {
            error = lt_stack_tree_child(s->tree, *node, stack->frames[i]->id, node);
        }
        if (error == 0) {
            error = remember_frame(s, stack->frames[i]);
        }
    }
    s->cut_stacks += stack->depth > MAX_DEPTH;
    return error;
}

static int know_stack(struct speedscope_state *s, const struct live_trace_stack *stack)
{
    int error = lt_array_reach(&s->node_of_stack, &s->n_stacks, &s->stacks_alloc, stack->id,
                               sizeof *s->node_of_stack, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    return s->node_of_stack[stack->id] != 0 ? 0 : add_stack(s, stack, &s->node_of_stack[stack->id]);
}

static int know_thread(struct speedscope_state *s, const struct live_trace_stack *sample)
{
    const struct live_trace_thread *thread = sample->thread;
    int error = lt_array_reach(&s->threads, &s->n_threads, &s->threads_alloc, thread->id,
                               sizeof *s->threads, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    if (s->threads[thread->id].thread == NULL) {
        s->threads[thread->id].thread = thread;
        s->threads[thread->id].start_ns = sample->time_ns > 0 ? sample->time_ns : 0;
    }
    return 0;
}

static int speedscope_sample(void *state, const struct live_trace_stack *sample)
{
    struct speedscope_state *s = state;
    uint64_t weight = s->unit_is_time ? (uint64_t)sample->weight_ns : sample->count;
    int error = know_stack(s, sample);

    if (error == 0) {
        error = know_thread(s, sample);
    }
    if (error < 0) {
        return error;
    }
    s->threads[sample->thread->id].weight += weight;
    return lt_run_spool_add(s->spool, sample->thread->id, (struct lt_run){sample->id, weight});
}

/* Writing. */

static void put_stack(struct lt_json *j, const struct speedscope_state *s, uint32_t node)
{
    uint32_t path[MAX_DEPTH], depth = lt_stack_tree_depth(s->tree, node);

    for (uint32_t i = depth; i > 0; i--) {
        path[i - 1] = lt_stack_tree_frame(s->tree, node);
        node = lt_stack_tree_parent(s->tree, node);
    }
    lt_json_array(j);
    for (uint32_t i = 0; i < depth; i++) {
        lt_json_uint(j, path[i] == CUT_FRAME ? s->n_frames : path[i]);
    }
    lt_json_end(j);
}

/* All runs of a thread: their stacks, or their weights. */
static int put_runs(struct lt_json *j, const struct speedscope_state *s, uint32_t thread,
                    bool weights)
{
    struct lt_run run;
    int more = lt_coarse_reader_begin(s->runs, thread);

    lt_json_array(j);
    while (more >= 0 && (more = lt_coarse_reader_next(s->runs, &run)) > 0 && j->error == 0) {
        if (weights) {
            lt_json_uint(j, run.weight);
        } else {
            put_stack(j, s, run.stack);
        }
    }
    lt_json_end(j);
    return more < 0 ? more : 0;
}

static int put_profile(struct lt_json *j, const struct speedscope_state *s, const char *name,
                       uint32_t thread)
{
    struct thread_state empty = {0};
    const struct thread_state *t = thread < s->n_threads ? &s->threads[thread] : &empty;
    uint64_t start = s->unit_is_time ? (uint64_t)t->start_ns : 0;
    static const char *const parts[] = {"samples", "weights"};

    lt_json_object(j);
    lt_json_key(j, "type");
    lt_json_text(j, "sampled");
    lt_json_key(j, "name");
    lt_json_text(j, name);
    lt_json_key(j, "unit");
    lt_json_text(j, s->unit_is_time ? "nanoseconds" : "none");
    lt_json_key(j, "startValue");
    lt_json_uint(j, start);
    lt_json_key(j, "endValue");
    lt_json_uint(j, start + t->weight);
    for (int i = 0; i < 2; i++) {
        lt_json_key(j, parts[i]);
        if (thread < s->n_threads) {
            int error = put_runs(j, s, thread, i == 1);
            if (error < 0) {
                return error;
            }
        } else {
            lt_json_array(j);
            lt_json_end(j);
        }
    }
    lt_json_end(j);
    lt_json_newline(j);
    return j->error;
}

static bool several_processes(const struct speedscope_state *s)
{
    for (size_t i = 1; i < s->n_threads; i++) {
        if (s->threads[i].thread->pid != s->threads[0].thread->pid) {
            return true;
        }
    }
    return false;
}

/* "process worker.py (812), thread MainThread (812)" */
static int profile_name(struct lt_buf *out, const struct live_trace_thread *t, bool with_process)
{
    int error = 0;

    lt_buf_clear(out);
    if (with_process) {
        error = lt_buf_printf(out, "process %s (%" PRIu32 "), ", t->process_name, t->pid);
    }
    if (error == 0) {
        error = lt_buf_printf(out, "thread%s%s", t->name[0] != '\0' ? " " : "", t->name);
    }
    if (error == 0 && t->tid != 0) {
        error = lt_buf_printf(out, " (%" PRIu64 ")", t->tid);
    }
    return error < 0 ? error : lt_buf_put_u8(out, '\0');
}

/* Never empty: speedscope refuses a file without profiles. */
static int put_profiles(struct lt_json *j, const struct speedscope_state *s)
{
    struct lt_buf name = {0};
    bool several = several_processes(s);
    int error = 0;

    lt_json_array(j);
    if (s->n_threads == 0) {
        error = put_profile(j, s, "no samples", 0);
    }
    for (uint32_t i = 0; i < s->n_threads && error == 0; i++) {
        error = profile_name(&name, s->threads[i].thread, several);
        if (error == 0) {
            error = put_profile(j, s, (const char *)name.data, i);
        }
    }
    if (error == 0) {
        lt_json_end(j);
    }
    lt_buf_release(&name);
    return error;
}

static void put_frames(struct lt_json *j, const struct speedscope_state *s)
{
    lt_json_object(j);
    lt_json_key(j, "frames");
    lt_json_array(j);
    for (size_t i = 0; i < s->n_frames && j->error == 0; i++) {
        const struct live_trace_frame *f = s->frames[i];
        lt_json_newline(j);
        lt_json_object(j);
        lt_json_key(j, "name");
        lt_json_text(j, f->name);
        if (f->file[0] != '\0') {
            lt_json_key(j, "file");
            lt_json_text(j, f->file);
        }
        if (f->line > 0) {
            lt_json_key(j, "line");
            lt_json_uint(j, f->line);
        }
        lt_json_end(j);
    }
    if (s->cut_stacks > 0) {
        lt_json_object(j);
        lt_json_key(j, "name");
        lt_json_text(j, "<frames left out>");
        lt_json_end(j);
    }
    lt_json_end(j);
    lt_json_end(j);
}

/* What the file is called in speedscope's title bar, and whether it is all of the truth. */
static int file_name(const struct speedscope_state *s, struct lt_buf *out)
{
    int error = lt_buf_put_text(out, s->title != NULL ? s->title : "");

    if (error == 0 && s->cut_stacks > 0) {
        char note[160];
        error = lt_buf_printf(out, " (stacks cut at %d frames)", MAX_DEPTH);
        snprintf(note, sizeof note,
                 "%" PRIu64 " stacks are deeper than the %d frames that speedscope can show: their "
                 "middles were left out",
                 s->cut_stacks, MAX_DEPTH);
        s->host->note(s->host->ctx, note);
    }
    if (error == 0 && s->plan.shift != LT_COARSE_EXACT) {
        error = lt_buf_put_text(out, " (");
        if (error == 0) {
            error = lt_coarse_plan_words(&s->plan, s->unit_is_time, out);
        }
        if (error == 0) {
            error = lt_buf_put_u8(out, ')');
        }
    }
    return error < 0 ? error : lt_buf_put_u8(out, '\0');
}

static int write_document(const struct speedscope_state *s)
{
    struct lt_json j;
    struct lt_buf text = {0};
    int error = file_name(s, &text);

    if (error < 0) {
        goto out;
    }
    lt_json_to_host(&j, s->host);
    lt_json_object(&j);
    lt_json_key(&j, "$schema");
    lt_json_text(&j, "https://www.speedscope.app/file-format-schema.json");
    lt_json_key(&j, "name");
    lt_json_text(&j, (const char *)text.data);
    lt_buf_clear(&text);
    error = lt_buf_printf(&text, "live-trace@%s", s->host->version);
    if (error < 0) {
        goto out;
    }
    lt_json_key(&j, "exporter");
    lt_json_str(&j, (struct lt_str){(const char *)text.data, text.len});
    lt_json_key(&j, "activeProfileIndex");
    lt_json_uint(&j, 0);
    lt_json_key(&j, "profiles");
    error = put_profiles(&j, s);
    if (error < 0) {
        goto out;
    }
    lt_json_key(&j, "shared");
    put_frames(&j, s);
    lt_json_end(&j);
    lt_json_newline(&j);
    error = lt_json_finish(&j);
out:
    lt_buf_release(&text);
    return error;
}

/* ---- the viewer's budget ---- */

static int count_bytes(void *ctx, const void *data, size_t len)
{
    (void)data;
    *(uint64_t *)ctx += len;
    return 0;
}

/* Bytes of the document without its runs, as far as names go: profiles are some numbers more. */
static int size_of_names(const struct speedscope_state *s, uint64_t *size)
{
    const struct live_trace_host counter = {.ctx = size, .write = count_bytes};
    struct lt_json j;

    *size = 0;
    lt_json_to_host(&j, &counter);
    put_frames(&j, s);
    int error = lt_json_finish(&j);
    *size += PROFILE_BYTES * (s->n_threads + 1);
    return error;
}

static int say_what_was_done(const struct speedscope_state *s)
{
    struct lt_buf text = {0};
    int error = lt_buf_printf(&text, "%.3g MB are more than --max-size: threads are written ",
                              (double)s->plan.exact_size / 1e6);

    if (error == 0) {
        error = lt_coarse_plan_words(&s->plan, s->unit_is_time, &text);
    }
    if (error == 0) {
        error = lt_buf_printf(&text, "; %s, --max-size 0 writes everything",
                              s->plan.fits ? "all weights are kept" : "that is still more");
    }
    if (error == 0) {
        error = lt_buf_put_u8(&text, '\0');
    }
    if (error == 0) {
        s->host->note(s->host->ctx, (const char *)text.data);
    }
    lt_buf_release(&text);
    return error;
}

static int make_plan(struct speedscope_state *s)
{
    const struct lt_coarse_source source = {s->spool, s->tree, s->node_of_stack};
    uint64_t names = 0, budget = UINT64_MAX;
    int error = size_of_names(s, &names);

    if (s->max_size != 0) {
        budget = s->max_size > names ? s->max_size - names : 0;
    }
    if (error == 0) {
        error = lt_coarse_plan_make(&s->plan, &source, budget);
    }
    s->plan.exact_size += names;
    if (error == 0 && s->plan.shift != LT_COARSE_EXACT) {
        error = say_what_was_done(s);
    }
    return error < 0 ? error : lt_coarse_reader_new(&s->runs, &source, &s->plan);
}

static int speedscope_close(void *state, int failed)
{
    struct speedscope_state *s = state;
    int error = failed ? 0 : make_plan(s);

    if (error == 0 && !failed) {
        error = write_document(s);
    }
    release(s);
    return error;
}

static const struct live_trace_option_info options[] = {
    {"max-size", "SIZE",
     "of the output: 20M, 1G; coarser steps in time where it would be more (100M; 0 for no limit)"},
    {0},
};

const struct live_trace_exporter lt_exporter_speedscope = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "speedscope",
    .description = "flame graphs and timelines by thread in the browser",
    .extension = "speedscope.json",
    .read_by = "https://www.speedscope.app",
    .open = speedscope_open,
    .meta = speedscope_meta,
    .sample = speedscope_sample,
    .close = speedscope_close,
    .options = options,
};
