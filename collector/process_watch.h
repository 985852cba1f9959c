/* SPDX-License-Identifier: Apache-2.0
 *
 * Which processes are to be sampled: the ones that were asked for and their children, each looked
 * at until it turns out to be Python (programs become Python by exec, and interpreters take a while
 * to start), and the names of their threads. All of it may take milliseconds and is never done by
 * the sampler itself. */
#ifndef LT_PROCESS_WATCH_H
#define LT_PROCESS_WATCH_H

#include "collector/py_process.h"
#include "collector/py_thread_names.h"

struct lt_process_watch;

struct lt_process_watch_events {
    void *ctx;
    /* Found and ready; the receiver owns it from now on. */
    int (*python)(void *ctx, struct lt_py_process *process);
    /* A thread's name; the process may be gone. */
    int (*name)(void *ctx, pid_t pid, const struct lt_py_named *thread, struct lt_str name);
    /* It has loaded asyncio; only if `tasks` are wanted. */
    int (*asyncio)(void *ctx, pid_t pid, const struct lt_py_asyncio *asyncio);
    /* It keeps tags there. */
    int (*tags)(void *ctx, pid_t pid, const struct lt_py_tag_var *var);
};

struct lt_process_watch_config {
    bool children;      /* lt_process_watch_births() has to be called, too */
    bool force_version; /* see lt_py_finder_force(), */
    bool tasks;         /* lt_py_finder_need_tasks() */
    lt_addr tag_var;    /* where the one process keeps its tags, if that is known */
};

int lt_process_watch_new(struct lt_process_watch **out,
                         const struct lt_process_watch_events *events,
                         const struct lt_process_watch_config *config);
void lt_process_watch_free(struct lt_process_watch *w);

int lt_process_watch_add(struct lt_process_watch *w, pid_t pid);
/* Its sampling ended: it is gone, or another program now, which is looked at again. */
void lt_process_watch_lost(struct lt_process_watch *w, pid_t pid);
/* It has threads whose names are not known yet. */
void lt_process_watch_want_names(struct lt_process_watch *w, pid_t pid);

/* How often the caller should look for births (lt_newest_pid()), from the first Python on. */
#define LT_BIRTHS_EVERY_NS INT64_C(20000000)
/* A process or thread was born, somewhere: look for children in the next round. */
void lt_process_watch_births(struct lt_process_watch *w);

/* One round; call it again at the monotonic time *next_ns, or earlier. */
int lt_process_watch_round(struct lt_process_watch *w, int64_t now_ns, int64_t *next_ns);

/* Processes that are alive, Python or not. */
size_t lt_process_watch_alive(const struct lt_process_watch *w);
/* Why nothing could be sampled so far: LT_ERR_NOT_PYTHON, LT_ERR_PY_* (detail: the version),
 * LT_ERR_PERMISSION; 0 if something was. */
int lt_process_watch_reason(const struct lt_process_watch *w, char *detail, size_t size);

#endif
