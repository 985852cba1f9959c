/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder of TICKS blocks: one open block, which grows by what changes. */
#ifndef LT_TRACE_TICKS_H
#define LT_TRACE_TICKS_H

#include "formats/byte_buffer.h"
#include "formats/trace_roster.h"
#include "formats/trace_tick_odds.h"

struct lt_tick_encoder_slot;

/* Zero-initialised, but for the first three, is a closed block. */
struct lt_tick_encoder {
    int64_t step_ns;    /* the grid of ticks */
    int64_t quantum_ns; /* of places within a step */
    uint64_t jitter;    /* seed of lt_tick_jitter_ns() */
    int64_t step;       /* number of the last tick's step since time 0 */
    bool started;       /* step means something */
    int64_t place_ns;   /* time of the last tick as the block says it */

    struct lt_tick_odds odds;
    struct lt_range_encoder coder, ending; /* a copy that is ended */
    struct lt_tick_encoder_slot *slots;    /* of the threads of the block, in order */
    size_t n_slots, slots_alloc;
    size_t n_told;    /* slots that the block has */
    size_t n_changes; /* that wait for the end of their tick */
    uint32_t n_opening;
    uint32_t n_ticks;
    int64_t first_step;
    bool changed; /* the last tick */
};

void lt_tick_encoder_release(struct lt_tick_encoder *e);

/* Between blocks: another clock begins at 0. */
void lt_tick_encoder_restart(struct lt_tick_encoder *e);

/* A tick is begun, gets its changes, and is ended. Time never goes back. */
int lt_tick_encoder_begin(struct lt_tick_encoder *e, int64_t time_ns, uint32_t covers);
/* Thread `id` has changed; the thread knows the new values. It gets a slot if it has none. */
int lt_tick_encoder_change(struct lt_tick_encoder *e, uint32_t id, struct lt_roster_thread *thread);
/* The first tick of a block takes the state of all live threads after its changes. */
int lt_tick_encoder_end(struct lt_tick_encoder *e, struct lt_roster *roster);

/* Between ticks: the thread takes no part from the next one on. */
void lt_tick_encoder_thread_end(struct lt_tick_encoder *e, struct lt_roster_thread *thread);

bool lt_tick_encoder_full(const struct lt_tick_encoder *e);
size_t lt_tick_encoder_bytes(const struct lt_tick_encoder *e);
/* Appends the block as it is now to out, which has its first byte; it stays open. */
int lt_tick_encoder_put(struct lt_tick_encoder *e, struct lt_buf *out);
/* The next tick begins another block: threads lose their slots. */
void lt_tick_encoder_close(struct lt_tick_encoder *e, struct lt_roster *roster);

#endif
