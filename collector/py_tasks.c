/* SPDX-License-Identifier: Apache-2.0
 *
 * From a thread state to its tasks, from a task to its coroutines. */
#include "config.h"

#include "collector/py_tasks.h"

#include <inttypes.h>

#include "collector/py_numbers.h"
#include "collector/py_set.h"
#include "collector/py_types.h"
#include "collector/py_unicode.h"
#include "collector/py_values.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/profile.h"

enum {
    WORD = 8,
    NEXT = 0, /* in struct llist_node, which a list's head is too */
    TASK_MAX = 1024,
    THREAD_MAX = 1 << 16,
    INTERP_MAX = 1 << 24,
    MAX_TASKS = 1 << 16,
    MAX_NAME_CHARS = 256,
    MAX_WRAPPERS = 4,     /* around what is awaited */
    MAX_FUTURES = 8,      /* in a row from one task to another */
    MAX_WAITERS = 1 << 16 /* of one task, with all that is in between */
};

/* The words of the section, in their order. */
enum {
    TASK_SIZE,
    TASK_NAME,
    TASK_AWAITED_BY,
    TASK_IS_TASK,
    TASK_AWAITED_BY_IS_SET,
    TASK_CORO,
    TASK_NODE,
    INTERP_SIZE,
    INTERP_TASKS,
    THREAD_SIZE,
    THREAD_LOOP,
    THREAD_TASK,
    THREAD_TASKS,
    N_WORDS
};

/* So many bytes at this word's offset lie in a structure of this size. */
static bool within(const uint64_t *words, size_t field, size_t len, size_t size)
{
    return words[field] < words[size] && words[size] - words[field] >= len &&
           (len == 1 || words[field] % WORD == 0);
}

static bool plausible(const uint64_t *w)
{
    return w[TASK_SIZE] <= TASK_MAX && w[INTERP_SIZE] <= INTERP_MAX &&
           w[THREAD_SIZE] <= THREAD_MAX && within(w, TASK_NAME, WORD, TASK_SIZE) &&
           within(w, TASK_AWAITED_BY, WORD, TASK_SIZE) && within(w, TASK_IS_TASK, 1, TASK_SIZE) &&
           within(w, TASK_AWAITED_BY_IS_SET, 1, TASK_SIZE) &&
           within(w, TASK_CORO, WORD, TASK_SIZE) && within(w, TASK_NODE, 2 * WORD, TASK_SIZE) &&
           within(w, INTERP_TASKS, 2 * WORD, INTERP_SIZE) &&
           within(w, THREAD_LOOP, WORD, THREAD_SIZE) && within(w, THREAD_TASK, WORD, THREAD_SIZE) &&
           within(w, THREAD_TASKS, 2 * WORD, THREAD_SIZE);
}

int lt_py_asyncio_read(const struct lt_mem *mem, lt_addr section, struct lt_py_asyncio *out)
{
    uint64_t words[N_WORDS];
    int err = lt_mem_read(mem, section, words, sizeof(words));
    if (err)
        return err;
    if (!plausible(words))
        return LT_ERR_CORRUPT;
    *out = (struct lt_py_asyncio){
        .task_size = (uint32_t)words[TASK_SIZE],
        .task_name = (uint32_t)words[TASK_NAME],
        .task_awaited_by = (uint32_t)words[TASK_AWAITED_BY],
        .task_is_task = (uint32_t)words[TASK_IS_TASK],
        .task_awaited_by_is_set = (uint32_t)words[TASK_AWAITED_BY_IS_SET],
        .task_coro = (uint32_t)words[TASK_CORO],
        .task_node = (uint32_t)words[TASK_NODE],
        .interp_tasks = (uint32_t)words[INTERP_TASKS],
        .thread_loop = (uint32_t)words[THREAD_LOOP],
        .thread_task = (uint32_t)words[THREAD_TASK],
        .thread_tasks = (uint32_t)words[THREAD_TASKS],
    };
    return 0;
}

/* ---- one task ---- */

int lt_py_task_read(const struct lt_py_tasks *r, lt_addr addr, struct lt_py_task *task)
{
    const struct lt_py_asyncio *a = r->asyncio;
    uint8_t bytes[TASK_MAX];
    int err = lt_mem_read(r->mem, addr, bytes, a->task_size);
    if (err)
        return err;
    *task = (struct lt_py_task){
        .addr = addr,
        .is_task = bytes[a->task_is_task] == 1,
        .name = lt_peek_u64(bytes, a->task_name),
        .coro = lt_peek_u64(bytes, a->task_coro),
        .awaited_by = lt_peek_u64(bytes, a->task_awaited_by),
        .awaited_by_is_set = bytes[a->task_awaited_by_is_set] == 1,
    };
    return 0;
}

/* A task that was given no name has a number. */
int lt_py_task_name(const struct lt_py_tasks *r, const struct lt_py_task *task, struct lt_buf *out)
{
    enum lt_py_kind kind;
    lt_addr type;
    size_t before = out->len;
    int err = lt_py_kind_of(r->mem, r->offsets, task->name, &kind, &type);
    if (!err && kind == LT_PY_INT) {
        err = lt_buf_put_text(out, "Task-");
        if (!err)
            err = lt_py_int_text(r->mem, r->offsets, task->name, out);
    } else if (!err) {
        err = kind == LT_PY_STR
                  ? lt_py_unicode_read(r->mem, r->offsets, task->name, MAX_NAME_CHARS, out)
                  : LT_ERR_CORRUPT;
    }
    if (err)
        out->len = before;
    return err;
}

/* ---- coroutines ---- */

static enum lt_py_coroutine_state state_of(const struct lt_py_offsets *o, uint8_t state)
{
    if (state == o->generator.created)
        return LT_CORO_CREATED;
    if (state == o->generator.executing)
        return LT_CORO_EXECUTING;
    if (state == o->generator.suspended || state == o->generator.awaiting)
        return LT_CORO_SUSPENDED;
    return LT_CORO_ENDED;
}

/* What the awaited object is a coroutine or generator of: itself, or what it wraps, which is its first
 * member. */
static int unwrap(const struct lt_py_tasks *r, lt_addr object, lt_addr *coro)
{
    enum lt_py_kind kind = LT_PY_AWAITABLE;
    lt_addr type;
    int err = 0;
    for (size_t i = 0; !err && kind == LT_PY_AWAITABLE && i < MAX_WRAPPERS; i++) {
        err = lt_py_kind_of(r->mem, r->offsets, object, &kind, &type);
        *coro = !err && kind == LT_PY_GENERATOR ? object : 0;
        if (!err && kind == LT_PY_AWAITABLE)
            err = lt_mem_read_u64(r->mem, object + r->offsets->object.type + WORD, &object);
    }
    return err;
}

static int find_awaited(const struct lt_py_tasks *r, lt_addr frame, lt_addr *awaited)
{
    const struct lt_py_offsets *o = r->offsets;
    lt_addr top;
    uint64_t ref = 0;
    int err = lt_mem_read_u64(r->mem, frame + o->frame.stackpointer, &top);
    if (!err)
        err = lt_mem_read_u64(r->mem, top - (lt_addr)o->generator.awaited * WORD, &ref);
    return err ? err : unwrap(r, lt_py_ref_object(o, ref), awaited);
}

int lt_py_coroutine_read(const struct lt_py_tasks *r, lt_addr addr, struct lt_py_coroutine *coro)
{
    const struct lt_py_offsets *o = r->offsets;
    uint8_t state;
    int err = lt_mem_read(r->mem, addr + o->generator.state, &state, 1);
    if (err)
        return err;
    *coro =
        (struct lt_py_coroutine){.state = state_of(o, state), .frame = addr + o->generator.frame};
    return state == o->generator.awaiting ? find_awaited(r, coro->frame, &coro->awaits) : 0;
}

/* ---- all tasks ---- */

int lt_py_tasks_each(const struct lt_py_tasks *r, lt_addr head,
                     int (*each)(void *ctx, lt_addr task), void *ctx)
{
    lt_addr node;
    int err = lt_mem_read_u64(r->mem, head + NEXT, &node);
    for (size_t n = 0; !err && node && node != head; n++) {
        if (n == MAX_TASKS)
            return LT_ERR_LIMIT;
        err = each(ctx, node - r->asyncio->task_node);
        if (!err)
            err = lt_mem_read_u64(r->mem, node + NEXT, &node);
    }
    return err;
}

/* ---- who awaits ---- */

struct waiters {
    const struct lt_py_tasks *r;
    int (*each)(void *ctx, lt_addr task);
    void *ctx;
    size_t depth, met;
};

static int meet_waiters(struct waiters *w, const struct lt_py_task *of);

static int meet_waiter(void *ctx, lt_addr addr)
{
    struct waiters *w = ctx;
    struct lt_py_task waiter;
    if (w->met++ == MAX_WAITERS)
        return LT_ERR_LIMIT;
    int err = lt_py_task_read(w->r, addr, &waiter);
    if (err)
        return err;
    return waiter.is_task ? w->each(w->ctx, addr) : meet_waiters(w, &waiter);
}

static int meet_waiters(struct waiters *w, const struct lt_py_task *of)
{
    int err = 0;
    if (!of->awaited_by || w->depth == MAX_FUTURES)
        return 0;
    w->depth++;
    if (of->awaited_by_is_set)
        err = lt_py_set_each(w->r->mem, w->r->offsets, of->awaited_by, meet_waiter, w);
    else
        err = meet_waiter(w, of->awaited_by);
    w->depth--;
    return err;
}

int lt_py_task_waiters_each(const struct lt_py_tasks *r, const struct lt_py_task *task,
                            int (*each)(void *ctx, lt_addr task), void *ctx)
{
    struct waiters w = {.r = r, .each = each, .ctx = ctx};
    return meet_waiters(&w, task);
}

/* ---- the one that runs ---- */

static int running_task(const struct lt_py_tasks *r, lt_addr tstate, lt_addr *task)
{
    lt_addr loop;
    *task = 0;
    int err = lt_mem_read_u64(r->mem, tstate + r->asyncio->thread_loop, &loop);
    if (err || !loop)
        return err;
    return lt_mem_read_u64(r->mem, tstate + r->asyncio->thread_task, task);
}

int lt_py_stack_task_read(const struct lt_py_tasks *r, const struct lt_py_stack *stack,
                          struct lt_py_stack_task *out)
{
    struct lt_py_task task;
    lt_addr addr;
    size_t i = 0;
    out->task = 0;
    lt_buf_clear(&out->name);
    int err = running_task(r, stack->tstate, &addr);
    if (err || !addr)
        return err;
    err = lt_py_task_read(r, addr, &task);
    if (err)
        return err;
    lt_addr frame = task.coro + r->offsets->generator.frame;
    while (i < stack->n_frames && stack->frames[i].addr != frame)
        i++;
    /* It is about to step, or has just done so; or it is a task of another kind (not of C). */
    if (!task.is_task || i == stack->n_frames)
        return 0;
    err = lt_buf_put_text(&out->name, LT_FRAME_TASK);
    if (!err)
        err = lt_py_task_name(r, &task, &out->name);
    if (err == LT_ERR_CORRUPT || err == LT_ERR_FAULT)
        err = lt_buf_printf(&out->name, "at 0x%" PRIx64, addr);
    if (!err) {
        out->task = addr;
        out->n_outer = i;
    }
    return err;
}
