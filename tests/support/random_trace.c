/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that never was, and its recording. What a frame calls follows from the frame and a
 * small choice, so stacks repeat as those of a real program do. */
#include "config.h"

#include "tests/support/random_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    MAX_THREADS = 256,
    MAX_DEPTH = 48,
    FUNCTIONS = 400,
    FILES = 40,
    GIL_SWITCH_NS = 5000000,
    STEPS_PER_MS =
        6 /* calls, returns and lines that a running thread makes; real ones make more, unseen */
};

struct frame {
    uint32_t function, line; /* line: within the function */
};

struct thread {
    bool used, live, dirty;
    uint32_t id, process;
    uint64_t tid;
    unsigned depth;
    struct frame frames[MAX_DEPTH];
    bool unknown; /* its stack could not be read */
    uint32_t state, tag;
    unsigned base_depth; /* it does not return from the frames below */
    int64_t wakes_ns;
};

struct process {
    bool used;
    uint32_t id;
};

struct model {
    const struct lt_random_trace *trace;
    struct lt_trace_writer *writer;
    uint64_t random;
    int64_t interval_ns;
    int64_t phase_ns; /* start of the current step of the grid */
    struct thread threads[MAX_THREADS];
    struct process processes[4];
    unsigned n_threads; /* used or not */
    uint64_t next_tid;
    unsigned holder; /* of the GIL */
    int64_t switch_ns;
    struct lt_change changes[MAX_THREADS];
    struct lt_health health;
};

static uint64_t draw(struct model *m)
{
    uint64_t x = m->random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static unsigned below(struct model *m, unsigned n)
{
    return (unsigned)(draw(m) % n);
}

static bool one_in(struct model *m, unsigned n)
{
    return below(m, n) == 0;
}

/* ---- the program ---- */

static uint32_t first_line(uint32_t function)
{
    return 1 + (function / FILES) * 60;
}

static void name_of(uint32_t function, char *name, size_t size)
{
    static const char *const verbs[] = {"get", "load", "parse", "render", "check", "merge"};
    snprintf(name, size, "%s%u.%s_%u", function % 3 ? "Handler" : "Model", function % 17,
             verbs[function % 6], function);
}

static void file_of(uint32_t function, char *file, size_t size)
{
    unsigned n = function % FILES;
    if (n % 2)
        snprintf(file, size, "/srv/app/package_%u/module_%u.py", n % 5, n);
    else
        snprintf(file, size, "/usr/lib/python3.12/library_%u.py", n);
}

static void call(struct model *m, struct thread *t)
{
    const struct frame *caller = &t->frames[t->depth - 1];
    uint32_t callee =
        (caller->function * 7 + caller->line * 13 + below(m, 2) * 101 + 1) % FUNCTIONS;
    t->frames[t->depth++] = (struct frame){callee, below(m, 4)};
}

/* One step of a running thread: mostly another line, sometimes a call or returns. */
static void step(struct model *m, struct thread *t)
{
    unsigned what = below(m, 10);
    if (what < 3 && t->depth < t->base_depth + 16) {
        call(m, t);
    } else if (what < 6 && t->depth > t->base_depth) {
        t->depth -= 1 + below(m, t->depth - t->base_depth > 3 ? 3 : 1);
    } else {
        struct frame *leaf = &t->frames[t->depth - 1];
        leaf->line = (leaf->line + 1 + (uint32_t)one_in(m, 4)) % 12;
    }
    t->dirty = true;
}

static int new_thread(struct model *m, struct thread *t, uint32_t process)
{
    char name[32];
    *t = (struct thread){.used = true, .dirty = true, .process = process, .tid = m->next_tid++};
    t->depth = t->base_depth = 8 + below(m, 4);
    for (unsigned i = 0; i < t->depth; i++)
        t->frames[i] = (struct frame){(i * 31 + (uint32_t)(t->tid % 3) * 7) % FUNCTIONS, i % 5};
    int len = snprintf(name, sizeof(name), "worker-%u", (unsigned)t->tid);
    const struct lt_thread_info info = {
        .process = m->processes[process].id,
        .tid = t->tid,
        .ident = UINT64_C(0x7f0000000000) + t->tid * 0x1000,
        .name = {name, (size_t)len},
    };
    return lt_trace_writer_thread(m->writer, &info, &t->id);
}

static int new_process(struct model *m, struct process *p, uint32_t pid)
{
    const struct lt_process_info info = {
        .pid = pid,
        .ppid = 1,
        .command = {"python3 -m app", 14},
        .python = {"3.12.1", 6},
        .cwd = {"/srv/app", 8},
    };
    p->used = true;
    return lt_trace_writer_process(m->writer, &info, &p->id);
}

/* ---- into the trace ---- */

static int stack_of(struct model *m, const struct thread *t, uint32_t *stack)
{
    int err = 0;
    *stack = 0;
    for (unsigned i = 0; !err && !t->unknown && i < t->depth; i++) {
        char name[64], file[64];
        uint32_t function = t->frames[i].function, frame;
        name_of(function, name, sizeof(name));
        file_of(function, file, sizeof(file));
        const struct lt_frame_info info = {
            .name = {name, strlen(name)},
            .file = {file, strlen(file)},
            .line = first_line(function) + t->frames[i].line,
            .first_line = first_line(function),
        };
        err = lt_trace_writer_frame(m->writer, &info, &frame);
        if (!err)
            err = lt_trace_writer_stack(m->writer, *stack, frame, stack);
    }
    return err;
}

static int tags_of(struct model *m, const struct thread *t, uint32_t *tags)
{
    char route[32];
    int len = snprintf(route, sizeof(route), "/route/%u", t->tag);
    const struct lt_tag tag[] = {{{"route", 5}, {route, (size_t)len}}, {{"env", 3}, {"test", 4}}};
    return lt_trace_writer_tags(m->writer, tag, t->tag ? 1 + t->tag % 2 : 0, tags);
}

static void tell(struct model *m, const struct thread *t, int64_t time_ns, int64_t weight_ns)
{
    char place[MAX_DEPTH * 160];
    size_t at = (size_t)snprintf(place, sizeof(place), "%u", t->state);
    if (t->tag)
        at += (size_t)snprintf(place + at, sizeof(place) - at, " route=/route/%u%s", t->tag,
                               t->tag % 2 ? " env=test" : "");
    for (unsigned i = 0; !t->unknown && i < t->depth; i++) {
        char name[64], file[64];
        uint32_t function = t->frames[i].function;
        name_of(function, name, sizeof(name));
        file_of(function, file, sizeof(file));
        at += (size_t)snprintf(place + at, sizeof(place) - at, ";%s@%s:%u/%u", name, file,
                               first_line(function) + t->frames[i].line, first_line(function));
    }
    m->trace->sample(m->trace->ctx, t->tid, time_ns, weight_ns, place);
}

static int new_segment(struct model *m)
{
    int err = lt_trace_writer_new_segment(m->writer);
    for (unsigned i = 0; i < m->n_threads; i++)
        m->threads[i].dirty = true;
    return err;
}

static int tick(struct model *m, int64_t time_ns, uint32_t covers)
{
    size_t n = 0;
    int err = lt_trace_writer_segment_due(m->writer) ? new_segment(m) : 0;
    for (unsigned i = 0; !err && i < m->n_threads; i++) {
        struct thread *t = &m->threads[i];
        if (!t->used || !t->dirty)
            continue;
        struct lt_change *c = &m->changes[n++];
        *c = (struct lt_change){.thread = t->id, .state = t->state};
        err = stack_of(m, t, &c->stack);
        if (!err)
            err = tags_of(m, t, &c->tags);
        t->dirty = false;
        t->live = true;
    }
    if (!err)
        err = lt_trace_writer_tick(m->writer, time_ns, covers, m->changes, n);
    for (unsigned i = 0; !err && m->trace->sample && i < m->n_threads; i++) {
        if (m->threads[i].live)
            tell(m, &m->threads[i], time_ns, covers * m->interval_ns);
    }
    for (unsigned i = 0; i < m->n_threads; i++) {
        m->health.asked += m->threads[i].live;
        m->health.taken += m->threads[i].live;
    }
    return err;
}

/* ---- gil, idle ---- */

static void set_state(struct thread *t, uint32_t state)
{
    t->dirty = t->dirty || t->state != state;
    t->state = state;
}

/* Who has the GIL over the next interval, and what it does with it. */
static void run_gil(struct model *m, int64_t now_ns)
{
    struct thread *t = &m->threads[m->holder];
    if (now_ns >= m->switch_ns) {
        m->holder =
            (m->holder + 1 + below(m, m->n_threads > 1 ? m->n_threads - 1 : 1)) % m->n_threads;
        m->switch_ns = now_ns + GIL_SWITCH_NS;
        set_state(t, LT_STATE_CPU | LT_STATE_GIL_WAIT);
        t = &m->threads[m->holder];
    }
    set_state(t, LT_STATE_CPU | LT_STATE_GIL);
    int64_t steps = m->interval_ns * STEPS_PER_MS / 1000000;
    for (int64_t i = 0; i < (steps < 200 ? steps : 200); i++)
        step(m, t);
}

/* Threads wait; now and then one has something to do for a while. */
static void run_idle(struct model *m, int64_t now_ns)
{
    for (unsigned i = 0; i < m->n_threads; i++) {
        struct thread *t = &m->threads[i];
        if (t->state) {
            for (unsigned n = 0; n < 20; n++)
                step(m, t);
        }
        if (now_ns < t->wakes_ns)
            continue;
        if (t->state) {
            t->depth = t->base_depth;
            for (unsigned j = 0; j < t->depth; j++)
                t->frames[j].line = j % 5;
            set_state(t, 0);
            t->wakes_ns = now_ns + (int64_t)(1 + below(m, 20)) * 1000000000;
        } else {
            set_state(t, LT_STATE_CPU | LT_STATE_GIL);
            t->wakes_ns = now_ns + (int64_t)(1 + below(m, 200)) * 1000000;
        }
    }
}

/* The next tick lies anywhere within its interval, now and then a little later, seldom too late. */
static int64_t next_tick(struct model *m, uint32_t *covers)
{
    *covers = one_in(m, 400) ? 2 : 1;
    m->phase_ns += *covers * m->interval_ns;
    int64_t late_ns = one_in(m, 10) ? below(m, 100000) : 5000 + below(m, 20000);
    return m->phase_ns - m->interval_ns + (int64_t)below(m, (unsigned)m->interval_ns) + late_ns;
}

static int run_model(struct model *m, void (*run)(struct model *m, int64_t now_ns))
{
    int64_t flush_ns = 0, last_ns = 0;
    m->n_threads = m->trace->threads;
    int err = new_process(m, &m->processes[0], 4711);
    for (unsigned i = 0; !err && i < m->n_threads; i++) {
        err = new_thread(m, &m->threads[i], 0);
        m->threads[i].wakes_ns = (int64_t)below(m, 5000) * 1000000;
        m->threads[i].state = run == run_gil ? LT_STATE_CPU | LT_STATE_GIL_WAIT : 0;
    }
    for (unsigned i = 0; !err && i < m->trace->ticks; i++) {
        uint32_t covers;
        int64_t now_ns = next_tick(m, &covers);
        /* A tick that was late may come after the time that the next one was to have. */
        last_ns = now_ns = now_ns > last_ns ? now_ns : last_ns;
        run(m, now_ns);
        err = tick(m, now_ns, covers);
        if (!err && now_ns >= flush_ns) {
            flush_ns = now_ns + 1000000000;
            m->health.sampler_cpu_ns = (uint64_t)now_ns / 100 + below(m, 10000);
            err = lt_trace_writer_flush(m->writer, &m->health);
        }
    }
    return err;
}

/* ---- wild ---- */

static int maybe_end(struct model *m, struct thread *t)
{
    if (!t->used || !one_in(m, 12))
        return 0;
    t->used = t->live = false;
    int err = lt_trace_writer_thread_end(m->writer, t->id);
    if (err || !one_in(m, 8))
        return err;
    for (unsigned i = 0; i < m->n_threads; i++) {
        if (m->threads[i].used && m->threads[i].process == t->process)
            return 0;
    }
    m->processes[t->process].used = false;
    return lt_trace_writer_process_end(m->writer, m->processes[t->process].id);
}

static int maybe_begin(struct model *m, struct thread *t)
{
    if (t->used || !one_in(m, 6))
        return 0;
    uint32_t process = below(m, 4);
    int err = 0;
    if (!m->processes[process].used)
        err = new_process(m, &m->processes[process], 100 + below(m, 100000));
    return err ? err : new_thread(m, t, process);
}

static int change_wildly(struct model *m, struct thread *t)
{
    char name[16];
    if (!t->used)
        return 0;
    if (one_in(m, 3))
        step(m, t);
    if (one_in(m, 10))
        set_state(t, below(m, 32));
    if (one_in(m, 15)) {
        t->tag = below(m, 5);
        t->dirty = true;
    }
    if (one_in(m, 20)) {
        t->unknown = !t->unknown;
        t->dirty = true;
    }
    if (!one_in(m, 50))
        return 0;
    int len = snprintf(name, sizeof(name), "name-%u", below(m, 1000));
    return lt_trace_writer_thread_name(m->writer, t->id, (struct lt_str){name, (size_t)len});
}

static int maybe_more(struct model *m)
{
    static const struct lt_source_line lines[] = {
        {{"/srv/app/module_1.py", 20}, 7, {"    return self.get(request)", 28}},
        {{"/srv/app/module_1.py", 20}, 9, {"", 0}},
        {{"caf\xc3\xa9\xff.py", 9}, 1, {"x = 1  # \xe2\x82\xac", 12}},
    };
    if (one_in(m, 25))
        return new_segment(m);
    if (one_in(m, 6)) {
        m->health.retried += below(m, 3);
        m->health.failed[below(m, LT_FAIL_CAUSES)]++;
        return lt_trace_writer_flush(m->writer, one_in(m, 2) ? &m->health : NULL);
    }
    if (!one_in(m, 20))
        return 0;
    /* The last block may have to be replaced, unless another one comes right after a flush. */
    int err = lt_trace_writer_flush(m->writer, NULL);
    return err ? err : lt_trace_write_sources(&m->trace->sink, lines, 1 + below(m, 3));
}

static int64_t wild_pause(struct model *m, uint32_t *covers)
{
    *covers = one_in(m, 5) ? 1 + below(m, 9) : 1;
    if (one_in(m, 40))
        return (int64_t)(draw(m) % UINT64_C(5000000000000));
    if (one_in(m, 5))
        return 0;
    return (int64_t)(draw(m) % (uint64_t)(3 * m->interval_ns));
}

static int run_wild(struct model *m)
{
    int64_t now_ns = 0;
    int err = 0;
    m->n_threads = m->trace->threads;
    for (unsigned i = 0; !err && i < m->trace->ticks; i++) {
        uint32_t covers;
        for (unsigned j = 0; !err && j < m->n_threads; j++) {
            struct thread *t = &m->threads[j];
            err = maybe_end(m, t);
            if (!err)
                err = maybe_begin(m, t);
            if (!err)
                err = change_wildly(m, t);
        }
        now_ns += wild_pause(m, &covers);
        if (!err)
            err = tick(m, now_ns, covers);
        if (!err)
            err = maybe_more(m);
    }
    return err;
}

int lt_random_trace_write(const struct lt_random_trace *trace)
{
    struct model *m = calloc(1, sizeof(*m));
    if (!m)
        return LT_ERR_NOMEM;
    m->trace = trace;
    m->random = trace->seed;
    m->interval_ns = 1000000000 / (trace->rate ? trace->rate : 1);
    m->next_tid = 5000;
    const struct lt_trace_config config = {
        .meta = {.host = {"model", 5},
                 .command = {"python3 -m app", 14},
                 .cwd = {"/srv/app", 8},
                 .recorder = {"random_trace", 12},
                 .start_realtime_ns = INT64_C(1795428000000000000),
                 .interval_ns = m->interval_ns,
                 .has_time = true},
        .sink = trace->sink,
    };
    int err = trace->threads == 0 || trace->threads > MAX_THREADS ? LT_ERR_USAGE : 0;
    if (!err)
        err = lt_trace_writer_new(&m->writer, &config);
    if (!err && strcmp(trace->kind, "gil") == 0)
        err = run_model(m, run_gil);
    else if (!err && strcmp(trace->kind, "idle") == 0)
        err = run_model(m, run_idle);
    else if (!err)
        err = strcmp(trace->kind, "wild") == 0 ? run_wild(m) : LT_ERR_USAGE;
    if (!err)
        err = lt_trace_writer_close(m->writer, &m->health);
    lt_trace_writer_free(m->writer);
    free(m);
    return err;
}
