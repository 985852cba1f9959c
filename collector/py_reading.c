/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt is one vectored read of all that is expected to matter, framed by the GIL's words at its
 * beginning and its end. See py_process.h for why that is one moment. */
#include "config.h"

#include "collector/py_reading.h"

#include "collector/py_nodes.h"
#include "collector/py_thread_list.h"
#include "formats/lt_error.h"

enum {
    MAX_ATTEMPTS = 12,
    MAX_CPU = 1 << 16,
    AGAIN = 1 /* not a failure: the holder changed, or has moved; look again from there */
};

struct gil_words {
    lt_addr last_holder;
    uint64_t switch_number;
    bool locked;
};

struct attempt {
    struct lt_py_process *p;
    struct lt_py_gil *gil;
    struct lt_tick_context *tick;
    bool full;            /* all threads of the GIL, not only its holder */
    bool more;            /* read again since the frame of GIL words was closed */
    uint64_t switches;    /* of this thread, at the beginning */
    size_t gil_before, gil_after, heads, gc, cpu;
    lt_addr cpu_word;     /* what `cpu` is a copy of; 0: none */
    struct gil_words words;
};

static lt_addr gil_from(const struct lt_py_offsets *o)
{
    return o->gil.last_holder < o->gil.locked ? o->gil.last_holder : o->gil.locked;
}

static int want_gil(struct attempt *a, size_t *copy)
{
    const struct lt_py_offsets *o = &a->p->runtime.offsets;
    lt_addr from = gil_from(o);
    return lt_copies_want(&a->p->copies, a->gil->addr + from, o->gil.switch_number + 8 - from, copy);
}

static struct gil_words gil_words(const struct attempt *a, size_t copy)
{
    const struct lt_py_offsets *o = &a->p->runtime.offsets;
    const uint8_t *bytes = lt_copies_at(&a->p->copies, copy);
    size_t from = gil_from(o);
    return (struct gil_words){
        .last_holder = lt_peek_u64(bytes, o->gil.last_holder - from),
        .switch_number = lt_peek_u64(bytes, o->gil.switch_number - from),
        .locked = lt_peek_u32(bytes, o->gil.locked - from) != 0,
    };
}

static bool same_words(const struct gil_words *a, const struct gil_words *b)
{
    return a->last_holder == b->last_holder && a->switch_number == b->switch_number && a->locked == b->locked;
}

static int want_code(struct lt_py_process *p, struct lt_py_code *code)
{
    lt_addr from;
    size_t len;
    if (code->wanted == p->attempt)
        return 0;
    lt_py_codes_identity_range(p->codes, code->addr, &from, &len);
    int err = lt_copies_want(&p->copies, from, len, &code->identity_copy);
    if (!err && lt_py_codes_need_name(p->codes))
        err = lt_copies_want(&p->copies, code->name_addr, LT_CODE_NAME_IDENTITY, &code->name_copy);
    code->wanted = p->attempt;
    return err;
}

/* The thread's stack where it lay the last time, and the identities of the code objects on it. */
static int want_thread(struct lt_py_process *p, struct lt_py_thread *t)
{
    int err = lt_py_stack_want(&t->stack, &p->runtime.offsets, &p->copies);
    t->wanted_in = p->attempt;
    for (size_t i = 0; !err && i < t->n_known; i++) {
        struct lt_py_code *code = lt_py_codes_find(p->codes, t->known[i].code);
        if (code)
            err = want_code(p, code);
    }
    return err;
}

static bool under(const struct attempt *a, const struct lt_py_thread *t)
{
    return &a->p->gils[t->gil] == a->gil;
}

static int want_threads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    int err = a->gil->holder ? want_thread(p, a->gil->holder) : 0;
    for (size_t i = 0; a->full && !err && i < p->n_threads; i++) {
        if (p->threads[i] != a->gil->holder && under(a, p->threads[i]))
            err = want_thread(p, p->threads[i]);
    }
    return err;
}

static int want_heads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    int err = 0;
    for (size_t i = 0; !err && i < p->n_interps; i++) {
        size_t copy;
        err = lt_copies_want(&p->copies, p->interps[i] + p->runtime.offsets.interp.threads_head, 8, &copy);
        if (i == 0)
            a->heads = copy;
    }
    return err;
}

/* The holder's processor, then the GIL: what the end of an attempt is judged by. */
static int want_end(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    int err = 0;
    a->cpu_word = a->gil->holder ? a->gil->holder->cpu_word : 0;
    if (a->cpu_word)
        err = lt_copies_want(&p->copies, a->cpu_word, 4, &a->cpu);
    return err ? err : want_gil(a, &a->gil_after);
}

static int want_all(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    const struct lt_py_offsets *o = &p->runtime.offsets;
    lt_addr interp = a->gil->holder ? a->gil->holder->interp : p->interps[0];
    int err = want_gil(a, &a->gil_before);
    if (!err)
        err = want_heads(a);
    if (!err)
        err = lt_copies_want(&p->copies, interp + o->interp.gc_collecting, 4, &a->gc);
    if (!err)
        err = want_threads(a);
    return err ? err : want_end(a);
}

/* A copy failed: what we thought we knew of that memory is out of date. */
static int lost_memory(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    size_t failed = p->copies.fetched;
    if (failed <= a->gil_before)
        return LT_ERR_NO_PROCESS; /* the GIL itself is gone: another program runs there now */
    lt_addr addr = p->copies.items[failed].addr;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->cpu_word == addr)
            t->cpu_word = 0;
        lt_py_stack_forget(&t->stack);
        t->n_known = 0;
    }
    p->list_stale = true;
    a->gil->settled = false;
    return LT_ERR_FAULT;
}

static int fetch(struct attempt *a)
{
    int err = lt_copies_fetch(&a->p->copies, &a->p->mem);
    return err == LT_ERR_FAULT ? lost_memory(a) : err;
}

/* Did a thread list change its first member? New threads are put there. */
static void look_at_heads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    for (size_t i = 0; i < p->n_interps; i++) {
        lt_addr head = lt_peek_u64(lt_copies_at(&p->copies, a->heads + i), 0);
        if (head != p->heads[i]) {
            p->heads[i] = head;
            p->list_stale = true;
        }
    }
}

/* The processor that the holder last ran on. -1: not to be known. */
static int holder_cpu(const struct attempt *a)
{
    struct lt_py_thread *t = a->gil->holder;
    if (a->cpu_word) {
        uint32_t cpu = lt_peek_u32(lt_copies_at(&a->p->copies, a->cpu), 0);
        if (cpu < MAX_CPU)
            return (int)cpu;
        t->cpu_word = 0; /* not registered (yet) */
    }
    return lt_thread_last_cpu(t->stat_fd);
}

/* Goes where the holder is. 0 if the sampler was there already. */
static int follow(struct attempt *a)
{
    if (!a->gil->holder)
        return 0;
    int cpu = holder_cpu(a);
    if (cpu == a->tick->follower->cpu)
        return 0;
    if (cpu < 0)
        return LT_ERR_TORN;
    int err = lt_follower_bind(a->tick->follower, cpu);
    return err ? err : AGAIN;
}

/* Is the attempt about the right threads, and is the sampler in the right place? */
static int judge_beginning(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    struct lt_py_gil *gil = a->gil;
    a->words = gil_words(a, a->gil_before);
    look_at_heads(a);

    bool settled = gil->settled && a->words.last_holder == gil->last_holder &&
                   a->words.switch_number == gil->switch_number;
    bool missing = !settled && !a->full;
    gil->last_holder = a->words.last_holder;
    gil->switch_number = a->words.switch_number;
    gil->settled = settled;
    if (!gil->holder || gil->holder->stack.tstate != gil->last_holder) {
        gil->holder = gil->last_holder ? lt_py_threads_find(p, gil->last_holder) : NULL;
        if (gil->last_holder && !gil->holder)
            p->list_stale = true;
        missing = true; /* the end of this attempt looks at another thread's processor */
    }
    if (p->list_stale && !a->full)
        missing = true;
    if (missing && a->full) {
        a->more = true; /* all the stacks are here: only the end has to be looked at again */
        int err = want_end(a);
        if (!err)
            err = fetch(a);
        if (err)
            return err;
        missing = false;
    }
    int err = follow(a);
    if (err)
        return err;
    return missing ? AGAIN : 0;
}

/* New and ended threads. The holder may be among the new ones. */
static int walk_threads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    if (!p->list_stale)
        return 0;
    int err = lt_py_threads_walk(p, &a->more);
    if (err == LT_ERR_FAULT)
        return lost_memory(a);
    if (err)
        return err;
    if (!a->gil->holder && a->gil->last_holder) {
        a->gil->holder = lt_py_threads_find(p, a->gil->last_holder);
        if (a->gil->holder)
            return AGAIN;
    }
    return 0;
}

static bool checked(const struct lt_py_process *p, const struct lt_py_code *code)
{
    const uint8_t *identity = lt_copies_at(&p->copies, code->identity_copy);
    const uint8_t *name = lt_py_codes_need_name(p->codes) ? lt_copies_at(&p->copies, code->name_copy) : NULL;
    return lt_py_codes_same(p->codes, code, identity, name);
}

/* Wants the identities of known code objects that the prediction did not bring. */
static int want_missing_codes(struct attempt *a, const struct lt_py_stack *s)
{
    struct lt_py_process *p = a->p;
    int err = 0;
    for (size_t i = 0; !err && i < s->n_frames; i++) {
        struct lt_py_code *code = lt_py_codes_find(p->codes, s->frames[i].code);
        if (code && code->checked != p->attempt && code->wanted != p->attempt) {
            a->more = true;
            err = want_code(p, code);
        }
    }
    return err ? err : fetch(a);
}

/* Every code object on the stack is known and is still what it was, or is read now. */
static int check_codes(struct attempt *a, const struct lt_py_stack *s)
{
    struct lt_py_process *p = a->p;
    int err = want_missing_codes(a, s);
    for (size_t i = 0; !err && i < s->n_frames; i++) {
        lt_addr addr = s->frames[i].code;
        struct lt_py_code *code = lt_py_codes_find(p->codes, addr);
        if (code && code->checked == p->attempt)
            continue;
        if (!code || !checked(p, code)) {
            a->more = true;
            err = lt_py_codes_read(p->codes, addr, &code);
            if (err)
                return err == LT_ERR_FAULT ? LT_ERR_CORRUPT : err;
        }
        code->checked = p->attempt;
    }
    return err;
}

static int walk_stacks(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        t->read = t->wanted_in == p->attempt && under(a, t);
        if (!t->read)
            continue;
        int err = lt_py_stack_walk(&t->stack, &p->runtime.offsets, &p->copies, &p->mem, &a->more);
        if (!err)
            err = check_codes(a, &t->stack);
        if (err == LT_ERR_FAULT)
            err = lost_memory(a);
        if (err)
            return err;
    }
    return 0;
}

/* Was all of it one moment? */
static int judge_end(struct attempt *a)
{
    if (a->more) {
        int err = want_end(a);
        if (!err)
            err = fetch(a);
        if (err)
            return err;
    }
    struct gil_words after = gil_words(a, a->gil_after);
    if (!same_words(&a->words, &after))
        return LT_ERR_TORN;
    int err = follow(a);
    if (err)
        return err;
    return lt_own_switches() == a->switches ? 0 : LT_ERR_TORN;
}

static int keep(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    struct lt_py_gil *gil = a->gil;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        int err = t->read ? lt_py_nodes_update(p, t, a->tick) : 0;
        if (err)
            return err;
    }
    if (p->list_stale) {
        int err = lt_py_threads_prune(p, a->tick->writer);
        if (err)
            return err;
        p->list_stale = false;
    }
    gil->settled = gil->settled || a->full;
    gil->locked = a->words.locked;
    gil->gc = lt_peek_u32(lt_copies_at(&p->copies, a->gc), 0) != 0;
    return 0;
}

static int try_once(struct lt_py_process *p, struct lt_py_gil *gil, struct lt_tick_context *tick)
{
    struct attempt a = {.p = p, .gil = gil, .tick = tick, .full = !gil->settled || p->list_stale};
    lt_copies_clear(&p->copies);
    p->attempt++;
    a.switches = lt_own_switches();
    int err = want_all(&a);
    if (!err)
        err = fetch(&a);
    if (!err)
        err = judge_beginning(&a);
    if (!err)
        err = walk_threads(&a);
    if (!err)
        err = walk_stacks(&a);
    if (!err)
        err = judge_end(&a);
    return err ? err : keep(&a);
}

int lt_py_reading_take(struct lt_py_process *p, struct lt_py_gil *gil, struct lt_tick_context *tick)
{
    int err = 0;
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        err = try_once(p, gil, tick);
        if (err == 0 || err == LT_ERR_NO_PROCESS || err == LT_ERR_PERMISSION || err == LT_ERR_NOMEM)
            return err;
        if (err != AGAIN)
            tick->health->retried++;
    }
    return err == AGAIN ? LT_ERR_TORN : err;
}
