/* SPDX-License-Identifier: Apache-2.0
 *
 * What the decisions of a TICKS block depend on: the encoder's and the decoder's odds, which begin
 * as zeroes with each block. */
#ifndef LT_TRACE_TICK_ODDS_H
#define LT_TRACE_TICK_ODDS_H

#include "formats/range_coder.h"

/* States as far as odds tell them apart. */
#define LT_TICK_STATES 16

struct lt_tick_odds {
    struct lt_odds irregular, earlier;
    struct lt_number_odds covers, shift, place;
    struct lt_odds changed[2];                 /* by: the tick before did */
    struct lt_odds touched[2][LT_TICK_STATES]; /* by: another one in this tick, and state */
    struct lt_odds another;                    /* new thread */
    struct lt_odds ended;
    struct lt_odds back[LT_TICK_STATES];      /* to what it was before; by state */
    struct lt_odds moved[1 + LT_TICK_STATES]; /* stack; by: the same state, or the new one */
    struct lt_odds tagged;                    /* tags changed */
    struct lt_number_odds thread, stack, tags;
    struct lt_number_odds state[LT_TICK_STATES]; /* by: the one before */
};

static inline uint32_t lt_tick_state(uint32_t state)
{
    return state % LT_TICK_STATES;
}

#endif
