/* SPDX-License-Identifier: Apache-2.0
 *
 * The side of a recorder that may take its time: it compresses and writes the blocks of the trace,
 * reads source lines, finds processes and the names of threads. One thread calls round(). */
#ifndef LT_KEEPER_H
#define LT_KEEPER_H

#include <stdatomic.h>

#include "collector/outbox.h"
#include "collector/recorder.h"

struct lt_keeper;

struct lt_keeper_config {
    struct lt_output *output; /* borrowed */
    int64_t sync_every_ns;    /* 0: never */
    bool follow_children, force_version;
    struct lt_outbox *in;  /* from the sampler */
    struct lt_outbox *out; /* to the sampler */
    atomic_uint *mail;     /* counted up after each message in `out` */
};

int lt_keeper_new(struct lt_keeper **out, const struct lt_keeper_config *config);
void lt_keeper_free(struct lt_keeper *k);

/* From any thread. */
int lt_keeper_add(struct lt_keeper *k, pid_t pid);

/* Waits for messages until *next_ns (0: does not wait), does what they ask for, and looks after the
 * processes unless `closing`. *next_ns is when to come again. LT_ERR_IO when the output failed,
 * LT_ERR_NOMEM. */
int lt_keeper_round(struct lt_keeper *k, bool closing, int64_t *next_ns);

/* All processes that were added, and their children, have ended. */
bool lt_keeper_alone(struct lt_keeper *k);

uint64_t lt_keeper_bytes(const struct lt_keeper *k);
int lt_keeper_reason(const struct lt_keeper *k, char *detail, size_t size);

#endif
