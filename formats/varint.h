/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded decoding, byte by byte. A cursor has an end and remembers that it was
 * overrun: decode a whole structure, then look at `bad` once. After the first bad
 * read every further one gives 0. */
#ifndef LT_VARINT_H
#define LT_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/profile.h"

#define LT_VARINT_MAX 10 /* bytes of the longest 64-bit varint */

struct lt_cursor {
    const uint8_t *at, *end;
    bool bad;
};

/* Over these bytes; data may be NULL when len is 0. */
struct lt_cursor lt_cursor_over(const void *data, size_t len);
uint8_t lt_cursor_u8(struct lt_cursor *c);
uint32_t lt_cursor_u32(struct lt_cursor *c);    /* little-endian */
uint64_t lt_cursor_varint(struct lt_cursor *c); /* LEB128; over 64 bits is bad */
int64_t lt_cursor_svarint(struct lt_cursor *c); /* zigzag */
/* A varint that must be <= max; otherwise bad. For ids and counts. */
uint64_t lt_cursor_bounded(struct lt_cursor *c, uint64_t max);
/* A varint length, then that many bytes, borrowed from the input. */
struct lt_str lt_cursor_str(struct lt_cursor *c);
size_t lt_cursor_left(const struct lt_cursor *c);

#endif
