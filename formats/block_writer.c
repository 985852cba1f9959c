/* SPDX-License-Identifier: Apache-2.0
 *
 * From a sealed block to bytes in a file: deflated on its own if that is shorter, framed,
 * checksummed, written with one call, so that what a killed process leaves behind ends between two
 * blocks if at all possible.
 *
 * A TICKS block may be replaced by a longer one as long as it is the last, and both lie within one page: the
 * system copies that at once, so a process that is killed leaves the one or the other. */
#include "config.h"

#include "formats/trace_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"

/* No zlib header and trailer: the block has its own. */
enum { RAW_DEFLATE = -15, MEMORY = 8 };

enum { PAGE_BYTES = 4096 }; /* the smallest there is */

struct lt_block_writer {
    struct lt_output *output;
    z_stream deflater;
    bool started; /* the header of this recording is written */
    struct lt_buf deflated, framed;
    uint64_t bytes;
    int64_t ticks_at; /* where the last block begins, or -1 if it cannot be replaced */
    struct lt_buf ticks;
    void (*before)(void *ctx, size_t bytes);
    void *before_ctx;
};

int lt_block_writer_new(struct lt_block_writer **out, struct lt_output *output, int level)
{
    struct lt_block_writer *b = calloc(1, sizeof(*b));
    if (!b)
        return LT_ERR_NOMEM;
    b->output = output;
    b->ticks_at = -1;
    int status =
        deflateInit2(&b->deflater, level, Z_DEFLATED, RAW_DEFLATE, MEMORY, Z_DEFAULT_STRATEGY);
    if (status != Z_OK) {
        free(b);
        return status == Z_MEM_ERROR ? LT_ERR_NOMEM : LT_ERR_USAGE;
    }
    *out = b;
    return 0;
}

void lt_block_writer_free(struct lt_block_writer *b)
{
    if (!b)
        return;
    deflateEnd(&b->deflater);
    lt_buf_release(&b->deflated);
    lt_buf_release(&b->framed);
    lt_buf_release(&b->ticks);
    free(b);
}

void lt_block_writer_before(struct lt_block_writer *b, void (*before)(void *ctx, size_t bytes),
                            void *ctx)
{
    b->before = before;
    b->before_ctx = ctx;
}

void lt_block_writer_begin(struct lt_block_writer *b)
{
    b->started = false;
    b->ticks_at = -1;
}

uint64_t lt_block_writer_bytes(const struct lt_block_writer *b)
{
    return b->bytes;
}

static int put_file_header(struct lt_block_writer *b)
{
    struct lt_buf *out = &b->framed;
    static const uint8_t versions[] = {LT_TRACE_MAJOR, LT_TRACE_MINOR, 0, 0};
    int err = lt_buf_put(out, LT_TRACE_MAGIC, LT_TRACE_MAGIC_SIZE);
    if (!err)
        err = lt_buf_put(out, versions, sizeof(versions));
    return err ? err : lt_buf_put_u32(out, (uint32_t)crc32(0, out->data, (uInt)out->len));
}

/* Fills b->deflated. *shorter: it is worth storing. */
static int deflate_block(struct lt_block_writer *b, const uint8_t *raw, size_t len, bool *shorter)
{
    *shorter = false;
    lt_buf_clear(&b->deflated);
    int err = lt_buf_reserve(&b->deflated, len);
    if (err || len == 0)
        return err;
    deflateReset(&b->deflater);
    b->deflater.next_in = (Bytef *)raw;
    b->deflater.avail_in = (uInt)len;
    b->deflater.next_out = b->deflated.data;
    b->deflater.avail_out = (uInt)len - 1;
    if (deflate(&b->deflater, Z_FINISH) == Z_STREAM_END) {
        b->deflated.len = b->deflater.total_out;
        *shorter = true;
    }
    return 0;
}

static int put_block(struct lt_buf *out, uint8_t kind, const uint8_t *payload, size_t len)
{
    int err = lt_buf_put_u8(out, LT_BLOCK_SYNC);
    size_t checked = out->len;
    if (!err)
        err = lt_buf_put_u8(out, kind);
    if (!err)
        err = lt_buf_put_varint(out, len);
    if (err)
        return err;
    uLong crc = crc32(0, out->data + checked, (uInt)(out->len - checked));
    crc = crc32(crc, payload, (uInt)len);
    err = lt_buf_put_u32(out, (uint32_t)crc);
    return err ? err : lt_buf_put(out, payload, len);
}

/* What was just written is the last block. */
static void keep_framed(struct lt_block_writer *b)
{
    struct lt_buf old = b->ticks;
    b->ticks = b->framed;
    b->framed = old;
}

static void remember_ticks(struct lt_block_writer *b)
{
    int64_t end = b->output->tell ? b->output->tell(b->output->ctx) : -1;
    b->ticks_at = end < 0 ? -1 : end - (int64_t)b->framed.len;
    keep_framed(b);
}

static int write_over(struct lt_block_writer *b, const struct lt_buf *framed)
{
    int err = b->output->seek(b->output->ctx, (uint64_t)b->ticks_at);
    return err ? err : b->output->write(b->output->ctx, framed->data, framed->len);
}

size_t lt_block_writer_room(void *ctx)
{
    const struct lt_block_writer *b = ctx;
    if (b->ticks_at < 0)
        return 0;
    size_t room = PAGE_BYTES - (size_t)(b->ticks_at % PAGE_BYTES);
    return room > LT_BLOCK_HEADER_MAX ? room - LT_BLOCK_HEADER_MAX : 0;
}

int lt_block_writer_replace(void *ctx, const uint8_t *raw, size_t len)
{
    struct lt_block_writer *b = ctx;
    if (b->ticks_at < 0 || len > LT_BLOCK_RAW_MAX)
        return LT_ERR_USAGE;
    lt_buf_clear(&b->framed);
    int err = put_block(&b->framed, LT_BLOCK_MARK | LT_BLOCK_TICKS, raw, len);
    if (!err && b->framed.len < b->ticks.len)
        err = LT_ERR_USAGE; /* something would be left behind it */
    if (err)
        return err;
    err = write_over(b, &b->framed);
    if (err) {
        int saved = errno;
        write_over(b,
                   &b->ticks); /* a limit of the file's size, so there is room for what there was */
        b->ticks_at = -1;
        errno = saved;
        return err;
    }
    b->bytes += b->framed.len - b->ticks.len;
    keep_framed(b);
    return 0;
}

int lt_block_writer_block(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len)
{
    struct lt_block_writer *b = ctx;
    bool shorter = false;
    int err = 0;
    if (len > LT_BLOCK_RAW_MAX || ((unsigned)type & ~LT_BLOCK_TYPE_MASK) || type == 0)
        return LT_ERR_USAGE;
    lt_buf_clear(&b->framed);
    b->ticks_at = -1;
    if (!b->started)
        err = put_file_header(b);
    if (!err && type != LT_BLOCK_TICKS) /* those are as short as can be */
        err = deflate_block(b, raw, len, &shorter);
    uint8_t kind = (uint8_t)(LT_BLOCK_MARK | type | (shorter ? LT_BLOCK_DEFLATED : 0));
    if (!err && shorter)
        err = put_block(&b->framed, kind, b->deflated.data, b->deflated.len);
    else if (!err)
        err = put_block(&b->framed, kind, raw, len);
    if (!err && b->before)
        b->before(b->before_ctx, b->framed.len);
    if (!err)
        err = b->output->write(b->output->ctx, b->framed.data, b->framed.len);
    if (err)
        return err;
    b->bytes += b->framed.len;
    if (type == LT_BLOCK_TICKS && b->started)
        remember_ticks(b);
    b->started = true;
    return 0;
}
