/* SPDX-License-Identifier: Apache-2.0
 *
 * The ids of a process's threads as it sees them itself and as we do. They differ where the process
 * lives in a PID namespace of its own, as in a container: its memory has the inner ones, /proc and
 * the trace the outer ones. */
#ifndef LT_THREAD_IDS_H
#define LT_THREAD_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct lt_thread_ids {
    pid_t pid;    /* the process, as we see it */
    pid_t inside; /* the process, as it sees itself */
    struct lt_thread_id {
        pid_t outside, inside;
        bool met; /* in the last look at the list of threads */
    } * list;     /* threads that have been asked; empty where the ids are the same */
    size_t n, alloc;
};

void lt_thread_ids_init(struct lt_thread_ids *ids, pid_t pid);
void lt_thread_ids_release(struct lt_thread_ids *ids);

/* Our id of the thread that calls itself `inside`; 0: the process has no such thread. One whose ids
 * are ours is not asked for: the id may be of a thread that has ended. */
pid_t lt_thread_ids_outside(struct lt_thread_ids *ids, pid_t inside);

#endif
