/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder of TICKS blocks: one open block, which grows by what changes. */
#ifndef LT_TRACE_TICKS_H
#define LT_TRACE_TICKS_H

#include "formats/byte_buffer.h"
#include "formats/trace_roster.h"

/* Zero-initialised, but for the first two, is a closed block. */
struct lt_tick_encoder {
    int64_t step_ns;    /* the grid of ticks */
    int64_t quantum_ns; /* of places within a step */
    int64_t step;       /* number of the last tick's step since time 0 */
    bool started;       /* step means something */
    int64_t place_ns;   /* time of the last tick as the block says it */

    /* The columns of the block: who took part when it was opened, and with what; four bits a tick;
     * what changed of whom, and ticks that do not fit into four bits; new stacks; new states and
     * tags. */
    struct lt_buf opening_ids, opening_stacks, opening_states;
    struct lt_buf places;
    struct lt_buf heads, stacks, states;
    struct lt_buf ended; /* slots of threads that ended since the last tick, as varints */
    uint32_t n_opening;  /* threads in the opening columns */
    uint32_t n_slots;    /* those, and the ones that came since */
    uint32_t n_ticks;
    uint32_t n_ended;
    int64_t first_step;
    uint32_t n_changes; /* of the tick that is being encoded */
    size_t last_head;   /* where that of its last change is in heads */
};

void lt_tick_encoder_release(struct lt_tick_encoder *e);

/* Between blocks: another clock begins at 0. */
void lt_tick_encoder_restart(struct lt_tick_encoder *e);

/* A tick is begun, gets its changes, and is ended. Time never goes back. */
int lt_tick_encoder_begin(struct lt_tick_encoder *e, int64_t time_ns, uint32_t covers);
/* Thread `id` has changed in what `what` says (enum lt_change_flags); the thread knows the new
 * values. It gets a slot if it has none. */
int lt_tick_encoder_change(struct lt_tick_encoder *e, uint32_t id, struct lt_roster_thread *thread,
                           unsigned what);
/* The first tick of a block takes the state of all live threads after its changes. */
int lt_tick_encoder_end(struct lt_tick_encoder *e, struct lt_roster *roster);

/* Between ticks: the thread takes no part from the next one on. */
int lt_tick_encoder_thread_end(struct lt_tick_encoder *e, struct lt_roster_thread *thread);

bool lt_tick_encoder_full(const struct lt_tick_encoder *e);
size_t lt_tick_encoder_bytes(const struct lt_tick_encoder *e);
/* Appends the open block to out, which has its first byte, and closes it: threads lose
 * their slots. */
int lt_tick_encoder_take(struct lt_tick_encoder *e, struct lt_roster *roster, struct lt_buf *out);

#endif
