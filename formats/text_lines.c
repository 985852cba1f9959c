/* SPDX-License-Identifier: Apache-2.0
 *
 * A window that moves along the input, a line at a time. */
#include "config.h"

#include "formats/text_lines.h"

#include <stdlib.h>
#include <string.h>

#include "formats/lt_error.h"
#include "formats/text_scan.h"

enum { PROGRESS_BYTES = 1 << 18 };

int lt_text_lines_init(struct lt_text_lines *t, struct lt_input *in,
                       const struct lt_read_options *options)
{
    *t = (struct lt_text_lines){.in = in, .options = options, .buf = malloc(LT_TEXT_LINE_MAX)};
    return t->buf ? 0 : LT_ERR_NOMEM;
}

void lt_text_lines_release(struct lt_text_lines *t)
{
    free(t->buf);
    t->buf = NULL;
}

static void report_progress(struct lt_text_lines *t)
{
    const struct lt_read_options *options = t->options;
    if (!options || !options->progress || (!t->ended && t->bytes - t->reported < PROGRESS_BYTES))
        return;
    t->reported = t->bytes;
    options->progress(options->progress_ctx, t->bytes, t->in->size ? t->in->size(t->in->ctx) : 0);
}

/* One read into the free part of the window, after what is needed was moved to its front. */
static int fill(struct lt_text_lines *t)
{
    if (t->at > 0) {
        memmove(t->buf, t->buf + t->at, t->len - t->at);
        t->len -= t->at;
        t->scanned -= t->at;
        t->at = 0;
    }
    int64_t n = t->in->read(t->in->ctx, t->buf + t->len, LT_TEXT_LINE_MAX - t->len);
    if (n < 0)
        return (int)n;
    t->len += (size_t)n;
    t->bytes += (uint64_t)n;
    t->ended = n == 0;
    report_progress(t);
    return 0;
}

static struct lt_str without_cr(struct lt_str line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Gives what lies before `end`; the next line begins after `taken`. */
static void take(struct lt_text_lines *t, size_t end, size_t taken, struct lt_str *line)
{
    *line = (struct lt_str){t->buf + t->at, end - t->at};
    t->at = t->scanned = taken;
}

/* The next line, or the next piece of one that is too long: 1, and in *whole whether its end was
 * met. */
static int next_piece(struct lt_text_lines *t, struct lt_str *piece, bool *whole)
{
    for (;;) {
        const char *end = memchr(t->buf + t->scanned, '\n', t->len - t->scanned);
        *whole = end || t->ended;
        if (end) {
            take(t, (size_t)(end - t->buf), (size_t)(end - t->buf) + 1, piece);
            return 1;
        }
        t->scanned = t->len;
        if (t->ended || t->len - t->at == LT_TEXT_LINE_MAX) {
            bool any = t->len > t->at;
            take(t, t->len, t->len, piece);
            return any;
        }
        int err = fill(t);
        if (err)
            return err;
    }
}

int lt_text_lines_next(struct lt_text_lines *t, struct lt_str *line, bool *cut)
{
    bool whole;
    int more;
    while ((more = next_piece(t, line, &whole)) > 0 && t->in_cut_line)
        t->in_cut_line = !whole;
    if (more <= 0)
        return more;
    *cut = t->in_cut_line = !whole;
    *line = without_cr(*line);
    return 1;
}

int lt_text_lines_each(struct lt_text_lines *t, struct lt_read_stats *stats,
                       int (*line)(void *ctx, struct lt_str text, bool cut), void *ctx)
{
    struct lt_str text;
    bool cut;
    int more, err = 0;
    while (!err && (more = lt_text_lines_next(t, &text, &cut)) != 0) {
        err = more < 0 ? more : line(ctx, text, cut);
        if (more > 0 && err == LT_ERR_CORRUPT) {
            stats->damaged_blocks++;
            err = 0;
        }
    }
    stats->bytes = t->bytes;
    return err;
}

int lt_text_lines_peek(struct lt_text_lines *t, struct lt_str *text)
{
    while (!t->ended && t->len - t->at < LT_TEXT_LINE_MAX) {
        int err = fill(t);
        if (err)
            return err;
    }
    *text = (struct lt_str){t->buf + t->at, t->len - t->at};
    return 0;
}

bool lt_text_first_line(struct lt_str *text, struct lt_str *line)
{
    if (!lt_text_take(text, '\n', line))
        return false;
    *line = without_cr(*line);
    return true;
}
