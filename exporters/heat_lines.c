/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/heat_lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define NOT_CODE ((uint32_t)(LIVE_TRACE_FRAME_THREAD | LIVE_TRACE_FRAME_PROCESS))

int lt_heat_lines_init(struct lt_heat_lines *h)
{
    int error;

    *h = (struct lt_heat_lines){0};
    error = lt_intern_new(&h->file_keys, 0, 0);
    return error < 0 ? error : lt_intern_new(&h->line_keys, 0, 0);
}

void lt_heat_lines_release(struct lt_heat_lines *h)
{
    for (size_t i = 0; i < h->n_files; i++) {
        free(h->files[i]->lines);
        free(h->files[i]);
    }
    for (size_t i = 0; i < h->n_lines; i++) {
        free(h->lines[i]->frames);
        free(h->lines[i]);
    }
    free(h->files);
    free(h->lines);
    free(h->by_frame);
    lt_intern_free(h->file_keys);
    lt_intern_free(h->line_keys);
    *h = (struct lt_heat_lines){0};
}

static int file_for(struct lt_heat_lines *h, const struct live_trace_frame *frame, uint32_t *id)
{
    struct lt_heat_file *file;
    bool is_new;
    int error = lt_intern_id(h->file_keys, frame->file, strlen(frame->file), id, &is_new);

    if (error < 0 || !is_new) {
        return error;
    }
    error = lt_array_grow(&h->files, &h->files_alloc, h->n_files + 1, sizeof *h->files, MAX_ITEMS);
    if (error < 0) {
        return error;
    }
    file = calloc(1, sizeof *file);
    if (file == NULL) {
        return LT_ERR_NOMEM;
    }
    file->example = frame;
    h->files[h->n_files++] = file;
    return 0;
}

/* Frames without a line are told apart by their names. */
static int line_for(struct lt_heat_lines *h, const struct live_trace_frame *frame, uint32_t *id)
{
    struct lt_buf key = {0};
    struct lt_heat_line *line;
    uint32_t file;
    bool is_new;
    int error = file_for(h, frame, &file);

    if (error == 0) {
        error =
            lt_buf_printf(&key, "%u:%u:%s", file, frame->line, frame->line == 0 ? frame->name : "");
    }
    if (error == 0) {
        error = lt_intern_id(h->line_keys, key.data, key.len, id, &is_new);
    }
    lt_buf_release(&key);
    if (error < 0 || !is_new) {
        return error;
    }
    error = lt_array_grow(&h->lines, &h->lines_alloc, h->n_lines + 1, sizeof *h->lines, MAX_ITEMS);
    if (error < 0) {
        return error;
    }
    line = calloc(1, sizeof *line);
    if (line == NULL) {
        return LT_ERR_NOMEM;
    }
    line->file = file;
    line->line = frame->line;
    h->lines[h->n_lines++] = line;
    h->files[file]->n_lines++;
    return 0;
}

/* The line of a frame, which is told of the frame when it is first seen. */
static int line_of_frame(struct lt_heat_lines *h, const struct live_trace_frame *frame,
                         struct lt_heat_line **out)
{
    struct lt_heat_line *line;
    uint32_t id;
    int error = lt_array_reach(&h->by_frame, &h->n_frames, &h->frames_alloc, frame->id,
                               sizeof *h->by_frame, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    if (h->by_frame[frame->id] != 0) {
        *out = h->lines[h->by_frame[frame->id] - 1];
        return 0;
    }
    error = line_for(h, frame, &id);
    if (error < 0) {
        return error;
    }
    line = h->lines[id];
    error = lt_array_grow(&line->frames, &line->frames_alloc, line->n_frames + 1,
                          sizeof *line->frames, MAX_ITEMS);
    if (error == 0) {
        line->frames[line->n_frames++] = frame;
        h->by_frame[frame->id] = id + 1;
        *out = line;
    }
    return error;
}

static void count(struct lt_heat *heat, uint64_t weight, uint64_t stack, bool is_leaf)
{
    if (heat->last_stack != stack) {
        heat->last_stack = stack;
        heat->total += weight;
    }
    heat->self += is_leaf ? weight : 0;
}

int lt_heat_lines_add(struct lt_heat_lines *h, const struct live_trace_stack *stack,
                      uint64_t weight)
{
    h->stacks++;
    h->weight += weight;
    for (uint32_t i = 0; i < stack->depth; i++) {
        bool is_leaf = i + 1 == stack->depth;
        struct lt_heat_line *line = NULL;
        int error;
        if ((stack->frames[i]->flags & NOT_CODE) != 0) {
            continue;
        }
        error = line_of_frame(h, stack->frames[i], &line);
        if (error < 0) {
            return error;
        }
        count(&line->heat, weight, h->stacks, is_leaf);
        count(&h->files[line->file]->heat, weight, h->stacks, is_leaf);
    }
    return 0;
}

static int more_first(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b;
}

static int by_heat(const void *a, const void *b)
{
    const struct lt_heat_file *x = *(struct lt_heat_file *const *)a;
    const struct lt_heat_file *y = *(struct lt_heat_file *const *)b;
    int order = more_first(x->heat.self, y->heat.self);

    if (order == 0) {
        order = more_first(x->heat.total, y->heat.total);
    }
    return order != 0 ? order : strcmp(x->example->file, y->example->file);
}

static int by_number(const void *a, const void *b)
{
    const struct lt_heat_line *x = *(struct lt_heat_line *const *)a;
    const struct lt_heat_line *y = *(struct lt_heat_line *const *)b;

    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return strcmp(x->frames[0]->name, y->frames[0]->name);
}

int lt_heat_lines_sort(struct lt_heat_lines *h)
{
    for (size_t i = 0; i < h->n_files; i++) {
        h->files[i]->lines = calloc(h->files[i]->n_lines, sizeof(struct lt_heat_line *));
        if (h->files[i]->lines == NULL) {
            return LT_ERR_NOMEM;
        }
        h->files[i]->n_lines = 0;
    }
    for (size_t i = 0; i < h->n_lines; i++) {
        struct lt_heat_file *file = h->files[h->lines[i]->file];
        file->lines[file->n_lines++] = h->lines[i];
    }
    for (size_t i = 0; i < h->n_files; i++) {
        qsort(h->files[i]->lines, h->files[i]->n_lines, sizeof *h->files[i]->lines, by_number);
    }
    if (h->n_files > 0) {
        qsort(h->files, h->n_files, sizeof *h->files, by_heat);
    }
    return 0;
}
