/* SPDX-License-Identifier: Apache-2.0
 *
 * What a JSON output says of each frame, made once: outputs of single samples say it a million times. */
#ifndef LT_FRAME_JSON_H
#define LT_FRAME_JSON_H

#include "exporters/live_trace_exporter.h"
#include "formats/byte_buffer.h"
#include "formats/json_writer.h"

/* Writes keys and values that say the frame into the open object. */
typedef void lt_frame_members(void *ctx, struct lt_json *j, const struct live_trace_frame *frame);

/* Zero-initialised is released. */
struct lt_frame_json {
    lt_frame_members *members;
    void *ctx;
    struct lt_json json; /* into texts */
    struct lt_buf texts;
    struct lt_frame_json_text {
        size_t at, len; /* len 0: not made yet */
    } * by_frame;       /* by frame id */
    size_t n, alloc;
};

/* Markup is kept as in the document that it is for (json_writer.h). */
void lt_frame_json_init(struct lt_frame_json *f, bool keeps_markup, lt_frame_members *members,
                        void *ctx);
void lt_frame_json_release(struct lt_frame_json *f);

/* Writes the frame's members into the open object of the document, whose error says if it failed. */
void lt_frame_json_put(struct lt_frame_json *f, struct lt_json *document,
                       const struct live_trace_frame *frame);

#endif
