/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the interpreter, reading once under each GIL, and what to do where that cannot be
 * confirmed: with fewer locals, without them, without the stacks. */
#include "config.h"

#include "collector/dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/dump_moment.h"
#include "collector/platform/process_mem.h"
#include "collector/platform/process_tree.h"
#include "collector/platform/thread_stat.h"
#include "collector/platform/tick_timer.h"
#include "collector/py_reading.h"
#include "collector/py_thread_list.h"
#include "formats/lt_error.h"

enum {
    MAX_COMMAND = 1024,
    STARTING_NS = 1000000000, /* for an interpreter that is still starting, */
    LOADING_NS = 300000000,   /* and for a program that may load one yet */
    LOOK_EVERY_NS = 10000000,
    TRIES = 4,          /* readings with one budget; each makes several attempts */
    PAUSE_NS = 10000000 /* longer than a stack that cannot be read is passed over at first */
};

/* How much is looked at besides stacks. The thread with the GIL does not run meanwhile, so that it is
 * not too much; and where it could not be kept from running for so long, less. */
static const struct effort {
    size_t objects; /* for locals */
    size_t tasks;
} efforts[] = {{1 << 14, 1 << 13}, {1 << 10, 1 << 8}, {0, 0}};
enum { EFFORTS = sizeof(efforts) / sizeof(efforts[0]) };

void lt_dump_release(struct lt_dump *d)
{
    free(d->threads);
    free(d->frames);
    free(d->locals);
    free(d->tasks);
    free(d->waiters);
    lt_buf_release(&d->text);
    memset(d, 0, sizeof(*d));
}

static int describe(struct lt_dump *d)
{
    d->own_root = lt_shares_root(d->pid);
    d->command.at = d->text.len;
    int err = lt_process_command(d->pid, MAX_COMMAND, &d->text);
    d->command.len = d->text.len - d->command.at;
    d->cwd.at = d->text.len;
    if (!err)
        err = lt_process_cwd(d->pid, &d->text);
    d->cwd.len = d->text.len - d->cwd.at;
    return err == LT_ERR_NOMEM || err == LT_ERR_NO_PROCESS ? err : 0;
}

static int try_to_open(struct lt_dump *d, struct lt_py_finder *finder, struct lt_py_process **p)
{
    struct lt_py_runtime runtime;
    struct lt_mem mem;
    if (lt_borrows_memory(d->pid, lt_process_parent(d->pid)))
        return LT_ERR_NOT_READY; /* what is there is its parent's */
    lt_process_mem(&mem, d->pid);
    int err = lt_py_runtime_find(finder, d->pid, &mem, &runtime);
    snprintf(d->python, sizeof(d->python), "%s", runtime.version);
    if (!err)
        err = lt_py_process_new(p, d->pid, &mem, &runtime);
    return err == LT_ERR_FAULT || err == LT_ERR_CORRUPT ? LT_ERR_NOT_READY : err;
}

static bool may_become_python(int err, int64_t waited_ns)
{
    return (err == LT_ERR_NOT_READY && waited_ns < STARTING_NS) ||
           (err == LT_ERR_NOT_PYTHON && waited_ns < LOADING_NS);
}

static int open_process(struct lt_dump *d, bool force, struct lt_py_process **p)
{
    struct lt_py_finder *finder;
    int64_t begin_ns = lt_monotonic_ns();
    int err = lt_py_finder_new(&finder);
    if (err)
        return err;
    if (force)
        lt_py_finder_force(finder);
    while (may_become_python(err = try_to_open(d, finder, p), lt_monotonic_ns() - begin_ns))
        lt_sleep_until(lt_monotonic_ns() + LOOK_EVERY_NS);
    lt_py_finder_free(finder);
    return err;
}

/* Nothing can come of another try. */
static bool is_final(int err)
{
    return err == LT_ERR_NO_PROCESS || err == LT_ERR_PERMISSION || err == LT_ERR_NOMEM ||
           err == LT_ERR_AWAY;
}

static bool passed_over(const struct lt_py_process *p)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        if (p->threads[i]->unreadable)
            return true;
    }
    return false;
}

static int read_several_times(struct lt_py_process *p, struct lt_py_gil *gil,
                              struct lt_tick_context *tick)
{
    int err = 0;
    for (int i = 0; i < TRIES; i++) {
        tick->now_ns = lt_monotonic_ns();
        /* What is kept of an earlier try is no part of this one's moment. */
        lt_py_process_distrust(p);
        err = lt_py_reading_take(p, gil, tick);
        if ((!err && !passed_over(p)) || is_final(err))
            break;
        lt_sleep_until(lt_monotonic_ns() + PAUSE_NS);
    }
    return err;
}

/* The stacks are those of one moment but for that of the thread that had the GIL last: it ran where
 * the caller may not follow it. */
static void forget_holder(struct lt_dump_moment *m, const struct lt_py_gil *gil)
{
    struct lt_dump *d = m->dump;
    for (size_t i = m->begin.threads; i < d->n_threads; i++) {
        if (gil->holder && d->threads[i].tstate == gil->holder->stack.tstate) {
            d->threads[i].error = LT_ERR_AWAY;
            d->threads[i].n_frames = 0;
        }
    }
}

/* Who holds the GIL, and what the kernel calls threads that Python has no name for. */
static int complete(struct lt_dump_moment *m, const struct lt_py_gil *gil, bool confirmed)
{
    struct lt_dump *d = m->dump;
    char comm[64];
    int err = 0;
    for (size_t i = m->begin.threads; !err && i < d->n_threads; i++) {
        struct lt_dump_thread *t = &d->threads[i];
        if (confirmed && gil->locked && gil->holder && gil->holder->stack.tstate == t->tstate)
            t->state = (t->state & LT_STATE_CPU) | LT_STATE_GIL | (gil->gc ? LT_STATE_GC : 0);
        if (t->name.len || !t->tid || lt_thread_comm(d->pid, t->tid, comm, sizeof(comm)) != 0)
            continue;
        t->name = (struct lt_dump_text){d->text.len, strlen(comm)};
        err = lt_buf_put(&d->text, comm, t->name.len);
    }
    return err;
}

/* With less and less besides the stacks until it can be done. */
static int read_with_effort(struct lt_dump_moment *m, struct lt_py_process *p,
                            struct lt_py_gil *gil, struct lt_tick_context *tick, bool locals)
{
    struct lt_dump *d = m->dump;
    bool more = locals || d->has_asyncio;
    int err = LT_ERR_TORN;
    for (size_t i = more ? 0 : EFFORTS - 1; err && !is_final(err) && i < EFFORTS; i++) {
        m->budget = locals ? efforts[i].objects : 0;
        m->max_tasks = d->has_asyncio ? efforts[i].tasks : 0;
        if (more && i == EFFORTS - 1) {
            d->locals_error = locals ? err : 0;
            m->begin.tasks_error = d->has_asyncio ? err : 0;
        }
        err = read_several_times(p, gil, tick);
    }
    return err;
}

static int read_gil(struct lt_dump_moment *m, struct lt_py_process *p, struct lt_py_gil *gil,
                    struct lt_tick_context *tick, bool locals)
{
    lt_dump_moment_begin(m);
    int err = read_with_effort(m, p, gil, tick, locals);
    if (err == LT_ERR_AWAY)
        forget_holder(m, gil);
    if (!err || err == LT_ERR_AWAY)
        return complete(m, gil, true);
    if (is_final(err))
        return err;
    err = lt_dump_moment_give_up(m, p, gil, err);
    return err ? err : complete(m, gil, false);
}

static int read_all(struct lt_dump *d, struct lt_py_process *p,
                    const struct lt_dump_options *options)
{
    struct lt_follower follower;
    struct lt_health health = {0};
    struct lt_dump_moment m = {.dump = d, .max_frames = options->max_frames};
    struct lt_tick_context tick = {.follower = &follower,
                                   .health = &health,
                                   .interval_ns = INT64_MAX,
                                   .look = lt_dump_moment_look,
                                   .ctx = &m};
    int err = lt_page_cache_new(&m.cache, &p->mem);
    lt_follower_init(&follower);
    lt_be_urgent(true);
    for (size_t i = 0; !err && i < p->n_gils; i++)
        err = lt_py_gil_used(p, i) ? read_gil(&m, p, &p->gils[i], &tick, options->locals) : 0;
    lt_be_urgent(false);
    lt_page_cache_free(m.cache);
    free(m.chain);
    return err;
}

int lt_dump_take(struct lt_dump *d, pid_t pid, const struct lt_dump_options *options)
{
    struct lt_py_process *p = NULL;
    d->pid = pid;
    int err = open_process(d, options->force, &p);
    if (!err)
        err = describe(d);
    if (!err && p->runtime.asyncio)
        d->has_asyncio = lt_py_asyncio_read(&p->mem, p->runtime.asyncio, &p->asyncio) == 0;
    if (!err)
        err = read_all(d, p, options);
    lt_py_process_free(p);
    return err;
}
