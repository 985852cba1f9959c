/* SPDX-License-Identifier: Apache-2.0
 *
 * Small records, kept by stream (a thread) in order, in memory that does not grow with
 * their number: each stream has a small buffer, full ones go to a temporary file without a name.
 * Written first, then read stream by stream, as often as wanted. */
#ifndef LT_STREAM_SPOOL_H
#define LT_STREAM_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/varint.h"

struct lt_spool; /* opaque */

int lt_spool_new(struct lt_spool **out);
void lt_spool_free(struct lt_spool *s);

#define LT_SPOOL_RECORD 64                 /* bytes, at the most */
#define LT_SPOOL_STREAMS ((size_t)1 << 24) /* at the most */

/* Streams are dense from 0. */
int lt_spool_add(struct lt_spool *s, uint32_t stream, const void *record, size_t len);

#define LT_SPOOL_BLOCK 4096

struct lt_spool_reader {
    const struct lt_spool *spool;
    uint32_t stream, slot;
    bool last_block;
    struct lt_cursor at;
    uint8_t block[LT_SPOOL_BLOCK];
};

/* No more adding from here on. A stream that nothing was added to is empty. */
int lt_spool_reader_init(struct lt_spool_reader *r, const struct lt_spool *s, uint32_t stream);
/* 1: r->at is at the next record: read all of it from there; 0: that was all; negative: enum
 * lt_error. */
int lt_spool_reader_more(struct lt_spool_reader *r);

#endif
