/* SPDX-License-Identifier: Apache-2.0
 *
 * tick_floor RATE SECONDS [PID]: a loop that does nothing but sleep until each tick: what any sampler
 * costs at the least. With a PID, each tick reads two words of that process in one call: what a sampler
 * from outside costs at the least. Prints the CPU time that it took, in microseconds a tick. */
#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The beginning and the end of the first memory of the process that can be written. */
static bool find_words(pid_t pid, uintptr_t words[2])
{
    char path[64], line[512], write = '-';
    uintptr_t end = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    while (maps && write != 'w' && fgets(line, sizeof(line), maps))
        sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*c%c", &words[0], &end, &write);
    if (maps)
        fclose(maps);
    words[1] = end - sizeof(uint64_t);
    return write == 'w';
}

static bool read_words(pid_t pid, const uintptr_t words[2])
{
    uint64_t into[2];
    const struct iovec local = {into, sizeof(into)};
    const struct iovec remote[2] = {{(void *)words[0], 8}, {(void *)words[1], 8}};
    return process_vm_readv(pid, &local, 1, remote, 2, 0) == (ssize_t)sizeof(into);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: tick_floor RATE SECONDS [PID]\n");
        return 2;
    }
    int64_t interval_ns = (int64_t)(1e9 / atof(argv[1]));
    int64_t ticks = (int64_t)(atof(argv[1]) * atof(argv[2]));
    pid_t pid = argc == 4 ? atoi(argv[3]) : 0;
    uintptr_t words[2];
    if (pid && !find_words(pid, words)) {
        fprintf(stderr, "tick_floor: the memory of %d cannot be read\n", (int)pid);
        return 1;
    }
    int64_t due_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    prctl(PR_SET_TIMERSLACK, 1);
    for (int64_t i = 0; i < ticks; i++) {
        due_ns += interval_ns;
        const struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        if (pid && !read_words(pid, words)) {
            fprintf(stderr, "tick_floor: the memory of %d cannot be read\n", (int)pid);
            return 1;
        }
    }
    printf("%.3f\n", (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns) / 1e3 / (double)ticks);
    return 0;
}
