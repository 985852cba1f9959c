/* SPDX-License-Identifier: Apache-2.0
 *
 * From threads of the process that is read to plain data. */
#include "config.h"

#include "collector/dump_moment.h"

#include "collector/dump_tasks.h"
#include "collector/py_locals.h"
#include "collector/py_nodes.h"
#include "collector/py_state.h"
#include "collector/py_thread_names.h"
#include "collector/py_unicode.h"
#include "collector/py_values.h"
#include "formats/lt_error.h"

enum {
    MAX_FRAMES = 1 << 22, /* of all threads */
    MAX_LOCALS = 1 << 20,
    MAX_NAME_CHARS = 128
};

void lt_dump_moment_begin(struct lt_dump_moment *m)
{
    const struct lt_dump *d = m->dump;
    m->begin = (struct lt_dump_mark){.threads = d->n_threads,
                                     .frames = d->n_frames,
                                     .locals = d->n_locals,
                                     .tasks = d->n_tasks,
                                     .waiters = d->n_waiters,
                                     .text = d->text.len,
                                     .locals_cut = d->locals_cut,
                                     .tasks_cut = d->tasks_cut,
                                     .tasks_error = d->tasks_error};
}

static void rewind_dump(struct lt_dump_moment *m)
{
    struct lt_dump *d = m->dump;
    d->n_threads = m->begin.threads;
    d->n_frames = m->begin.frames;
    d->n_locals = m->begin.locals;
    d->text.len = m->begin.text;
    d->n_tasks = m->begin.tasks;
    d->n_waiters = m->begin.waiters;
    d->locals_cut = m->begin.locals_cut;
    d->tasks_cut = m->begin.tasks_cut;
    d->tasks_error = m->begin.tasks_error;
}

static struct lt_dump_look begin_look(struct lt_dump_moment *m, struct lt_py_process *p)
{
    struct lt_dump_look l = {.m = m, .d = m->dump, .p = p};
    rewind_dump(m);
    lt_page_cache_clear(m->cache);
    lt_page_cache_mem(m->cache, &l.mem);
    l.values = (struct lt_py_values){.offsets = &p->runtime.offsets, .budget = m->budget};
    return l;
}

static int put_str(struct lt_dump *d, struct lt_str s, struct lt_dump_text *text)
{
    *text = (struct lt_dump_text){d->text.len, s.len};
    return lt_buf_put(&d->text, s.data, s.len);
}

/* A local that makes no sense is left out: the rest of the stack is as true without it. */
int lt_dump_or_nothing(int err)
{
    return err == LT_ERR_FAULT || err == LT_ERR_CORRUPT || err == LT_ERR_LIMIT ? 0 : err;
}

static int put_local(void *ctx, const struct lt_py_local *local)
{
    struct lt_dump_look *l = ctx;
    struct lt_dump *d = l->d;
    struct lt_dump_local entry = {.name.at = d->text.len};
    if (lt_array_grow(&d->locals, &d->locals_alloc, d->n_locals + 1, sizeof(d->locals[0]),
                      MAX_LOCALS))
        return LT_ERR_NOMEM;
    int err = lt_py_unicode_read(&l->mem, l->values.offsets, local->name, MAX_NAME_CHARS, &d->text);
    if (err)
        return err;
    entry.name.len = d->text.len - entry.name.at;
    entry.value.at = d->text.len;
    err = lt_py_value_ref_text(&l->values, local->ref, &d->text);
    entry.value.len = d->text.len - entry.value.at;
    if (!err)
        d->locals[d->n_locals++] = entry;
    return err;
}

static int put_locals(struct lt_dump_look *l, const struct lt_py_frame *frame,
                      struct lt_dump_frame *out)
{
    struct lt_dump *d = l->d;
    out->first_local = d->n_locals;
    if (l->m->budget == 0)
        return 0;
    d->locals_cut = d->locals_cut || l->values.budget == 0;
    if (l->values.budget == 0)
        return 0;
    l->values.mem = &l->mem;
    int err = lt_py_locals_each(&l->mem, l->values.offsets, frame->addr, frame->code, put_local, l);
    out->n_locals = d->n_locals - out->first_local;
    return lt_dump_or_nothing(err);
}

int lt_dump_put_frame(struct lt_dump_look *l, const struct lt_py_frame *frame)
{
    const struct lt_py_codes *codes = l->p->codes;
    const struct lt_py_code *code = lt_py_codes_find(codes, frame->code);
    struct lt_dump *d = l->d;
    struct lt_dump_frame out = {0};
    uint32_t offset;
    if (!code || !lt_py_code_offset(codes, code, frame->instr, &offset))
        return LT_ERR_CORRUPT;
    if (lt_py_frame_incomplete(frame, code, offset))
        return 0;
    int err = lt_py_code_line(codes, code, offset, &out.line);
    if (!err)
        err = put_str(d, code->name, &out.name);
    if (!err)
        err = put_str(d, code->file, &out.file);
    if (!err)
        err = put_locals(l, frame, &out);
    if (!err)
        err = lt_array_grow(&d->frames, &d->frames_alloc, d->n_frames + 1, sizeof(d->frames[0]),
                            MAX_FRAMES);
    if (!err)
        d->frames[d->n_frames++] = out;
    return err;
}

static int put_frames(struct lt_dump_look *l, const struct lt_py_thread *t,
                      struct lt_dump_thread *out)
{
    size_t i = t->stack.n_frames;
    int err = 0;
    out->first_frame = l->d->n_frames;
    while (!err && i > 0 && (!l->m->max_frames || out->n_frames < l->m->max_frames)) {
        err = lt_dump_put_frame(l, &t->stack.frames[--i]);
        out->n_frames = l->d->n_frames - out->first_frame;
    }
    out->n_cut = i;
    return err;
}

static int put_thread(struct lt_dump_look *l, struct lt_py_thread *t, int error)
{
    struct lt_dump *d = l->d;
    struct lt_thread_doing doing;
    struct lt_dump_thread out = {
        .tid = t->tid, .ident = t->ident, .tstate = t->stack.tstate, .error = error};
    if (t->unreadable)
        out.error = t->unreadable;
    else if (t->walked_in != l->p->attempt && !error)
        out.error = LT_ERR_AWAY; /* the holder, read from afar: it ran */
    lt_thread_doing(&t->files, &doing);
    out.state = lt_py_state_without_gil(l->p, t, &doing);
    int err = out.error ? 0 : put_frames(l, t, &out);
    if (!err)
        err = lt_array_grow(&d->threads, &d->threads_alloc, d->n_threads + 1, sizeof(d->threads[0]),
                            LT_MAX_THREADS);
    if (!err)
        d->threads[d->n_threads++] = out;
    return err;
}

bool lt_dump_is_member(const struct lt_py_process *p, const struct lt_py_thread *t,
                       const struct lt_py_gil *gil)
{
    return &p->gils[t->gil] == gil && (t->listed || !p->list_walked);
}

static int put_threads(struct lt_dump_look *l, const struct lt_py_gil *gil, int error)
{
    struct lt_py_process *p = l->p;
    int err = 0;
    for (size_t i = 0; !err && i < p->n_threads; i++) {
        if (lt_dump_is_member(p, p->threads[i], gil))
            err = put_thread(l, p->threads[i], error);
    }
    return err;
}

static int give_name(void *ctx, const struct lt_py_named *thread, struct lt_str name)
{
    struct lt_dump_look *l = ctx;
    for (size_t i = l->m->begin.threads; i < l->d->n_threads; i++) {
        if (l->d->threads[i].ident == thread->ident)
            return put_str(l->d, name, &l->d->threads[i].name);
    }
    return 0;
}

static int put_names(struct lt_dump_look *l, const struct lt_py_gil *gil)
{
    struct lt_py_process *p = l->p;
    int err = 0;
    for (size_t i = 0; !err && i < p->n_interps; i++) {
        struct lt_py_names names = {0};
        if (&p->gils[p->interp_gils[i]] != gil)
            continue;
        err = lt_dump_or_nothing(
            lt_py_names_read(&names, &l->mem, &p->runtime.offsets, p->interps[i], give_name, l));
        lt_py_names_release(&names);
    }
    return err;
}

int lt_dump_moment_look(void *moment, struct lt_py_process *p, const struct lt_py_gil *gil)
{
    struct lt_dump_look l = begin_look(moment, p);
    int err = put_threads(&l, gil, 0);
    if (!err)
        err = put_names(&l, gil);
    return err ? err : lt_dump_put_tasks(&l, gil);
}

int lt_dump_moment_give_up(struct lt_dump_moment *m, struct lt_py_process *p,
                           const struct lt_py_gil *gil, int error)
{
    struct lt_dump_look l = begin_look(m, p);
    int err = put_threads(&l, gil, error);
    return err ? err : put_names(&l, gil);
}
