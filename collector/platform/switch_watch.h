/* SPDX-License-Identifier: Apache-2.0
 *
 * Was the calling thread switched out meanwhile? If not, nothing else ran on its processor. Costs next
 * to nothing where the C library has registered `rseq` for the thread, else a system call each. */
#ifndef LT_SWITCH_WATCH_H
#define LT_SWITCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct lt_switch_watch {
    uint64_t switches; /* of the thread when the watch began; without rseq */
};

/* A thread has one watch at a time. */
void lt_switch_watch_begin(struct lt_switch_watch *w);

/* Not once since the watch began. */
bool lt_switch_watch_undisturbed(const struct lt_switch_watch *w);

#endif
