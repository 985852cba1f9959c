/* SPDX-License-Identifier: Apache-2.0
 *
 * Following a thread to its processor. While the sampler runs on the processor that a thread
 * last ran on, that thread cannot run there, and if it runs elsewhere its `rseq` area says so:
 * this is what makes a copy of its memory a copy of one moment. */
#ifndef LT_FOLLOW_H
#define LT_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/mem.h"

/* The sampler thread's own place. One for each thread that samples. */
struct lt_follower {
    int cpu;        /* the only processor that this thread may run on; -1: not bound */
    uint64_t moves; /* how often it had to change processors */
    /* How often this thread should have been switched out by now: the last count, and one for
     * each time that it has slept since. If it has, nothing else ran on its processor while it was
     * awake. */
    uint64_t switches;
};

void lt_follower_init(struct lt_follower *f);

/* Runs the calling thread on `cpu` only, from the return on. 0, or LT_ERR_AWAY where that processor
 * is closed to it (cpuset, no permission). */
int lt_follower_bind(struct lt_follower *f, int cpu);

/* The caller has slept, once. */
static inline void lt_follower_slept(struct lt_follower *f)
{
    f->switches++;
}

/* Counts anew how often the calling thread was switched out. True if that is what it should be. */
bool lt_follower_undisturbed(struct lt_follower *f);

/* struct rseq, of which we read the second word (Linux UAPI <linux/rseq.h>). */
#define LT_RSEQ_CPU_ID 4 /* offset of cpu_id */

/* The processor that a thread last ran on from /proc, for targets without rseq. stat_fd is an open
 * /proc/PID/task/TID/stat. -1 when it cannot be read. */
int lt_thread_last_cpu(int stat_fd);

#endif
