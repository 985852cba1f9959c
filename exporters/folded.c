/* SPDX-License-Identifier: Apache-2.0
 *
 * Folded stacks, "root;...;leaf COUNT", one line a stack, sorted: what flamegraph.pl, inferno and
 * speedscope read. Weights are integers: stack samples, or microseconds with --unit time.
 *
 * Its readers split at ';' and take a number at the end of a line (and, where it follows a frame's
 * blank, a second one) for counts, so no frame may contain or end in such. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stack_tree.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/frame_labels.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define FLUSH_BYTES ((size_t)65536)

struct folded_state {
    const struct live_trace_host *host;
    bool unit_is_time, by_line;
    struct lt_frame_labels labels;
    struct lt_stack_tree *stacks; /* of texts */
    uint64_t *values;             /* by node */
    size_t n_values, values_alloc;
};

static void release(struct folded_state *s)
{
    lt_frame_labels_release(&s->labels);
    lt_stack_tree_free(s->stacks);
    free(s->values);
    free(s);
}

static int folded_open(const struct live_trace_host *host, void **state)
{
    struct folded_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = lt_frame_labels_init(&s->labels);
    if (error == 0) {
        error = lt_stack_tree_new(&s->stacks);
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int folded_meta(void *state, const struct live_trace_meta *meta)
{
    struct folded_state *s = state;

    s->unit_is_time = meta->unit_is_time;
    s->by_line = strcmp(meta->by, "line") == 0;
    return 0;
}

static int text_for(struct folded_state *s, const struct live_trace_frame *frame, uint32_t *text)
{
    struct lt_buf label = {0};
    struct lt_label_parts parts;
    int error;

    if (lt_frame_labels_find(&s->labels, frame, text)) {
        return 0;
    }
    error = lt_frame_label(&label, frame, s->by_line, ";", ":", &parts);
    if (error == 0) {
        error = lt_label_wrap_number(&label);
    }
    if (error == 0) {
        error = lt_frame_labels_add(&s->labels, frame, &label, text);
    }
    lt_buf_release(&label);
    return error;
}

static int folded_stack(void *state, const struct live_trace_stack *stack)
{
    struct folded_state *s = state;
    uint32_t node = 0, text;
    int error = 0;

    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        error = text_for(s, stack->frames[i], &text);
        if (error == 0) {
            error = lt_stack_tree_child(s->stacks, node, text, &node);
        }
    }
    if (error == 0) {
        error = lt_array_grow(&s->values, &s->values_alloc, lt_stack_tree_count(s->stacks),
                              sizeof *s->values, MAX_ITEMS);
    }
    if (error < 0) {
        return error;
    }
    while (s->n_values < lt_stack_tree_count(s->stacks)) {
        s->values[s->n_values++] = 0;
    }
    s->values[node] += s->unit_is_time ? (uint64_t)stack->weight_ns : stack->count;
    return 0;
}

/* The sorted walk. What stands below a stack is a row of items, ordered as bytes: lines that
 * end ("leaf 12") and branches that go on ("caller;"). A node can be both, and other lines may come
 * between the two: this is the order of `LC_ALL=C sort`. */

struct item {
    uint32_t parent, node;
    const char *text;
    uint64_t value; /* of a line; 0 for a branch */
};

struct walk {
    struct item *items;
    uint32_t *first; /* by node: its first item, or UINT32_MAX */
    uint32_t *place; /* by node: its branch */
    uint32_t n;
    size_t *ends; /* length of the line down to each depth */
    struct lt_buf line, out;
};

static void item_tail(const struct item *item, char *tail, size_t size)
{
    if (item->value > 0) {
        snprintf(tail, size, " %" PRIu64 "\n", item->value);
    } else {
        snprintf(tail, size, ";");
    }
}

static int compare_texts(const struct item *a, const struct item *b)
{
    char tail_a[32], tail_b[32];
    const char *x = a->text, *y = b->text;
    bool in_tail_x = false, in_tail_y = false;

    for (;; x++, y++) {
        if (*x == '\0' && !in_tail_x) {
            item_tail(a, tail_a, sizeof tail_a);
            x = tail_a;
            in_tail_x = true;
        }
        if (*y == '\0' && !in_tail_y) {
            item_tail(b, tail_b, sizeof tail_b);
            y = tail_b;
            in_tail_y = true;
        }
        if (*x != *y || *x == '\0') {
            return (unsigned char)*x - (unsigned char)*y;
        }
    }
}

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;

    if (a->parent != b->parent) {
        return a->parent < b->parent ? -1 : 1;
    }
    return compare_texts(a, b);
}

static uint64_t shown_value(const struct folded_state *s, uint32_t node)
{
    return s->unit_is_time ? (s->values[node] + 500) / 1000 : s->values[node];
}

/* A line for each node with a value, a branch for each with children. */
static void make_items(struct walk *w, const struct folded_state *s, uint32_t nodes)
{
    for (uint32_t node = 1; node < nodes; node++) {
        struct item item = {
            .parent = lt_stack_tree_parent(s->stacks, node),
            .node = node,
            .text = lt_intern_get(s->labels.texts, lt_stack_tree_frame(s->stacks, node)).data,
            .value = shown_value(s, node),
        };
        if (item.value > 0) {
            w->items[w->n++] = item;
        }
        /* Callers come before what they call: the mark is set once there is a child. */
        if (item.parent != 0 && w->place[item.parent] == UINT32_MAX) {
            w->place[item.parent] = 0;
        }
    }
    for (uint32_t node = 1; node < nodes; node++) {
        if (w->place[node] != UINT32_MAX) {
            w->items[w->n++] = (struct item){
                .parent = lt_stack_tree_parent(s->stacks, node),
                .node = node,
                .text = lt_intern_get(s->labels.texts, lt_stack_tree_frame(s->stacks, node)).data,
            };
        }
    }
    qsort(w->items, w->n, sizeof *w->items, compare_items);
}

static int walk_init(struct walk *w, const struct folded_state *s)
{
    uint32_t nodes = lt_stack_tree_count(s->stacks), depth = 0;

    w->items = calloc(nodes, 2 * sizeof *w->items);
    w->first = malloc(nodes * sizeof *w->first);
    w->place = malloc(nodes * sizeof *w->place);
    for (uint32_t node = 1; node < nodes; node++) {
        uint32_t own = lt_stack_tree_depth(s->stacks, node);
        depth = own > depth ? own : depth;
    }
    w->ends = calloc((size_t)depth + 1, sizeof *w->ends);
    if (w->items == NULL || w->first == NULL || w->place == NULL || w->ends == NULL) {
        return LT_ERR_NOMEM;
    }
    memset(w->first, 0xff, nodes * sizeof *w->first);
    memset(w->place, 0xff, nodes * sizeof *w->place);
    make_items(w, s, nodes);
    for (uint32_t i = w->n; i-- > 0;) {
        w->first[w->items[i].parent] = i;
        if (w->items[i].value == 0) {
            w->place[w->items[i].node] = i;
        }
    }
    return 0;
}

static void walk_release(struct walk *w)
{
    free(w->items);
    free(w->first);
    free(w->place);
    free(w->ends);
    lt_buf_release(&w->line);
    lt_buf_release(&w->out);
}

/* The item after `at`: into a branch, along its row, or out of it; w->n at the end. */
static uint32_t walk_next(const struct walk *w, uint32_t at)
{
    const struct item *item = &w->items[at];

    if (item->value == 0 && w->first[item->node] != UINT32_MAX) {
        return w->first[item->node];
    }
    while (at + 1 >= w->n || w->items[at + 1].parent != w->items[at].parent) {
        if (w->items[at].parent == 0) {
            return w->n;
        }
        at = w->place[w->items[at].parent];
    }
    return at + 1;
}

static int put_item(const struct folded_state *s, struct walk *w, const struct item *item)
{
    uint32_t depth = lt_stack_tree_depth(s->stacks, item->node);
    int error;

    w->line.len = w->ends[depth - 1];
    error = lt_buf_put_text(&w->line, item->text);
    if (item->value == 0) {
        if (error == 0) {
            error = lt_buf_put_u8(&w->line, ';');
        }
        w->ends[depth] = w->line.len;
        return error;
    }
    if (error == 0) {
        error = lt_buf_put(&w->out, w->line.data, w->line.len);
    }
    return error < 0 ? error : lt_buf_printf(&w->out, " %" PRIu64 "\n", item->value);
}

static int write_lines(const struct folded_state *s)
{
    struct walk w = {0};
    int error = walk_init(&w, s);

    for (uint32_t at = 0; error == 0 && at < w.n; at = walk_next(&w, at)) {
        error = put_item(s, &w, &w.items[at]);
        if (error == 0 && w.out.len >= FLUSH_BYTES) {
            error = s->host->write(s->host->ctx, w.out.data, w.out.len);
            lt_buf_clear(&w.out);
        }
    }
    if (error == 0 && w.out.len > 0) {
        error = s->host->write(s->host->ctx, w.out.data, w.out.len);
    }
    walk_release(&w);
    return error;
}

static int folded_close(void *state, int failed)
{
    struct folded_state *s = state;
    int error = failed ? 0 : write_lines(s);

    release(s);
    return error;
}

const struct live_trace_exporter lt_exporter_folded = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "folded",
    .description = "folded stacks, one line a stack with its count",
    .extension = "folded",
    .read_by = "flamegraph.pl, inferno, Pyroscope",
    .flags = LIVE_TRACE_EXPORTER_UNIT_SAMPLES,
    .open = folded_open,
    .meta = folded_meta,
    .stack = folded_stack,
    .close = folded_close,
    .options = lt_no_options,
};
