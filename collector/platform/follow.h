/* SPDX-License-Identifier: Apache-2.0
 *
 * Following a thread to its processor. While the sampler runs on the processor that a thread
 * last ran on, that thread cannot run there, and if it runs elsewhere its `rseq` area says so:
 * this is what makes a copy of its memory a copy of one moment. */
#ifndef LT_FOLLOW_H
#define LT_FOLLOW_H

#include <stdint.h>

#include "collector/mem.h"
#include "collector/platform/switch_watch.h"

/* The sampler thread's own place. One for each thread that samples. */
struct lt_follower {
    int cpu;        /* the only processor that this thread may run on; -1: not bound */
    uint64_t moves; /* how often it had to change processors */
    struct lt_switch_watch watch; /* since the reading began, or the last move */
};

void lt_follower_init(struct lt_follower *f);

/* Runs the calling thread on `cpu` only, from the return on. 0, or LT_ERR_AWAY where that processor
 * is closed to it (cpuset, no permission). */
int lt_follower_bind(struct lt_follower *f, int cpu);

/* struct rseq, of which we read the second word (Linux UAPI <linux/rseq.h>). */
#define LT_RSEQ_CPU_ID 4 /* offset of cpu_id */

#endif
