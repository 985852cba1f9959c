/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/frame_labels.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)

const char *lt_frame_owner(const struct live_trace_frame *frame)
{
    return (frame->flags & LIVE_TRACE_FRAME_MINE) != 0      ? "your code"
           : (frame->flags & LIVE_TRACE_FRAME_LIBRARY) != 0 ? "library"
           : (frame->flags & LIVE_TRACE_FRAME_STDLIB) != 0  ? "standard library"
                                                            : "";
}

int lt_frame_label(struct lt_buf *out, const struct live_trace_frame *frame, bool by_line,
                   const char *from, const char *to, struct lt_label_parts *parts)
{
    bool has_file = frame->file[0] != '\0' && strcmp(frame->file, frame->name) != 0;
    size_t start = out->len;
    int error = lt_clean_text(out, frame->name, from, to);

    *parts = (struct lt_label_parts){.name_len = out->len - start};
    if (error < 0 || !has_file) {
        return error;
    }
    error = lt_buf_put_text(out, " (");
    start = out->len;
    if (error == 0) {
        error = lt_clean_text(out, frame->file, from, to);
    }
    parts->file_len = out->len - start;
    if (error == 0 && by_line && frame->line > 0) {
        error = lt_buf_printf(out, ":%" PRIu32, frame->line);
    }
    return error < 0 ? error : lt_buf_put_text(out, ")");
}

/* Where the number begins if the text ends in a blank and a number, else the length. */
static size_t before_number(const char *text, size_t len)
{
    size_t at = len;

    while (at > 0 && (isdigit((unsigned char)text[at - 1]) || text[at - 1] == '.')) {
        at--;
    }
    return at > 0 && at < len && text[at - 1] == ' ' && text[at] != '.' ? at : len;
}

/* "worker 12" -> "worker (12)" */
int lt_label_wrap_number(struct lt_buf *text)
{
    size_t at = before_number((const char *)text->data, text->len);
    int error = 0;

    if (at < text->len) {
        error = lt_buf_put_text(text, "()");
    }
    if (error == 0 && at + 2 < text->len) {
        memmove(text->data + at + 1, text->data + at, text->len - at - 2);
        text->data[at] = '(';
    }
    return error;
}

int lt_frame_labels_init(struct lt_frame_labels *l)
{
    *l = (struct lt_frame_labels){0};
    return lt_intern_new(&l->texts, (uint32_t)MAX_ITEMS, 0);
}

void lt_frame_labels_release(struct lt_frame_labels *l)
{
    lt_intern_free(l->texts);
    free(l->by_frame);
    *l = (struct lt_frame_labels){0};
}

bool lt_frame_labels_find(const struct lt_frame_labels *l, const struct live_trace_frame *frame,
                          uint32_t *text)
{
    if (frame->id >= l->n || l->by_frame[frame->id] == 0) {
        return false;
    }
    *text = l->by_frame[frame->id] - 1;
    return true;
}

int lt_frame_labels_add(struct lt_frame_labels *l, const struct live_trace_frame *frame,
                        const struct lt_buf *label, uint32_t *text)
{
    int error = lt_intern_id(l->texts, label->data, label->len, text, NULL);

    if (error < 0 || frame == NULL) {
        return error;
    }
    error =
        lt_array_reach(&l->by_frame, &l->n, &l->alloc, frame->id, sizeof *l->by_frame, MAX_ITEMS);
    if (error < 0) {
        return error;
    }
    l->by_frame[frame->id] = *text + 1;
    return 0;
}
