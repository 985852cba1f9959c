/* SPDX-License-Identifier: Apache-2.0
 *
 * A comparison for eyes: a head of lines that begin with '#', a blank line, a row for each frame. */
#include "config.h"

#include <inttypes.h>

#include "analysis/two_shares.h"
#include "exporters/clean_text.h"
#include "exporters/difference.h"
#include "formats/byte_buffer.h"

static int put_side(struct lt_buf *out, const char *name, const struct lt_difference_side *side)
{
    int error = lt_buf_printf(out, "# %s: ", name);

    if (error == 0) {
        error = lt_clean_text(out, side->title, "", "");
    }
    if (error == 0 && side->command[0] != '\0') {
        error = lt_buf_put_text(out, ": ");
        if (error == 0) {
            error = lt_clean_text(out, side->command, "", "");
        }
    }
    return error < 0
               ? error
               : lt_buf_printf(out, "; %s%s%" PRIu64 " of %" PRIu64 " stack samples\n", side->times,
                               side->times[0] != '\0' ? "; " : "", side->count, side->recorded);
}

static int put_head(struct lt_buf *out, const struct lt_difference *d, size_t shown)
{
    int error = put_side(out, "base", &d->sides[0]);

    if (error == 0) {
        error = put_side(out, "log ", &d->sides[1]);
    }
    if (error == 0) {
        error = lt_buf_printf(out, "# shares of %s by %s, %s%s",
                              d->unit_is_time ? "time" : "stack samples", d->by,
                              d->all_frames ? "all frames of a stack" : "innermost frames",
                              d->selection[0] != '\0' ? "; " : "");
    }
    if (error == 0) {
        error = lt_clean_text(out, d->selection, "", "");
    }
    if (error == 0 && shown < d->n_rows) {
        error = lt_buf_printf(out, "; the first %zu of %zu rows", shown, d->n_rows);
    }
    if (error == 0) {
        error = lt_buf_printf(out,
                              "\n# %zu of %zu differences are real, ~ marks what may be chance "
                              "(two-proportion z-test, Holm, %g%%)\n\n",
                              d->n_real, d->n_rows, LT_REAL_BELOW * 100);
    }
    return error < 0 ? error : lt_buf_put_text(out, "   base      log   change\n");
}

static int put_row(struct lt_buf *out, const struct lt_difference_row *row)
{
    int error = lt_buf_printf(out, "%6.2f%%  %6.2f%%  %+7.2f %c ", row->share[0] * 100,
                              row->share[1] * 100, row->change * 100, row->real ? ' ' : '~');

    if (error == 0) {
        error = lt_clean_text(out, row->label, "", "");
    }
    return error < 0 ? error
                     : lt_buf_put_text(
                           out, (row->flags & LIVE_TRACE_FRAME_MINE) != 0 ? "      <====\n" : "\n");
}

int lt_difference_write_text(const struct lt_difference *d, size_t most_rows,
                             struct lt_output *output)
{
    size_t shown = d->n_rows < most_rows ? d->n_rows : most_rows;
    struct lt_buf out = {0};
    int error = put_head(&out, d, shown);

    for (size_t i = 0; i < shown && error == 0; i++) {
        error = put_row(&out, &d->rows[i]);
    }
    if (error == 0) {
        error = output->write(output->ctx, out.data, out.len);
    }
    lt_buf_release(&out);
    return error;
}
