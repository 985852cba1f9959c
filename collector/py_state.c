/* SPDX-License-Identifier: Apache-2.0
 *
 * Thread states at the price of the doubt that there is. */
#include "config.h"

#include "collector/py_state.h"

#include "collector/platform/tick_timer.h"
#include "collector/py_reading.h"
#include "collector/py_thread_list.h"
#include "formats/lt_error.h"

enum {
    PROBES = 16,            /* threads without the GIL that one tick may ask about */
    REFRESH_NS = 100000000, /* how often to ask all of them, doubt or not */
    GIL_BYTES = 256,        /* of struct _gil_runtime_state, with its conditions and mutexes */
    SLACK_NS = 20000,       /* what may be missing of the CPU time of a thread that runs all the
                              time: interrupts */
};

static bool still_sleeps(struct lt_py_gil *gil)
{
    uint64_t slices;
    return gil->slept && gil->holder && gil->counted == gil->holder &&
           lt_thread_slices(&gil->holder->files, &slices) == 0 && slices == gil->slices;
}

static bool any_stale(const struct lt_py_process *p)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        if (p->threads[i]->stale)
            return true;
    }
    return false;
}

bool lt_py_state_quiet(struct lt_py_process *p)
{
    if (!p->settled && any_stale(p))
        return false;
    for (size_t i = 0; i < p->n_gils; i++) {
        if (lt_py_gil_used(p, i) &&
            (!still_sleeps(&p->gils[i]) || !lt_py_reading_same_gil(p, &p->gils[i])))
            return false;
    }
    return p->n_threads > 0;
}

void lt_py_state_begin(struct lt_py_process *p)
{
    for (size_t i = 0; i < p->n_gils; i++) {
        struct lt_py_gil *gil = &p->gils[i];
        gil->counted = NULL;
        if (!gil->slept || !gil->holder ||
            lt_thread_slices(&gil->holder->files, &gil->slices) != 0 ||
            gil->slices == 0) /* a kernel that does not count */
            continue;
        gil->counted = gil->holder;
    }
}

int lt_py_cpu_use(struct lt_py_process *p, int64_t recorder_ns, struct lt_cpu_use *use)
{
    int64_t cpu_ns;
    int err = lt_process_cpu_ns(p->pid, &cpu_ns);
    if (err)
        return err;
    cpu_ns -= recorder_ns;
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

/* A thread that waits for the GIL sleeps on one of the futexes that are behind its words: of the
 * condition and the mutex to get it, and of those to see that it was taken. */
uint32_t lt_py_state_without_gil(const struct lt_py_process *p, const struct lt_py_thread *t,
                                 const struct lt_thread_doing *doing)
{
    lt_addr gil = p->gils[t->gil].addr;
    if (doing->runnable)
        return LT_STATE_CPU;
    return doing->futex >= gil && doing->futex - gil < GIL_BYTES ? LT_STATE_GIL_WAIT : 0;
}

/* A thread of which the kernel says nothing counts as waiting. */
static uint32_t ask(const struct lt_py_process *p, struct lt_py_thread *t)
{
    struct lt_thread_doing doing;
    t->doubt = false;
    lt_thread_doing(&t->files, &doing);
    return lt_py_state_without_gil(p, t, &doing);
}

static bool holds_gil(const struct lt_py_process *p, const struct lt_py_thread *t)
{
    const struct lt_py_gil *gil = &p->gils[t->gil];
    return gil->locked && gil->holder == t;
}

static void note_holders(struct lt_py_process *p)
{
    for (size_t i = 0; i < p->n_gils; i++) {
        if (p->gils[i].holder)
            p->gils[i].holder->held_at = p->ticks;
    }
}

/* Threads without the GIL: those in doubt first, then, if all are to be asked, the others by turns.
 * Many threads cost no more than PROBES; who could not be asked stays in doubt. */
static void ask_others(struct lt_py_process *p, bool all)
{
    size_t left = PROBES;
    p->others_run = false;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        bool turn =
            all && (p->n_threads <= PROBES || (i + p->ticks) % (p->n_threads / PROBES + 1) == 0);
        if (holds_gil(p, t)) {
            t->asked = 0; /* that is about threads without the GIL */
            continue;
        }
        if (t->ran) {
            t->asked = LT_STATE_CPU; /* by the time it had been followed it may have stopped */
        } else if ((t->doubt || t->asked & LT_STATE_CPU || turn) && left > 0) {
            left--;
            t->asked = ask(p, t);
        }
        p->others_run = p->others_run || t->asked & LT_STATE_CPU;
        t->state = t->asked;
    }
}

/* CPU time that those who are known to run cannot have used adds up to a doubt about all, once an
 * interval's worth has come together. What a late reading of the clock takes from one tick it gives
 * to the next. */
static bool unexplained(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns)
{
    int64_t now_ns = p->released_ns + use->free_ns;
    bool holder = false;
    for (size_t i = 0; i < p->n_gils; i++)
        holder = holder || (p->gils[i].locked && p->gils[i].holder);
    if (!p->others_run)
        p->unexplained_ns += use->used_ns - (holder ? use->free_ns : 0);
    if (p->unexplained_ns < -interval_ns)
        p->unexplained_ns = -interval_ns;
    if (!use->first && p->unexplained_ns <= interval_ns && now_ns - p->asked_ns < REFRESH_NS)
        return false;
    p->unexplained_ns = 0;
    p->asked_ns = now_ns;
    return true;
}

bool lt_py_state_idle(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns)
{
    p->unexplained_ns += use->used_ns;
    return !p->others_run && !use->first && p->unexplained_ns <= interval_ns;
}

/* Is the thread that holds the GIL on a processor? One thread alone can use all the time there was:
 * then it did. */
static bool holder_runs(const struct lt_py_process *p, const struct lt_cpu_use *use,
                        struct lt_py_thread *holder)
{
    bool alone = p->n_gils == 1 && !p->others_run && !p->gils[0].changed && !use->first;
    bool all_used = use->free_ns > 2 * SLACK_NS &&
                    use->used_ns >= use->free_ns - (use->free_ns / 16 + SLACK_NS);
    return (alone && all_used) || ask(p, holder) & LT_STATE_CPU;
}

static void update_holder(struct lt_py_process *p, struct lt_py_gil *gil,
                          const struct lt_cpu_use *use)
{
    struct lt_py_thread *holder = gil->holder;
    if (!gil->locked || !holder) {
        gil->slept = holder && !(holder->asked & LT_STATE_CPU) && !holder->doubt;
        return;
    }
    bool runs = holder->ran || holder_runs(p, use, holder);
    holder->state = LT_STATE_GIL | (gil->gc ? LT_STATE_GC : 0) | (runs ? LT_STATE_CPU : 0);
    holder->doubt = true; /* about what it does once it has let the GIL go */
    gil->slept = !runs;
}

/* A thread of the kernel that has gone into another interpreter has a stack in each, and runs in one:
 * where it had the GIL last, and of those that had it at the same tick, in the newest. */
static bool runs_elsewhere(const struct lt_py_process *p, const struct lt_py_thread *t)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        const struct lt_py_thread *other = p->threads[i];
        if (!other->tid || other->tid != t->tid)
            continue;
        if (other->held_at > t->held_at)
            return true;
        if (other->held_at == t->held_at && other->n_known > 0 &&
            lt_py_thread_is_inner(p, other, t))
            return true;
    }
    return false;
}

static void choose_interpreters(struct lt_py_process *p)
{
    for (size_t i = 0; i < p->n_threads && p->n_interps > 1; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->state & LT_STATE_CPU && !holds_gil(p, t) && runs_elsewhere(p, t))
            t->state = 0;
    }
}

void lt_py_state_update(struct lt_py_process *p, const struct lt_cpu_use *use, int64_t interval_ns)
{
    p->ticks++;
    note_holders(p);
    ask_others(p, unexplained(p, use, interval_ns));
    for (size_t i = 0; i < p->n_gils; i++)
        update_holder(p, &p->gils[i], use);
    choose_interpreters(p);
    for (size_t i = 0; i < p->n_threads; i++)
        p->threads[i]->ran = false;
}

void lt_py_state_update_quiet(struct lt_py_process *p)
{
    p->ticks++;
    for (size_t i = 0; i < p->n_threads && p->others_run; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->asked & LT_STATE_CPU && !holds_gil(p, t)) {
            t->asked = ask(p, t);
            t->state = t->asked;
        }
    }
    choose_interpreters(p);
}
