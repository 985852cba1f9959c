/* SPDX-License-Identifier: Apache-2.0
 *
 * One phrase an option, joined by semicolons. */
#include "config.h"

#include "analysis/selection_words.h"

#include "formats/byte_buffer.h"

static int phrase(struct lt_buf *out, const char *text)
{
    int error = out->len > 0 ? lt_buf_put_text(out, "; ") : 0;
    return error < 0 ? error : lt_buf_put_text(out, text);
}

/* "thread a or b" */
static int list(struct lt_buf *out, const char *what, const struct lt_words *words,
                const char *between)
{
    int error = words->n > 0 ? phrase(out, what) : 0;

    for (size_t i = 0; i < words->n && error == 0; i++) {
        error = lt_buf_printf(out, "%s%s", i > 0 ? between : " ", words->at[i]);
    }
    return error;
}

static int point(struct lt_buf *out, const char *what, int64_t ns)
{
    int error = phrase(out, what);
    return error < 0 ? error : lt_buf_printf(out, " %.3f s", (double)ns / 1e9);
}

static int window_words(struct lt_buf *out, const struct lt_view_window *window)
{
    int error = 0;

    if (window != NULL && window->from_ns > 0) {
        error = point(out, "from", window->from_ns);
    }
    if (error == 0 && window != NULL && window->to_ns < INT64_MAX) {
        error = point(out, "before", window->to_ns);
    }
    return error;
}

int lt_selection_words(struct lt_buf *out, const struct lt_selection *s, bool drop_idle,
                       const struct lt_view_window *window)
{
    int error = 0;

    if (s->mode == LT_MODE_CPU) {
        error = phrase(out, "on a processor only");
    } else if (s->mode == LT_MODE_GIL) {
        error = phrase(out, "holding the GIL only");
    } else if (drop_idle) {
        error = phrase(out, "without waiting stacks");
    }
    if (error == 0) {
        error = window_words(out, window);
    }
    if (error == 0) {
        error = list(out, "process", &s->processes, " or ");
    }
    if (error == 0) {
        error = list(out, "thread", &s->threads, " or ");
    }
    if (error == 0) {
        error = list(out, "tag", &s->tags, " and ");
    }
    if (error == 0) {
        error = list(out, "focus", &s->focus, " or ");
    }
    if (error == 0) {
        error = list(out, "ignore", &s->ignore, " or ");
    }
    if (error == 0) {
        error = list(out, "hide", &s->hide, " or ");
    }
    if (error == 0 && s->mine) {
        error = phrase(out, "own code only");
    }
    if (error == 0) {
        error = lt_buf_put_u8(out, '\0');
    }
    if (error == 0) {
        out->len--;
    }
    return error;
}
