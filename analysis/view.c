/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of a view: maps the ids of a segment to those of the view, and asks the
 * selection once for each definition and, by flags, for each sample. */
#include "config.h"

#include "analysis/view.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/frame_match.h"
#include "analysis/text_pool.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

/* Ids of a segment. Readers promise small dense ones; this is what a broken promise may cost. */
#define MAX_IDS ((size_t)1 << 24)

/* The maps of a segment; known == false where an id was never defined. */
struct process_map {
    bool known;
    uint32_t id;
};

struct thread_map {
    bool known, selected;
    uint32_t id;
};

struct frame_map {
    bool known;
    struct lt_frame_use use;
};

struct node_map {
    bool known;
    unsigned match; /* of all frames down to here */
    uint32_t node;  /* shown; 0 while every frame was hidden */
};

struct tag_map {
    bool known, selected;
    uint32_t first, n; /* in tags */
    uint32_t node;     /* with --by tag */
};

struct map_size {
    size_t n, alloc;
};

struct lt_view {
    struct lt_view_config config;
    struct lt_frame_table *frames;
    struct lt_stack_tree *stacks;
    struct lt_thread_table *threads;

    bool has_window, totals_inside;
    struct lt_view_window window;
    int64_t offset_ns;

    unsigned input;
    char *host; /* of this input */

    struct process_map *processes;
    struct thread_map *thread_ids;
    struct frame_map *frame_ids;
    struct node_map *nodes;
    struct tag_map *tag_sets;
    struct lt_view_tag *tags;
    struct map_size n_processes, n_threads, n_frames, n_nodes, n_tag_sets, n_tags;

    struct node_map unknown; /* what node 0 of an input is */
    uint32_t hidden_node;    /* what is left of a stack without shown frames */
    struct tag_map no_tags;

    struct lt_view_counts counts;
    int64_t weight_sum;
    struct lt_health health, input_health; /* of the inputs before, of this one */
    bool has_health;
};

static int reach(void *array_pointer, struct map_size *size, uint32_t id, size_t item)
{
    return lt_array_reach(array_pointer, &size->n, &size->alloc, id, item, MAX_IDS);
}

static void forget_segment(struct lt_view *v)
{
    v->n_processes.n = 0;
    v->n_threads.n = 0;
    v->n_frames.n = 0;
    v->n_nodes.n = 0;
    v->n_tag_sets.n = 0;
    v->n_tags.n = 0;
}

static int on_segment(void *ctx)
{
    forget_segment(ctx);
    return 0;
}

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct lt_view *v = ctx;

    free(v->host);
    v->host = strndup(meta->host.len > 0 ? meta->host.data : "", meta->host.len);
    if (v->host == NULL) {
        return LT_ERR_NOMEM;
    }
    int error = lt_frame_table_folder(v->frames, meta->cwd);
    if (error == 0 && v->config.meta != NULL) {
        error = v->config.meta(v->config.ctx, meta);
    }
    return error;
}

static struct lt_thread_origin origin(const struct lt_view *v)
{
    return (struct lt_thread_origin){v->input, lt_str_of(v->host != NULL ? v->host : "")};
}

static int on_process(void *ctx, uint32_t id, const struct lt_process_info *info)
{
    struct lt_view *v = ctx;
    struct lt_thread_origin from = origin(v);
    if (info->host.len > 0) {
        from.host = info->host;
    }
    int error = reach(&v->processes, &v->n_processes, id, sizeof *v->processes);

    if (error == 0) {
        error = lt_frame_table_folder(v->frames, info->cwd);
    }
    if (error == 0) {
        error = lt_thread_table_process(v->threads, &from, id, info, &v->processes[id].id);
    }
    if (error == 0) {
        v->processes[id].known = true;
    }
    return error;
}

/* The process of a thread, made up where its definition was lost. */
static int process_for(struct lt_view *v, uint32_t id)
{
    const struct lt_process_info lost = {0};

    if (id < v->n_processes.n && v->processes[id].known) {
        return 0;
    }
    return on_process(v, id, &lost);
}

static int on_thread(void *ctx, uint32_t id, const struct lt_thread_info *info)
{
    struct lt_view *v = ctx;
    struct lt_thread_origin from = origin(v);
    struct thread_map *thread;
    int error = process_for(v, info->process);

    if (error == 0) {
        error = reach(&v->thread_ids, &v->n_threads, id, sizeof *v->thread_ids);
    }
    if (error < 0) {
        return error;
    }
    thread = &v->thread_ids[id];
    error = lt_thread_table_thread(v->threads, &from, id, v->processes[info->process].id, info,
                                   &thread->id);
    if (error == 0) {
        thread->known = true;
        thread->selected = lt_thread_table_get(v->threads, thread->id).selected;
    }
    return error;
}

static int on_frame(void *ctx, uint32_t id, const struct lt_frame_info *info)
{
    struct lt_view *v = ctx;
    int error = reach(&v->frame_ids, &v->n_frames, id, sizeof *v->frame_ids);

    if (error == 0) {
        error = lt_frame_table_use(v->frames, info, &v->frame_ids[id].use);
    }
    if (error == 0) {
        v->frame_ids[id].known = true;
    }
    return error;
}

/* With frames that stand for whole files, a row of neighbours that are not told apart is one. */
static bool merges_neighbours(const struct lt_view *v)
{
    return v->config.by == LT_BY_FILE || v->config.by == LT_BY_MODULE;
}

static int push_frame(struct lt_view *v, struct node_map *node, const struct lt_frame_use *use)
{
    node->match |= use->match;
    if (use->hidden) {
        return 0;
    }
    if (merges_neighbours(v) && node->node != 0 &&
        lt_stack_tree_frame(v->stacks, node->node) == use->frame) {
        return 0;
    }
    if (lt_stack_tree_depth(v->stacks, node->node) == LT_VIEW_MAX_DEPTH) {
        *node = v->unknown;
        return 0;
    }
    return lt_stack_tree_child(v->stacks, node->node, use->frame, &node->node);
}

static int on_stack(void *ctx, uint32_t id, uint32_t parent, uint32_t frame)
{
    struct lt_view *v = ctx;
    struct node_map node = {.known = true};
    int error = 0;

    if (parent != 0 && (parent >= v->n_nodes.n || !v->nodes[parent].known)) {
        return 0; /* stays undefined, and is shown as unknown */
    }
    if (frame >= v->n_frames.n || !v->frame_ids[frame].known) {
        return 0;
    }
    if (parent != 0) {
        node = v->nodes[parent];
    }
    if (node.node != v->unknown.node) {
        error = push_frame(v, &node, &v->frame_ids[frame].use);
    }
    if (error == 0) {
        error = reach(&v->nodes, &v->n_nodes, id, sizeof *v->nodes);
    }
    if (error == 0) {
        v->nodes[id] = node;
    }
    return error;
}

static struct lt_str tag_value(const struct lt_tag *tags, size_t n, struct lt_str key, bool *found)
{
    *found = false;
    for (size_t i = 0; i < n; i++) {
        if (tags[i].key.len == key.len && memcmp(tags[i].key.data, key.data, key.len) == 0) {
            *found = true;
            return tags[i].value;
        }
    }
    return lt_str_of("");
}

static bool tags_selected(const struct lt_view *v, const struct lt_tag *tags, size_t n)
{
    const struct lt_words *words = &v->config.selection->tags;

    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->at[i], *equals = strchr(word, '=');
        struct lt_str key = {word, equals != NULL ? (size_t)(equals - word) : strlen(word)};
        struct lt_str want = lt_str_of(equals != NULL ? equals + 1 : "");
        bool found;
        struct lt_str value = tag_value(tags, n, key, &found);

        if (!found || value.len != want.len || memcmp(value.data, want.data, want.len) != 0) {
            return false;
        }
    }
    return true;
}

/* With --by tag:KEY the stack of a sample is one frame, "KEY=VALUE". */
static int tag_node(struct lt_view *v, const struct lt_tag *tags, size_t n, uint32_t *node)
{
    struct lt_str key = lt_str_of(v->config.selection->by_tag);
    struct lt_buf name = {0};
    uint32_t frame;
    bool found;
    struct lt_str value = tag_value(tags, n, key, &found);
    int error;

    if (found) {
        error = lt_buf_put(&name, key.data, key.len);
        if (error == 0) {
            error = lt_buf_put_u8(&name, '=');
        }
        if (error == 0) {
            error = lt_buf_put(&name, value.data, value.len);
        }
    } else {
        error = lt_buf_printf(&name, "(no %s)", key.data);
    }
    if (error == 0) {
        error = lt_frame_table_named(v->frames, (struct lt_str){(char *)name.data, name.len}, 0,
                                     &frame);
    }
    if (error == 0) {
        error = lt_stack_tree_child(v->stacks, 0, frame, node);
    }
    lt_buf_release(&name);
    return error;
}

static int make_tag_set(struct lt_view *v, const struct lt_tag *tags, size_t n, struct tag_map *set)
{
    int error = 0;

    *set = (struct tag_map){
        .known = true,
        .selected = tags_selected(v, tags, n),
        .first = (uint32_t)v->n_tags.n,
        .n = (uint32_t)n,
    };
    for (size_t i = 0; i < n && error == 0; i++) {
        size_t at = v->n_tags.n;
        error = at < MAX_IDS ? reach(&v->tags, &v->n_tags, (uint32_t)at, sizeof *v->tags)
                             : LT_ERR_LIMIT;
        if (error == 0) {
            error = lt_frame_table_text(v->frames, tags[i].key, &v->tags[at].key);
        }
        if (error == 0) {
            error = lt_frame_table_text(v->frames, tags[i].value, &v->tags[at].value);
        }
    }
    if (error == 0 && v->config.by == LT_BY_TAG) {
        error = tag_node(v, tags, n, &set->node);
    }
    return error;
}

static int on_tags(void *ctx, uint32_t id, const struct lt_tag *tags, size_t n)
{
    struct lt_view *v = ctx;
    struct tag_map set;
    int error = make_tag_set(v, tags, n, &set);

    if (error == 0) {
        error = reach(&v->tag_sets, &v->n_tag_sets, id, sizeof *v->tag_sets);
    }
    if (error == 0) {
        v->tag_sets[id] = set;
    }
    return error;
}

static int on_source(void *ctx, struct lt_str file, uint32_t line, struct lt_str text)
{
    struct lt_view *v = ctx;
    return lt_frame_table_add_source(v->frames, file, line, text);
}

static bool state_selected(struct lt_view *v, const struct lt_sample *s)
{
    enum lt_mode mode = v->config.selection->mode;

    if ((s->state & LT_STATE_UNKNOWN) != 0) {
        if (mode != LT_MODE_WALL) {
            v->counts.stateless += s->count;
        }
        return mode == LT_MODE_WALL;
    }
    if (v->config.drop_idle && (s->state & LT_STATE_CPU) == 0) {
        return false;
    }
    return mode == LT_MODE_WALL || (mode == LT_MODE_CPU && (s->state & LT_STATE_CPU) != 0) ||
           (mode == LT_MODE_GIL && (s->state & LT_STATE_GIL) != 0);
}

static bool stack_selected(const struct lt_view *v, unsigned match)
{
    if ((match & LT_MATCH_IGNORE) != 0) {
        return false;
    }
    return v->config.selection->focus.n == 0 || (match & LT_MATCH_FOCUS) != 0;
}

static bool time_selected(const struct lt_view *v, int64_t time_ns)
{
    if (!v->has_window) {
        return true;
    }
    if (time_ns < 0) {
        return v->totals_inside;
    }
    return time_ns >= v->window.from_ns && time_ns < v->window.to_ns;
}

/* Foreign figures: sums must not overflow in anything that comes after this. */
static int64_t bounded_weight(struct lt_view *v, int64_t weight_ns)
{
    int64_t sum;

    if (weight_ns < 0 || __builtin_add_overflow(v->weight_sum, weight_ns, &sum)) {
        return 0;
    }
    v->weight_sum = sum;
    return weight_ns;
}

static int64_t view_time(const struct lt_view *v, int64_t time_ns)
{
    int64_t t;

    if (time_ns < 0 || __builtin_add_overflow(time_ns, v->offset_ns, &t)) {
        return -1;
    }
    return t > 0 ? t : 0;
}

/* The thread of a sample, made up where its definition was lost. */
static int thread_for(struct lt_view *v, uint32_t id)
{
    const struct lt_thread_info lost = {0};

    if (id < v->n_threads.n && v->thread_ids[id].known) {
        return 0;
    }
    return on_thread(v, id, &lost);
}

static int on_sample(void *ctx, const struct lt_sample *s)
{
    struct lt_view *v = ctx;
    const struct node_map *node = &v->unknown;
    const struct tag_map *tags = &v->no_tags;
    int64_t time_ns = view_time(v, s->time_ns);
    int error;

    v->counts.recorded += s->count;
    if (!time_selected(v, time_ns) || !state_selected(v, s)) {
        return 0;
    }
    error = thread_for(v, s->thread);
    if (error < 0) {
        return error;
    }
    if (s->tags != 0 && s->tags < v->n_tag_sets.n && v->tag_sets[s->tags].known) {
        tags = &v->tag_sets[s->tags];
    }
    if (s->stack != 0 && s->stack < v->n_nodes.n && v->nodes[s->stack].known) {
        node = &v->nodes[s->stack];
    }
    if (!v->thread_ids[s->thread].selected || !tags->selected || !stack_selected(v, node->match)) {
        return 0;
    }
    uint32_t shown = node->node != 0 ? node->node : v->hidden_node;
    struct lt_view_sample out = {
        .thread = v->thread_ids[s->thread].id,
        .node = v->config.by == LT_BY_TAG ? tags->node : shown,
        .time_ns = time_ns,
        .count = s->count,
        .weight_ns = bounded_weight(v, s->weight_ns),
        .state = s->state,
        .n_tags = tags->n,
        .tags = tags->n > 0 ? v->tags + tags->first : NULL,
    };
    v->counts.selected += s->count;
    if ((s->state & LT_STATE_UNKNOWN) != 0) {
        v->counts.unstated += s->count;
    }
    return v->config.sample(v->config.ctx, &out);
}

static int on_health(void *ctx, const struct lt_health *health)
{
    struct lt_view *v = ctx;
    v->input_health = *health;
    v->has_health = true;
    return 0;
}

/* The nodes and tags that exist without any definition. */
static int make_fixed(struct lt_view *v)
{
    uint32_t frame;
    int error;

    error = lt_frame_table_named(v->frames, lt_str_of("<hidden>"), 0, &frame);
    if (error == 0) {
        error = lt_stack_tree_child(v->stacks, 0, frame, &v->hidden_node);
    }
    if (error == 0) {
        error = lt_frame_table_named(v->frames, lt_str_of("<unknown>"), LT_FRAME_UNKNOWN, &frame);
    }
    if (error == 0) {
        error = lt_stack_tree_child(v->stacks, 0, frame, &v->unknown.node);
    }
    if (error == 0) {
        v->unknown.known = true;
        v->unknown.match = lt_frame_table_match(v->frames, "<unknown>");
        error = make_tag_set(v, NULL, 0, &v->no_tags);
    }
    return error;
}

int lt_view_new(struct lt_view **out, const struct lt_view_config *config, char *message,
                size_t message_size)
{
    struct lt_view *v = calloc(1, sizeof *v);
    int error;

    if (v == NULL) {
        return LT_ERR_NOMEM;
    }
    v->config = *config;
    error = lt_frame_table_new(&v->frames, config->selection, config->by, message, message_size);
    if (error == 0) {
        error = lt_stack_tree_new(&v->stacks);
    }
    if (error == 0) {
        error = lt_thread_table_new(&v->threads, config->selection);
    }
    if (error == 0) {
        error = make_fixed(v);
    }
    if (error < 0) {
        lt_view_free(v);
        return error;
    }
    *out = v;
    return 0;
}

void lt_view_free(struct lt_view *v)
{
    if (v == NULL) {
        return;
    }
    lt_frame_table_free(v->frames);
    lt_stack_tree_free(v->stacks);
    lt_thread_table_free(v->threads);
    free(v->host);
    free(v->processes);
    free(v->thread_ids);
    free(v->frame_ids);
    free(v->nodes);
    free(v->tag_sets);
    free(v->tags);
    free(v);
}

void lt_view_set_window(struct lt_view *v, const struct lt_view_window *window, bool totals_inside)
{
    v->has_window = window != NULL;
    v->totals_inside = totals_inside;
    if (window != NULL) {
        v->window = *window;
    }
}

void lt_view_begin_input(struct lt_view *v, unsigned input)
{
    forget_segment(v);
    v->input = input;
    v->offset_ns = 0;
    free(v->host);
    v->host = NULL;
    lt_health_add(&v->health, &v->input_health);
    v->input_health = (struct lt_health){0};
}

void lt_view_set_offset(struct lt_view *v, int64_t offset_ns)
{
    v->offset_ns = offset_ns;
}

struct lt_profile_handler lt_view_handler(struct lt_view *v)
{
    return (struct lt_profile_handler){
        .ctx = v,
        .meta = on_meta,
        .segment = on_segment,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .tags = on_tags,
        .source = on_source,
        .sample = on_sample,
        .health = on_health,
    };
}

struct lt_profile_handler lt_view_survey_handler(struct lt_view *v)
{
    return (struct lt_profile_handler){
        .ctx = v,
        .meta = on_meta,
        .segment = on_segment,
        .process = on_process,
        .thread = on_thread,
        .source = on_source,
    };
}

void lt_view_end_survey(struct lt_view *v)
{
    lt_thread_table_keep_names(v->threads);
}

bool lt_view_hides_frame(const struct lt_view *v, uint32_t id)
{
    return id < v->n_frames.n && v->frame_ids[id].known && v->frame_ids[id].use.hidden;
}

int lt_view_forget_stacks(struct lt_view *v)
{
    lt_stack_tree_clear(v->stacks);
    return make_fixed(v);
}

struct lt_frame_table *lt_view_frames(struct lt_view *v)
{
    return v->frames;
}

struct lt_stack_tree *lt_view_stacks(struct lt_view *v)
{
    return v->stacks;
}

struct lt_thread_table *lt_view_threads(struct lt_view *v)
{
    return v->threads;
}

struct lt_view_counts lt_view_counts(const struct lt_view *v)
{
    return v->counts;
}

bool lt_view_has_health(const struct lt_view *v)
{
    return v->has_health;
}

struct lt_health lt_view_health(const struct lt_view *v)
{
    struct lt_health sum = v->health;

    lt_health_add(&sum, &v->input_health);
    return sum;
}
