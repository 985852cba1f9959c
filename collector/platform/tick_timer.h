/* SPDX-License-Identifier: Apache-2.0
 *
 * When to sample: one tick in each interval, at a random point of it, on a grid that never
 * drifts. A program with a period of its own cannot run in step with such ticks, and every
 * tick stands for exactly one interval. */
#ifndef LT_TICK_TIMER_H
#define LT_TICK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct lt_tick_timer {
    int64_t start_ns; /* CLOCK_MONOTONIC of the grid's origin */
    int64_t interval_ns;
    int64_t next;    /* number of the next tick */
    uint64_t jitter; /* seed of lt_tick_jitter_ns(), at most 32 bits, never 0 */
};

struct lt_tick {
    int64_t time_ns;     /* when it was taken, since the start */
    int64_t lateness_ns; /* after its deadline */
    uint32_t covers;     /* ticks that it stands for: 1, more where deadlines had passed */
};

int64_t lt_monotonic_ns(void);

void lt_tick_timer_init(struct lt_tick_timer *t, int64_t interval_ns);

/* Monotonic time of the next tick. */
int64_t lt_tick_timer_deadline(const struct lt_tick_timer *t);

/* Takes the next tick, whose deadline has come: ticks whose deadlines have passed as well are
 * folded into it. */
void lt_tick_timer_take(struct lt_tick_timer *t, struct lt_tick *tick);

/* Sleeps until a monotonic time; returns early on a signal. */
void lt_sleep_until(int64_t monotonic_ns);

/* Asks the kernel to wake the calling thread at once and let it run: timer slack, a short
 * scheduler slice, and with `realtime` a higher priority where it is allowed. */
void lt_be_punctual(bool realtime);
/* The same more mildly, for a thread that may work for milliseconds: a process that lives for 50 of
 * them has to be found in time. */
void lt_be_prompt(void);

/* Lets the calling thread run before others, where that is allowed, or as everybody again. */
void lt_be_urgent(bool urgent);

/* CPU time of the calling thread. */
int64_t lt_thread_cpu_ns(void);

#endif
