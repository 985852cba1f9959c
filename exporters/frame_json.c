/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts one after the other, found by frame id. */
#include "config.h"

#include "exporters/frame_json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FRAMES ((size_t)1 << 24)

static int append(void *ctx, const char *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

void lt_frame_json_init(struct lt_frame_json *f, bool keeps_markup, lt_frame_members *members,
                        void *ctx)
{
    memset(f, 0, sizeof *f);
    f->members = members;
    f->ctx = ctx;
    lt_json_init(&f->json, append, &f->texts);
    f->json.keeps_markup = keeps_markup;
}

void lt_frame_json_release(struct lt_frame_json *f)
{
    lt_buf_release(&f->texts);
    free(f->by_frame);
    f->by_frame = NULL;
    f->n = f->alloc = 0;
}

/* As an object, of which the braces are left out. */
static int make_text(struct lt_frame_json *f, const struct live_trace_frame *frame,
                     struct lt_frame_json_text *text)
{
    size_t begun = f->texts.len;
    int error;

    lt_json_newline(&f->json); /* the texts are documents of their own */
    lt_json_object(&f->json);
    f->members(f->ctx, &f->json, frame);
    lt_json_end(&f->json);
    error = lt_json_finish(&f->json);
    text->at = begun + strlen("\n{");
    text->len = f->texts.len - text->at - strlen("}");
    return error;
}

static int find_text(struct lt_frame_json *f, const struct live_trace_frame *frame,
                     struct lt_str *out)
{
    struct lt_frame_json_text *text;
    int error =
        lt_array_reach(&f->by_frame, &f->n, &f->alloc, frame->id, sizeof *f->by_frame, MAX_FRAMES);

    if (error < 0) {
        return error;
    }
    text = &f->by_frame[frame->id];
    if (text->len == 0) {
        error = make_text(f, frame, text);
    }
    *out = (struct lt_str){(const char *)f->texts.data + text->at, text->len};
    return error;
}

void lt_frame_json_put(struct lt_frame_json *f, struct lt_json *document,
                       const struct live_trace_frame *frame)
{
    struct lt_str text;
    int error = find_text(f, frame, &text);

    if (error == 0) {
        lt_json_members(document, text);
    } else if (document->error == 0) {
        document->error = error;
    }
}
