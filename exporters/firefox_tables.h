/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables that all threads of a Firefox profile share: strings, sources, functions, frames, stacks.
 * Filled while samples come, written at the end. */
#ifndef LT_FIREFOX_TABLES_H
#define LT_FIREFOX_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/live_trace_exporter.h"

struct lt_intern;
struct lt_json;
struct lt_stack_tree;

/* Places in meta.categories. The first grey one is what the profiler falls back to. */
enum lt_firefox_category {
    LT_FIREFOX_OTHER,
    LT_FIREFOX_MINE,
    LT_FIREFOX_LIBRARY,
    LT_FIREFOX_STDLIB,
    LT_FIREFOX_IDLE,
    LT_FIREFOX_GC
};
/* Subcategories of LT_FIREFOX_IDLE. */
enum { LT_FIREFOX_IDLE_OTHER, LT_FIREFOX_IDLE_GIL };

struct lt_firefox_frame {
    uint32_t func, line;
    uint8_t category, subcategory;
};

struct lt_firefox_func {
    uint32_t name, source, line; /* source: UINT32_MAX none */
};

struct lt_firefox_tables {
    bool by_line; /* frames have lines; set it before the first stack */
    struct lt_intern *strings;
    struct lt_intern *sources;   /* string of a file's name -> row */
    struct lt_intern *func_keys; /* name, source -> row */
    struct lt_firefox_func *funcs;
    size_t funcs_alloc;
    struct lt_intern *frame_keys; /* frame id, doing -> row */
    struct lt_firefox_frame *frames;
    size_t frames_alloc;
    struct lt_stack_tree *stacks; /* of rows of frames; node - 1 is the row */
    uint32_t *node_of_stack;      /* by stack id * DOINGS + doing; 0 not known yet */
    size_t n_nodes, nodes_alloc;
};

/* 0 or LT_ERR_NOMEM; released in any case. */
int lt_firefox_tables_init(struct lt_firefox_tables *t);
void lt_firefox_tables_release(struct lt_firefox_tables *t);

/* 0 or a negative enum lt_error. */
int lt_firefox_string(struct lt_firefox_tables *t, const char *text, uint32_t *id);
/* The node of a sample's stack, its thread doing what it did; the row is one less. */
int lt_firefox_node(struct lt_firefox_tables *t, const struct live_trace_stack *sample,
                    uint32_t *node);
/* The member "shared" of an open object. */
void lt_firefox_tables_put(struct lt_json *j, const struct lt_firefox_tables *t);

#endif
