/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes to blocks: finds the next whole, undamaged block, whatever lies before it. */
#ifndef LT_BLOCK_READER_H
#define LT_BLOCK_READER_H

#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/profile.h"
#include "formats/trace_format.h"

struct lt_block {
    bool is_header; /* a file header: a recording begins; only the version means something */
    uint8_t major, minor;
    enum lt_block_type type; /* may be one that this version does not know */
    bool deflated;
    const uint8_t *stored; /* borrowed until the next call */
    size_t stored_len;
};

struct lt_block_reader {
    struct lt_input *in;
    struct lt_buf window; /* what was read and not yet passed */
    size_t at;            /* where the next item begins in it */
    bool ended;           /* the input has no more */
    unsigned again;       /* how often the end was read once more */
    uint64_t scan_credit; /* bytes that a search may still checksum, see block_reader.c */

    uint64_t bytes;   /* of the input up to the window's end */
    uint64_t blocks;  /* whole ones */
    uint64_t damaged; /* runs of bytes that are neither */
    bool cut_off;     /* the input ends within a block */
};

/* The input is borrowed. Cannot fail. */
void lt_block_reader_init(struct lt_block_reader *r, struct lt_input *in);
void lt_block_reader_release(struct lt_block_reader *r);

/* Do these first bytes begin as a trace does, or, where the beginning is damaged, hold a whole
 * block? */
bool lt_blocks_probe(const uint8_t *head, size_t len);
/* The same of the input: 1, 0, or a negative enum lt_error of it. Before next(). */
int lt_block_reader_probe(struct lt_block_reader *r);

/* 1 and the next item, 0 at the end, or a negative enum lt_error of the input. */
int lt_block_reader_next(struct lt_block_reader *r, struct lt_block *block);

struct lt_inflater; /* opaque */

int lt_inflater_new(struct lt_inflater **out);
void lt_inflater_free(struct lt_inflater *f);
/* The payload of a block, inflated if it has to be; valid until the next call, and as long as
 * `stored`. LT_BAD_PAYLOAD if it cannot be inflated to at most LT_BLOCK_RAW_MAX bytes. */
int lt_inflater_payload(struct lt_inflater *f, bool deflated, struct lt_str stored,
                        struct lt_str *payload);

#endif
