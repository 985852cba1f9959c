/* SPDX-License-Identifier: Apache-2.0
 *
 * A comparison for scripts: all rows, shares as parts of 1. */
#include "config.h"

#include <math.h>

#include "analysis/two_shares.h"
#include "exporters/difference.h"
#include "formats/json_writer.h"

static int to_output(void *ctx, const char *data, size_t len)
{
    const struct lt_output *output = ctx;
    return output->write(output->ctx, data, len);
}

static void put_part(struct lt_json *j, const char *key, double part)
{
    lt_json_key(j, key);
    lt_json_decimal(j, llround(part * 1e6), 6);
}

static void put_side(struct lt_json *j, const char *key, const struct lt_difference_side *side)
{
    lt_json_key(j, key);
    lt_json_object(j);
    lt_json_key(j, "title");
    lt_json_text(j, side->title);
    lt_json_key(j, "command");
    lt_json_text(j, side->command);
    lt_json_key(j, "recorded");
    lt_json_uint(j, side->recorded);
    lt_json_key(j, "stack_samples");
    lt_json_uint(j, side->count);
    lt_json_end(j);
}

static void put_weight(struct lt_json *j, bool is_time, uint64_t weight)
{
    lt_json_key(j, is_time ? "time" : "stack_samples");
    if (is_time) {
        lt_json_seconds(j, (int64_t)weight);
    } else {
        lt_json_uint(j, weight);
    }
}

static void put_row(struct lt_json *j, const struct lt_difference *d,
                    const struct lt_difference_row *row)
{
    static const char *const names[] = {"base", "log"};

    lt_json_object(j);
    lt_json_key(j, "frame");
    lt_json_text(j, row->label);
    for (unsigned side = 0; side < LT_FLAME_SIDES; side++) {
        lt_json_key(j, names[side]);
        lt_json_object(j);
        put_weight(j, d->unit_is_time, row->weight[side]);
        put_part(j, "share", row->share[side]);
        lt_json_end(j);
    }
    put_part(j, "change", row->change);
    lt_json_key(j, "p");
    if (row->p < 0) {
        lt_json_null(j);
    } else {
        lt_json_decimal(j, llround(row->p * 1e9), 9);
    }
    lt_json_key(j, "real");
    lt_json_bool(j, row->real);
    lt_json_key(j, "mine");
    lt_json_bool(j, (row->flags & LIVE_TRACE_FRAME_MINE) != 0);
    lt_json_end(j);
}

int lt_difference_write_json(const struct lt_difference *d, struct lt_output *output)
{
    struct lt_json j;

    lt_json_init(&j, to_output, output);
    lt_json_object(&j);
    put_side(&j, "base", &d->sides[0]);
    put_side(&j, "log", &d->sides[1]);
    lt_json_key(&j, "by");
    lt_json_text(&j, d->by);
    lt_json_key(&j, "selection");
    lt_json_text(&j, d->selection);
    lt_json_key(&j, "all_frames");
    lt_json_bool(&j, d->all_frames);
    lt_json_key(&j, "test");
    lt_json_text(&j, "two-proportion z-test, p corrected after Holm");
    put_part(&j, "real_below", LT_REAL_BELOW);
    lt_json_key(&j, "rows");
    lt_json_array(&j);
    for (size_t i = 0; i < d->n_rows; i++) {
        put_row(&j, d, &d->rows[i]);
    }
    lt_json_end(&j);
    lt_json_end(&j);
    lt_json_newline(&j);
    return lt_json_finish(&j);
}
