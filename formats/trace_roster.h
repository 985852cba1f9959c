/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder's processes and threads: who has which id, and what each thread does. Ids stay for
 * the whole recording. One whose owner ended is given again, but only in a later segment, so that
 * within a segment an id means one thread. */
#ifndef LT_TRACE_ROSTER_H
#define LT_TRACE_ROSTER_H

#include "formats/profile.h"

struct lt_dictionary;

#define LT_NO_SLOT UINT32_MAX

enum lt_roster_use {
    LT_ROSTER_FREE,
    LT_ROSTER_IN_USE,
    LT_ROSTER_ENDED /* free with the next segment */
};

struct lt_roster_process {
    enum lt_roster_use use;
    uint32_t pid, ppid;
    char *strings; /* command, python, cwd and host in a row */
    size_t command_len, python_len, cwd_len, host_len;
};

struct lt_roster_thread {
    enum lt_roster_use use;
    uint32_t process;
    uint64_t tid, ident;
    char *name;
    size_t name_len;

    bool live;     /* takes part in the ticks: it has a stack in this segment */
    uint32_t slot; /* in the open TICKS block, or LT_NO_SLOT */
    uint32_t stack, state, tags;
    uint64_t since_tick; /* of the segment, when it got this stack, state and tags */
    uint64_t since_covers;
    uint64_t changed_at; /* number of the last call that changed it */
};

struct lt_roster {
    struct lt_roster_process *processes;
    struct lt_roster_thread *threads;
    size_t n_processes, processes_alloc;
    size_t n_threads, threads_alloc;
    uint32_t first_free_process, first_free_thread; /* no free id is below */
};

void lt_roster_release(struct lt_roster *r);

/* LT_ERR_LIMIT when all ids are given. */
int lt_roster_add_process(struct lt_roster *r, const struct lt_process_info *info, uint32_t *id);
int lt_roster_add_thread(struct lt_roster *r, const struct lt_thread_info *info, uint32_t *id);
int lt_roster_name_thread(struct lt_roster *r, uint32_t id, struct lt_str name);

/* Whoever has the id, which is in use, is forgotten but for the id itself. */
void lt_roster_end_process(struct lt_roster *r, uint32_t id);
void lt_roster_end_thread(struct lt_roster *r, uint32_t id);

/* NULL for ids that are not in use. */
struct lt_roster_process *lt_roster_process(const struct lt_roster *r, uint32_t id);
struct lt_roster_thread *lt_roster_thread(const struct lt_roster *r, uint32_t id);

/* A new segment: ended ones are forgotten, the others defined in `d`; no thread is live. Processes
 * first. */
int lt_roster_renew_processes(struct lt_roster *r, struct lt_dictionary *d);
int lt_roster_renew_threads(struct lt_roster *r, struct lt_dictionary *d);

struct lt_process_info lt_roster_process_info(const struct lt_roster_process *process);
struct lt_thread_info lt_roster_thread_info(const struct lt_roster_thread *thread);

#endif
