/* SPDX-License-Identifier: Apache-2.0
 *
 * What all threads of a Python process are doing at one moment, as plain data. The process is not
 * stopped: it is read as by the sampler (py_process.h says why that is one moment), and locals are
 * read in the same moment as the stacks that they are on. */
#ifndef LT_DUMP_H
#define LT_DUMP_H

#include <sys/types.h>

#include "collector/py_tasks.h"
#include "formats/byte_buffer.h"
#include "formats/profile.h"

struct lt_dump_text { /* a piece of lt_dump.text, see lt_dump_str() */
    size_t at, len;
};

struct lt_dump_local {
    struct lt_dump_text name;
    struct lt_dump_text value; /* as repr() writes it (py_values.h) */
};

struct lt_dump_frame {
    struct lt_dump_text name, file; /* bytes that need not be UTF-8 */
    uint32_t line;
    size_t first_local, n_locals;
};

struct lt_dump_thread {
    pid_t tid; /* 0: not known */
    uint64_t ident;
    lt_addr tstate;
    struct lt_dump_text name;
    uint32_t state;               /* bits of LT_STATE_* */
    int error;                    /* why its stack is not known: LT_ERR_TORN, ...; 0: it is */
    size_t first_frame, n_frames; /* innermost first */
    size_t n_cut;                 /* outer ones that were left out */
};

struct lt_dump_task { /* of asyncio; those that are done are left out */
    lt_addr id;       /* what id() says of it */
    struct lt_dump_text name;
    size_t thread; /* whose event loop it belongs to; LT_DUMP_NO_THREAD: it has ended */
    enum lt_py_coroutine_state state;
    int error;                           /* as of a thread */
    size_t first_frame, n_frames, n_cut; /* likewise: its coroutines, and what they call */
    size_t first_waiter, n_waiters;      /* ids of the tasks that await it */
};

#define LT_DUMP_NO_THREAD SIZE_MAX

struct lt_dump {
    pid_t pid;
    char python[32];             /* version */
    struct lt_dump_text command; /* and its arguments */
    struct lt_dump_text cwd;
    bool own_root;    /* it sees the files that we see */
    int locals_error; /* why there are none of some threads: LT_ERR_TORN; 0: there are */
    bool locals_cut;  /* there were too many: outer frames are without */
    bool has_asyncio; /* it has loaded it: then there may be tasks */
    int tasks_error;  /* why not all of them are here */
    bool tasks_cut;   /* there were too many */
    struct lt_dump_thread *threads;
    size_t n_threads, threads_alloc;
    struct lt_dump_frame *frames;
    size_t n_frames, frames_alloc;
    struct lt_dump_local *locals;
    size_t n_locals, locals_alloc;
    struct lt_dump_task *tasks;
    size_t n_tasks, tasks_alloc;
    lt_addr *waiters;
    size_t n_waiters, waiters_alloc;
    struct lt_buf text;
};

struct lt_dump_options {
    bool locals;
    bool force;          /* see lt_py_finder_force() */
    uint32_t max_frames; /* of a stack, the innermost ones; 0: all */
};

/* Fills *d, which is all zero. Takes some milliseconds, a second for a process that is just
 * starting, and leaves the calling thread bound to one processor. Threads whose stacks could not be
 * confirmed say so; that is no error. LT_ERR_NO_PROCESS, LT_ERR_PERMISSION, LT_ERR_NOT_PYTHON,
 * LT_ERR_NOT_READY, LT_ERR_PY_VERSION, LT_ERR_PY_NEWER, LT_ERR_PY_FREE_THREADED (d->python says
 * which), LT_ERR_NOMEM. */
int lt_dump_take(struct lt_dump *d, pid_t pid, const struct lt_dump_options *options);
void lt_dump_release(struct lt_dump *d);

static inline struct lt_str lt_dump_str(const struct lt_dump *d, struct lt_dump_text text)
{
    return (struct lt_str){(const char *)d->text.data + text.at, text.len};
}

#endif
