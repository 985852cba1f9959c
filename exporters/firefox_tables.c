/* SPDX-License-Identifier: Apache-2.0
 *
 * What a thread was doing (it waited, the collector worked) is the category of its innermost frame, so
 * one function has a frame for each. */
#include "config.h"

#include "exporters/firefox_tables.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/stack_tree.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/json_writer.h"

#define MAX_ITEMS ((size_t)1 << 28)

/* What makes an innermost frame another one. */
enum doing { RUNNING, WAITING, WAITING_FOR_GIL, COLLECTING, DOINGS };

/* Which columns of a row have a meaning. */
enum { FRAME_HAS_CATEGORY = 1 << 2, FRAME_HAS_LINE = 1 << 4 };
enum { FUNC_HAS_SOURCE = 1 << 3, FUNC_HAS_LINE = 1 << 4 };

int lt_firefox_tables_init(struct lt_firefox_tables *t)
{
    struct lt_intern **const tables[] = {&t->strings, &t->sources, &t->func_keys, &t->frame_keys};
    int error = lt_stack_tree_new(&t->stacks);

    for (size_t i = 0; i < sizeof tables / sizeof *tables && error == 0; i++) {
        error = lt_intern_new(tables[i], 0, 0);
    }
    return error;
}

void lt_firefox_tables_release(struct lt_firefox_tables *t)
{
    lt_intern_free(t->strings);
    lt_intern_free(t->sources);
    lt_intern_free(t->func_keys);
    lt_intern_free(t->frame_keys);
    lt_stack_tree_free(t->stacks);
    free(t->funcs);
    free(t->frames);
    free(t->node_of_stack);
}

int lt_firefox_string(struct lt_firefox_tables *t, const char *text, uint32_t *id)
{
    return lt_intern_id(t->strings, text, strlen(text), id, NULL);
}

static int func_for(struct lt_firefox_tables *t, const struct live_trace_frame *frame,
                    uint32_t *row)
{
    struct lt_firefox_func func = {.source = UINT32_MAX};
    uint32_t key[2], file;
    bool is_new;
    int error = lt_firefox_string(t, frame->name, &func.name);

    if (error == 0 && frame->file[0] != '\0') {
        error = lt_firefox_string(t, frame->file, &file);
        if (error == 0) {
            error = lt_intern_id(t->sources, &file, sizeof file, &func.source, NULL);
        }
    }
    if (error < 0) {
        return error;
    }
    func.line = frame->first_line;
    key[0] = func.name;
    key[1] = func.source;
    error = lt_intern_id(t->func_keys, key, sizeof key, row, &is_new);
    if (error == 0 && is_new) {
        error = lt_array_grow(&t->funcs, &t->funcs_alloc, (size_t)*row + 1, sizeof *t->funcs,
                              MAX_ITEMS);
        if (error == 0) {
            t->funcs[*row] = func;
        }
    }
    return error;
}

static enum lt_firefox_category owner(const struct live_trace_frame *frame)
{
    return (frame->flags & LIVE_TRACE_FRAME_MINE) != 0      ? LT_FIREFOX_MINE
           : (frame->flags & LIVE_TRACE_FRAME_LIBRARY) != 0 ? LT_FIREFOX_LIBRARY
           : (frame->flags & LIVE_TRACE_FRAME_STDLIB) != 0  ? LT_FIREFOX_STDLIB
                                                            : LT_FIREFOX_OTHER;
}

static int frame_for(struct lt_firefox_tables *t, const struct live_trace_frame *frame,
                     enum doing doing, uint32_t *row)
{
    const uint32_t key[2] = {frame->id, doing};
    struct lt_firefox_frame *f;
    bool is_new;
    int error = lt_intern_id(t->frame_keys, key, sizeof key, row, &is_new);

    if (error < 0 || !is_new) {
        return error;
    }
    error =
        lt_array_grow(&t->frames, &t->frames_alloc, (size_t)*row + 1, sizeof *t->frames, MAX_ITEMS);
    if (error < 0) {
        return error;
    }
    f = &t->frames[*row];
    *f = (struct lt_firefox_frame){
        .line = t->by_line ? frame->line : 0,
        .category = (uint8_t)(doing == RUNNING      ? owner(frame)
                              : doing == COLLECTING ? LT_FIREFOX_GC
                                                    : LT_FIREFOX_IDLE),
        .subcategory = doing == WAITING_FOR_GIL ? LT_FIREFOX_IDLE_GIL : LT_FIREFOX_IDLE_OTHER,
    };
    return func_for(t, frame, &f->func);
}

static enum doing doing_of(uint32_t state)
{
    if ((state & LIVE_TRACE_STATE_GC) != 0) {
        return COLLECTING;
    }
    if ((state & LIVE_TRACE_STATE_GIL_WAIT) != 0) {
        return WAITING_FOR_GIL;
    }
    return (state & (LIVE_TRACE_STATE_CPU | LIVE_TRACE_STATE_UNKNOWN)) != 0 ? RUNNING : WAITING;
}

static int add_stack(struct lt_firefox_tables *t, const struct live_trace_stack *sample,
                     enum doing doing, uint32_t *node)
{
    int error = 0;

    for (uint32_t i = 0; i < sample->depth && error == 0; i++) {
        uint32_t row;
        error = frame_for(t, sample->frames[i], i + 1 == sample->depth ? doing : RUNNING, &row);
        if (error == 0) {
            error = lt_stack_tree_child(t->stacks, *node, row, node);
        }
    }
    return error;
}

int lt_firefox_node(struct lt_firefox_tables *t, const struct live_trace_stack *sample,
                    uint32_t *node)
{
    enum doing doing = doing_of(sample->state);
    size_t at = (size_t)sample->id * DOINGS + doing;
    int error = lt_array_reach(&t->node_of_stack, &t->n_nodes, &t->nodes_alloc, at,
                               sizeof *t->node_of_stack, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    if (t->node_of_stack[at] == 0) {
        *node = 0;
        error = add_stack(t, sample, doing, node);
        t->node_of_stack[at] = *node;
    }
    *node = t->node_of_stack[at];
    return error;
}

/* A column of a table of n rows. */
typedef void put_cell(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row);

struct column {
    const char *name;
    put_cell *put;
};

static void put_table(struct lt_json *j, const struct lt_firefox_tables *t, const char *name,
                      const struct column *columns, size_t n_columns, uint32_t n_rows)
{
    lt_json_key_object(j, name);
    lt_json_key_uint(j, "length", n_rows);
    for (size_t i = 0; i < n_columns; i++) {
        lt_json_key_array(j, columns[i].name);
        for (uint32_t row = 0; row < n_rows && j->error == 0; row++) {
            columns[i].put(j, t, row);
        }
        lt_json_end(j);
    }
    lt_json_end(j);
    lt_json_newline(j);
}

#define N_OF(array) (sizeof(array) / sizeof *(array))

static void put_zero(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    (void)t;
    (void)row;
    lt_json_uint(j, 0);
}

static void put_one(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    (void)t;
    (void)row;
    lt_json_uint(j, 1);
}

static void put_null(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    (void)t;
    (void)row;
    lt_json_null(j);
}

static void put_stack_frame(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, lt_stack_tree_frame(t->stacks, row + 1));
}

/* How far back the caller's row is; 0 for a root. */
static void put_stack_prefix(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    uint32_t parent = lt_stack_tree_parent(t->stacks, row + 1);
    lt_json_uint(j, parent == 0 ? 0 : row + 1 - parent);
}

static void put_frame_flags(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, FRAME_HAS_CATEGORY | (t->frames[row].line > 0 ? FRAME_HAS_LINE : 0));
}

static void put_frame_func(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, t->frames[row].func);
}

static void put_frame_category(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, t->frames[row].category);
}

static void put_frame_subcategory(struct lt_json *j, const struct lt_firefox_tables *t,
                                  uint32_t row)
{
    lt_json_uint(j, t->frames[row].subcategory);
}

static void put_frame_line(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, t->frames[row].line);
}

static void put_func_flags(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    const struct lt_firefox_func *f = &t->funcs[row];
    lt_json_uint(j, (f->source != UINT32_MAX ? FUNC_HAS_SOURCE : 0) |
                        (f->line > 0 ? FUNC_HAS_LINE : 0));
}

static void put_func_name(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, t->funcs[row].name);
}

static void put_func_source(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, t->funcs[row].source != UINT32_MAX ? t->funcs[row].source : 0);
}

static void put_func_line(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    lt_json_uint(j, t->funcs[row].line);
}

static void put_source_name(struct lt_json *j, const struct lt_firefox_tables *t, uint32_t row)
{
    uint32_t string;
    memcpy(&string, lt_intern_get(t->sources, row).data, sizeof string);
    lt_json_uint(j, string);
}

static void put_strings(struct lt_json *j, const struct lt_firefox_tables *t)
{
    lt_json_key_array(j, "stringArray");
    for (uint32_t i = 0; i < lt_intern_count(t->strings) && j->error == 0; i++) {
        lt_json_str(j, lt_intern_get(t->strings, i));
    }
    lt_json_end(j);
    lt_json_newline(j);
}

void lt_firefox_tables_put(struct lt_json *j, const struct lt_firefox_tables *t)
{
    static const struct column stacks[] = {{"frame", put_stack_frame},
                                           {"prefixOffset", put_stack_prefix}};
    static const struct column frames[] = {
        {"flags", put_frame_flags},
        {"func", put_frame_func},
        {"category", put_frame_category},
        {"subcategory", put_frame_subcategory},
        {"line", put_frame_line},
        {"column", put_zero},
        {"address", put_zero},
        {"lib", put_zero},
        {"nativeSymbol", put_zero},
        {"innerWindowID", put_zero},
        {"originalLocation", put_zero},
    };
    static const struct column funcs[] = {
        {"flags", put_func_flags},      {"name", put_func_name},    {"source", put_func_source},
        {"lineNumber", put_func_line},  {"columnNumber", put_zero}, {"resource", put_zero},
        {"originalLocation", put_zero},
    };
    static const struct column sources[] = {
        {"id", put_null},         {"filename", put_source_name}, {"startLine", put_one},
        {"startColumn", put_one}, {"sourceMapURL", put_null},    {"content", put_null},
    };
    static const struct column resources[] = {
        {"name", put_zero}, {"host", put_zero}, {"type", put_zero}};
    static const struct column symbols[] = {{"libIndex", put_zero},
                                            {"address", put_zero},
                                            {"name", put_zero},
                                            {"functionSize", put_zero}};
    static const struct column locations[] = {
        {"source", put_zero}, {"line", put_zero}, {"column", put_zero}};

    lt_json_key_object(j, "shared");
    put_table(j, t, "stackTable", stacks, N_OF(stacks), lt_stack_tree_count(t->stacks) - 1);
    put_table(j, t, "frameTable", frames, N_OF(frames), lt_intern_count(t->frame_keys));
    put_table(j, t, "funcTable", funcs, N_OF(funcs), lt_intern_count(t->func_keys));
    put_table(j, t, "sources", sources, N_OF(sources), lt_intern_count(t->sources));
    put_table(j, t, "resourceTable", resources, N_OF(resources), 0);
    put_table(j, t, "nativeSymbols", symbols, N_OF(symbols), 0);
    put_table(j, t, "sourceLocationTable", locations, N_OF(locations), 0);
    put_strings(j, t);
    lt_json_end(j);
    lt_json_newline(j);
}
