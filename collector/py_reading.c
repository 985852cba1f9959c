/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt is one vectored read of all that is expected to matter, framed by the GIL's words at
 * its beginning and its end. See py_process.h for why that is one moment. */
#include "config.h"

#include "collector/py_reading.h"

#include <stdlib.h>

#include "collector/platform/tick_timer.h"
#include "collector/py_nodes.h"
#include "collector/py_tags.h"
#include "collector/py_thread_list.h"
#include "formats/lt_error.h"

enum {
    MAX_ATTEMPTS = 12,
    RUN_NS = 20000,      /* between two attempts: long enough for a switch to the target and back */
    MAX_PASSED_OVER = 8, /* stacks that one tick gives up */
    FIRST_PAUSE_NS = 1000000, /* how long one is passed over at first */
    LONGEST_PAUSE_NS = 1024000000,
    MAX_CPU = 1 << 16,
    MAX_CHECKS = 1 << 16, /* code objects on all stacks that are read together */
    FAR = 1 << 22,        /* code objects made since one that still runs, at the most */
    TOGETHER = 2048,      /* bytes that are worth one copy instead of several */
    AGAIN = 1 /* not a failure: the holder changed, or has moved; look again from there */
};

struct gil_words {
    lt_addr last_holder;
    uint64_t switch_number;
    bool locked;
};

struct spot { /* of a word, in a copy that may hold more than it */
    size_t copy, offset;
};

struct attempt {
    struct lt_py_process *p;
    struct lt_py_gil *gil;
    struct lt_tick_context *tick;
    bool others; /* stacks besides the holder's were read: the GIL must be the same at the end */
    bool afar;   /* the holder is not followed: the kernel has to tell whether it runs */
    struct lt_py_thread *asleep;     /* the holder, which slept at the beginning; or NULL */
    uint64_t slices;                 /* of it, then */
    bool holder_ran;                 /* while it was read, or may have: nothing is known of it */
    int holder_error;                /* why its stack could not be read from afar */
    bool more;                       /* something was read after `cpu` (and the GIL's end) */
    struct lt_py_thread *unreadable; /* whose stack made it fail; or NULL */
    struct spot gil_before, gil_after, gc;
    struct spot heads[LT_MAX_INTERPRETERS], next_versions[LT_MAX_INTERPRETERS];
    size_t cpu;
    lt_addr cpu_word; /* what `cpu` is a copy of; 0: none */
    struct gil_words words;
};

static const uint8_t *at(const struct attempt *a, struct spot spot)
{
    return lt_copies_at(&a->p->copies, spot.copy) + spot.offset;
}

static int want_at(struct attempt *a, lt_addr addr, size_t len, struct spot *spot)
{
    spot->offset = 0;
    return lt_copies_want(&a->p->copies, addr, len, &spot->copy);
}

/* The GIL's words are one run of bytes. */
static lt_addr gil_from(const struct attempt *a)
{
    const struct lt_py_offsets *o = &a->p->runtime.offsets;
    return a->gil->addr + (o->gil.last_holder < o->gil.locked ? o->gil.last_holder : o->gil.locked);
}

static lt_addr gil_to(const struct attempt *a)
{
    return a->gil->addr + a->p->runtime.offsets.gil.switch_number + 8;
}

static int want_gil(struct attempt *a, struct spot *spot)
{
    return want_at(a, gil_from(a), (size_t)(gil_to(a) - gil_from(a)), spot);
}

static struct gil_words gil_words(const struct attempt *a, struct spot spot)
{
    const struct lt_py_offsets *o = &a->p->runtime.offsets;
    const uint8_t *bytes = at(a, spot);
    size_t from = (size_t)(gil_from(a) - a->gil->addr);
    return (struct gil_words){
        .last_holder = lt_peek_u64(bytes, o->gil.last_holder - from),
        .switch_number = lt_peek_u64(bytes, o->gil.switch_number - from),
        .locked = lt_peek_u32(bytes, o->gil.locked - from) != 0,
    };
}

static bool same_words(const struct gil_words *a, const struct gil_words *b)
{
    return a->last_holder == b->last_holder && a->switch_number == b->switch_number &&
           a->locked == b->locked;
}

/* Nothing else can be at its address by now. */
static bool is_current(const struct lt_py_process *p, const struct lt_py_code *code)
{
    return p->generation && code->generation == p->generation && !code->replaced;
}

static int note_check(struct lt_py_process *p, struct lt_py_code *code)
{
    if (code->wanted == p->attempt)
        return 0;
    if (lt_array_grow(&p->checks, &p->checks_alloc, p->n_checks + 1, sizeof(p->checks[0]),
                      MAX_CHECKS))
        return LT_ERR_LIMIT;
    code->wanted = p->attempt;
    p->checks[p->n_checks++] = code;
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct lt_py_code *const *x = a, *const *y = b;
    return ((*x)->addr > (*y)->addr) - ((*x)->addr < (*y)->addr);
}

/* Wants the identities of the code objects that were noted. Those of a module lie close to each
 * other. */
static int want_checks(struct lt_py_process *p)
{
    int err = 0;
    if (p->n_checks > 1)
        qsort(p->checks, p->n_checks, sizeof(p->checks[0]), by_address);
    for (size_t i = 0; !err && i < p->n_checks; i++) {
        lt_addr from;
        size_t len;
        lt_py_codes_identity_range(p->codes, p->checks[i]->addr, &from, &len);
        err = lt_copies_want(&p->copies, from, len, &p->checks[i]->identity_copy);
    }
    for (size_t i = 0; !err && i < p->n_checks && lt_py_codes_need_name(p->codes); i++) {
        struct lt_py_code *code = p->checks[i];
        if (!code->name_lost)
            err = lt_copies_want(&p->copies, code->name_addr, LT_CODE_NAME_IDENTITY,
                                 &code->name_copy);
    }
    p->n_checks = 0;
    return err;
}

/* The thread's stack where it lay the last time; the code objects on it are noted, if there is a
 * doubt. */
static int want_thread(struct attempt *a, struct lt_py_thread *t)
{
    struct lt_py_process *p = a->p;
    int err = lt_py_stack_want(&t->stack, &p->runtime.offsets, &p->copies);
    t->wanted_in = p->attempt;
    a->others = a->others || t != a->gil->holder;
    for (size_t i = 0; !err && i < t->n_known; i++) {
        if (p->restless || !is_current(p, t->known[i].code))
            err = note_check(p, t->known[i].code);
    }
    return err;
}

/* It may be what the thread runs for another interpreter, which takes no switch of the GIL. */
static bool has_holders_thread(const struct attempt *a, const struct lt_py_thread *t)
{
    return a->p->n_interps > 1 && a->gil->holder && t->tid == a->gil->holder->tid;
}

/* The holder's stack, and those of threads that may have run. Those that are wanted already are
 * passed over. */
static int want_threads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    int err = 0;
    for (size_t i = 0; !err && i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        bool may_have_run = t->stale || has_holders_thread(a, t);
        bool needed = t == a->gil->holder || (&p->gils[t->gil] == a->gil && may_have_run);
        if (needed && !t->ended && !t->unreadable && t->wanted_in != p->attempt) {
            a->more = true;
            err = want_thread(a, t);
            a->unreadable = err ? t : NULL;
        }
    }
    return err ? err : want_checks(p);
}

/* The holder's processor, then the GIL: what an attempt is judged by at its end. */
static int want_end(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    int err = 0;
    a->cpu_word = a->gil->holder ? a->gil->holder->cpu_word : 0;
    lt_copies_then(&p->copies);
    if (a->cpu_word)
        err = lt_copies_want(&p->copies, a->cpu_word, 4, &a->cpu);
    if (!err && (a->others || a->afar || !a->gil->holder))
        err = want_gil(a, &a->gil_after);
    a->more = false;
    return err;
}

/* The words that every attempt begins with. Mostly they lie close together, in the one interpreter
 * that there is: one copy of all that lies between them is cheaper than three. */
static int want_beginning(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    const struct lt_py_offsets *o = &p->runtime.offsets;
    lt_addr interp = a->gil->holder ? a->gil->holder->interp : p->interps[0];
    lt_addr head = interp + o->interp.threads_head;
    lt_addr gc = o->interp.gc_collecting != LT_NO_FIELD
                     ? interp + o->interp.gc_collecting
                     : p->runtime.runtime + o->runtime.gc_collecting;
    lt_addr from = gil_from(a), to = gil_to(a);
    from = head < from ? head : from;
    from = gc < from ? gc : from;
    to = head + 8 > to ? head + 8 : to;
    to = gc + 8 > to ? gc + 8 : to;
    if (p->n_interps == 1 && to - from <= TOGETHER) {
        int err = want_at(a, from, (size_t)(to - from), &a->gil_before);
        a->heads[0] = (struct spot){a->gil_before.copy, (size_t)(head - from)};
        a->gc = (struct spot){a->gil_before.copy, (size_t)(gc - from)};
        a->gil_before.offset = (size_t)(gil_from(a) - from);
        return err;
    }
    int err = want_gil(a, &a->gil_before);
    if (!err)
        err = want_at(a, gc, 4, &a->gc);
    for (size_t i = 0; !err && i < p->n_interps; i++)
        err = want_at(a, p->interps[i] + o->interp.threads_head, 8, &a->heads[i]);
    return err;
}

static bool has_generation(const struct lt_py_process *p)
{
    return p->runtime.offsets.interp.next_version != LT_NO_FIELD && !p->generation_wrong;
}

static int want_generation(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    uint32_t field = p->runtime.offsets.interp.next_version;
    int err = 0;
    for (size_t i = 0; !err && i < p->n_interps && has_generation(p); i++)
        err = want_at(a, p->interps[i] + field, 4, &a->next_versions[i]);
    return err;
}

static int want_all(struct attempt *a)
{
    int err = want_beginning(a);
    if (!err)
        err = want_generation(a);
    if (!err)
        err = want_threads(a);
    return err ? err : want_end(a);
}

/* Its state was to be read there: the thread has ended, unless the list of threads still has it. */
static void look_for_end(struct attempt *a, struct lt_py_thread *t,
                         const struct lt_copied_range *lost)
{
    if (t->stack.tstate < lost->addr || t->stack.tstate - lost->addr >= lost->len)
        return;
    t->ended = true;
    for (size_t i = 0; i < a->p->n_gils; i++) {
        if (a->p->gils[i].holder == t)
            a->p->gils[i].holder = NULL;
    }
}

/* A copy failed: what we thought we knew of that memory is out of date. */
static int lost_memory(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    size_t failed = p->copies.fetched;
    /* An interpreter may have ended, with a GIL of its own. */
    int err = lt_py_interps_read(p);
    bool used = err ? err != LT_ERR_TORN : lt_py_gil_used(p, (size_t)(a->gil - p->gils));
    if (failed == 0 && used)
        return LT_ERR_NO_PROCESS; /* the GIL itself is gone: another program runs there now */
    const struct lt_copied_range *lost = &p->copies.ranges[failed];
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (t->cpu_word == lost->addr)
            t->cpu_word = 0;
        look_for_end(a, t, lost);
        lt_py_stack_forget(&t->stack);
        t->n_known = 0;
        t->stale = true;
    }
    if (lt_py_codes_need_name(p->codes))
        lt_py_codes_lose(p->codes, lost->addr, lost->len);
    p->list_stale = true;
    return LT_ERR_FAULT;
}

static int fetch(struct attempt *a)
{
    int err = lt_copies_fetch(&a->p->copies, &a->p->mem);
    return err == LT_ERR_FAULT ? lost_memory(a) : err;
}

/* A counter that has come to its end stays 0. */
static void look_at_generation(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    bool known = has_generation(p);
    uint64_t generation = 0;
    for (size_t i = 0; known && i < p->n_interps; i++) {
        uint32_t next = lt_peek_u32(at(a, a->next_versions[i]), 0);
        generation += next;
        known = next != 0;
    }
    if (!known)
        generation = 0;
    p->restless = generation != p->generation;
    p->generation = generation;
}

/* Did a thread list change its first member? New threads are put there. */
static void look_at_heads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    for (size_t i = 0; i < p->n_interps; i++) {
        lt_addr head = lt_peek_u64(at(a, a->heads[i]), 0);
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
    return lt_thread_last_cpu(&t->files);
}

/* Does it sleep, and how often has it been on a processor before? */
static bool sleeps(struct lt_py_thread *t, uint64_t *slices)
{
    struct lt_thread_doing doing;
    return lt_thread_doing(&t->files, &doing) == 0 && !doing.runnable &&
           lt_thread_slices(&t->files, slices) == 0;
}

/* Goes where the holder is, unless it has let the GIL go and sleeps there: then the next attempt reads
 * it from afar, which is cheaper. 0 if the sampler was there already, or need not be. */
static int follow(struct attempt *a)
{
    struct lt_py_thread *holder = a->gil->holder;
    uint64_t slices;
    if (!holder)
        return 0;
    int cpu = holder_cpu(a);
    if (cpu == a->tick->follower->cpu || a->afar)
        return 0;
    if (cpu < 0) { /* it has ended, unless the list of threads still has it */
        holder->ended = true;
        a->gil->holder = NULL;
        a->p->list_stale = true;
        return LT_ERR_TORN;
    }
    if (!a->words.locked && sleeps(holder, &slices)) {
        a->p->afar = true;
        return AGAIN;
    }
    holder->ran = true;
    int err = lt_follower_bind(a->tick->follower, cpu);
    a->p->afar = a->p->closed = err == LT_ERR_AWAY;
    return err && err != LT_ERR_AWAY ? err : AGAIN;
}

static void look_whether_asleep(struct attempt *a)
{
    struct lt_py_thread *holder = a->gil->holder;
    if (a->afar && holder && sleeps(holder, &a->slices))
        a->asleep = holder;
}

/* From afar, what was read of the holder is of one moment if it slept before and after, and was on no
 * processor in between. */
static int judge_from_afar(struct attempt *a)
{
    struct lt_py_thread *holder = a->gil->holder;
    uint64_t slices;
    if (holder->unreadable)
        return 0;
    bool ran = a->asleep != holder || !sleeps(holder, &slices) || slices != a->slices;
    if (!ran && a->holder_error) {
        a->unreadable = holder;
        return a->holder_error;
    }
    a->holder_ran = ran || holder->walked_in != a->p->attempt;
    return a->holder_ran && !a->p->closed ? AGAIN : 0;
}

/* Who may have run since the GIL's words were last looked at? One switch concerns two threads; of
 * more, those in between are not known. */
static void mark_stale(struct attempt *a, struct lt_py_thread *before, uint64_t switches)
{
    struct lt_py_process *p = a->p;
    struct lt_py_gil *gil = a->gil;
    bool two = switches == 1 && before && gil->holder;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        if (&p->gils[t->gil] == gil && (!two || t == before || t == gil->holder))
            t->stale = true;
    }
}

/* Most often it runs elsewhere. What was read of others stays of use if the GIL is the same at the
 * end: they did not have it. Not so a copy of the new holder itself, which was running. */
static int follow_new_holder(struct attempt *a)
{
    int err = want_end(a);
    if (!err)
        err = fetch(a);
    if (!err)
        err = follow(a);
    return err == AGAIN && a->gil->holder->wanted_in != a->p->attempt ? 0 : err;
}

/* Takes over the GIL's words and fetches the stacks that they make necessary. */
static int judge_beginning(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    struct lt_py_gil *gil = a->gil;
    struct lt_py_thread *before = gil->holder;
    uint64_t switches;
    a->words = gil_words(a, a->gil_before);
    look_at_heads(a);
    look_at_generation(a);

    switches = a->words.switch_number - gil->switch_number;
    gil->switch_number = a->words.switch_number;
    gil->changed = gil->changed || gil->last_holder != a->words.last_holder;
    gil->last_holder = a->words.last_holder;
    if (!before || before->stack.tstate != gil->last_holder || p->n_interps > 1) {
        gil->holder = lt_py_threads_holder(p, gil);
        p->list_stale = p->list_stale || (gil->last_holder && !gil->holder);
    }
    if (switches || gil->holder != before)
        mark_stale(a, before, switches);
    int err = gil->holder != before ? follow_new_holder(a) : 0;
    if (!err)
        err = want_threads(a);
    if (!err && a->more)
        err = want_end(a);
    if (!err)
        err = fetch(a);
    return err ? err : follow(a);
}

/* New and ended threads. The holder may be among the new ones. */
static int walk_threads(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    if (!p->list_stale)
        return 0;
    int err = lt_py_threads_walk(p);
    if (err == LT_ERR_FAULT)
        return lost_memory(a);
    if (err) {
        lt_py_interps_read(p);
        return err;
    }
    p->list_walked = true;
    a->others = a->more = true;
    if (!a->gil->holder && a->gil->last_holder) {
        a->gil->holder = lt_py_threads_holder(p, a->gil);
        if (a->gil->holder)
            return AGAIN;
        p->interps_due_ns = 0; /* it may be in an interpreter that is new */
    }
    return 0;
}

static bool checked(const struct lt_py_process *p, const struct lt_py_code *code)
{
    if (code->wanted != p->attempt || code->name_lost)
        return false;
    const uint8_t *identity = lt_copies_at(&p->copies, code->identity_copy);
    const uint8_t *name =
        lt_py_codes_need_name(p->codes) ? lt_copies_at(&p->copies, code->name_copy) : NULL;
    return lt_py_codes_same(p->codes, code, identity, name);
}

/* The place of the counter is that of the micro version that our table was made from. A code object
 * whose version does not fit under it, or one that was replaced while it stood still, shows that this
 * one keeps it elsewhere. */
static void vouch_for_generation(struct lt_py_process *p, const struct lt_py_code *code,
                                 const struct lt_py_code *was)
{
    bool unchanged = was && was->generation == p->generation;
    bool fits = code->version < p->generation && p->generation - code->version <= FAR;
    if (p->generation && code->version && (unchanged || !fits)) {
        p->generation_wrong = true;
        p->generation = 0;
    }
}

/* What is known of frame i; NULL if nothing is. Known frames have it at hand. */
static struct lt_py_code *code_of(const struct lt_py_process *p, const struct lt_py_thread *t,
                                  size_t n_known, size_t i)
{
    if (i < n_known && !t->known[i].code->replaced)
        return t->known[i].code;
    return lt_py_codes_find(p->codes, t->stack.frames[i].code);
}

/* Wants the identities of doubtful code objects that the prediction did not bring. */
static int want_missing_codes(struct attempt *a, const struct lt_py_thread *t, size_t n_known)
{
    struct lt_py_process *p = a->p;
    int err = 0;
    for (size_t i = 0; !err && i < t->stack.n_frames; i++) {
        struct lt_py_code *code = code_of(p, t, n_known, i);
        if (code && !is_current(p, code))
            err = note_check(p, code);
    }
    if (err || p->n_checks == 0)
        return err;
    a->more = true;
    err = want_checks(p);
    return err ? err : fetch(a);
}

/* The code object at this address is known and is still what it was, or is read now. */
static int check_code(struct attempt *a, lt_addr addr, struct lt_py_code **code)
{
    struct lt_py_process *p = a->p;
    struct lt_py_code *was = *code;
    if (was && (is_current(p, was) || was->checked == p->attempt))
        return 0;
    if (!was || !checked(p, was)) {
        a->more = true;
        int err = lt_py_codes_read(p->codes, addr, code);
        if (err)
            return err == LT_ERR_FAULT ? LT_ERR_CORRUPT : err;
        vouch_for_generation(p, *code, was);
    }
    (*code)->checked = p->attempt;
    (*code)->generation = p->generation;
    return 0;
}

/* Checks all code objects on the thread's stack. If another one lies at the address of one that was
 * known, nothing of the stack counts as known. */
static int check_codes(struct attempt *a, struct lt_py_thread *t)
{
    const struct lt_py_stack *s = &t->stack;
    size_t n_known = s->n_same < t->n_known ? s->n_same : t->n_known;
    int err = want_missing_codes(a, t, n_known);
    for (size_t i = 0; !err && i < s->n_frames; i++) {
        struct lt_py_code *code = code_of(a->p, t, n_known, i);
        err = check_code(a, s->frames[i].code, &code);
        if (i < n_known && t->known[i].code != code)
            t->n_known = n_known = 0;
    }
    return err;
}

/* A task that makes no sense is none. */
static int meet_task(struct attempt *a, struct lt_py_thread *t)
{
    struct lt_py_process *p = a->p;
    const struct lt_py_tasks reader = {&p->mem, &p->runtime.offsets, &p->asyncio};
    if (!p->asyncio.task_size)
        return 0;
    a->more = true;
    int err = lt_py_stack_task_read(&reader, &t->stack, &t->met_task);
    return err == LT_ERR_FAULT || err == LT_ERR_CORRUPT ? 0 : err;
}

static int walk_stacks(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        bool has_ended = p->list_walked && !t->listed;
        if (t->wanted_in != p->attempt || &p->gils[t->gil] != a->gil || has_ended || t->unreadable)
            continue;
        int err = lt_py_stack_walk(&t->stack, &p->runtime.offsets, &p->copies, &p->mem, &a->more);
        if (!err)
            err = check_codes(a, t);
        if (!err)
            err = meet_task(a, t);
        if (err == LT_ERR_FAULT)
            err = lost_memory(a);
        if (err && a->afar && t == a->gil->holder) {
            a->holder_error = err; /* most likely it ran */
            continue;
        }
        if (err) {
            p->list_stale = true; /* it may have ended */
            a->unreadable = t;
            return err;
        }
        lt_py_tags_look(p, t, &a->more);
        t->walked_in = p->attempt;
    }
    return 0;
}

/* What the caller wants to see of this moment besides. */
static int look(struct attempt *a)
{
    if (!a->tick->look)
        return 0;
    a->others = a->more = true;
    return a->tick->look(a->tick->ctx, a->p, a->gil);
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
    if (a->others || a->afar || !a->gil->holder) {
        struct gil_words after = gil_words(a, a->gil_after);
        if (!same_words(&a->words, &after))
            return LT_ERR_TORN;
    }
    int err = follow(a);
    if (err)
        return err;
    if (a->afar && a->gil->holder && holder_cpu(a) != a->tick->follower->cpu)
        return judge_from_afar(a);
    return lt_switch_watch_undisturbed(&a->tick->follower->watch) ? 0 : LT_ERR_TORN;
}

static int keep_thread(struct attempt *a, struct lt_py_thread *t)
{
    struct lt_py_process *p = a->p;
    struct lt_py_stack_task met = t->met_task;
    t->met_task = t->task;
    t->task = met;
    int err = a->tick->writer ? lt_py_nodes_update(p, t, a->tick) : 0;
    t->doubt = t->doubt || t->stale || t == a->gil->holder;
    if (!err && a->tick->writer)
        err = lt_py_tags_keep(t, a->tick);
    lt_py_thread_identify(p, t);
    if (!err)
        err = lt_py_stack_keep(&t->stack, &p->runtime.offsets, &p->copies);
    if (!err)
        t->stale = false;
    t->pause_ns = 0;
    return err;
}

static int keep(struct attempt *a)
{
    struct lt_py_process *p = a->p;
    for (size_t i = 0; i < p->n_threads; i++) {
        struct lt_py_thread *t = p->threads[i];
        bool keeps = t->walked_in == p->attempt && !(a->holder_ran && t == a->gil->holder);
        int err = keeps ? keep_thread(a, t) : 0;
        if (err)
            return err;
    }
    a->gil->locked = a->words.locked;
    a->gil->gc = lt_peek_u32(at(a, a->gc), 0) != 0;
    if (!p->list_walked)
        return 0;
    p->list_stale = p->list_walked = false;
    return lt_py_threads_prune(p, a->tick->writer);
}

static int try_once(struct lt_py_process *p, struct lt_py_gil *gil, struct lt_tick_context *tick,
                    struct lt_py_thread **unreadable)
{
    struct attempt a = {.p = p, .gil = gil, .tick = tick, .afar = p->afar};
    lt_copies_clear(&p->copies);
    p->attempt++;
    p->list_walked = false;
    p->afar = false;
    lt_switch_watch_begin(&tick->follower->watch);
    look_whether_asleep(&a);
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
        err = look(&a);
    if (!err)
        err = judge_end(&a);
    if (!err)
        err = keep(&a);
    *unreadable = a.unreadable;
    return !err && a.holder_ran ? LT_ERR_AWAY : err;
}

/* While the sampler has its processor, the holder stands still, also where it is just about to
 * link a new frame and its stack makes no sense. A moment later it does. */
static void let_it_run(void)
{
    lt_sleep_until(lt_monotonic_ns() + RUN_NS);
}

static bool is_final(int err)
{
    return err == 0 || err == LT_ERR_NO_PROCESS || err == LT_ERR_PERMISSION ||
           err == LT_ERR_NOMEM ||
           err == LT_ERR_AWAY; /* it runs, and trying again will not change that */
}

static int try_several_times(struct lt_py_process *p, struct lt_py_gil *gil,
                             struct lt_tick_context *tick, struct lt_py_thread **unreadable)
{
    int err = 0;
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        err = try_once(p, gil, tick, unreadable);
        if (is_final(err) || err == LT_ERR_LIMIT)
            return err;
        if (err == AGAIN)
            continue;
        tick->health->retried++;
        let_it_run();
    }
    return err == AGAIN ? LT_ERR_TORN : err;
}

static void pass_over(struct lt_py_thread *t, int err, int64_t now_ns)
{
    t->unreadable = err;
    t->stale = true;
    t->pause_ns = t->pause_ns ? t->pause_ns * 2 : FIRST_PAUSE_NS;
    if (t->pause_ns > LONGEST_PAUSE_NS || err == LT_ERR_LIMIT) /* it took long to see that */
        t->pause_ns = LONGEST_PAUSE_NS;
    t->retry_ns = now_ns + t->pause_ns;
}

static void end_pauses(struct lt_py_process *p, int64_t now_ns)
{
    for (size_t i = 0; i < p->n_threads; i++) {
        if (now_ns >= p->threads[i]->retry_ns)
            p->threads[i]->unreadable = 0;
    }
}

int lt_py_reading_take(struct lt_py_process *p, struct lt_py_gil *gil, struct lt_tick_context *tick)
{
    struct lt_py_thread *unreadable = NULL;
    int err = LT_ERR_TORN;
    p->afar = p->closed = false;
    end_pauses(p, tick->now_ns);
    for (int i = 0; i < MAX_PASSED_OVER; i++) {
        err = try_several_times(p, gil, tick, &unreadable);
        if (is_final(err) || !unreadable)
            break;
        pass_over(unreadable, err, tick->now_ns);
    }
    return err;
}

bool lt_py_reading_same_gil(struct lt_py_process *p, struct lt_py_gil *gil)
{
    struct attempt a = {.p = p, .gil = gil};
    lt_copies_clear(&p->copies);
    if (want_gil(&a, &a.gil_before) != 0 || lt_copies_fetch(&p->copies, &p->mem) != 0)
        return false;
    struct gil_words words = gil_words(&a, a.gil_before);
    return words.last_holder == gil->last_holder && words.switch_number == gil->switch_number &&
           words.locked == gil->locked;
}
