/* SPDX-License-Identifier: Apache-2.0
 *
 * Valgrind's callgrind format: costs of lines, and of calls. It has no stacks, so what is called
 * through whom is summed (call_graph.h says how recursion counts); what it calls the number of calls is
 * the number of stack samples, and the file says so. `<recording>` calls the outermost functions:
 * readers take a function's inclusive cost from the calls to it. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/call_graph.h"
#include "exporters/clean_text.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define FLUSH_BYTES ((size_t)65536)
#define ROOT_NAME "<recording>"
#define NO_FILE "???" /* as callgrind itself writes it */

struct callgrind_state {
    const struct live_trace_host *host;
    bool has_time, time_first;
    char *command;
    struct lt_call_graph graph;
    uint32_t *by_function;   /* places in order of function and line */
    uint32_t *by_caller;     /* calls in order of caller's place and callee */
    struct lt_intern *files; /* that were written; their numbers */
    bool *name_known;        /* by function */
    struct lt_buf out;
};

static void release(struct callgrind_state *s)
{
    lt_call_graph_release(&s->graph);
    free(s->command);
    free(s->by_function);
    free(s->by_caller);
    free(s->name_known);
    lt_intern_free(s->files);
    lt_buf_release(&s->out);
    free(s);
}

static int callgrind_open(const struct live_trace_host *host, void **state)
{
    struct callgrind_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = lt_call_graph_init(&s->graph, false);
    if (error == 0) {
        error = lt_intern_new(&s->files, 0, 0);
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int callgrind_meta(void *state, const struct live_trace_meta *meta)
{
    struct callgrind_state *s = state;

    s->has_time = meta->has_time || meta->interval_ns > 0;
    s->time_first = meta->unit_is_time;
    s->command = strdup(meta->command[0] != '\0' ? meta->command : meta->title);
    return s->command != NULL ? 0 : LT_ERR_NOMEM;
}

static int callgrind_stack(void *state, const struct live_trace_stack *stack)
{
    return lt_call_graph_add(&((struct callgrind_state *)state)->graph, stack);
}

/* Writing. */

static int put_head(struct callgrind_state *s)
{
    int error = lt_buf_printf(
        &s->out, "# callgrind format\nversion: 1\ncreator: live-trace %s\ncmd: ", s->host->version);

    if (error == 0) {
        error = lt_clean_text(&s->out, s->command, "", "");
    }
    if (error == 0) {
        error = lt_buf_put_text(
            &s->out, "\ndesc: Calls: are stack samples that a call was seen in, not calls\n"
                     "positions: line\n");
    }
    if (error == 0 && s->has_time) {
        error = lt_buf_put_text(&s->out, "event: ns : Nanoseconds\n");
    }
    if (error == 0) {
        error = lt_buf_put_text(&s->out, "event: Samples : Stack samples\n");
    }
    return error < 0 ? error
                     : lt_buf_printf(&s->out, "events: %s\n",
                                     !s->has_time    ? "Samples"
                                     : s->time_first ? "ns Samples"
                                                     : "Samples ns");
}

/* " 10000000 1\n" */
static int put_costs(struct callgrind_state *s, const struct lt_figures *f)
{
    if (!s->has_time) {
        return lt_buf_printf(&s->out, " %" PRIu64 "\n", f->count);
    }
    if (s->time_first) {
        return lt_buf_printf(&s->out, " %" PRId64 " %" PRIu64 "\n", f->weight_ns, f->count);
    }
    return lt_buf_printf(&s->out, " %" PRIu64 " %" PRId64 "\n", f->count, f->weight_ns);
}

/* "fl=(3) shop.py": at first the name with its number, then the number alone. So that no name can be
 * taken for a number, each has one. */
static int put_name(struct callgrind_state *s, const char *prefix, const char *what,
                    uint32_t number, const char *name)
{
    int error = lt_buf_printf(&s->out, "%s%s=(%" PRIu32 ")", prefix, what, number);

    if (error == 0 && name != NULL) {
        error = lt_buf_put_u8(&s->out, ' ');
    }
    if (error == 0 && name != NULL) {
        error = lt_buf_put_text(&s->out, name);
    }
    return error < 0 ? error : lt_buf_put_u8(&s->out, '\n');
}

/* A function's file and name; the prefix is "c" for one that is called. */
static int put_function(struct callgrind_state *s, const char *prefix, uint32_t function)
{
    const char *file = lt_call_graph_file(&s->graph, function);
    bool new_file = false, new_name = !s->name_known[function];
    uint32_t number;
    int error;

    file = file[0] != '\0' ? file : NO_FILE;
    error = lt_intern_id(s->files, file, strlen(file), &number, &new_file);
    if (error == 0) {
        error = put_name(s, prefix, "fl", number, new_file ? file : NULL);
    }
    if (error == 0) {
        error = put_name(s, prefix, "fn", function,
                         new_name ? lt_call_graph_name(&s->graph, function) : NULL);
    }
    s->name_known[function] = true;
    return error;
}

static int put_call(struct callgrind_state *s, const struct lt_graph_call *call, uint32_t line)
{
    int error = put_function(s, "c", call->callee);

    if (error == 0) {
        error = lt_buf_printf(&s->out, "calls=%" PRIu64 " %" PRIu32 "\n%" PRIu32, call->count,
                              s->graph.functions[call->callee].first_line, line);
    }
    return error < 0 ? error : put_costs(s, &call->total);
}

static int flush(struct callgrind_state *s)
{
    int error = s->host->write(s->host->ctx, s->out.data, s->out.len);

    lt_buf_clear(&s->out);
    return error;
}

/* The calls of a place; *next is the first of them and moves on. */
static int put_calls(struct callgrind_state *s, uint32_t caller, uint32_t line, uint32_t *next)
{
    int error = 0;

    while (error == 0 && *next < lt_call_graph_calls(&s->graph) &&
           s->graph.calls[s->by_caller[*next]].caller == caller) {
        error = put_call(s, &s->graph.calls[s->by_caller[(*next)++]], line);
        if (error == 0 && s->out.len >= FLUSH_BYTES) {
            error = flush(s);
        }
    }
    return error;
}

static int put_root(struct callgrind_state *s)
{
    bool new_file;
    uint32_t file;
    int error = lt_intern_id(s->files, NO_FILE, strlen(NO_FILE), &file, &new_file);

    if (error == 0) {
        error = lt_buf_put_u8(&s->out, '\n');
    }
    if (error == 0) {
        error = put_name(s, "", "fl", file, new_file ? NO_FILE : NULL);
    }
    return error < 0 ? error : put_name(s, "", "fn", lt_call_graph_functions(&s->graph), ROOT_NAME);
}

static int put_functions(struct callgrind_state *s)
{
    uint32_t function = UINT32_MAX, next = 0;
    int error = 0;

    for (uint32_t i = 0; i < lt_call_graph_places(&s->graph) && error == 0; i++) {
        uint32_t id = s->by_function[i];
        const struct lt_graph_place *place = &s->graph.places[id];
        if (place->function != function) {
            function = place->function;
            error = lt_buf_put_u8(&s->out, '\n');
            if (error == 0) {
                error = put_function(s, "", function);
            }
        }
        if (error == 0 && place->self.count > 0) {
            error = lt_buf_printf(&s->out, "%" PRIu32, place->line);
            if (error == 0) {
                error = put_costs(s, &place->self);
            }
        }
        if (error == 0) {
            error = put_calls(s, id, place->line, &next);
        }
    }
    if (error == 0) {
        error = put_root(s);
    }
    return error < 0 ? error : put_calls(s, LT_CALL_FROM_NOWHERE, 0, &next);
}

static int compare_places(const void *left, const void *right, void *graph)
{
    const struct lt_graph_place *places = ((const struct lt_call_graph *)graph)->places;
    const struct lt_graph_place *a = &places[*(const uint32_t *)left];
    const struct lt_graph_place *b = &places[*(const uint32_t *)right];

    if (a->function != b->function) {
        return a->function < b->function ? -1 : 1;
    }
    return (a->line > b->line) - (a->line < b->line);
}

struct call_order {
    const struct lt_graph_call *calls;
    const uint32_t *rank; /* of places in by_function */
};

static int compare_calls(const void *left, const void *right, void *order)
{
    const struct call_order *o = order;
    const struct lt_graph_call *a = &o->calls[*(const uint32_t *)left];
    const struct lt_graph_call *b = &o->calls[*(const uint32_t *)right];
    uint32_t x = a->caller == LT_CALL_FROM_NOWHERE ? UINT32_MAX : o->rank[a->caller];
    uint32_t y = b->caller == LT_CALL_FROM_NOWHERE ? UINT32_MAX : o->rank[b->caller];

    if (x != y) {
        return x < y ? -1 : 1;
    }
    return (a->callee > b->callee) - (a->callee < b->callee);
}

static int sort(struct callgrind_state *s)
{
    struct lt_call_graph *g = &s->graph;
    uint32_t n_places = lt_call_graph_places(g), n_calls = lt_call_graph_calls(g);
    uint32_t *rank = calloc((size_t)n_places + 1, sizeof *rank);
    struct call_order order = {g->calls, rank};

    s->by_function = calloc((size_t)n_places + 1, sizeof *s->by_function);
    s->by_caller = calloc((size_t)n_calls + 1, sizeof *s->by_caller);
    s->name_known = calloc((size_t)lt_call_graph_functions(g) + 1, sizeof *s->name_known);
    if (rank == NULL || s->by_function == NULL || s->by_caller == NULL || s->name_known == NULL) {
        free(rank);
        return LT_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < n_places; i++) {
        s->by_function[i] = i;
    }
    qsort_r(s->by_function, n_places, sizeof *s->by_function, compare_places, g);
    for (uint32_t i = 0; i < n_places; i++) {
        rank[s->by_function[i]] = i;
    }
    for (uint32_t i = 0; i < n_calls; i++) {
        s->by_caller[i] = i;
    }
    qsort_r(s->by_caller, n_calls, sizeof *s->by_caller, compare_calls, &order);
    free(rank);
    return 0;
}

static int write_profile(struct callgrind_state *s)
{
    int error = sort(s);

    if (error == 0) {
        error = put_head(s);
    }
    if (error == 0) {
        error = put_functions(s);
    }
    if (error == 0) {
        error = lt_buf_put_text(&s->out, "\ntotals:");
    }
    if (error == 0) {
        error = put_costs(s, &s->graph.all);
    }
    return error < 0 ? error : flush(s);
}

static int callgrind_close(void *state, int failed)
{
    struct callgrind_state *s = state;
    int error = failed ? 0 : write_profile(s);

    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_callgrind = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "callgrind",
    .description = "costs of lines and calls as Valgrind has them; calls are stack samples",
    .extension = "callgrind",
    .read_by = "KCachegrind, callgrind_annotate",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES,
    .open = callgrind_open,
    .meta = callgrind_meta,
    .stack = callgrind_stack,
    .close = callgrind_close,
    .options = lt_no_options,
};
