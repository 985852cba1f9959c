/* SPDX-License-Identifier: Apache-2.0
 *
 * A jittered grid of ticks over CLOCK_MONOTONIC. */
#include "config.h"

#include "collector/platform/tick_timer.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "formats/tick_jitter.h"

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t lt_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t lt_thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void lt_tick_timer_init(struct lt_tick_timer *t, int64_t interval_ns)
{
    t->start_ns = lt_monotonic_ns();
    t->interval_ns = interval_ns;
    t->next = 0;
    uint64_t unique = (uint64_t)t->start_ns ^ (uint64_t)getpid() << 32;
    t->jitter = 1 + (uint64_t)lt_tick_jitter_ns(unique, 0, UINT32_MAX);
}

int64_t lt_tick_timer_deadline(const struct lt_tick_timer *t)
{
    return t->start_ns + t->next * t->interval_ns +
           lt_tick_jitter_ns(t->jitter, t->next, t->interval_ns);
}

void lt_tick_timer_take(struct lt_tick_timer *t, struct lt_tick *tick)
{
    int64_t now = lt_monotonic_ns();
    int64_t first = t->next;
    tick->lateness_ns = now - lt_tick_timer_deadline(t);
    if (tick->lateness_ns < 0)
        tick->lateness_ns = 0;

    /* After a long stop (suspend, SIGSTOP) go straight to the current interval. */
    int64_t current = (now - t->start_ns) / t->interval_ns;
    t->next = current > first + 1 ? current : first + 1;
    while (lt_tick_timer_deadline(t) <= now)
        t->next++;
    tick->time_ns = now - t->start_ns;
    tick->covers = t->next - first > UINT32_MAX ? UINT32_MAX : (uint32_t)(t->next - first);
}

void lt_sleep_until(int64_t monotonic_ns)
{
    struct timespec t = {.tv_sec = monotonic_ns / 1000000000, .tv_nsec = monotonic_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* struct sched_attr of the Linux UAPI, version 0; older libc headers do not have it. */
struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* of a normal task: its slice, Linux 6.12+ */
    uint64_t deadline, period;
};

enum { SLICE_NS = 100000, PROMPT_NICE = -10 };

/* The lowest real-time priority. */
static bool be_realtime(void)
{
    const struct sched_param lowest = {.sched_priority = 1};
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0;
}

void lt_be_urgent(bool urgent)
{
    const struct sched_param none = {.sched_priority = 0};
    if (urgent)
        be_realtime();
    else
        sched_setscheduler(0, SCHED_OTHER, &none);
}

void lt_be_prompt(void)
{
    /* Where it is not allowed, a busy machine makes us later. Here it is the calling thread's. */
    setpriority(PRIO_PROCESS, 0, PROMPT_NICE);
}

void lt_be_punctual(bool realtime)
{
    /* A sampler that is not let in at once sees its target only where it sleeps. It runs for some
     * 10 us at a time. */
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    if (realtime && be_realtime())
        return;
#ifdef SYS_sched_setattr
    /* Not wanted or not allowed; a short slice is free for everybody. */
    struct scheduling wish = {
        .size = sizeof(wish), .nice = getpriority(PRIO_PROCESS, 0), .runtime = SLICE_NS};
    syscall(SYS_sched_setattr, 0, &wish, 0);
#endif
}
