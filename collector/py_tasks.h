/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks of asyncio (CPython 3.14 and later, whose module tells where it keeps them): which one a
 * thread runs, which there are, what each awaits and who awaits it. Several reads, for which the
 * caller keeps the target still, or confirms afterwards that it stood still. */
#ifndef LT_PY_TASKS_H
#define LT_PY_TASKS_H

#include "collector/py_stack.h"

/* The section .AsyncioDebug: byte offsets (CPython, Modules/_asynciomodule.c). */
struct lt_py_asyncio {
    uint32_t task_size; /* 0: asyncio has not been loaded */
    uint32_t task_name, task_awaited_by, task_is_task, task_awaited_by_is_set, task_coro, task_node;
    uint32_t interp_tasks; /* the head of a list of tasks whose threads have ended */
    uint32_t thread_loop, thread_task, thread_tasks; /* in the thread state */
};

/* Reads and validates them. LT_ERR_CORRUPT, LT_ERR_FAULT, ... */
int lt_py_asyncio_read(const struct lt_mem *mem, lt_addr section, struct lt_py_asyncio *out);

struct lt_py_tasks { /* what reading takes */
    const struct lt_mem *mem;
    const struct lt_py_offsets *offsets;
    const struct lt_py_asyncio *asyncio;
};

struct lt_py_task { /* a task, or another future */
    lt_addr addr;
    bool is_task;
    lt_addr name, coro;
    lt_addr awaited_by; /* a future or a set of them; 0: nobody */
    bool awaited_by_is_set;
};

enum lt_py_coroutine_state { LT_CORO_CREATED, LT_CORO_SUSPENDED, LT_CORO_EXECUTING, LT_CORO_ENDED };

struct lt_py_coroutine { /* or generator */
    enum lt_py_coroutine_state state;
    lt_addr frame;
    lt_addr awaits; /* the coroutine or generator that it awaits; 0: something else, or nothing */
};

int lt_py_task_read(const struct lt_py_tasks *r, lt_addr addr, struct lt_py_task *task);
/* Appends its name. */
int lt_py_task_name(const struct lt_py_tasks *r, const struct lt_py_task *task, struct lt_buf *out);
int lt_py_coroutine_read(const struct lt_py_tasks *r, lt_addr addr, struct lt_py_coroutine *coro);

/* Calls back for each task of the list with this head until that returns other than 0, which is
 * returned. LT_ERR_LIMIT: there are too many. */
int lt_py_tasks_each(const struct lt_py_tasks *r, lt_addr head,
                     int (*each)(void *ctx, lt_addr task), void *ctx);

/* The same for each task that awaits this one, be it through other futures (gather). */
int lt_py_task_waiters_each(const struct lt_py_tasks *r, const struct lt_py_task *task,
                            int (*each)(void *ctx, lt_addr task), void *ctx);

/* The task that a thread runs. */
struct lt_py_stack_task {
    lt_addr task;       /* 0: none has a frame on the stack */
    size_t n_outer;     /* frames outside of its own, which are the event loop's */
    struct lt_buf name; /* of a frame for it in a trace */
};

int lt_py_stack_task_read(const struct lt_py_tasks *r, const struct lt_py_stack *stack,
                          struct lt_py_stack_task *out);

#endif
