/* SPDX-License-Identifier: Apache-2.0
 *
 * SOURCES blocks: texts of source lines, with the names of their files, so that such a block means
 * the same wherever it stands. */
#include "config.h"

#include "formats/trace_sources.h"

#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"

/* A block ends at the first line beyond that. */
enum { BLOCK_BYTES = 1 << 17 };

static size_t clipped(struct lt_str s)
{
    return s.len < LT_TRACE_STRING_MAX ? s.len : LT_TRACE_STRING_MAX;
}

static bool same(struct lt_str a, struct lt_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The file's name is left out when it is that of the line before. */
static int put_line(struct lt_buf *b, const struct lt_source_line *line, bool same_file)
{
    size_t len = clipped(line->file);
    int err = lt_buf_put_varint(b, same_file ? 0 : len + 1);
    if (!err && !same_file)
        err = lt_buf_put(b, line->file.data, len);
    if (!err)
        err = lt_buf_put_varint(b, line->line);
    if (!err)
        err = lt_buf_put_varint(b, clipped(line->text));
    return err ? err : lt_buf_put(b, line->text.data, clipped(line->text));
}

int lt_trace_write_sources(const struct lt_block_sink *sink, const struct lt_source_line *lines,
                           size_t n)
{
    struct lt_buf block = {0};
    int err = 0;
    for (size_t i = 0; !err && i < n; i++) {
        err = put_line(&block, &lines[i], block.len && same(lines[i].file, lines[i - 1].file));
        if (!err && (block.len >= BLOCK_BYTES || i + 1 == n)) {
            err = sink->block(sink->ctx, LT_BLOCK_SOURCES, block.data, block.len);
            lt_buf_clear(&block);
        }
    }
    lt_buf_release(&block);
    return err;
}

int lt_trace_read_sources(struct lt_cursor payload, const struct lt_profile_handler *handler)
{
    struct lt_str file = {"", 0};
    int err = 0;
    while (!err && lt_cursor_left(&payload)) {
        uint64_t len = lt_cursor_varint(&payload);
        if (len) {
            if (len - 1 > lt_cursor_left(&payload))
                return LT_BAD_PAYLOAD;
            file = (struct lt_str){(const char *)payload.at, (size_t)len - 1};
            payload.at += len - 1;
        }
        uint32_t line = (uint32_t)lt_cursor_bounded(&payload, UINT32_MAX);
        struct lt_str text = lt_cursor_str(&payload);
        if (payload.bad)
            return LT_BAD_PAYLOAD;
        if (handler->source)
            err = handler->source(handler->ctx, file, line, text);
    }
    return err;
}
