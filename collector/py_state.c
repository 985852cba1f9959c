/* SPDX-License-Identifier: Apache-2.0
 *
 * Thread states at the price of the doubt that there is. */
#include "config.h"

#include "collector/py_state.h"

#include "collector/platform/thread_stat.h"
#include "collector/platform/tick_timer.h"
#include "formats/lt_error.h"

enum {
    PROBES = 16,        /* stat files that one tick may read for threads without the GIL */
    REFRESH_TICKS = 64, /* doubt or not, all of them are asked about this often */
    SLACK_NS = 20000    /* what may be missing of the CPU time of a thread that runs all the time: interrupts */
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

/* What was used is what one thread can use, and the one that holds the GIL wanted to run: nobody else had to,
 * and nobody else need be asked. Once in a while, or when another one was seen to run, the holder is. */
static bool holder_explains(struct lt_py_process *p, const struct lt_cpu_use *use)
{
    const struct lt_py_gil *gil = &p->gils[0];
    int64_t slack = use->free_ns / 16 + SLACK_NS;
    if (use->first || p->n_gils != 1 || !gil->locked || !gil->holder || use->free_ns <= 2 * SLACK_NS)
        return false;
    if (use->used_ns < use->free_ns - slack || use->used_ns > use->free_ns + slack)
        return false;
    return (!p->others_run && p->ticks % REFRESH_TICKS != 0) || runnable(gil->holder);
}

/* Those that ran the last time first, then the others by turns: many threads cost no more than PROBES. */
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

void lt_py_state_update(struct lt_py_process *p, const struct lt_cpu_use *use)
{
    bool nobody_ran = !use->first && use->used_ns == 0;
    bool explained = holder_explains(p, use);
    p->ticks++;
    if (nobody_ran || explained) {
        p->others_run = false;
        for (size_t i = 0; i < p->n_threads; i++) {
            p->threads[i]->was_runnable = false;
            p->threads[i]->state = gil_state(p, p->threads[i]);
            if (explained && holds_gil(p, p->threads[i]))
                p->threads[i]->state |= LT_STATE_CPU;
        }
        return;
    }
    ask_others(p);
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (holds_gil(p, t))
            t->state = gil_state(p, t) | (runnable(t) ? LT_STATE_CPU : 0);
    }
}
