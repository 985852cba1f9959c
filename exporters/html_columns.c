/* SPDX-License-Identifier: Apache-2.0
 *
 * First the nodes get their places, callers before callees; then all columns follow from that. */
#include "config.h"

#include "exporters/html_columns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/intern.h"
#include "formats/lt_error.h"

struct layout {
    const struct lt_html_profile *profile;
    uint64_t rarest;
    uint64_t *counts;                     /* by node: stack samples in it and below */
    uint32_t *first_child, *next_sibling; /* by node; 0 none */
    uint32_t *place, *rare;               /* by node: its number; that of its rare calls or 0 */
    uint32_t n, level;                    /* placed so far; the last one's level */
    uint32_t *frame_numbers;              /* by frame: its number in the page + 1, 0 not in it */
    uint32_t *shown_frames, n_shown;      /* the frames in the page, by their numbers */
    struct lt_buf ups, frames;
};

static void release(struct layout *l)
{
    free(l->counts);
    free(l->first_child);
    free(l->next_sibling);
    free(l->place);
    free(l->rare);
    free(l->frame_numbers);
    free(l->shown_frames);
    lt_buf_release(&l->ups);
    lt_buf_release(&l->frames);
}

/* Frames have one more: the one of rare calls. */
static int allocate(struct layout *l, uint32_t nodes)
{
    size_t frames = l->profile->n_frames + 1;

    l->counts = calloc(nodes, sizeof *l->counts);
    l->first_child = calloc(nodes, sizeof *l->first_child);
    l->next_sibling = calloc(nodes, sizeof *l->next_sibling);
    l->place = calloc(nodes, sizeof *l->place);
    l->rare = calloc(nodes, sizeof *l->rare);
    l->frame_numbers = calloc(frames, sizeof *l->frame_numbers);
    l->shown_frames = calloc(frames, sizeof *l->shown_frames);
    return l->counts != NULL && l->first_child != NULL && l->next_sibling != NULL &&
                   l->place != NULL && l->rare != NULL && l->frame_numbers != NULL &&
                   l->shown_frames != NULL
               ? 0
               : LT_ERR_NOMEM;
}

/* A callee has a greater number than its caller. */
static void count_and_link(struct layout *l, uint32_t nodes)
{
    const struct lt_time_cells *cells = l->profile->cells;
    const struct lt_cell *all = lt_time_cells_all(cells);

    for (size_t i = 0; i < lt_time_cells_count(cells); i++) {
        l->counts[all[i].node] += all[i].count;
    }
    for (uint32_t node = nodes - 1; node > 0; node--) {
        uint32_t parent = lt_stack_tree_parent(l->profile->tree, node);
        l->counts[parent] += l->counts[node];
        l->next_sibling[node] = l->first_child[parent];
        l->first_child[parent] = node;
    }
}

static uint32_t next_node(const struct layout *l, uint32_t node)
{
    if (l->first_child[node] != 0) {
        return l->first_child[node];
    }
    while (node != 0 && l->next_sibling[node] == 0) {
        node = lt_stack_tree_parent(l->profile->tree, node);
    }
    return l->next_sibling[node];
}

static int place_node(struct layout *l, uint32_t level, uint32_t frame, uint32_t *place)
{
    int error = lt_buf_put_varint(&l->ups, l->level + 1 - level);

    *place = ++l->n;
    l->level = level;
    if (l->frame_numbers[frame] == 0) {
        l->shown_frames[l->n_shown++] = frame;
        l->frame_numbers[frame] = l->n_shown;
    }
    return error < 0 ? error : lt_buf_put_varint(&l->frames, l->frame_numbers[frame] - 1);
}

static int place_nodes(struct layout *l)
{
    const struct lt_stack_tree *tree = l->profile->tree;
    int error = 0;

    for (uint32_t node = next_node(l, 0); node != 0 && error == 0; node = next_node(l, node)) {
        uint32_t parent = lt_stack_tree_parent(tree, node);
        uint32_t level = lt_stack_tree_depth(tree, node);
        if (l->counts[node] >= l->rarest) {
            error = place_node(l, level, lt_stack_tree_frame(tree, node), &l->place[node]);
        } else if (l->counts[parent] < l->rarest) {
            l->place[node] = l->place[parent];
        } else {
            if (l->rare[parent] == 0) {
                error = place_node(l, level, (uint32_t)l->profile->n_frames, &l->rare[parent]);
            }
            l->place[node] = l->rare[parent];
        }
    }
    return error;
}

static int put_buf(struct lt_buf *out, const struct lt_buf *more)
{
    return lt_buf_put(out, more->data, more->len);
}

/* The number of a text, which is cut if it is too long, between characters. */
static int put_text_id(struct lt_buf *out, struct lt_intern *texts, const char *text)
{
    static const char dots[] = "...";
    char cut[LT_HTML_TEXT + sizeof dots];
    size_t len = strnlen(text, LT_HTML_TEXT + 1);
    uint32_t id;
    int error;

    if (len > LT_HTML_TEXT) {
        for (len = LT_HTML_TEXT; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80;) {
            len--;
        }
        memcpy(cut, text, len);
        memcpy(cut + len, dots, sizeof dots);
        text = cut;
        len += sizeof dots - 1;
    }
    error = lt_intern_id(texts, text, len, &id, NULL);
    return error < 0 ? error : lt_buf_put_varint(out, id);
}

static int put_strings(struct lt_buf *out, const struct lt_intern *texts)
{
    uint32_t n = lt_intern_count(texts);
    int error = lt_buf_put_varint(out, n);

    for (uint32_t i = 0; i < n && error == 0; i++) {
        error = lt_buf_put_varint(out, lt_intern_get(texts, i).len);
    }
    for (uint32_t i = 0; i < n && error == 0; i++) {
        struct lt_str text = lt_intern_get(texts, i);
        error = lt_buf_put(out, text.data, text.len);
    }
    return error;
}

static const struct live_trace_frame *shown_frame(const struct layout *l, uint32_t number)
{
    static const struct live_trace_frame rare = {
        .name = "(rare calls)", .file = "", .source = "", .flags = LIVE_TRACE_FRAME_UNKNOWN};
    uint32_t frame = l->shown_frames[number];

    return frame < l->profile->n_frames ? l->profile->frames[frame] : &rare;
}

static int put_frame_columns(struct lt_buf *out, const struct layout *l, struct lt_intern *texts)
{
    int error = lt_buf_put_varint(out, l->n_shown);

    for (int column = 0; column < 5; column++) {
        for (uint32_t i = 0; i < l->n_shown && error == 0; i++) {
            const struct live_trace_frame *f = shown_frame(l, i);
            switch (column) {
            case 0:
                error = put_text_id(out, texts, f->name);
                break;
            case 1:
                error = put_text_id(out, texts, f->file);
                break;
            case 2:
                error = lt_buf_put_varint(out, f->line);
                break;
            case 3:
                error = lt_buf_put_varint(out, f->flags);
                break;
            default:
                error = put_text_id(out, texts, f->source);
            }
        }
    }
    return error;
}

/* Strings come first, but which there are is known from the frames. */
static int put_strings_and_frames(struct lt_buf *out, const struct layout *l)
{
    struct lt_intern *texts = NULL;
    struct lt_buf frames = {0};
    uint32_t empty;
    int error = lt_intern_new(&texts, 0, 0);

    if (error == 0) {
        error = lt_intern_id(texts, "", 0, &empty, NULL);
    }
    if (error == 0) {
        error = put_frame_columns(&frames, l, texts);
    }
    if (error == 0) {
        error = put_strings(out, texts);
    }
    if (error == 0) {
        error = put_buf(out, &frames);
    }
    lt_intern_free(texts);
    lt_buf_release(&frames);
    return error;
}

static int put_nodes(struct lt_buf *out, const struct layout *l)
{
    int error = lt_buf_put_varint(out, l->n);

    if (error == 0) {
        error = put_buf(out, &l->ups);
    }
    return error < 0 ? error : put_buf(out, &l->frames);
}

/* Items are runs of sorted cells with the same node and context. */
static bool begins_item(const struct lt_cell *cells, size_t i)
{
    return i == 0 || cells[i].node != cells[i - 1].node || cells[i].context != cells[i - 1].context;
}

static int put_items(struct lt_buf *out, const struct lt_cell *cells, size_t n)
{
    struct lt_buf nodes = {0}, contexts = {0}, lengths = {0};
    uint32_t items = 0, node = 0;
    int error = 0;

    for (size_t i = 0, end; i < n && error == 0; i = end) {
        for (end = i + 1; end < n && !begins_item(cells, end);) {
            end++;
        }
        items++;
        error = lt_buf_put_varint(&nodes, cells[i].node - node);
        node = cells[i].node;
        if (error == 0) {
            error = lt_buf_put_varint(&contexts, cells[i].context);
        }
        if (error == 0) {
            error = lt_buf_put_varint(&lengths, end - i);
        }
    }
    const struct lt_buf *const columns[] = {&nodes, &contexts, &lengths};
    if (error == 0) {
        error = lt_buf_put_varint(out, items);
    }
    for (int i = 0; i < 3 && error == 0; i++) {
        error = put_buf(out, columns[i]);
    }
    lt_buf_release(&nodes);
    lt_buf_release(&contexts);
    lt_buf_release(&lengths);
    return error;
}

/* Rounded so that the sum over any cells that follow each other is right to a microsecond. */
static int put_weights(struct lt_buf *out, const struct lt_cell *cells, size_t n,
                       int64_t interval_ns)
{
    uint64_t interval_us = (uint64_t)interval_ns / 1000, ns = 0, us = 0;
    int error = 0;

    for (size_t i = 0; i < n && error == 0; i++) {
        uint64_t before = us;
        ns += (uint64_t)cells[i].weight_ns;
        us = (ns + 500) / 1000;
        error = lt_buf_put_svarint(out, (int64_t)(us - before - cells[i].count * interval_us));
    }
    return error;
}

static int put_cells(struct lt_buf *out, const struct lt_cell *cells, size_t n, int64_t interval_ns)
{
    int error = 0;

    for (size_t i = 0; i < n && error == 0; i++) {
        error = lt_buf_put_varint(out, begins_item(cells, i) ? cells[i].slot
                                                             : cells[i].slot - cells[i - 1].slot);
    }
    for (size_t i = 0; i < n && error == 0; i++) {
        error = lt_buf_put_varint(out, cells[i].count - 1);
    }
    return error < 0 ? error : put_weights(out, cells, n, interval_ns);
}

/* The cells with their nodes' places, sorted. */
static int placed_cells(const struct layout *l, struct lt_cell **out, size_t *n)
{
    const struct lt_cell *all = lt_time_cells_all(l->profile->cells);
    struct lt_cell *cells;

    *n = lt_time_cells_count(l->profile->cells);
    cells = calloc(*n > 0 ? *n : 1, sizeof *cells);
    if (cells == NULL) {
        return LT_ERR_NOMEM;
    }
    for (size_t i = 0; i < *n; i++) {
        cells[i] = all[i];
        cells[i].node = l->place[all[i].node];
    }
    *n = lt_cells_sum(cells, *n);
    *out = cells;
    return 0;
}

int lt_html_columns(struct lt_buf *out, const struct lt_html_profile *p, uint64_t rarest)
{
    struct layout l = {.profile = p, .rarest = rarest};
    uint32_t nodes = lt_stack_tree_count(p->tree);
    struct lt_cell *cells = NULL;
    size_t n;
    int error = allocate(&l, nodes);

    if (error == 0) {
        count_and_link(&l, nodes);
        error = place_nodes(&l);
    }
    if (error == 0) {
        error = placed_cells(&l, &cells, &n);
    }
    if (error == 0) {
        error = put_strings_and_frames(out, &l);
    }
    if (error == 0) {
        error = put_nodes(out, &l);
    }
    if (error == 0) {
        error = put_items(out, cells, n);
    }
    if (error == 0) {
        error = put_cells(out, cells, n, p->interval_ns);
    }
    free(cells);
    release(&l);
    return error;
}
