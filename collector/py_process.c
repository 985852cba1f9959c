/* SPDX-License-Identifier: Apache-2.0
 *
 * The tick of one process: has anything run, what are the stacks now, what is everybody doing, and
 * what of that is new to the trace. */
#include "config.h"

#include "collector/py_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/platform/thread_stat.h"
#include "collector/py_nodes.h"
#include "collector/py_reading.h"
#include "collector/py_state.h"
#include "collector/py_tags.h"
#include "collector/py_thread_list.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    LIST_EVERY_NS = 500000000,   /* a thread's end may go unnoticed that long, */
    INTERPS_EVERY_NS = 50000000, /* and an interpreter's beginning and end */
    CODE_BYTES = 1 << 20,        /* or twice what the stacks of one moment need */
    MAX_CODES = 1 << 14,
    MAX_CHANGES = LT_MAX_THREADS * 16
};

int lt_py_process_new(struct lt_py_process **out, pid_t pid, const struct lt_mem *mem,
                      const struct lt_py_runtime *runtime)
{
    struct lt_py_process *p = calloc(1, sizeof(*p));
    if (!p)
        return LT_ERR_NOMEM;
    p->pid = pid;
    p->mem = *mem;
    p->runtime = *runtime;
    p->max_code_bytes = CODE_BYTES;
    lt_thread_ids_init(&p->ids, pid);
    int err = lt_py_codes_new(&p->codes, mem, &runtime->offsets);
    if (!err)
        err = lt_py_nodes_init(p);
    if (!err)
        err = lt_py_interps_read(p);
    if (!err)
        err = lt_py_tid_field_find(p);
    if (err) {
        lt_py_process_free(p);
        return err;
    }
    *out = p;
    return 0;
}

void lt_py_process_free(struct lt_py_process *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_threads; i++)
        lt_py_thread_free(p->threads[i]);
    free(p->threads);
    free(p->checks);
    lt_thread_ids_release(&p->ids);
    free(p->frame_ids);
    free(p->command);
    free(p->cwd);
    lt_py_codes_free(p->codes);
    lt_copies_release(&p->copies);
    free(p);
}

static enum lt_fail cause_of(int err)
{
    switch (err) {
    case LT_ERR_TORN:
        return LT_FAIL_TORN;
    case LT_ERR_FAULT:
        return LT_FAIL_MEMORY;
    case LT_ERR_LIMIT:
        return LT_FAIL_LIMIT;
    case LT_ERR_AWAY:
        return LT_FAIL_AWAY;
    case LT_ERR_NO_PROCESS:
        return LT_FAIL_PROCESS;
    default:
        return LT_FAIL_FRAME;
    }
}

/* A thread that has Python frames is in the trace; one that has none (yet, or any more) is not. */
static int enter(struct lt_py_process *p, struct lt_py_thread *t, bool has_frames,
                 struct lt_trace_writer *writer)
{
    struct lt_thread_info info = {
        .process = p->trace_id,
        .tid = t->tid ? (uint64_t)t->tid : t->ident,
        .ident = t->ident,
    };
    if (t->in_trace && (t->renewed || !has_frames)) {
        t->in_trace = false;
        int err = lt_trace_writer_thread_end(writer, t->trace_id);
        if (err)
            return err;
    }
    if (t->renewed)
        t->name[0] = '\0';
    t->renewed = false;
    if (t->in_trace || !has_frames)
        return 0;
    if (!t->name[0] && t->tid)
        lt_thread_comm(p->pid, t->tid, t->name, sizeof(t->name));
    info.name = (struct lt_str){t->name, strlen(t->name)};
    t->in_trace = true;
    t->trace_node = UINT32_MAX;
    return lt_trace_writer_thread(writer, &info, &t->trace_id);
}

static int add_change(struct lt_py_thread *t, uint32_t node, struct lt_tick_context *tick)
{
    uint32_t tags = t->tags ? t->tags : tick->tags;
    if (t->trace_node == node && t->trace_state == t->state && t->trace_tags == tags)
        return 0;
    if (lt_array_grow(&tick->changes, &tick->changes_alloc, tick->n_changes + 1,
                      sizeof(tick->changes[0]), MAX_CHANGES))
        return LT_ERR_NOMEM;
    tick->changes[tick->n_changes++] = (struct lt_change){t->trace_id, node, t->state, tags};
    t->trace_node = node;
    t->trace_state = t->state;
    t->trace_tags = tags;
    return 0;
}

static void count_asked(struct lt_health *health, uint64_t samples, uint32_t covers)
{
    health->asked += samples * covers;
    health->late += samples * (covers - 1);
}

/* Tells the trace what is new of each thread; fails[] says what came of the reading under each GIL.
 * A failed reading leaves the stacks of those threads unknown that may have run since. */
static int report(struct lt_py_process *p, const int *fails, struct lt_tick_context *tick)
{
    struct lt_health *health = tick->health;
    bool settled = !p->others_run;
    p->settled = false;
    p->n_told = 0;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        struct lt_py_gil *gil = &p->gils[t->gil];
        int fail = t->unreadable ? t->unreadable : fails[t->gil];
        bool unknown = fail && (t->stale || gil->holder == t);
        settled = settled && !fail && !t->stale;
        if (unknown && !t->in_trace && fail != LT_ERR_AWAY && !t->unreadable)
            continue; /* it never had a stack that we saw: nothing to ask for yet */
        int err = enter(p, t, unknown || t->node, tick->writer);
        if (!err && t->in_trace)
            err = add_change(t, unknown ? 0 : t->node, tick);
        if (err)
            return err;
        if (!t->in_trace)
            continue;
        p->n_told++;
        count_asked(health, 1, tick->covers);
        if (unknown)
            health->failed[cause_of(fail)]++;
        else
            health->taken++;
    }
    p->settled = settled;
    return 0;
}

/* The same where nothing is new of any thread. */
static void report_again(const struct lt_py_process *p, struct lt_health *health, uint32_t covers)
{
    count_asked(health, p->n_told, covers);
    health->taken += p->n_told;
}

/* Code objects come and go in a program that makes code; what is known of them stays bounded. What
 * is still in use is soon read again. */
static void bound_codes(struct lt_py_process *p)
{
    size_t bytes = lt_py_codes_bytes(p->codes);
    if (p->codes_cleared)
        p->max_code_bytes = 2 * bytes > CODE_BYTES ? 2 * bytes : CODE_BYTES;
    p->codes_cleared = lt_py_codes_count(p->codes) >= MAX_CODES || bytes >= p->max_code_bytes;
    if (!p->codes_cleared)
        return;
    lt_py_codes_clear(p->codes);
    lt_py_nodes_forget(p);
    for (size_t i = 0; i < p->n_threads; i++) {
        p->threads[i]->n_known = 0; /* they point at code objects */
        p->threads[i]->stale = true;
    }
}

static int read_stacks(struct lt_py_process *p, int *fails, struct lt_tick_context *tick)
{
    if (tick->now_ns >= p->list_due_ns) {
        p->list_due_ns = tick->now_ns + LIST_EVERY_NS;
        p->list_stale = true;
    }
    if (tick->now_ns >= p->interps_due_ns || p->failed) {
        p->interps_due_ns = tick->now_ns + INTERPS_EVERY_NS;
        int err = lt_py_interps_read(p);
        if (err == LT_ERR_NO_PROCESS)
            return err;
    }
    bound_codes(p);
    for (size_t i = 0; i < p->n_gils; i++) {
        if (!lt_py_gil_used(p, i))
            continue;
        p->gils[i].changed = false;
        fails[i] = lt_py_reading_take(p, &p->gils[i], tick);
        if (fails[i] == LT_ERR_NO_PROCESS || fails[i] == LT_ERR_PERMISSION)
            return fails[i];
    }
    return 0;
}

static int read_all(struct lt_py_process *p, int *fails, struct lt_tick_context *tick)
{
    struct lt_cpu_use use;
    int err = lt_py_cpu_use(p, tick->recorder_cpu_ns, &use);
    if (err)
        return err;
    lt_py_state_begin(p);
    err = read_stacks(p, fails, tick);
    if (err)
        return err;
    p->failed = false;
    for (size_t i = 0; i < p->n_gils; i++)
        p->failed = p->failed || fails[i];
    lt_py_state_update(p, &use, tick->interval_ns);
    return 0;
}

/* Has nothing run since the last tick, as far as can be seen? Threads end with the GIL, so their list
 * is the same then; what runs in C without it shows in the CPU time, which is asked for now and then. */
static bool is_quiet(struct lt_py_process *p, const struct lt_tick_context *tick)
{
    struct lt_cpu_use use;
    if (p->failed || p->list_stale || !lt_py_state_quiet(p))
        return false;
    if (tick->now_ns < p->list_due_ns)
        return true;
    if (lt_py_cpu_use(p, tick->recorder_cpu_ns, &use) != 0 ||
        !lt_py_state_idle(p, &use, tick->interval_ns))
        return false;
    p->list_due_ns = tick->now_ns + LIST_EVERY_NS;
    return true;
}

int lt_py_process_tick(struct lt_py_process *p, struct lt_tick_context *tick)
{
    int fails[LT_MAX_INTERPRETERS] = {0};
    bool quiet = is_quiet(p, tick);
    if (quiet && p->settled) {
        report_again(p, tick->health, tick->covers);
        return 0;
    }
    if (quiet) {
        lt_py_state_update_quiet(p);
        return report(p, fails, tick);
    }
    int err = read_all(p, fails, tick);
    if (!err)
        err = report(p, fails, tick);
    lt_py_cpu_use_end(p);
    return err;
}

int lt_py_process_new_segment(struct lt_py_process *p, struct lt_tick_context *tick)
{
    lt_py_nodes_forget(p);
    p->settled = false;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        t->trace_node = UINT32_MAX;
        int err = lt_py_tags_renew(t, tick);
        if (err)
            return err;
        if (lt_py_nodes_renew(p, t, tick) != 0) {
            t->n_known = 0;
            t->stale = true;
        }
    }
    return 0;
}

int lt_py_process_end(struct lt_py_process *p, struct lt_trace_writer *writer)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (!t->in_trace)
            continue;
        t->in_trace = false;
        int err = lt_trace_writer_thread_end(writer, t->trace_id);
        if (err)
            return err;
    }
    return lt_trace_writer_process_end(writer, p->trace_id);
}

/* Not one that had this ident before or after it. What was the main thread's parent's after a fork may
 * still be said of the main thread, whose ident never comes again. */
static bool is_named(const struct lt_py_process *p, const struct lt_py_thread *t,
                     const struct lt_py_named *thread)
{
    return t->ident == thread->ident &&
           (!thread->native_id || !t->inner_tid || t->inner_tid == thread->native_id ||
            t->inner_tid == p->ids.inside);
}

int lt_py_process_name(struct lt_py_process *p, struct lt_trace_writer *writer,
                       const struct lt_py_named *thread, const char *name)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (!is_named(p, t, thread) || strncmp(t->name, name, sizeof(t->name) - 1) == 0)
            continue;
        snprintf(t->name, sizeof(t->name), "%s", name);
        if (t->in_trace)
            return lt_trace_writer_thread_name(writer, t->trace_id,
                                               (struct lt_str){t->name, strlen(t->name)});
    }
    return 0;
}

void lt_py_process_distrust(struct lt_py_process *p)
{
    p->settled = false;
    for (size_t i = 0; i < p->n_threads; i++)
        p->threads[i]->stale = true;
}

void lt_py_process_tasks(struct lt_py_process *p, const struct lt_py_asyncio *asyncio)
{
    p->asyncio = *asyncio;
    lt_py_process_distrust(p);
}
