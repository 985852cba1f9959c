/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions, their lines, and the calls between them, summed from stacks: for formats that know
 * no stacks. Recursion counts once a stack: where a function is in a stack more than once, its total
 * and the totals of the calls that lead to it are those of its outermost place; so the
 * totals of the calls to a function, with those from nowhere, add up to its own. */
#ifndef LT_CALL_GRAPH_H
#define LT_CALL_GRAPH_H

#include <stdbool.h>

#include "exporters/live_trace_exporter.h"
#include "exporters/report.h"
#include "formats/byte_buffer.h"

#define LT_CALL_FROM_NOWHERE UINT32_MAX /* the caller of the outermost frame */

struct lt_graph_function {
    struct lt_figures self, total;
    uint32_t first_line; /* 0 unknown */
    uint64_t last_stack; /* the stack that counted last */
};

/* A line of a function. */
struct lt_graph_place {
    uint32_t function, line;
    struct lt_figures self;
};

struct lt_graph_call {
    uint32_t caller; /* a place, or LT_CALL_FROM_NOWHERE */
    uint32_t callee; /* a function */
    uint64_t count;  /* stack samples that it is in */
    struct lt_figures total;
    struct lt_figures self; /* where the callee is innermost */
    uint64_t last_stack;
};

struct lt_call_graph {
    bool lines_apart; /* a function is told by its line too: each has one place */
    struct lt_intern *function_ids, *place_ids, *call_ids;
    struct lt_graph_function *functions;
    struct lt_graph_place *places;
    struct lt_graph_call *calls;
    size_t functions_alloc, places_alloc, calls_alloc;
    uint32_t *place_of_frame; /* by frame id: place + 1, 0 not known yet */
    size_t n_frames, frames_alloc;
    uint64_t stacks; /* counted */
    struct lt_figures all;
    struct lt_buf key;
};

int lt_call_graph_init(struct lt_call_graph *g, bool lines_apart);
void lt_call_graph_release(struct lt_call_graph *g);

/* 0, LT_ERR_NOMEM or LT_ERR_LIMIT. */
int lt_call_graph_add(struct lt_call_graph *g, const struct live_trace_stack *stack);

uint32_t lt_call_graph_functions(const struct lt_call_graph *g);
uint32_t lt_call_graph_places(const struct lt_call_graph *g);
uint32_t lt_call_graph_calls(const struct lt_call_graph *g);

/* By lt_clean_text(); functions that read alike are one. Valid until the next add. */
const char *lt_call_graph_name(const struct lt_call_graph *g, uint32_t function);
const char *lt_call_graph_file(const struct lt_call_graph *g, uint32_t function); /* "" for none */

#endif
