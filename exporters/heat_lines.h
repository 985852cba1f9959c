/* SPDX-License-Identifier: Apache-2.0
 *
 * What each line of each file weighs: in itself, where it is the innermost one of a stack, and in
 * all, where it is anywhere in a stack, counted once however often it is there. */
#ifndef LT_HEAT_LINES_H
#define LT_HEAT_LINES_H

#include <stddef.h>

#include "exporters/live_trace_exporter.h"

struct lt_heat {
    uint64_t self, total;
    uint64_t last_stack; /* that was counted */
};

struct lt_heat_line {
    struct lt_heat heat;
    uint32_t file;                          /* before sorting: as the files were met */
    uint32_t line;                          /* 0 unknown */
    const struct live_trace_frame **frames; /* the functions there, at least one */
    size_t n_frames, frames_alloc;
};

struct lt_heat_file {
    struct lt_heat heat;
    const struct live_trace_frame *example; /* of the frames in it: for its name and owner */
    struct lt_heat_line **lines;            /* after sorting */
    size_t n_lines;
};

struct lt_heat_lines {
    struct lt_heat_file **files;
    size_t n_files, files_alloc;
    struct lt_heat_line **lines;
    size_t n_lines, lines_alloc;
    struct lt_intern *file_keys, *line_keys;
    uint32_t *by_frame; /* line + 1 by frame id; 0 not known yet */
    size_t n_frames, frames_alloc;
    uint64_t stacks, weight;
};

int lt_heat_lines_init(struct lt_heat_lines *h);
/* Zero-initialised is released. */
void lt_heat_lines_release(struct lt_heat_lines *h);

int lt_heat_lines_add(struct lt_heat_lines *h, const struct live_trace_stack *stack,
                      uint64_t weight);
/* Files by their own weight, most first, each with its lines in order. Nothing is added after it. */
int lt_heat_lines_sort(struct lt_heat_lines *h);

#endif
