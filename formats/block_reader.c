/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks out of a stream of bytes. Only a checksum proves a block; where there is none, every
 * further byte may begin the next one. A hostile file could make each of them claim a megabyte, so
 * such a search checksums at most a fixed multiple of the bytes that it passes. */
#include "config.h"

#include "formats/block_reader.h"

#include <string.h>
#include <zlib.h>

#include "formats/lt_error.h"
#include "formats/varint.h"

enum {
    READ_BYTES = 1 << 16,
    SCAN_START = 1 << 24, /* what a search may checksum in any case */
    SCAN_FACTOR = 256,    /* and for each byte that it passes */
    MOST_AGAIN = 3        /* how often what may have changed since it was read is read again */
};

/* What lies at a position. */
enum found {
    FOUND_NOTHING,
    FOUND_CUT_OFF, /* it may be something, but the input ends too early */
    FOUND_ITEM
};

void lt_block_reader_init(struct lt_block_reader *r, struct lt_input *in)
{
    *r = (struct lt_block_reader){.in = in, .scan_credit = SCAN_START};
}

void lt_block_reader_release(struct lt_block_reader *r)
{
    lt_buf_release(&r->window);
}

static void drop_passed(struct lt_block_reader *r)
{
    if (r->at == 0)
        return;
    memmove(r->window.data, r->window.data + r->at, r->window.len - r->at);
    r->window.len -= r->at;
    r->at = 0;
}

/* Makes `need` bytes from r->at on available, or fewer at the end of the input. */
static int fill(struct lt_block_reader *r, size_t need, size_t *have)
{
    *have = r->window.len - r->at;
    if (*have >= need || r->ended)
        return 0;
    drop_passed(r);
    while (r->window.len < need && !r->ended) {
        size_t room = need - r->window.len > READ_BYTES ? need - r->window.len : READ_BYTES;
        int err = lt_buf_reserve(&r->window, room);
        if (err)
            return err;
        int64_t n = r->in->read(r->in->ctx, r->window.data + r->window.len, room);
        if (n < 0)
            return (int)n;
        r->ended = n == 0;
        r->window.len += (size_t)n;
        r->bytes += (uint64_t)n;
    }
    *have = r->window.len;
    return 0;
}

static int find_header(struct lt_block_reader *r, struct lt_block *block, enum found *found)
{
    size_t have;
    int err = fill(r, LT_TRACE_HEADER_SIZE, &have);
    if (err)
        return err;
    const uint8_t *at = r->window.data + r->at;
    size_t magic = have < LT_TRACE_MAGIC_SIZE ? have : LT_TRACE_MAGIC_SIZE;
    if (memcmp(at, LT_TRACE_MAGIC, magic) != 0)
        return 0;
    if (have < LT_TRACE_HEADER_SIZE) {
        *found = FOUND_CUT_OFF;
        return 0;
    }
    struct lt_cursor crc = lt_cursor_over(at + LT_TRACE_HEADER_SIZE - 4, 4);
    if (lt_cursor_u32(&crc) != crc32(0, at, LT_TRACE_HEADER_SIZE - 4))
        return 0;
    *block = (struct lt_block){.is_header = true, .major = at[8], .minor = at[9]};
    r->at += LT_TRACE_HEADER_SIZE;
    *found = FOUND_ITEM;
    return 0;
}

/* Looks at kind and length. *checked is where the payload begins, *whole where it ends. */
static enum found look_at_block(const uint8_t *at, size_t have, size_t *payload, size_t *whole)
{
    struct lt_cursor c = lt_cursor_over(at + 1, have - 1);
    if (have < 2)
        return FOUND_CUT_OFF;
    uint8_t kind = lt_cursor_u8(&c);
    if ((kind & LT_BLOCK_MARK_MASK) != LT_BLOCK_MARK || (kind & LT_BLOCK_TYPE_MASK) == 0)
        return FOUND_NOTHING;
    uint64_t len = lt_cursor_varint(&c);
    size_t length_bytes = (size_t)(c.at - at) - 2;
    if (c.bad)
        return have < LT_BLOCK_HEADER_MAX ? FOUND_CUT_OFF : FOUND_NOTHING;
    if (len > LT_BLOCK_RAW_MAX || length_bytes > LT_BLOCK_LENGTH_MAX)
        return FOUND_NOTHING;
    *payload = 2 + length_bytes + 4;
    *whole = *payload + (size_t)len;
    return FOUND_ITEM;
}

static int find_block(struct lt_block_reader *r, bool searching, struct lt_block *block,
                      enum found *found)
{
    size_t have, payload, whole;
    int err = fill(r, LT_BLOCK_HEADER_MAX, &have);
    if (err)
        return err;
    *found = look_at_block(r->window.data + r->at, have, &payload, &whole);
    if (*found != FOUND_ITEM)
        return 0;
    err = fill(r, whole, &have);
    if (err)
        return err;
    *found = have < whole ? FOUND_CUT_OFF : FOUND_NOTHING;
    if (have < whole || (searching && r->scan_credit < whole))
        return 0;
    if (searching)
        r->scan_credit -= whole;
    const uint8_t *at = r->window.data + r->at;
    struct lt_cursor stored = lt_cursor_over(at + payload - 4, 4);
    uLong crc = crc32(0, at + 1, (uInt)(payload - 5));
    crc = crc32(crc, at + payload, (uInt)(whole - payload));
    if (lt_cursor_u32(&stored) != crc)
        return 0;
    *block = (struct lt_block){
        .type = (enum lt_block_type)(at[1] & LT_BLOCK_TYPE_MASK),
        .deflated = at[1] & LT_BLOCK_DEFLATED,
        .stored = at + payload,
        .stored_len = whole - payload,
    };
    r->at += whole;
    r->blocks++;
    *found = FOUND_ITEM;
    return 0;
}

static int find_at(struct lt_block_reader *r, bool searching, struct lt_block *block,
                   enum found *found)
{
    uint8_t first = r->window.data[r->at];
    *found = FOUND_NOTHING;
    if (first == LT_BLOCK_SYNC)
        return find_block(r, searching, block, found);
    if (first == (uint8_t)LT_TRACE_MAGIC[0])
        return find_header(r, block, found);
    return 0;
}

/* Passes byte after byte until something is found or nothing is left. */
static int search(struct lt_block_reader *r, struct lt_block *block, enum found *found)
{
    size_t have;
    *found = FOUND_NOTHING;
    for (;;) {
        r->at++;
        if (r->scan_credit < UINT64_MAX - SCAN_FACTOR)
            r->scan_credit += SCAN_FACTOR;
        int err = fill(r, 1, &have);
        if (!err && have)
            err = find_at(r, true, block, found);
        if (err || have == 0 || *found == FOUND_ITEM)
            return err;
    }
}

/* Is there nothing behind what was read? */
static int is_at_end(struct lt_block_reader *r, bool *at_end)
{
    size_t left = r->window.len - r->at, have;
    int err = fill(r, left + 1, &have);
    *at_end = have == left;
    return err;
}

/* The last block of a recording that is still going on is written anew, longer: a part of it may be of
 * before, a part of after. */
static int find_again(struct lt_block_reader *r, struct lt_block *block, enum found *found)
{
    bool at_end;
    size_t have;
    int err = is_at_end(r, &at_end);
    if (err || !at_end || !r->in->seek || r->again == MOST_AGAIN)
        return err;
    r->again++;
    r->bytes -= r->window.len - r->at;
    r->window.len = r->at;
    r->ended = false;
    err = r->in->seek(r->in->ctx, r->bytes);
    if (!err)
        err = fill(r, 1, &have);
    return err || have == 0 ? err : find_at(r, false, block, found);
}

int lt_block_reader_next(struct lt_block_reader *r, struct lt_block *block)
{
    enum found found, later;
    size_t have;
    int err = fill(r, 1, &have);
    if (err || have == 0)
        return err;
    err = find_at(r, false, block, &found);
    if (!err && found == FOUND_NOTHING)
        err = find_again(r, block, &found);
    if (err)
        return err;
    if (found == FOUND_ITEM)
        return 1;
    if (r->at == r->window.len) /* it was cut short meanwhile */
        return 0;
    err = search(r, block, &later);
    if (err)
        return err;
    if (later == FOUND_ITEM) {
        r->damaged++;
        return 1;
    }
    /* Nothing but the beginning of a block: its end was not written (yet). */
    if (found == FOUND_CUT_OFF)
        r->cut_off = true;
    else
        r->damaged++;
    return 0;
}

bool lt_blocks_probe(const uint8_t *head, size_t len)
{
    struct lt_block_reader r;
    struct lt_block block;
    struct lt_input in;
    if (len >= LT_TRACE_MAGIC_SIZE && memcmp(head, LT_TRACE_MAGIC, LT_TRACE_MAGIC_SIZE) == 0)
        return true;
    if (lt_input_memory(&in, head, len))
        return false;
    lt_block_reader_init(&r, &in);
    bool found = lt_block_reader_next(&r, &block) > 0;
    lt_block_reader_release(&r);
    in.close(in.ctx);
    return found;
}

int lt_block_reader_probe(struct lt_block_reader *r)
{
    size_t have;
    int err = fill(r, LT_TRACE_MAGIC_SIZE, &have);
    if (!err && !lt_blocks_probe(r->window.data + r->at, have))
        err = fill(r, LT_TRACE_PROBE, &have);
    return err ? err : lt_blocks_probe(r->window.data + r->at, have);
}
