/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes are written in the order of the layout, each with its row, place and width as numbers for
 * the script; x and width are per cent, so that the graph fits any window without it. */
#include "config.h"

#include "exporters/flame_svg.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exporters/flame_palette.h"
#include "exporters/xml_text.h"
#include "formats/byte_buffer.h"
#include "formats/utf8.h"

#define FLUSH_BYTES ((size_t)65536)

/* Of a name or a command of a megabyte, so much is written. */
#define MAX_LABEL ((size_t)1000)

/* Pixels. */
enum { MARGIN = 12, TITLE_SIZE = 18, HEAD_SIZE = 12, HEAD_LINE = 20, CHIP = 11, GAP = 1 };

/* A character's width as part of its height, in the fixed-width fonts that are asked for. */
#define CHARACTER_WIDTH 0.602
/* The same about the head's font, on average. */
#define HEAD_CHARACTER_WIDTH 0.56
/* Shorter texts say nothing. */
enum { LEAST_CHARACTERS = 3 };

static const uint8_t flame_css[] = {
#include "exporters/assets/flame.css.inc"
};
static const uint8_t flame_dark_css[] = {
#include "exporters/assets/flame_dark.css.inc"
};
static const uint8_t flame_live_css[] = {
#include "exporters/assets/flame_live.css.inc"
};
static const uint8_t flame_js[] = {
#include "exporters/assets/flame.js.inc"
};

/* Errors stick: the first one is returned at the end. */
struct pen {
    const struct lt_flame_drawing *d;
    const struct live_trace_host *host;
    double inner_width, row_height; /* pixels */
    uint64_t whole[LT_FLAME_SIDES];
    struct lt_buf out;
    int error;
};

static void flush(struct pen *p)
{
    if (p->error == 0 && p->out.len > 0) {
        p->error = p->host->write(p->host->ctx, p->out.data, p->out.len);
    }
    lt_buf_clear(&p->out);
}

static void put_bytes(struct pen *p, const void *data, size_t len)
{
    if (p->error == 0) {
        p->error = lt_buf_put(&p->out, data, len);
    }
}

__attribute__((format(printf, 2, 3))) static void put(struct pen *p, const char *format, ...)
{
    char text[400];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_bytes(p, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static void put_text(struct pen *p, const char *text)
{
    if (p->error == 0) {
        p->error = lt_xml_text(&p->out, text);
    }
}

/* Columns that a character takes: two from Hangul on, where most scripts are that wide. */
static unsigned columns_of(const uint8_t *text, size_t n)
{
    return lt_utf8_decode(text, n) >= 0x1100 ? 2 : 1;
}

/* The beginning of a text that takes at most so many columns and bytes: its length. */
static size_t beginning(const char *text, size_t len, size_t columns, size_t bytes)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t at = 0;

    while (at < len) {
        size_t n = lt_utf8_length(p + at, len - at);
        unsigned wide = n > 0 ? columns_of(p + at, n) : 1;

        n = n > 0 ? n : 1;
        if (wide > columns || at + n > bytes) {
            break;
        }
        columns -= wide;
        at += n;
    }
    return at;
}

/* As much of a text as fits, with an ellipsis where it does not. */
static void put_cut(struct pen *p, const char *text, size_t len, size_t columns)
{
    char part[MAX_LABEL + 1];
    size_t fits = beginning(text, len, columns, MAX_LABEL);

    if (fits < len) {
        fits = beginning(text, len, columns - 1, MAX_LABEL);
    }
    memcpy(part, text, fits);
    part[fits] = '\0';
    put_text(p, part);
    if (fits < len) {
        put(p, "\xe2\x80\xa6");
    }
}

static void put_weight(struct pen *p, uint64_t weight)
{
    if (p->d->count_name != NULL) {
        put(p, "%" PRIu64 " ", weight);
        put_text(p, p->d->count_name);
    } else if (weight == 0) {
        put(p, "0 s");
    } else if (weight >= 1000000000) {
        put(p, "%.2f s", (double)weight / 1e9);
    } else if (weight >= 1000000) {
        put(p, "%.1f ms", (double)weight / 1e6);
    } else {
        put(p, "%.1f \xc2\xb5s", (double)weight / 1e3);
    }
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void put_share(struct pen *p, uint64_t weight, unsigned side)
{
    put_weight(p, weight);
    put(p, ", %.2f%%", share(weight, p->whole[side]));
}

static bool compares(const struct pen *p)
{
    return p->d->palette == LT_FLAME_PALETTE_CHANGE;
}

/* Style and script. */

static void put_palette(struct pen *p, uint32_t used, bool dark)
{
    for (unsigned color = 0; color < LT_FLAME_COLORS; color++) {
        if ((used & 1u << color) != 0 && p->error == 0) {
            p->error = lt_flame_palette_css(&p->out, p->d->palette, color, dark);
        }
    }
}

static void put_style(struct pen *p, uint32_t used)
{
    enum lt_flame_theme theme = p->d->theme;

    put(p, "<style><![CDATA[\n");
    put_bytes(p, flame_css, sizeof flame_css);
    if (p->d->script) {
        put_bytes(p, flame_live_css, sizeof flame_live_css);
    }
    put(p, ".frames text{font-size:%gpx}\n", p->d->font_size);
    put_palette(p, used, false);
    if (theme != LT_FLAME_THEME_LIGHT) {
        put(p, theme == LT_FLAME_THEME_AUTO ? "@media (prefers-color-scheme:dark){\n" : "");
        put_bytes(p, flame_dark_css, sizeof flame_dark_css);
        put_palette(p, used, true);
        put(p, theme == LT_FLAME_THEME_AUTO ? "}\n" : "");
    }
    put(p, "]]></style>\n");
}

static void put_script(struct pen *p)
{
    put(p, "<script><![CDATA[\n");
    put_bytes(p, flame_js, sizeof flame_js);
    put(p, "]]></script>\n");
}

/* The head: title, subtitle, notes, and what the colours mean. */

static double put_line(struct pen *p, const char *kind, const char *text, double y)
{
    if (text[0] == '\0') {
        return y;
    }
    put(p, "<text class=\"%s\" x=\"%d\" y=\"%g\">", kind, MARGIN, y + HEAD_LINE - 6);
    put_cut(p, text, strlen(text), MAX_LABEL);
    put(p, "</text>\n");
    return y + HEAD_LINE;
}

static const char *meaning_of(const struct pen *p, uint32_t used, unsigned color)
{
    return (used & 1u << color) != 0 ? lt_flame_palette_meaning(p->d->palette, color) : NULL;
}

static bool has_legend(const struct pen *p, uint32_t used)
{
    for (unsigned color = 0; color < LT_FLAME_COLORS; color++) {
        if (meaning_of(p, used, color) != NULL) {
            return true;
        }
    }
    return false;
}

static void put_legend(struct pen *p, uint32_t used, double y)
{
    double x = MARGIN;

    for (unsigned color = 0; color < LT_FLAME_COLORS; color++) {
        const char *meaning = meaning_of(p, used, color);
        if (meaning != NULL) {
            put(p,
                "<g class=\"chip c%u-1\"><rect x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\" "
                "rx=\"3\"/><text x=\"%g\" y=\"%g\">%s</text></g>\n",
                color, x, y + 5, CHIP, CHIP, x + CHIP + 5, y + HEAD_LINE - 5, meaning);
            x += CHIP + 5 + HEAD_CHARACTER_WIDTH * HEAD_SIZE * (double)strlen(meaning) + 16;
        }
    }
}

static void put_head(struct pen *p, uint32_t used)
{
    double y = MARGIN;

    put(p, "<g class=\"head\">\n");
    y = put_line(p, "title", p->d->title, y) + 2;
    y = put_line(p, "subtitle", p->d->subtitle, y);
    y = put_line(p, "notes", p->d->notes, y);
    put_legend(p, used, y);
    put(p, "</g>\n");
}

static double head_height(const struct pen *p, uint32_t used)
{
    const struct lt_flame_drawing *d = p->d;
    int lines = (d->title[0] != '\0') + (d->subtitle[0] != '\0') + (d->notes[0] != '\0') +
                has_legend(p, used);

    return MARGIN + 2 + lines * HEAD_LINE + 8;
}

/* A box. */

static struct lt_flame_color color_of(const struct pen *p, const struct lt_flame_box *box)
{
    if (compares(p)) {
        return lt_flame_palette_change(lt_flame_tree_self(p->d->tree, box->node, 0),
                                       lt_flame_tree_self(p->d->tree, box->node, 1), p->whole[1]);
    }
    struct lt_flame_frame frame = lt_flame_tree_frame(p->d->tree, box->node);
    return lt_flame_palette_color(p->d->palette, &frame);
}

static void put_weights(struct pen *p, const struct lt_flame_box *box, unsigned side)
{
    put_share(p, box->total[side], side);
    if (box->node != 0) {
        put(p, "; itself ");
        put_share(p, lt_flame_tree_self(p->d->tree, box->node, side), side);
    }
}

static void put_tooltip(struct pen *p, const struct lt_flame_box *box, const char *label)
{
    put(p, "<title>");
    put_cut(p, label, strlen(label), MAX_LABEL);
    put(p, "\n");
    put_weights(p, box, compares(p) ? 1 : 0);
    if (compares(p)) {
        put(p, "\nbefore: ");
        put_weights(p, box, 0);
    }
    put(p, "</title>");
}

/* "name (file)" where there is room for it, else of the name what fits. */
static void put_caption(struct pen *p, double width, const char *label, size_t name_len, double x,
                        double y)
{
    double columns = (width - 8) / (CHARACTER_WIDTH * p->d->font_size);
    size_t all = strlen(label), room = columns > 0 ? (size_t)columns : 0;

    if (room < LEAST_CHARACTERS) {
        return;
    }
    if (beginning(label, all, room, MAX_LABEL) == all) {
        name_len = all;
    }
    put(p, "<text x=\"%.4f%%\" y=\"%g\" dx=\"4\">", x, y);
    put_cut(p, label, name_len, room);
    put(p, "</text>");
}

static void put_box(struct pen *p, const struct lt_flame_box *box)
{
    const struct lt_flame_box *root = &p->d->layout->boxes[0];
    uint32_t row = p->d->icicle ? box->row : p->d->layout->rows - 1 - box->row;
    double x = share(box->x, root->width),
           width = box->node == 0 ? 100 : share(box->width, root->width);
    double y = row * p->row_height, gap = 100 * GAP / p->inner_width;
    const char *label = "all";
    size_t name_len = strlen(label);

    if (box->node == 0) {
        put(p, "<g class=\"root\"");
    } else {
        struct lt_flame_frame frame = lt_flame_tree_frame(p->d->tree, box->node);
        struct lt_flame_color color = color_of(p, box);
        label = frame.label;
        name_len = frame.parts.name_len;
        put(p, "<g class=\"c%u-%u\"", color.color, color.shade);
    }
    put(p, " data-b=\"%" PRIu32 " %" PRIu64 " %" PRIu64 "\">", box->row, box->x, box->width);
    put_tooltip(p, box, label);
    put(p, "<rect x=\"%.4f%%\" y=\"%g\" width=\"%.4f%%\" height=\"%g\" rx=\"2\"/>", x, y,
        width - (width > 3 * gap ? gap : 0), p->row_height - GAP);
    put_caption(p, width / 100 * p->inner_width, label, name_len, x, y + p->row_height * 0.72);
    put(p, "</g>\n");
    if (p->out.len >= FLUSH_BYTES) {
        flush(p);
    }
}

static void put_boxes(struct pen *p, double top)
{
    const struct lt_flame_layout *l = p->d->layout;

    put(p, "<svg class=\"frames\" x=\"%d\" y=\"%g\" width=\"%g\" height=\"%g\">\n", MARGIN, top,
        p->inner_width, l->rows * p->row_height);
    for (size_t i = 0; i < l->n; i++) {
        put_box(p, &l->boxes[i]);
    }
    put(p, "</svg>\n");
}

static uint32_t find_used(const struct pen *p)
{
    /* What a step between less and more means is told by both ends. */
    uint32_t used =
        p->d->palette == LT_FLAME_PALETTE_CHANGE ? 1u << LT_FLAME_LESS | 1u << LT_FLAME_MORE : 0;

    for (size_t i = 1; i < p->d->layout->n; i++) {
        used |= 1u << color_of(p, &p->d->layout->boxes[i]).color;
    }
    return used;
}

static void put_root(struct pen *p, double height)
{
    const struct lt_flame_drawing *d = p->d;

    put(p,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"flame\" width=\"%g\" height=\"%g\" "
        "viewBox=\"0 0 %g %g\" data-writer=\"live-trace@%s\" data-row=\"%g\" data-font=\"%g\" "
        "data-icicle=\"%d\"",
        d->width, height, d->width, height, p->host->version, p->row_height, d->font_size,
        d->icicle);
    if (d->count_name != NULL) {
        put(p, " data-unit=\"");
        put_text(p, d->count_name);
        put(p, "\"");
    }
    put(p, ">\n<title>");
    put_cut(p, d->title, strlen(d->title), MAX_LABEL);
    put(p, "</title>\n");
    if (d->description[0] != '\0') {
        put(p, "<desc>");
        put_text(p, d->description);
        put(p, "</desc>\n");
    }
}

static void put_all(struct pen *p)
{
    uint32_t used = find_used(p);
    double top = head_height(p, used), boxes = p->d->layout->rows * p->row_height;

    put_root(p, top + boxes + MARGIN);
    put_style(p, used);
    put(p, "<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n");
    put_head(p, used);
    put_boxes(p, top);
    if (p->d->script) {
        put_script(p);
    }
    put(p, "</svg>\n");
    flush(p);
}

int lt_flame_svg_write(const struct lt_flame_drawing *d, const struct live_trace_host *host)
{
    struct pen p = {
        .d = d,
        .host = host,
        .inner_width = d->width - 2 * MARGIN,
        .row_height = d->font_size + 7,
    };

    for (unsigned side = 0; side < LT_FLAME_SIDES; side++) {
        p.whole[side] = d->layout->boxes[0].total[side];
    }
    put_all(&p);
    lt_buf_release(&p.out);
    return p.error;
}
