/* SPDX-License-Identifier: Apache-2.0
 *
 * tick_floor RATE SECONDS: a loop that does nothing but sleep until each tick: what any sampler costs
 * at the least. Prints the CPU time that it took, in microseconds a tick. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: tick_floor RATE SECONDS\n");
        return 2;
    }
    int64_t interval_ns = (int64_t)(1e9 / atof(argv[1]));
    int64_t ticks = (int64_t)(atof(argv[1]) * atof(argv[2]));
    int64_t due_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    prctl(PR_SET_TIMERSLACK, 1);
    for (int64_t i = 0; i < ticks; i++) {
        due_ns += interval_ns;
        const struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    printf("%.3f\n", (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns) / 1e3 / (double)ticks);
    return 0;
}
