/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking interpreters and threads. Both lists belong to the target and may change while they are
 * read: each walk is bounded, and what it found is only kept if the whole attempt is confirmed. */
#include "config.h"

#include "collector/py_thread_list.h"

#include <stdlib.h>

#include "collector/platform/thread_stat.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

bool lt_py_gil_used(const struct lt_py_process *p, size_t gil)
{
    for (size_t i = 0; i < p->n_interps; i++) {
        if (p->interp_gils[i] == gil)
            return true;
    }
    return false;
}

/* May another GIL take its place? Not while a thread of an interpreter that has ended is known. */
static bool is_free(const struct lt_py_process *p, size_t gil, size_t n_read)
{
    for (size_t i = 0; i < n_read; i++) {
        if (p->interp_gils[i] == gil)
            return false;
    }
    for (size_t i = 0; i < p->n_threads; i++) {
        if (p->threads[i]->gil == gil)
            return false;
    }
    return !lt_py_gil_used(p, gil);
}

/* The place of a GIL, known or new; n_read interpreters have theirs already. */
static int gil_index(struct lt_py_process *p, lt_addr addr, size_t n_read, uint32_t *index)
{
    size_t at = 0;
    while (at < p->n_gils && p->gils[at].addr != addr)
        at++;
    if (at == p->n_gils) {
        at = 0;
        while (at < p->n_gils && !is_free(p, at, n_read))
            at++;
        if (at == LT_MAX_INTERPRETERS)
            return LT_ERR_LIMIT;
        p->gils[at] = (struct lt_py_gil){.addr = addr};
        if (at == p->n_gils)
            p->n_gils++;
    }
    *index = (uint32_t)at;
    return 0;
}

static int gil_of_interp(const struct lt_py_process *p, lt_addr interp, lt_addr *gil)
{
    const struct lt_py_offsets *o = &p->runtime.offsets;
    if (o->interp.gil == LT_NO_FIELD) {
        *gil = p->runtime.runtime + o->runtime.gil;
        return 0;
    }
    int err = lt_mem_read_u64(&p->mem, interp + o->interp.gil, gil);
    if (!err && !*gil)
        err = LT_ERR_NOT_READY;
    return err;
}

enum { MAX_INTERPRETERS_MET = 1 << 14 };

struct interp_list {
    lt_addr interps[LT_MAX_INTERPRETERS], gils[LT_MAX_INTERPRETERS];
    size_t n;
};

static int read_list(const struct lt_py_process *p, struct interp_list *list)
{
    const struct lt_py_offsets *o = &p->runtime.offsets;
    lt_addr interp;
    size_t met = 0;
    int err = lt_mem_read_u64(&p->mem, p->runtime.runtime + o->runtime.interpreters_head, &interp);
    for (list->n = 0; !err && interp;) {
        if (++met > MAX_INTERPRETERS_MET)
            return LT_ERR_LIMIT;
        /* The main interpreter is the last one: of too many, those before it are left out. */
        if (list->n == LT_MAX_INTERPRETERS)
            list->n--;
        list->interps[list->n] = interp;
        err = gil_of_interp(p, interp, &list->gils[list->n]);
        if (!err)
            list->n++;
        else if (err != LT_ERR_NOT_READY)
            return err;
        /* One that is being made or taken apart has no threads to sample. */
        err = lt_mem_read_u64(&p->mem, interp + o->interp.next, &interp);
    }
    if (err)
        return err;
    if (!list->n)
        return LT_ERR_NOT_READY;
    bool lost_main = p->n_interps && list->interps[list->n - 1] != p->interps[p->n_interps - 1];
    return lost_main ? LT_ERR_TORN : 0; /* one of them was taken out in between */
}

int lt_py_interps_read(struct lt_py_process *p)
{
    struct interp_list list;
    int err = read_list(p, &list);
    for (size_t i = 0; !err && i < list.n; i++) {
        if (i >= p->n_interps || p->interps[i] != list.interps[i]) {
            p->interps[i] = list.interps[i];
            p->heads[i] = 0;
            p->list_stale = true;
        }
        err = gil_index(p, list.gils[i], i, &p->interp_gils[i]);
    }
    if (err)
        return err;
    p->list_stale = p->list_stale || list.n != p->n_interps;
    p->n_interps = list.n;
    while (p->n_gils > 1 && is_free(p, p->n_gils - 1, list.n))
        p->n_gils--;
    return 0;
}

void lt_py_thread_free(struct lt_py_thread *t)
{
    if (!t)
        return;
    lt_thread_files_close(&t->files);
    lt_py_stack_release(&t->stack);
    lt_buf_release(&t->task.name);
    lt_buf_release(&t->met_task.name);
    lt_buf_release(&t->kept_tags);
    lt_buf_release(&t->looked_tags);
    free(t->known);
    free(t);
}

struct lt_py_thread *lt_py_threads_find(const struct lt_py_process *p, lt_addr tstate)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        if (p->threads[i]->stack.tstate == tstate && !p->threads[i]->ended)
            return p->threads[i];
    }
    return NULL;
}

/* The threads that share this GIL all are one: its id; otherwise 0. */
static pid_t only_tid(const struct lt_py_process *p, const struct lt_py_gil *gil)
{
    pid_t tid = 0;
    for (size_t i = 0; i < p->n_threads; i++) {
        const struct lt_py_thread *t = p->threads[i];
        if (&p->gils[t->gil] != gil || t->ended)
            continue;
        if (tid && t->tid != tid)
            return 0;
        tid = t->tid;
    }
    return tid;
}

static size_t age(const struct lt_py_process *p, const struct lt_py_thread *t)
{
    size_t i = 0;
    while (i < p->n_interps && p->interps[i] != t->interp)
        i++;
    return i;
}

bool lt_py_thread_is_inner(const struct lt_py_process *p, const struct lt_py_thread *a,
                           const struct lt_py_thread *b)
{
    return age(p, a) < age(p, b);
}

struct lt_py_thread *lt_py_threads_holder(const struct lt_py_process *p, struct lt_py_gil *gil)
{
    struct lt_py_thread *last = gil->last_holder ? lt_py_threads_find(p, gil->last_holder) : NULL;
    struct lt_py_thread *found = last;
    if (p->n_interps <= 1 && last)
        return last;
    if (!gil->last_holder)
        return NULL;
    if (last || gil->known_holder != gil->last_holder)
        gil->holder_tid = last ? last->tid : only_tid(p, gil);
    if (last)
        gil->known_holder = gil->last_holder;
    for (size_t i = 0; i < p->n_threads && gil->holder_tid; i++) {
        struct lt_py_thread *t = p->threads[i];
        bool runs = &p->gils[t->gil] == gil && t->tid == gil->holder_tid && !t->ended;
        if (runs && t->n_known > 0 &&
            (!found || !found->n_known || lt_py_thread_is_inner(p, t, found)))
            found = t;
    }
    return found;
}

static int add_thread(struct lt_py_process *p, lt_addr tstate, size_t interp,
                      struct lt_py_thread **out)
{
    if (lt_array_grow(&p->threads, &p->threads_alloc, p->n_threads + 1, sizeof(p->threads[0]),
                      LT_MAX_THREADS))
        return LT_ERR_LIMIT;
    struct lt_py_thread *t = calloc(1, sizeof(*t));
    if (!t)
        return LT_ERR_NOMEM;
    t->stack.tstate = tstate;
    t->interp = p->interps[interp];
    t->gil = p->interp_gils[interp];
    lt_thread_files_init(&t->files, p->pid, 0);
    t->stale = true;
    p->threads[p->n_threads++] = t;
    p->new_threads = true;
    *out = t;
    return 0;
}

enum { PTHREAD_SCAN = 1024 };

/* The oldest thread of the first interpreter, which is the main thread. */
static int main_thread_ident(const struct lt_py_process *p, uint64_t *ident)
{
    const struct lt_py_offsets *o = &p->runtime.offsets;
    lt_addr tstate, next;
    int err =
        lt_mem_read_u64(&p->mem, p->interps[p->n_interps - 1] + o->interp.threads_head, &next);
    *ident = 0;
    for (size_t i = 0; !err && next && i < LT_MAX_THREADS; i++) {
        tstate = next;
        err = lt_mem_read_u64(&p->mem, tstate + o->tstate.thread_id, ident);
        if (!err)
            err = lt_mem_read_u64(&p->mem, tstate + o->tstate.next, &next);
    }
    return err;
}

/* glibc keeps the head of a list of mutexes 16 bytes behind the id. It is a ring, and mostly empty:
 * then it points to itself. That tells an id from any small number, as ids in PID namespaces are.
 */
static bool robust_list_follows(const uint8_t *record, size_t len, size_t at, lt_addr record_addr)
{
    size_t head = at + 16;
    return head % 8 == 0 && head + 8 <= len && lt_peek_u64(record, head) == record_addr + head;
}

static bool is_thread(struct lt_py_process *p, pid_t inner_tid)
{
    pid_t tid = inner_tid > 0 ? lt_thread_ids_outside(&p->ids, inner_tid) : 0;
    return tid && lt_thread_exists(p->pid, tid);
}

int lt_py_tid_field_find(struct lt_py_process *p)
{
    uint8_t record[PTHREAD_SCAN];
    uint64_t ident;
    if (p->runtime.offsets.tstate.native_thread_id != LT_NO_FIELD)
        return 0;
    int err = main_thread_ident(p, &ident);
    if (!err)
        err = lt_mem_read(&p->mem, ident, record, sizeof(record));
    for (size_t at = 0; !err && at + 4 <= sizeof(record) && !p->tid_field; at += 4) {
        if (robust_list_follows(record, sizeof(record), at, ident) &&
            is_thread(p, (pid_t)lt_peek_u32(record, at)))
            p->tid_field = (uint32_t)at;
    }
    for (size_t at = 0; !err && at + 4 <= sizeof(record) && !p->tid_field; at += 4) {
        if (lt_peek_u32(record, at) == (uint32_t)p->ids.inside)
            p->tid_field = (uint32_t)at;
    }
    return err;
}

/* As the process sees it. */
static pid_t native_id(struct lt_py_process *p, const uint8_t *tstate, uint64_t ident)
{
    const struct lt_py_offsets *o = &p->runtime.offsets;
    uint32_t tid = 0;
    if (o->tstate.native_thread_id != LT_NO_FIELD)
        return (pid_t)lt_peek_u64(tstate, o->tstate.native_thread_id);
    if (!ident || !p->tid_field ||
        lt_mem_read(&p->mem, ident + p->tid_field, &tid, sizeof(tid)) != 0)
        return 0;
    return (pid_t)tid;
}

void lt_py_thread_identify(struct lt_py_process *p, struct lt_py_thread *t)
{
    const uint8_t *tstate = lt_copies_at(&p->copies, t->stack.tstate_copy);
    const struct lt_py_offsets *o = &p->runtime.offsets;
    int64_t rseq = p->runtime.rseq_offset;
    uint64_t ident = lt_peek_u64(tstate, o->tstate.thread_id);
    uint64_t state_id = o->tstate.id != LT_NO_FIELD ? lt_peek_u64(tstate, o->tstate.id) : 0;
    bool same = t->ident == ident && t->state_id == state_id;
    /* A reading that costs a call, where it does: only for a thread that is not known yet. */
    bool known = same && o->tstate.native_thread_id == LT_NO_FIELD;
    pid_t inner_tid = known ? t->inner_tid : native_id(p, tstate, ident);
    if (same && t->inner_tid == inner_tid)
        return;
    t->ident = ident;
    t->state_id = state_id;
    t->inner_tid = inner_tid;
    t->tid = inner_tid ? lt_thread_ids_outside(&p->ids, inner_tid) : 0;
    t->cpu_word = rseq && ident ? ident + (uint64_t)rseq + LT_RSEQ_CPU_ID : 0;
    t->renewed = true;
    lt_thread_files_close(&t->files);
    lt_thread_files_init(&t->files, p->pid, t->tid);
    p->new_threads = true;
}

/* The known thread of this state; most often the one that follows the last one found. */
static struct lt_py_thread *find_near(const struct lt_py_process *p, lt_addr tstate, size_t *hint)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        size_t at = (*hint + i) % p->n_threads;
        if (p->threads[at]->stack.tstate == tstate) {
            *hint = at + 1;
            return p->threads[at];
        }
    }
    return NULL;
}

/* Copies the states of threads that have not run since their stacks were read, all at once: of
 * them only the place in the list matters. */
static int fetch_states(struct lt_py_process *p)
{
    int err = 0;
    for (size_t i = 0; !err && i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->stale || t->ended || t->wanted_in == p->attempt)
            continue;
        err = lt_copies_want(&p->copies, t->stack.tstate, p->runtime.offsets.tstate.size,
                             &t->stack.tstate_copy);
        t->state_in = p->attempt;
    }
    return err ? err : lt_copies_fetch(&p->copies, &p->mem);
}

static int fetch_stack(struct lt_py_process *p, struct lt_py_thread *t)
{
    int err = lt_py_stack_want(&t->stack, &p->runtime.offsets, &p->copies);
    t->wanted_in = p->attempt;
    return err ? err : lt_copies_fetch(&p->copies, &p->mem);
}

static int walk_list(struct lt_py_process *p, size_t interp, size_t *met)
{
    const struct lt_py_offsets *o = &p->runtime.offsets;
    size_t hint = 0;
    lt_addr tstate = p->heads[interp];
    while (tstate) {
        if (++*met > LT_MAX_THREADS)
            return LT_ERR_LIMIT;
        struct lt_py_thread *t = find_near(p, tstate, &hint);
        int err = t ? 0 : add_thread(p, tstate, interp, &t);
        if (!err && t->wanted_in != p->attempt && t->state_in != p->attempt)
            err = fetch_stack(p, t);
        if (err)
            return err;
        const uint8_t *bytes = lt_copies_at(&p->copies, t->stack.tstate_copy);
        if (lt_peek_u64(bytes, o->tstate.interp) != p->interps[interp])
            return LT_ERR_CORRUPT; /* of an interpreter that is no more */
        t->listed = true;
        t->ended = false;
        t->interp = p->interps[interp]; /* where its memory was another's before */
        t->gil = p->interp_gils[interp];
        lt_py_thread_identify(p, t);
        tstate = lt_peek_u64(bytes, o->tstate.next);
        if (t->renewed && t->wanted_in != p->attempt)
            err = fetch_stack(p, t);
        if (err)
            return err;
    }
    return 0;
}

int lt_py_threads_walk(struct lt_py_process *p)
{
    size_t met = 0;
    for (size_t i = 0; i < p->n_threads; i++)
        p->threads[i]->listed = false;
    int err = fetch_states(p);
    for (size_t i = 0; !err && i < p->n_interps; i++)
        err = walk_list(p, i, &met);
    return err;
}

int lt_py_threads_prune(struct lt_py_process *p, struct lt_trace_writer *writer)
{
    size_t kept = 0;
    int err = 0;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->listed) {
            p->threads[kept++] = t;
            continue;
        }
        for (size_t g = 0; g < p->n_gils; g++) {
            if (p->gils[g].holder == t)
                p->gils[g].holder = NULL;
            if (p->gils[g].counted == t)
                p->gils[g].counted = NULL;
        }
        if (t->in_trace && !err)
            err = lt_trace_writer_thread_end(writer, t->trace_id);
        lt_py_thread_free(t);
    }
    p->n_threads = kept;
    return err;
}
