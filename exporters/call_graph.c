/* SPDX-License-Identifier: Apache-2.0
 *
 * Three tables, each by the ids of an intern: functions, places, calls. */
#include "config.h"

#include "exporters/call_graph.h"

#include <stdlib.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)

int lt_call_graph_init(struct lt_call_graph *g, bool lines_apart)
{
    struct lt_intern **tables[] = {&g->function_ids, &g->place_ids, &g->call_ids};
    int error = 0;

    *g = (struct lt_call_graph){.lines_apart = lines_apart};
    for (size_t i = 0; i < sizeof tables / sizeof *tables && error == 0; i++) {
        error = lt_intern_new(tables[i], (uint32_t)MAX_ITEMS, 0);
    }
    return error;
}

void lt_call_graph_release(struct lt_call_graph *g)
{
    lt_intern_free(g->function_ids);
    lt_intern_free(g->place_ids);
    lt_intern_free(g->call_ids);
    free(g->functions);
    free(g->places);
    free(g->calls);
    free(g->place_of_frame);
    lt_buf_release(&g->key);
    *g = (struct lt_call_graph){0};
}

static void add(struct lt_figures *sum, const struct live_trace_stack *stack)
{
    sum->count += stack->count;
    sum->weight_ns += stack->weight_ns;
}

/* "name\0file\0", and the line where that tells functions apart. */
static int make_function_key(struct lt_call_graph *g, const struct live_trace_frame *frame)
{
    int error;

    lt_buf_clear(&g->key);
    error = lt_clean_text(&g->key, frame->name, "", "");
    if (error == 0) {
        error = lt_buf_put_u8(&g->key, '\0');
    }
    if (error == 0) {
        error = lt_clean_text(&g->key, frame->file, "", "");
    }
    if (error == 0) {
        error = lt_buf_put_u8(&g->key, '\0');
    }
    return error < 0 || !g->lines_apart ? error : lt_buf_put_u32(&g->key, frame->line);
}

static int function_for(struct lt_call_graph *g, const struct live_trace_frame *frame, uint32_t *id)
{
    bool is_new = false;
    int error = make_function_key(g, frame);

    if (error == 0) {
        error = lt_array_grow(&g->functions, &g->functions_alloc,
                              (size_t)lt_intern_count(g->function_ids) + 1, sizeof *g->functions,
                              MAX_ITEMS);
    }
    if (error == 0) {
        error = lt_intern_id(g->function_ids, g->key.data, g->key.len, id, &is_new);
    }
    if (is_new) {
        g->functions[*id] = (struct lt_graph_function){.first_line = frame->first_line};
    }
    return error;
}

static int place_for(struct lt_call_graph *g, const struct live_trace_frame *frame, uint32_t *id)
{
    struct lt_graph_place place = {.line = frame->line};
    bool is_new = false;
    int error = function_for(g, frame, &place.function);

    if (error == 0) {
        error =
            lt_array_grow(&g->places, &g->places_alloc, (size_t)lt_intern_count(g->place_ids) + 1,
                          sizeof *g->places, MAX_ITEMS);
    }
    if (error == 0) {
        const uint32_t key[2] = {place.function, place.line};
        error = lt_intern_id(g->place_ids, key, sizeof key, id, &is_new);
    }
    if (is_new) {
        g->places[*id] = place;
    }
    return error;
}

static int know_frame(struct lt_call_graph *g, const struct live_trace_frame *frame,
                      uint32_t *place)
{
    int error = lt_array_reach(&g->place_of_frame, &g->n_frames, &g->frames_alloc, frame->id,
                               sizeof *g->place_of_frame, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    if (g->place_of_frame[frame->id] == 0) {
        error = place_for(g, frame, place);
        g->place_of_frame[frame->id] = error == 0 ? *place + 1 : 0;
    }
    *place = g->place_of_frame[frame->id] - 1;
    return error;
}

static int call_for(struct lt_call_graph *g, uint32_t caller, uint32_t callee,
                    struct lt_graph_call **call)
{
    const uint32_t key[2] = {caller, callee};
    uint32_t id;
    bool is_new = false;
    int error = lt_array_grow(&g->calls, &g->calls_alloc, (size_t)lt_intern_count(g->call_ids) + 1,
                              sizeof *g->calls, MAX_ITEMS);

    if (error == 0) {
        error = lt_intern_id(g->call_ids, key, sizeof key, &id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    if (is_new) {
        g->calls[id] = (struct lt_graph_call){.caller = caller, .callee = callee};
    }
    *call = &g->calls[id];
    return 0;
}

/* A place in a stack that is called from another. */
static int count_place(struct lt_call_graph *g, const struct live_trace_stack *stack, uint32_t id,
                       uint32_t caller, bool innermost)
{
    struct lt_graph_place *place = &g->places[id];
    struct lt_graph_function *function = &g->functions[place->function];
    struct lt_graph_call *call;
    int error = call_for(g, caller, place->function, &call);

    if (error < 0) {
        return error;
    }
    if (call->last_stack != g->stacks) {
        call->last_stack = g->stacks;
        call->count += stack->count;
    }
    if (function->last_stack != g->stacks) {
        function->last_stack = g->stacks;
        add(&function->total, stack);
        add(&call->total, stack);
    }
    if (innermost) {
        add(&function->self, stack);
        add(&place->self, stack);
        add(&call->self, stack);
    }
    return 0;
}

int lt_call_graph_add(struct lt_call_graph *g, const struct live_trace_stack *stack)
{
    uint32_t caller = LT_CALL_FROM_NOWHERE, place;
    int error = 0;

    g->stacks++;
    add(&g->all, stack);
    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        error = know_frame(g, stack->frames[i], &place);
        if (error == 0) {
            error = count_place(g, stack, place, caller, i == stack->depth - 1);
            caller = place;
        }
    }
    return error;
}

uint32_t lt_call_graph_functions(const struct lt_call_graph *g)
{
    return lt_intern_count(g->function_ids);
}

uint32_t lt_call_graph_places(const struct lt_call_graph *g)
{
    return lt_intern_count(g->place_ids);
}

uint32_t lt_call_graph_calls(const struct lt_call_graph *g)
{
    return lt_intern_count(g->call_ids);
}

const char *lt_call_graph_name(const struct lt_call_graph *g, uint32_t function)
{
    return lt_intern_get(g->function_ids, function).data;
}

const char *lt_call_graph_file(const struct lt_call_graph *g, uint32_t function)
{
    const char *name = lt_call_graph_name(g, function);
    return name + strlen(name) + 1;
}
