/* SPDX-License-Identifier: Apache-2.0
 *
 * One web page that needs nothing but a browser: the scripts of assets/page_*.js, and the recording
 * as sums by stack, context and time slot, compressed. While the recording is read one entry
 * a different stack is kept, and a bounded number of sums (time_cells.h). What is too much for the
 * page is shown in longer time slots, then with its rare calls put together. `view` has the same in
 * two parts, the page and the profile that it fetches. */
#include "config.h"

#include "exporters/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/export_json.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/html_columns.h"
#include "exporters/sample_contexts.h"
#include "formats/base64.h"
#include "formats/gzip_writer.h"
#include "formats/lt_error.h"

static const uint8_t page_html[] = {
#include "exporters/assets/page.html.inc"
};
static const uint8_t page_css[] = {
#include "exporters/assets/page.css.inc"
};
/* In the order in which they need each other. */
/* clang-format off */
static const uint8_t page_js[] = {
#include "exporters/assets/page_data.js.inc"
#include "exporters/assets/page_trees.js.inc"
#include "exporters/assets/page_parts.js.inc"
#include "exporters/assets/page_flame.js.inc"
#include "exporters/assets/page_timeline.js.inc"
#include "exporters/assets/page_tables.js.inc"
#include "exporters/assets/page_live.js.inc"
#include "exporters/assets/page_main.js.inc"
};
/* clang-format on */

#define MAX_ITEMS ((size_t)1 << 28)
#define DEFAULT_SLOT_NS 1000000
#define FEWEST_SLOTS 64 /* before rare calls are put together */

/* How much detail there may be. */
struct budget {
    uint64_t max_bytes;
    uint32_t max_slots;
    size_t max_cells;
    bool in_file; /* the profile is letters in a page that counts, too */
};
/* What can be mailed and kept; the options below say the size, too. */
static const struct budget for_file = {3000000, 2048, 400000, true};
/* What a browser on the same machine still filters at once when it is clicked. */
static const struct budget for_browser = {64000000, 8192, 2000000, false};

struct html_state {
    const struct live_trace_host *host;
    struct budget budget;
    int64_t interval_ns;
    struct lt_buf recording; /* a JSON document: what `meta` and `health` say */
    struct lt_json json;     /* writes it */

    const struct live_trace_frame **frames; /* by id */
    size_t n_frames, frames_alloc;
    struct lt_stack_tree *tree;
    uint32_t *node_of_stack; /* by stack id; 0 not known yet */
    size_t n_stacks, stacks_alloc;
    struct lt_contexts *contexts;
    struct lt_time_cells *cells;
};

static void release(struct html_state *s)
{
    lt_buf_release(&s->recording);
    free(s->frames);
    lt_stack_tree_free(s->tree);
    free(s->node_of_stack);
    lt_contexts_free(s->contexts);
    lt_time_cells_free(s->cells);
    free(s);
}

static int open_with(const struct live_trace_host *host, struct budget budget, void **state)
{
    struct html_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    s->budget = budget;
    error = lt_option_count(host, "max-bytes", &s->budget.max_bytes);
    if (error == 0) {
        error = lt_stack_tree_new(&s->tree);
    }
    if (error == 0) {
        error = lt_contexts_new(&s->contexts);
    }
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int open_file(const struct live_trace_host *host, void **state)
{
    return open_with(host, for_file, state);
}

static int open_profile(const struct live_trace_host *host, void **state)
{
    return open_with(host, for_browser, state);
}

static int put_bytes(void *ctx, const void *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static int put_letters(void *ctx, const char *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static int html_meta(void *state, const struct live_trace_meta *meta)
{
    struct html_state *s = state;
    const char *const texts[][2] = {
        {"title", meta->title},         {"command", meta->command},
        {"host", meta->host},           {"cwd", meta->cwd},
        {"recorder", meta->recorder},   {"by", meta->by},
        {"selection", meta->selection}, {"version", s->host->version},
    };

    lt_json_init(&s->json, put_letters, &s->recording);
    lt_json_object(&s->json);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lt_json_key(&s->json, texts[i][0]);
        lt_json_text(&s->json, texts[i][1]);
    }
    lt_json_key(&s->json, "start");
    lt_json_wall_clock(&s->json, meta->start_realtime_ns);
    lt_json_key(&s->json, "interval");
    lt_json_seconds(&s->json, meta->interval_ns);
    lt_json_key(&s->json, "unit_is_time");
    lt_json_bool(&s->json, meta->unit_is_time);
    lt_json_key(&s->json, "has_time");
    lt_json_bool(&s->json, meta->has_time);
    s->interval_ns = meta->interval_ns;
    return lt_time_cells_new(&s->cells, meta->interval_ns > 0 ? meta->interval_ns : DEFAULT_SLOT_NS,
                             s->budget.max_slots, s->budget.max_cells);
}

static int remember_frame(struct html_state *s, const struct live_trace_frame *frame)
{
    int error = lt_array_reach(&s->frames, &s->n_frames, &s->frames_alloc, frame->id,
                               sizeof *s->frames, MAX_ITEMS);

    if (error == 0) {
        s->frames[frame->id] = frame;
    }
    return error;
}

/* The tree's node of a stack, which is made at its first sample. */
static int find_node(struct html_state *s, const struct live_trace_stack *stack, uint32_t *node)
{
    int error = lt_array_reach(&s->node_of_stack, &s->n_stacks, &s->stacks_alloc, stack->id,
                               sizeof *s->node_of_stack, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    *node = s->node_of_stack[stack->id];
    if (*node != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < stack->depth && error == 0; i++) {
        error = remember_frame(s, stack->frames[i]);
        if (error == 0) {
            error = lt_stack_tree_child(s->tree, *node, stack->frames[i]->id, node);
        }
    }
    s->node_of_stack[stack->id] = error == 0 ? *node : 0;
    return error;
}

static int html_sample(void *state, const struct live_trace_stack *sample)
{
    struct html_state *s = state;
    struct lt_cell cell = {.count = sample->count, .weight_ns = sample->weight_ns};
    int error = find_node(s, sample, &cell.node);

    if (error == 0) {
        error = lt_contexts_id(s->contexts, sample, &cell.context);
    }
    return error < 0 ? error : lt_time_cells_add(s->cells, sample->time_ns, cell);
}

static int html_health(void *state, const struct live_trace_health *health)
{
    struct html_state *s = state;

    lt_json_key(&s->json, "health");
    lt_json_object(&s->json);
    lt_json_health(&s->json, health);
    lt_json_key(&s->json, "recorded");
    lt_json_uint(&s->json, health->recorded);
    lt_json_key(&s->json, "selected");
    lt_json_uint(&s->json, health->selected);
    lt_json_end(&s->json);
    lt_json_end(&s->json);
    return lt_json_finish(&s->json);
}

/* Writing. */

static int put_document(struct lt_buf *out, const struct lt_buf *document)
{
    int error = lt_buf_put_varint(out, document->len);

    return error < 0 ? error : lt_buf_put(out, document->data, document->len);
}

/* The second JSON document: how the columns are to be understood. */
static int put_frame_of_columns(struct lt_buf *out, const struct html_state *s, uint64_t rarest)
{
    struct lt_buf document = {0};
    struct lt_json j;
    int error;

    lt_json_init(&j, put_letters, &document);
    lt_json_object(&j);
    lt_json_key(&j, "slot");
    lt_json_seconds(&j, lt_time_cells_slot_ns(s->cells));
    lt_json_key(&j, "slots");
    lt_json_uint(&j, lt_time_cells_slots(s->cells));
    lt_json_key(&j, "interval_us");
    lt_json_int(&j, s->interval_ns / 1000);
    lt_json_key(&j, "rarest");
    lt_json_uint(&j, rarest);
    lt_json_key(&j, "crowded_out");
    lt_json_uint(&j, lt_contexts_crowded_out(s->contexts));
    error = lt_contexts_write(s->contexts, &j);
    if (error == 0) {
        lt_json_end(&j);
        error = lt_json_finish(&j);
    }
    if (error == 0) {
        error = put_document(out, &document);
    }
    lt_buf_release(&document);
    return error;
}

static int compress(struct lt_buf *out, const struct lt_buf *raw)
{
    struct lt_gzip_writer *gzip;
    int error = lt_gzip_writer_new(&gzip, put_bytes, out);

    if (error < 0) {
        return error;
    }
    error = lt_gzip_writer_write(gzip, raw->data, raw->len);
    if (error == 0) {
        error = lt_gzip_writer_finish(gzip);
    }
    lt_gzip_writer_free(gzip);
    return error;
}

static int make_profile(const struct html_state *s, uint64_t rarest, struct lt_buf *out)
{
    const struct lt_html_profile profile = {
        .frames = s->frames,
        .n_frames = s->n_frames,
        .tree = s->tree,
        .cells = s->cells,
        .interval_ns = s->interval_ns,
    };
    struct lt_buf raw = {0};
    int error = put_document(&raw, &s->recording);

    if (error == 0) {
        error = put_frame_of_columns(&raw, s, rarest);
    }
    if (error == 0) {
        error = lt_html_columns(&raw, &profile, rarest);
    }
    if (error == 0) {
        lt_buf_clear(out);
        error = compress(out, &raw);
    }
    lt_buf_release(&raw);
    return error;
}

/* What counts against the budget. */
static uint64_t size_of(const struct html_state *s, const struct lt_buf *profile)
{
    return s->budget.in_file ? sizeof page_html + sizeof page_css + sizeof page_js +
                                   LT_BASE64_LENGTH(profile->len)
                             : profile->len;
}

static void note_size(const struct html_state *s, uint64_t size)
{
    char text[200];

    snprintf(text, sizeof text,
             "the page is larger than --option max-bytes=%" PRIu64 ", it needs %" PRIu64
             " bytes with the least detail: select less, or allow more",
             s->budget.max_bytes, size);
    s->host->note(s->host->ctx, text);
}

/* Coarser in time until it fits, then with fewer rare calls. One call seen as often as all
 * of the recording is the end of that. */
static int fit_profile(struct html_state *s, struct lt_buf *out)
{
    uint64_t rarest = 0;
    int error = make_profile(s, rarest, out);

    while (error == 0 && size_of(s, out) > s->budget.max_bytes && rarest < UINT64_MAX / 2) {
        if (lt_time_cells_slots(s->cells) > FEWEST_SLOTS) {
            error = lt_time_cells_coarsen(s->cells);
        } else {
            rarest = rarest > 0 ? rarest * 2 : 2;
        }
        if (error == 0) {
            error = make_profile(s, rarest, out);
        }
    }
    if (error == 0 && s->budget.in_file && size_of(s, out) > s->budget.max_bytes) {
        note_size(s, size_of(s, out));
    }
    return error;
}

/* Where a page goes to. */
struct page_writer {
    int (*write)(void *ctx, const void *data, size_t len);
    void *ctx;
};

static int write_base64(const struct page_writer *w, const struct lt_buf *bytes)
{
    char letters[LT_BASE64_LENGTH(3072)];
    int error = 0;

    for (size_t at = 0; at < bytes->len && error == 0; at += 3072) {
        size_t n = bytes->len - at < 3072 ? bytes->len - at : 3072;
        lt_base64_encode(letters, bytes->data + at, n);
        error = w->write(w->ctx, letters, LT_BASE64_LENGTH(n));
    }
    return error;
}

/* The page's template up to a mark, which is left out; *at moves behind it. */
static int write_until(const struct page_writer *w, const uint8_t **at, const char *mark)
{
    const uint8_t *end = page_html + sizeof page_html;
    const uint8_t *found = memmem(*at, (size_t)(end - *at), mark, strlen(mark));
    const uint8_t *from = *at;

    *at = found + strlen(mark);
    return w->write(w->ctx, from, (size_t)(found - from));
}

/* `may_fetch`: what the page's policy says of that. */
static int write_page(const struct page_writer *w, const char *may_fetch,
                      const struct lt_buf *profile)
{
    const uint8_t *at = page_html;
    int error = write_until(w, &at, "{{may_fetch}}");

    if (error == 0) {
        error = w->write(w->ctx, may_fetch, strlen(may_fetch));
    }
    if (error == 0) {
        error = write_until(w, &at, "{{style}}");
    }
    if (error == 0) {
        error = w->write(w->ctx, page_css, sizeof page_css);
    }
    if (error == 0) {
        error = write_until(w, &at, "{{profile}}");
    }
    if (error == 0) {
        error = write_base64(w, profile);
    }
    if (error == 0) {
        error = write_until(w, &at, "{{script}}");
    }
    if (error == 0) {
        error = w->write(w->ctx, page_js, sizeof page_js);
    }
    return error < 0 ? error : w->write(w->ctx, at, (size_t)(page_html + sizeof page_html - at));
}

int lt_html_fetching_page(struct lt_buf *out)
{
    const struct page_writer w = {put_bytes, out};
    const struct lt_buf fetched = {0};

    return write_page(&w, "connect-src 'self'; ", &fetched);
}

static int write_result(const struct html_state *s, const struct lt_buf *profile)
{
    const struct page_writer w = {s->host->write, s->host->ctx};

    return s->budget.in_file ? write_page(&w, "", profile)
                             : w.write(w.ctx, profile->data, profile->len);
}

static int html_close(void *state, int failed)
{
    struct html_state *s = state;
    struct lt_buf profile = {0};
    int error = failed ? 0 : fit_profile(s, &profile);

    if (!failed && error == 0) {
        error = write_result(s, &profile);
    }
    lt_buf_release(&profile);
    release(s);
    return error;
}

static const struct live_trace_option_info options[] = {
    {"max-bytes", "N", "size of the page, where detail ends (3000000)"},
    {0},
};

const struct live_trace_exporter lt_exporter_html = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "html",
    .description = "one page to look around in: flame graphs, tables, timeline, source",
    .extension = "html",
    .read_by = "any browser, offline",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES,
    .open = open_file,
    .meta = html_meta,
    .sample = html_sample,
    .health = html_health,
    .close = html_close,
    .options = options,
};

const struct live_trace_exporter lt_exporter_html_profile = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "html-profile",
    .description = "what a page of `view` fetches",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES,
    .open = open_profile,
    .meta = html_meta,
    .sample = html_sample,
    .health = html_health,
    .close = html_close,
};
