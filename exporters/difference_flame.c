/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree of a comparison, for flame graphs: as lines with two counts, and drawn. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "exporters/difference.h"
#include "exporters/flame_palette.h"
#include "exporters/flame_svg.h"
#include "formats/byte_buffer.h"

#define FLUSH_BYTES ((size_t)65536)
#define NS_IN_US 1000

/* ---- folded ---- */

static int put_frame(struct lt_buf *out, const struct lt_difference *d, uint32_t node)
{
    struct lt_buf label = {0};
    int error = lt_clean_text(&label, lt_flame_tree_frame(d->tree, node).label, ";", ":");

    if (error == 0) {
        error = lt_label_wrap_number(&label);
    }
    if (error == 0 && out->len > 0) {
        error = lt_buf_put_u8(out, ';');
    }
    if (error == 0) {
        error = lt_buf_put(out, label.data, label.len);
    }
    lt_buf_release(&label);
    return error;
}

static int put_stack(struct lt_buf *line, const struct lt_difference *d, uint32_t node)
{
    uint32_t path[LT_FLAME_MAX_DEPTH + 1];
    size_t depth = 0;
    int error = 0;

    lt_buf_clear(line);
    for (; node != 0 && depth < LT_FLAME_MAX_DEPTH + 1;
         node = lt_flame_tree_parent(d->tree, node)) {
        path[depth++] = node;
    }
    while (depth > 0 && error == 0) {
        error = put_frame(line, d, path[--depth]);
    }
    return error;
}

static uint64_t shown(const struct lt_difference *d, uint32_t node, unsigned side)
{
    uint64_t weight = lt_flame_tree_self(d->tree, node, side);
    return d->unit_is_time ? (weight + NS_IN_US / 2) / NS_IN_US : weight;
}

int lt_difference_write_folded(const struct lt_difference *d, struct lt_output *output)
{
    struct lt_buf out = {0}, line = {0};
    int error = 0;

    for (uint32_t node = 1; node < lt_flame_tree_count(d->tree) && error == 0; node++) {
        uint64_t base = shown(d, node, 0), log = shown(d, node, 1);
        if (base == 0 && log == 0) {
            continue;
        }
        error = put_stack(&line, d, node);
        if (error == 0) {
            error = lt_buf_printf(&out, "%.*s %" PRIu64 " %" PRIu64 "\n", (int)line.len,
                                  (const char *)line.data, base, log);
        }
        if (error == 0 && out.len >= FLUSH_BYTES) {
            error = output->write(output->ctx, out.data, out.len);
            lt_buf_clear(&out);
        }
    }
    if (error == 0) {
        error = output->write(output->ctx, out.data, out.len);
    }
    lt_buf_release(&out);
    lt_buf_release(&line);
    return error;
}

/* ---- drawn ---- */

static int host_write(void *ctx, const void *data, size_t len)
{
    const struct lt_output *output = ctx;
    return output->write(output->ctx, data, len);
}

int lt_difference_write_svg(const struct lt_difference *d, struct lt_output *output)
{
    const struct live_trace_host host = {
        .abi_version = LIVE_TRACE_EXPORTER_ABI,
        .struct_size = sizeof host,
        .ctx = output,
        .write = host_write,
        .version = PACKAGE_VERSION,
    };
    const double width = 1200;
    const struct lt_flame_layout_config config = {.side = 1, .least_part = 0.1 / width};
    struct lt_flame_layout layout = {0};
    char title[512], subtitle[512];
    int error = lt_flame_layout_make(&layout, d->tree, &config);

    snprintf(title, sizeof title, "%s against %s", d->sides[1].title, d->sides[0].title);
    snprintf(subtitle, sizeof subtitle,
             "widths: %" PRIu64 " stack samples of %s; colours: against %" PRIu64 " of %s%s%s",
             d->sides[1].count, d->sides[1].title, d->sides[0].count, d->sides[0].title,
             d->selection[0] != '\0' ? "; " : "", d->selection);
    const struct lt_flame_drawing drawing = {
        .tree = d->tree,
        .layout = &layout,
        .title = title,
        .subtitle = subtitle,
        .notes = "",
        .description = "",
        .count_name = d->unit_is_time ? NULL : "samples",
        .palette = LT_FLAME_PALETTE_CHANGE,
        .script = true,
        .width = width,
        .font_size = 12,
    };
    if (error == 0) {
        error = lt_flame_svg_write(&drawing, &host);
    }
    lt_flame_layout_release(&layout);
    return error;
}
