/* SPDX-License-Identifier: Apache-2.0
 *
 * Thread states at the price of the doubt that there is. */
#include "config.h"

#include "collector/py_state.h"

#include "collector/platform/thread_stat.h"
#include "collector/platform/tick_timer.h"
#include "formats/lt_error.h"

enum {
    PROBES = 16,            /* stat files that one tick may read for threads without the GIL */
    BUSY_NS = 20000000,     /* how often to look whether the machine is busy, */
    REFRESH_NS = 100000000, /* and to ask all of them, doubt or not */
    SLACK_NS = 20000,       /* what may be missing of the CPU time of a thread that runs all the
                              time: interrupts */
};

int lt_py_cpu_use(struct lt_py_process *p, struct lt_cpu_use *use)
{
    int64_t cpu_ns;
    int err = lt_process_cpu_ns(p->pid, &cpu_ns);
    if (err)
        return err;
    use->first = p->released_ns == 0;
    use->used_ns = cpu_ns - p->cpu_ns;
    use->free_ns = lt_monotonic_ns() - p->released_ns;
    p->cpu_ns = cpu_ns;
    return 0;
}

void lt_py_cpu_use_end(struct lt_py_process *p)
{
    p->released_ns = lt_monotonic_ns();
}

/* A thread whose stat file cannot be had counts as waiting. */
static bool runnable(struct lt_py_thread *t)
{
    struct lt_thread_stat stat;
    t->was_runnable = lt_thread_stat_read(t->stat_fd, &stat) == 0 && stat.runnable;
    return t->was_runnable;
}

static bool holds_gil(const struct lt_py_process *p, const struct lt_py_thread *t)
{
    const struct lt_py_gil *gil = &p->gils[t->gil];
    return gil->locked && gil->holder == t;
}

static uint32_t gil_state(const struct lt_py_process *p, const struct lt_py_thread *t)
{
    if (!holds_gil(p, t))
        return 0;
    return p->gils[t->gil].gc ? LT_STATE_GIL | LT_STATE_GC : LT_STATE_GIL;
}

/* Had the thread to wait for a processor for more than an eighth of the time since the last look?
 * Where the kernel does not say, it may have had to. */
static bool had_to_wait(struct lt_py_process *p, struct lt_py_thread *t, int64_t now_ns)
{
    int64_t before_ns = t->waited_ns, since_ns = now_ns - t->waited_at_ns;
    if (t->schedstat_fd < 0 && t->tid)
        t->schedstat_fd = lt_thread_schedstat_open(p->pid, t->tid);
    if (lt_thread_waited_ns(t->schedstat_fd, &t->waited_ns) != 0 || t->waited_ns == 0)
        return true;
    t->waited_at_ns = now_ns;
    return t->waited_ns - before_ns > since_ns / 8;
}

/* On a busy machine two threads that have half a processor each look like one that has all of it:
 * then nothing but asking helps. */
static bool must_ask(struct lt_py_process *p, const struct lt_cpu_use *use)
{
    int64_t now_ns = p->released_ns + use->free_ns;
    if (use->first || now_ns - p->asked_ns >= REFRESH_NS)
        return true;
    if (now_ns - p->looked_ns < BUSY_NS)
        return false;
    p->looked_ns = now_ns;
    return had_to_wait(p, p->gils[0].holder, now_ns);
}

/* Is the thread that holds the GIL on a processor? One that has just taken it was. One thread alone
 * can use all the time there was: then it did. */
static bool holder_runs(struct lt_py_process *p, const struct lt_cpu_use *use, bool must)
{
    int64_t slack = use->free_ns / 16 + SLACK_NS;
    bool all_used = use->free_ns > 2 * SLACK_NS && use->used_ns >= use->free_ns - slack;
    bool new_holder = p->gils[0].changed && use->used_ns > use->free_ns / 2;
    if ((all_used && !p->others_run && !must) || new_holder)
        return true;
    bool runs = runnable(p->gils[0].holder);
    p->gils[0].holder->was_runnable = false; /* that is about threads without the GIL */
    return runs;
}

/* Time that was used by others than the holder adds up to a doubt, once an interval's worth has
 * come together. What a late reading of the clock takes from one tick it gives to the next. */
static bool others_doubted(struct lt_py_process *p, const struct lt_cpu_use *use, bool holder,
                           int64_t interval_ns, bool must)
{
    p->unexplained_ns += use->used_ns - (holder ? use->free_ns : 0);
    if (p->unexplained_ns < -interval_ns)
        p->unexplained_ns = -interval_ns;
    return p->unexplained_ns > interval_ns || must;
}

/* Did others use a part of this tick? Then those that ran when they were last asked are taken to
 * run still, until the next doubt; and also where the tick is too short to tell. */
static bool others_used_some(const struct lt_cpu_use *use, bool holder)
{
    if (use->free_ns < 10 * SLACK_NS)
        return true;
    return use->used_ns - (holder ? use->free_ns : 0) > use->free_ns / 8;
}

/* Those that ran the last time first, then the others by turns: many threads cost no more than
 * PROBES. */
static void ask_others(struct lt_py_process *p)
{
    size_t left = PROBES;
    p->others_run = false;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        bool turn = p->n_threads <= PROBES || (i + p->ticks) % (p->n_threads / PROBES + 1) == 0;
        if (holds_gil(p, t))
            continue;
        if ((t->was_runnable || turn) && left > 0) {
            left--;
            runnable(t);
        }
        p->others_run = p->others_run || t->was_runnable;
        t->state = t->was_runnable ? LT_STATE_CPU : 0;
    }
}

/* Those that ran run on, if some do. If none does, each of them has stopped or is kept off by other
 * programs: only the kernel knows. */
static void others_as_before(struct lt_py_process *p, bool some_run)
{
    size_t left = PROBES;
    p->others_run = false;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->was_runnable && !some_run && !holds_gil(p, t) && left > 0) {
            left--;
            runnable(t);
        }
        p->others_run = p->others_run || t->was_runnable;
        t->state = t->was_runnable ? LT_STATE_CPU : 0;
    }
}

void lt_py_state_update(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns)
{
    const struct lt_py_gil *gil = &p->gils[0];
    bool nobody_ran = !use->first && use->used_ns == 0;
    bool one_holder = p->n_gils == 1 && gil->locked && gil->holder;
    bool must = one_holder && !nobody_ran && must_ask(p, use);
    bool holder = one_holder && holder_runs(p, use, must);
    bool doubt = !nobody_ran && (!one_holder || others_doubted(p, use, holder, interval_ns, must));

    p->ticks++;
    if (doubt) {
        ask_others(p);
        p->unexplained_ns = 0;
        p->asked_ns = p->released_ns + use->free_ns;
    } else {
        others_as_before(p, !nobody_ran && others_used_some(use, holder));
    }
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (!holds_gil(p, t))
            continue;
        bool runs = one_holder ? holder : runnable(t);
        t->state = gil_state(p, t) | (runs ? LT_STATE_CPU : 0);
    }
}
