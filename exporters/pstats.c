/* SPDX-License-Identifier: Apache-2.0
 *
 * What cProfile writes and Python's pstats reads: a marshalled dictionary of functions,
 *
 *     (file, line, name): (primitive calls, calls, own time, time, {caller: the same four})
 *
 * Nobody counted calls: "calls" are the stack samples that a function is in, "primitive calls" those
 * that it is innermost in. Times are seconds, or stack samples where there are no times. */
#include "config.h"

#include <stdlib.h>

#include "exporters/call_graph.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "formats/lt_error.h"
#include "formats/marshal_writer.h"

#define FLUSH_BYTES ((size_t)65536)
#define NO_FILE "~" /* as cProfile has it: pstats then shows the name alone */

struct pstats_state {
    const struct live_trace_host *host;
    bool unit_is_time;
    struct lt_call_graph graph; /* functions have one place: ids are equal */
    uint32_t *by_callee;        /* calls in order of callee and caller */
    struct lt_marshal out;
};

static void release(struct pstats_state *s)
{
    lt_call_graph_release(&s->graph);
    free(s->by_callee);
    lt_buf_release(&s->out.bytes);
    free(s);
}

static int pstats_open(const struct live_trace_host *host, void **state)
{
    struct pstats_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = lt_call_graph_init(&s->graph, true);
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int pstats_meta(void *state, const struct live_trace_meta *meta)
{
    struct pstats_state *s = state;

    s->unit_is_time = meta->unit_is_time != 0;
    if (!s->unit_is_time) {
        s->host->note(s->host->ctx, "pstats shows seconds: in this file they are stack samples");
    }
    return 0;
}

static int pstats_stack(void *state, const struct live_trace_stack *stack)
{
    return lt_call_graph_add(&((struct pstats_state *)state)->graph, stack);
}

/* Writing. */

static void put_key(struct pstats_state *s, uint32_t function)
{
    const char *file = lt_call_graph_file(&s->graph, function);

    lt_marshal_tuple(&s->out, 3);
    lt_marshal_text(&s->out, file[0] != '\0' ? file : NO_FILE);
    lt_marshal_uint(&s->out, s->graph.places[function].line);
    lt_marshal_text(&s->out, lt_call_graph_name(&s->graph, function));
}

static void put_weight(struct pstats_state *s, const struct lt_figures *f)
{
    lt_marshal_float(&s->out, s->unit_is_time ? (double)f->weight_ns / 1e9 : (double)f->count);
}

static void put_four(struct pstats_state *s, uint64_t calls, const struct lt_figures *self,
                     const struct lt_figures *total)
{
    lt_marshal_uint(&s->out, self->count);
    lt_marshal_uint(&s->out, calls);
    put_weight(s, self);
    put_weight(s, total);
}

/* *next is the first of the calls to the function and moves on. */
static void put_callers(struct pstats_state *s, uint32_t function, uint32_t *next)
{
    lt_marshal_dict(&s->out);
    for (; *next < lt_call_graph_calls(&s->graph); (*next)++) {
        const struct lt_graph_call *call = &s->graph.calls[s->by_callee[*next]];
        if (call->callee != function) {
            break;
        }
        if (call->caller != LT_CALL_FROM_NOWHERE) {
            put_key(s, call->caller);
            lt_marshal_tuple(&s->out, 4);
            put_four(s, call->count, &call->self, &call->total);
        }
    }
    lt_marshal_end_dict(&s->out);
}

static int flush(struct pstats_state *s)
{
    int error = s->out.error;

    if (error == 0) {
        error = s->host->write(s->host->ctx, s->out.bytes.data, s->out.bytes.len);
    }
    lt_buf_clear(&s->out.bytes);
    return error;
}

static int compare_calls(const void *left, const void *right, void *graph)
{
    const struct lt_graph_call *calls = ((const struct lt_call_graph *)graph)->calls;
    const struct lt_graph_call *a = &calls[*(const uint32_t *)left];
    const struct lt_graph_call *b = &calls[*(const uint32_t *)right];

    if (a->callee != b->callee) {
        return a->callee < b->callee ? -1 : 1;
    }
    return (a->caller > b->caller) - (a->caller < b->caller);
}

static int sort(struct pstats_state *s)
{
    uint32_t n = lt_call_graph_calls(&s->graph);

    s->by_callee = calloc((size_t)n + 1, sizeof *s->by_callee);
    if (s->by_callee == NULL) {
        return LT_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        s->by_callee[i] = i;
    }
    qsort_r(s->by_callee, n, sizeof *s->by_callee, compare_calls, &s->graph);
    return 0;
}

static int write_stats(struct pstats_state *s)
{
    uint32_t next = 0;
    int error = sort(s);

    lt_marshal_dict(&s->out);
    for (uint32_t i = 0; i < lt_call_graph_functions(&s->graph) && error == 0; i++) {
        const struct lt_graph_function *f = &s->graph.functions[i];
        put_key(s, i);
        lt_marshal_tuple(&s->out, 5);
        put_four(s, f->total.count, &f->self, &f->total);
        put_callers(s, i, &next);
        if (s->out.bytes.len >= FLUSH_BYTES) {
            error = flush(s);
        }
    }
    lt_marshal_end_dict(&s->out);
    return error < 0 ? error : flush(s);
}

static int pstats_close(void *state, int failed)
{
    struct pstats_state *s = state;
    int error = failed ? 0 : write_stats(s);

    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_pstats = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "pstats",
    .description = "functions and their callers as cProfile writes them; calls are stack samples",
    .extension = "pstats",
    .read_by = "Python's pstats, snakeviz, gprof2dot",
    .open = pstats_open,
    .meta = pstats_meta,
    .stack = pstats_stack,
    .close = pstats_close,
    .options = lt_no_options,
};
