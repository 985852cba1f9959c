/* SPDX-License-Identifier: Apache-2.0
 *
 * A binary range coder with odds that learn (formats/TRACE-FORMAT.md, 4.3.1): a decision that went
 * as expected costs a small part of a bit. Encoder and decoder make the same decisions in the same
 * order with odds that began alike. */
#ifndef LT_RANGE_CODER_H
#define LT_RANGE_CODER_H

#include <stdbool.h>

#include "formats/byte_buffer.h"
#include "formats/varint.h"

/* How likely a decision is yes. Zero-initialised: as likely as not. */
struct lt_odds {
    int16_t lean;   /* from one half, in 65,536ths */
    uint16_t asked; /* how often, up to where it stops to count */
};

enum { LT_NUMBER_CLASSES = 64, LT_NUMBER_KNOWN_BITS = 3 };

/* Numbers from 0 to INT64_MAX, small ones and frequent ones in few bits. Zero-initialised. */
struct lt_number_odds {
    struct lt_odds longer[LT_NUMBER_CLASSES];
    struct lt_odds bits[LT_NUMBER_CLASSES][1 << LT_NUMBER_KNOWN_BITS];
};

struct lt_range_encoder {
    struct lt_buf bytes;
    uint32_t low, range;
    int err; /* LT_ERR_NOMEM; nothing is right after it */
};

void lt_range_encoder_begin(struct lt_range_encoder *e); /* keeps the memory of what came before */
void lt_range_encode(struct lt_range_encoder *e, struct lt_odds *odds, bool yes);
void lt_range_encode_number(struct lt_range_encoder *e, struct lt_number_odds *odds,
                            uint64_t number);
/* What e was given so far, to be ended while e goes on. Keeps the memory of what came before; 0 or err. */
int lt_range_encoder_copy(struct lt_range_encoder *copy, const struct lt_range_encoder *e);
/* From here on `bytes` is all of it. 0 or err. */
int lt_range_encoder_end(struct lt_range_encoder *e);
void lt_range_encoder_release(struct lt_range_encoder *e);

struct lt_range_decoder {
    struct lt_cursor c;
    uint32_t code, range;
    unsigned beyond; /* bytes asked for behind the end */
};

void lt_range_decoder_begin(struct lt_range_decoder *d, struct lt_cursor bytes);
bool lt_range_decode(struct lt_range_decoder *d, struct lt_odds *odds);
uint64_t lt_range_decode_number(struct lt_range_decoder *d, struct lt_number_odds *odds);
/* More was asked for than an encoder can have put in. */
bool lt_range_decoder_bad(const struct lt_range_decoder *d);

#endif
