/* SPDX-License-Identifier: Apache-2.0
 *
 * The recorded source lines in one page, file by file, in the colour of their heat. There is no
 * script in it. Lines that no sample met are not in a recording: gaps stand for them. */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "exporters/frame_labels.h"
#include "exporters/head_text.h"
#include "exporters/heat_lines.h"
#include "exporters/xml_text.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

/* Written out when it is this full: pages of any size take no more. */
#define FLUSH_BYTES ((size_t)32768)
#define MAX_INDENT 200
#define OPEN_SHARE 0.01 /* files of others are open from this share on */

static const uint8_t style[] = {
#include "exporters/assets/heatmap.css.inc"
};

struct heatmap_state {
    const struct live_trace_host *host;
    struct lt_heat_lines heat;
    bool unit_is_time, no_counts;
    char *title, *command, *machine, *by, *selection;
    int64_t start_realtime_ns, interval_ns;
    uint64_t hottest_self, hottest_total; /* of all lines */
    struct lt_buf out;
    int error; /* the first one; nothing is written after it */
};

static void release(struct heatmap_state *s)
{
    lt_heat_lines_release(&s->heat);
    lt_buf_release(&s->out);
    free(s->title);
    free(s->command);
    free(s->machine);
    free(s->by);
    free(s->selection);
    free(s);
}

static int heatmap_open(const struct live_trace_host *host, void **state)
{
    struct heatmap_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = lt_heat_lines_init(&s->heat);
    if (error < 0) {
        release(s);
        return error;
    }
    *state = s;
    return 0;
}

static int heatmap_meta(void *state, const struct live_trace_meta *meta)
{
    struct heatmap_state *s = state;

    s->unit_is_time = meta->unit_is_time;
    s->no_counts = meta->no_counts;
    s->start_realtime_ns = meta->start_realtime_ns;
    s->interval_ns = meta->interval_ns;
    s->title = strdup(meta->title);
    s->command = strdup(meta->command);
    s->machine = strdup(meta->host);
    s->by = strdup(meta->by);
    s->selection = strdup(meta->selection);
    return s->title != NULL && s->command != NULL && s->machine != NULL && s->by != NULL &&
                   s->selection != NULL
               ? 0
               : LT_ERR_NOMEM;
}

static int heatmap_stack(void *state, const struct live_trace_stack *stack)
{
    struct heatmap_state *s = state;
    uint64_t weight = s->unit_is_time ? (uint64_t)stack->weight_ns : stack->count;

    return lt_heat_lines_add(&s->heat, stack, weight);
}

/* Writing. Errors stick. */

static void fail(struct heatmap_state *s, int error)
{
    s->error = s->error < 0 ? s->error : error;
}

static void put(struct heatmap_state *s, const char *markup)
{
    fail(s, lt_buf_put_text(&s->out, markup));
    if (s->out.len >= FLUSH_BYTES && s->error == 0) {
        fail(s, s->host->write(s->host->ctx, s->out.data, s->out.len));
        lt_buf_clear(&s->out);
    }
}

static void put_text(struct heatmap_state *s, const char *text)
{
    fail(s, lt_xml_text(&s->out, text));
}

#define put_format(s, ...) fail(s, lt_buf_printf(&(s)->out, __VA_ARGS__))

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* Cells of both weights, as a share and, when pointed at, as it is. */
static void put_weights(struct heatmap_state *s, const struct lt_heat *heat)
{
    const uint64_t weights[] = {heat->self, heat->total};

    for (int i = 0; i < 2; i++) {
        if (s->unit_is_time) {
            put_format(s, "<td class=\"p\" title=\"%.3f s\">", (double)weights[i] / 1e9);
        } else {
            put_format(s, "<td class=\"p\" title=\"%" PRIu64 " stack samples\">", weights[i]);
        }
        put_format(s, "%.2f%%</td>", 100 * share(weights[i], s->heat.weight));
    }
}

static void put_file_name(struct heatmap_state *s, const struct lt_heat_file *file)
{
    put_format(s, "<span class=\"name%s\">",
               (file->example->flags & LIVE_TRACE_FRAME_MINE) != 0 ? " mine" : "");
    put_text(s, file->example->file[0] != '\0' ? file->example->file : "(no file)");
    put(s, "</span>");
}

static void put_files(struct heatmap_state *s)
{
    put(s, "<div class=\"scroll\"><table class=\"files\"><thead><tr><th class=\"p\">self</th>"
           "<th class=\"p\">total</th><th>file</th><th>whose</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < s->heat.n_files && s->error == 0; i++) {
        const struct lt_heat_file *file = s->heat.files[i];
        put(s, "<tr>");
        put_weights(s, &file->heat);
        put_format(s, "<td><a href=\"#f%zu\">", i);
        put_file_name(s, file);
        put_format(s, "</a></td><td class=\"w\">%s</td></tr>\n", lt_frame_owner(file->example));
    }
    put(s, "</tbody></table></div>\n");
}

/* The square root of the share of the hottest line: a line of a hundredth still has a tenth of the
 * colour. */
static double glow(uint64_t weight, uint64_t hottest)
{
    return sqrt(share(weight, hottest));
}

static void put_line(struct heatmap_state *s, const struct lt_heat_line *line)
{
    const struct live_trace_frame *frame = line->frames[0];
    uint32_t indent = frame->indent < MAX_INDENT ? frame->indent : MAX_INDENT;

    put_format(s,
               "<tr style=\"--s:%.3f;--t:%.3f\" data-self=\"%" PRIu64 "\" data-total=\"%" PRIu64
               "\"><td class=\"n\">",
               glow(line->heat.self, s->hottest_self), glow(line->heat.total, s->hottest_total),
               line->heat.self, line->heat.total);
    if (line->line > 0) {
        put_format(s, "%" PRIu32, line->line);
    }
    put(s, "</td>");
    put_weights(s, &line->heat);
    put_format(s, "<td class=\"c\"><code>%*s", (int)indent, "");
    put_text(s, frame->source);
    put(s, "</code></td><td class=\"f\">");
    for (size_t i = 0; i < line->n_frames; i++) {
        put(s, i > 0 ? ", <span class=\"name\">" : "<span class=\"name\">");
        put_text(s, line->frames[i]->name);
        put(s, "</span>");
    }
    put(s, "</td></tr>\n");
}

static void put_file(struct heatmap_state *s, size_t number)
{
    const struct lt_heat_file *file = s->heat.files[number];
    bool is_open = (file->example->flags & LIVE_TRACE_FRAME_MINE) != 0 ||
                   share(file->heat.self, s->heat.weight) >= OPEN_SHARE;

    put_format(s, "<details%s><summary>", is_open ? " open" : "");
    put_file_name(s, file);
    put_format(s, " <span class=\"w\">%.2f%% self, %.2f%% total</span></summary>\n",
               100 * share(file->heat.self, s->heat.weight),
               100 * share(file->heat.total, s->heat.weight));
    put_format(s, "<div class=\"scroll\"><table class=\"source\" id=\"f%zu\"><thead><tr>", number);
    put(s, "<th class=\"n\">line</th><th class=\"p\">self</th><th class=\"p\">total</th>"
           "<th>source</th><th>function</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < file->n_lines && s->error == 0; i++) {
        if (i > 0 && file->lines[i]->line > file->lines[i - 1]->line + 1) {
            put(s, "<tr class=\"gap\"><td class=\"n\">\xe2\x8b\xae</td></tr>\n");
        }
        put_line(s, file->lines[i]);
    }
    put(s, "</tbody></table></div></details>\n");
}

static void put_paragraph(struct heatmap_state *s, const char *text)
{
    if (text[0] != '\0') {
        put(s, "<p>");
        put_text(s, text);
        put(s, "</p>\n");
    }
}

/* One of the lines that head_text makes. */
static void put_head_line(struct heatmap_state *s, struct lt_buf *line, int error)
{
    fail(s, error < 0 ? error : lt_buf_put_u8(line, '\0'));
    if (s->error == 0) {
        put_paragraph(s, (const char *)line->data);
    }
    lt_buf_clear(line);
}

static void put_head(struct heatmap_state *s, const struct live_trace_health *health)
{
    struct lt_buf line = {0};

    put(s, "<header>\n<h1>");
    put_text(s, s->title);
    put(s, "</h1>\n");
    put_head_line(s, &line,
                  lt_buf_printf(&line, "%s%s%s", s->command, s->machine[0] != '\0' ? " on " : "",
                                s->machine));
    put_head_line(s, &line, lt_head_times(&line, s->start_realtime_ns, s->interval_ns, health));
    fail(s, lt_head_counts(&line, s->no_counts, health->selected, health->recorded));
    put_head_line(s, &line,
                  lt_buf_printf(&line, " by %s%s%s", s->by, s->selection[0] != '\0' ? "; " : "",
                                s->selection));
    put_head_line(s, &line, lt_head_health(&line, health));
    put_head_line(s, &line, lt_head_damage(&line, health));
    put(s, "</header>\n");
    lt_buf_release(&line);
}

static void put_page(struct heatmap_state *s, const struct live_trace_health *health)
{
    put(s, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
           "'unsafe-inline'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    put_text(s, s->title);
    put(s, ": heat by line</title>\n<style>\n");
    fail(s, lt_buf_put(&s->out, style, sizeof style));
    put(s, "</style>\n</head>\n<body>\n");
    put_head(s, health);
    put(s, "<fieldset><input type=\"radio\" name=\"by\" id=\"by-self\" checked>"
           "<label for=\"by-self\">where it ran (self)</label>"
           "<input type=\"radio\" name=\"by\" id=\"by-total\">"
           "<label for=\"by-total\">with what it called (total)</label></fieldset>\n<main>\n");
    put_files(s);
    for (size_t i = 0; i < s->heat.n_files && s->error == 0; i++) {
        put_file(s, i);
    }
    put(s, "</main>\n</body>\n</html>\n");
}

static int heatmap_health(void *state, const struct live_trace_health *health)
{
    struct heatmap_state *s = state;

    fail(s, lt_heat_lines_sort(&s->heat));
    for (size_t i = 0; i < s->heat.n_lines; i++) {
        const struct lt_heat *heat = &s->heat.lines[i]->heat;
        s->hottest_self = heat->self > s->hottest_self ? heat->self : s->hottest_self;
        s->hottest_total = heat->total > s->hottest_total ? heat->total : s->hottest_total;
    }
    if (s->error == 0) {
        put_page(s, health);
    }
    if (s->error == 0) {
        fail(s, s->host->write(s->host->ctx, s->out.data, s->out.len));
    }
    return s->error;
}

static int heatmap_close(void *state, int failed)
{
    (void)failed;
    release(state);
    return 0;
}

const struct live_trace_exporter lt_exporter_heatmap = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "heatmap",
    .description = "source lines in the colour of their heat, in one page",
    .extension = "heat.html",
    .read_by = "browsers",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES,
    .open = heatmap_open,
    .meta = heatmap_meta,
    .stack = heatmap_stack,
    .health = heatmap_health,
    .close = heatmap_close,
    .options = lt_no_options,
};
