/* SPDX-License-Identifier: Apache-2.0
 *
 * An interval of 32 bits that each decision cuts in two, as likely as its parts are long; what all
 * numbers in it have in common goes out. */
#include "config.h"

#include "formats/range_coder.h"

#include "formats/lt_error.h"

enum {
    ODDS_BITS = 12, /* of what a decision is made with */
    HALF = 1 << 15,
    SLOWEST = 30,  /* later answers count no less than one part in this plus two */
    MAX_BEYOND = 4 /* the decoder is so many bytes ahead */
};

static const uint32_t TOP = UINT32_C(1) << 24;

/* The part of the range that means yes: never none, never all of it. */
static uint32_t part_of_yes(uint32_t range, const struct lt_odds *odds)
{
    return (range >> ODDS_BITS) * ((uint32_t)(HALF + odds->lean) >> (16 - ODDS_BITS));
}

/* 65,536 by 2, 3, 4, ... */
#define SHARE(n) (UINT32_C(65536) / ((n) + 2))
#define SHARES(n) SHARE(n), SHARE(n + 1), SHARE(n + 2), SHARE(n + 3), SHARE(n + 4)
static const uint32_t SHARE_OF[SLOWEST + 1] = {SHARES(0),  SHARES(5),  SHARES(10),    SHARES(15),
                                               SHARES(20), SHARES(25), SHARE(SLOWEST)};

/* Moves the odds by 1/2, 1/3, 1/4, ... of what is missing. */
static void learn(struct lt_odds *odds, bool yes)
{
    uint32_t likely = (uint32_t)(HALF + odds->lean), share = SHARE_OF[odds->asked];
    if (yes)
        likely += (2 * HALF - likely) * share >> 16;
    else
        likely -= likely * share >> 16;
    odds->lean = (int16_t)((int32_t)likely - HALF);
    odds->asked += odds->asked < SLOWEST;
}

/* ---- encoder ---- */

void lt_range_encoder_begin(struct lt_range_encoder *e)
{
    lt_buf_clear(&e->bytes);
    e->low = 0;
    e->range = UINT32_MAX;
    e->err = 0;
}

void lt_range_encoder_release(struct lt_range_encoder *e)
{
    lt_buf_release(&e->bytes);
}

/* There is a byte to carry into: all of it is less than 1. */
static void carry(struct lt_range_encoder *e)
{
    size_t i = e->bytes.len;
    while (i > 0 && ++e->bytes.data[i - 1] == 0)
        i--;
}

static void raise_low(struct lt_range_encoder *e, uint32_t by)
{
    e->low += by;
    if (e->low < by)
        carry(e);
}

static void put_top(struct lt_range_encoder *e)
{
    if (!e->err)
        e->err = lt_buf_put_u8(&e->bytes, (uint8_t)(e->low >> 24));
    e->low <<= 8;
}

static void normalise(struct lt_range_encoder *e)
{
    for (; e->range < TOP; e->range <<= 8)
        put_top(e);
}

void lt_range_encode(struct lt_range_encoder *e, struct lt_odds *odds, bool yes)
{
    uint32_t part = part_of_yes(e->range, odds);
    if (yes) {
        e->range = part;
    } else {
        raise_low(e, part);
        e->range -= part;
    }
    learn(odds, yes);
    normalise(e);
}

/* A bit that is as likely 0 as 1. */
static void encode_even(struct lt_range_encoder *e, unsigned bit)
{
    e->range >>= 1;
    if (bit)
        raise_low(e, e->range);
    normalise(e);
}

void lt_range_encode_number(struct lt_range_encoder *e, struct lt_number_odds *odds,
                            uint64_t number)
{
    uint64_t value = number + 1;
    unsigned length = 63 - (unsigned)__builtin_clzll(value);
    for (unsigned i = 0; i <= length && i + 1 < LT_NUMBER_CLASSES; i++)
        lt_range_encode(e, &odds->longer[i], i < length);
    for (unsigned i = 0, known = 1; i < length; i++) {
        unsigned bit = value >> (length - 1 - i) & 1;
        if (i >= LT_NUMBER_KNOWN_BITS) {
            encode_even(e, bit);
            continue;
        }
        lt_range_encode(e, &odds->bits[length][known], bit);
        known = known << 1 | bit;
    }
}

int lt_range_encoder_copy(struct lt_range_encoder *copy, const struct lt_range_encoder *e)
{
    lt_buf_clear(&copy->bytes);
    copy->low = e->low;
    copy->range = e->range;
    copy->err = e->err ? e->err : lt_buf_put(&copy->bytes, e->bytes.data, e->bytes.len);
    return copy->err;
}

/* The shortest number that lies in the range, whatever follows. */
int lt_range_encoder_end(struct lt_range_encoder *e)
{
    for (unsigned bytes = 0; bytes <= 4; bytes++) {
        uint32_t rest = (uint32_t)((UINT64_C(1) << (32 - 8 * bytes)) - 1);
        uint32_t up = (0 - e->low) & rest;
        if (up >= e->range)
            continue;
        raise_low(e, up);
        for (; bytes > 0; bytes--)
            put_top(e);
        break;
    }
    return e->err;
}

/* ---- decoder ---- */

static uint8_t next_byte(struct lt_range_decoder *d)
{
    if (d->c.at < d->c.end)
        return *d->c.at++;
    d->beyond++;
    return 0;
}

void lt_range_decoder_begin(struct lt_range_decoder *d, struct lt_cursor bytes)
{
    *d = (struct lt_range_decoder){.c = bytes, .range = UINT32_MAX};
    for (unsigned i = 0; i < 4; i++)
        d->code = d->code << 8 | next_byte(d);
}

static void refill(struct lt_range_decoder *d)
{
    for (; d->range < TOP; d->range <<= 8)
        d->code = d->code << 8 | next_byte(d);
}

/* Inlined, the decoder of a whole number stays in registers. */
__attribute__((always_inline)) static inline bool decode(struct lt_range_decoder *d,
                                                         struct lt_odds *odds)
{
    uint32_t part = part_of_yes(d->range, odds);
    bool yes = d->code < part;
    if (yes) {
        d->range = part;
    } else {
        d->code -= part;
        d->range -= part;
    }
    learn(odds, yes);
    refill(d);
    return yes;
}

bool lt_range_decode(struct lt_range_decoder *d, struct lt_odds *odds)
{
    return decode(d, odds);
}

static unsigned decode_even(struct lt_range_decoder *d)
{
    d->range >>= 1;
    unsigned bit = d->code >= d->range;
    if (bit)
        d->code -= d->range;
    refill(d);
    return bit;
}

uint64_t lt_range_decode_number(struct lt_range_decoder *decoder, struct lt_number_odds *odds)
{
    struct lt_range_decoder d = *decoder; /* in registers */
    unsigned length = 0;
    while (length + 1 < LT_NUMBER_CLASSES && decode(&d, &odds->longer[length]))
        length++;
    uint64_t value = 1;
    for (unsigned i = 0; i < length; i++) {
        unsigned bit =
            i < LT_NUMBER_KNOWN_BITS ? decode(&d, &odds->bits[length][value]) : decode_even(&d);
        value = value << 1 | bit;
    }
    *decoder = d;
    return value - 1;
}

bool lt_range_decoder_bad(const struct lt_range_decoder *d)
{
    return d->beyond > MAX_BEYOND;
}
