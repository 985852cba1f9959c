/* SPDX-License-Identifier: Apache-2.0
 *
 * A suspended task's stack is the chain of what its coroutines await; that of one which runs is the
 * part of its thread's stack from its coroutine on. */
#include "config.h"

#include "collector/dump_tasks.h"

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum { MAX_TASKS = 1 << 20, MAX_WAITERS = 1 << 22 };

struct gathering {
    struct lt_dump_look *l;
    const struct lt_py_gil *gil;
    struct lt_py_tasks reader;
    size_t thread;
    size_t left; /* tasks that may still be taken */
};

/* ---- stacks ---- */

/* Reads each code object once in an attempt. */
static int know_code(struct lt_py_process *p, lt_addr addr)
{
    struct lt_py_code *code = lt_py_codes_find(p->codes, addr);
    if (code && code->checked == p->attempt)
        return 0;
    int err = lt_py_codes_read(p->codes, addr, &code);
    if (!err)
        code->checked = p->attempt;
    return err;
}

static int chain_frame(struct lt_dump_look *l, lt_addr addr, size_t n)
{
    const struct lt_py_offsets *o = &l->p->runtime.offsets;
    uint8_t bytes[LT_FRAME_COPY_MAX];
    struct lt_dump_moment *m = l->m;
    if (lt_array_grow(&m->chain, &m->chain_alloc, n + 1, sizeof(m->chain[0]), LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    int err = lt_mem_read(&l->mem, addr, bytes, o->frame.size);
    if (!err)
        err = lt_py_frame_decode(o, addr, bytes, &m->chain[n]);
    return err ? err : know_code(l->p, m->chain[n].code);
}

/* The coroutines of a suspended task into m->chain, outermost first. */
static int follow_chain(struct gathering *g, lt_addr coro, size_t *n)
{
    int err = 0;
    for (*n = 0; !err && coro; ++*n) {
        struct lt_py_coroutine c;
        err = lt_py_coroutine_read(&g->reader, coro, &c);
        if (err || c.state == LT_CORO_ENDED)
            return err;
        err = chain_frame(g->l, c.frame, *n);
        coro = c.awaits;
    }
    return err;
}

/* The innermost ones of n frames that lie outermost first. */
static int put_frames(struct lt_dump_look *l, const struct lt_py_frame *frames, size_t n,
                      struct lt_dump_task *out)
{
    size_t max = l->m->max_frames;
    int err = 0;
    while (!err && n > 0 && (!max || out->n_frames < max)) {
        err = lt_dump_put_frame(l, &frames[--n]);
        out->n_frames = l->d->n_frames - out->first_frame;
    }
    out->n_cut = n;
    return err;
}

static int put_running(struct gathering *g, lt_addr frame, struct lt_dump_task *out)
{
    struct lt_py_process *p = g->l->p;
    for (size_t i = 0; i < p->n_threads; i++) {
        const struct lt_py_stack *s = &p->threads[i]->stack;
        if (!lt_dump_is_member(p, p->threads[i], g->gil))
            continue;
        for (size_t j = 0; j < s->n_frames; j++) {
            if (s->frames[j].addr == frame)
                return p->threads[i]->walked_in == p->attempt
                           ? put_frames(g->l, s->frames + j, s->n_frames - j, out)
                           : LT_ERR_AWAY;
        }
    }
    return LT_ERR_CORRUPT;
}

static int put_stack(struct gathering *g, const struct lt_py_task *task,
                     const struct lt_py_coroutine *coro, struct lt_dump_task *out)
{
    size_t n;
    out->first_frame = g->l->d->n_frames;
    if (coro->state == LT_CORO_EXECUTING)
        return put_running(g, coro->frame, out);
    int err = follow_chain(g, task->coro, &n);
    return err ? err : put_frames(g->l, g->l->m->chain, n, out);
}

/* ---- who awaits it ---- */

static int put_waiter(void *ctx, lt_addr waiter)
{
    struct lt_dump *d = ((struct gathering *)ctx)->l->d;
    if (lt_array_grow(&d->waiters, &d->waiters_alloc, d->n_waiters + 1, sizeof(d->waiters[0]),
                      MAX_WAITERS))
        return LT_ERR_LIMIT;
    d->waiters[d->n_waiters++] = waiter;
    return 0;
}

static int put_waiters(struct gathering *g, const struct lt_py_task *task, struct lt_dump_task *out)
{
    out->first_waiter = g->l->d->n_waiters;
    int err = lt_py_task_waiters_each(&g->reader, task, put_waiter, g);
    out->n_waiters = g->l->d->n_waiters - out->first_waiter;
    return lt_dump_or_nothing(err);
}

/* ---- tasks ---- */

static int put_name(struct gathering *g, const struct lt_py_task *task, struct lt_dump_task *out)
{
    struct lt_buf *text = &g->l->d->text;
    out->name.at = text->len;
    int err = lt_py_task_name(&g->reader, task, text);
    out->name.len = text->len - out->name.at;
    return lt_dump_or_nothing(err);
}

/* One whose stack makes no sense says so; the others are as true without it. */
static int describe_task(struct gathering *g, const struct lt_py_task *task,
                         const struct lt_py_coroutine *coro, struct lt_dump_task *out)
{
    int err = put_name(g, task, out);
    if (!err)
        err = put_waiters(g, task, out);
    if (err)
        return err;
    err = put_stack(g, task, coro, out);
    if (err && (err == LT_ERR_AWAY || lt_dump_or_nothing(err) == 0)) {
        out->error = err;
        out->n_frames = out->n_cut = 0;
        return 0;
    }
    return err;
}

static int put_task(void *ctx, lt_addr addr)
{
    struct gathering *g = ctx;
    struct lt_dump *d = g->l->d;
    struct lt_py_task task;
    struct lt_py_coroutine coro;
    struct lt_dump_task out = {.id = addr, .thread = g->thread};
    int err = lt_py_task_read(&g->reader, addr, &task);
    if (err || !task.coro)
        return err;
    err = lt_py_coroutine_read(&g->reader, task.coro, &coro);
    if (err || coro.state == LT_CORO_ENDED)
        return err;
    if (g->left == 0) {
        d->tasks_cut = true;
        return LT_ERR_STOP;
    }
    g->left--;
    out.state = coro.state;
    err = describe_task(g, &task, &coro, &out);
    if (!err &&
        lt_array_grow(&d->tasks, &d->tasks_alloc, d->n_tasks + 1, sizeof(d->tasks[0]), MAX_TASKS))
        err = LT_ERR_NOMEM;
    if (!err)
        d->tasks[d->n_tasks++] = out;
    return err;
}

static int put_list(struct gathering *g, lt_addr head)
{
    int err = lt_py_tasks_each(&g->reader, head, put_task, g);
    if (err && lt_dump_or_nothing(err) == 0) {
        g->l->d->tasks_error = err;
        return 0;
    }
    return err == LT_ERR_STOP ? 0 : err;
}

/* The place of a thread in the dump. */
static size_t find_thread(const struct lt_dump_look *l, lt_addr tstate)
{
    for (size_t i = l->m->begin.threads; i < l->d->n_threads; i++) {
        if (l->d->threads[i].tstate == tstate)
            return i;
    }
    return LT_DUMP_NO_THREAD;
}

int lt_dump_put_tasks(struct lt_dump_look *l, const struct lt_py_gil *gil)
{
    struct lt_py_process *p = l->p;
    struct gathering g = {.l = l,
                          .gil = gil,
                          .reader = {&l->mem, &p->runtime.offsets, &p->asyncio},
                          .left = l->m->max_tasks};
    int err = 0;
    if (!l->m->max_tasks)
        return 0;
    for (size_t i = 0; !err && i < p->n_threads; i++) {
        lt_addr tstate = p->threads[i]->stack.tstate;
        g.thread = find_thread(l, tstate);
        if (g.thread != LT_DUMP_NO_THREAD)
            err = put_list(&g, tstate + p->asyncio.thread_tasks);
    }
    g.thread = LT_DUMP_NO_THREAD;
    for (size_t i = 0; !err && i < p->n_interps; i++) {
        if (&p->gils[p->interp_gils[i]] == gil)
            err = put_list(&g, p->interps[i] + p->asyncio.interp_tasks);
    }
    return err;
}
