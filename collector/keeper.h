/* SPDX-License-Identifier: Apache-2.0
 *
 * The side of a recorder that may take its time: it compresses and writes the blocks of the trace,
 * reads source lines, finds processes and the names of threads. */
#ifndef LT_KEEPER_H
#define LT_KEEPER_H

#include <stdatomic.h>
#include <time.h>

#include "collector/outbox.h"
#include "collector/process_watch.h"
#include "collector/recorder.h"
#include "collector/trace_files.h"

struct lt_keeper;

struct lt_keeper_config {
    struct lt_output *output; /* borrowed */
    struct lt_trace_files
        *files;            /* borrowed; where that output's file is one of several; or NULL */
    int64_t sync_every_ns; /* 0: never */
    struct lt_process_watch_config watch;
    struct lt_outbox *in;  /* from the sampler */
    struct lt_outbox *out; /* to the sampler */
    atomic_uint *mail;     /* counted up after each message in `out` */
};

int lt_keeper_new(struct lt_keeper **out, const struct lt_keeper_config *config);
void lt_keeper_free(struct lt_keeper *k);

/* From any thread. */
int lt_keeper_add(struct lt_keeper *k, pid_t pid);

/* Does what the messages that have come ask for. From any thread. LT_ERR_IO when the output failed,
 * LT_ERR_NOMEM. */
int lt_keeper_keep(struct lt_keeper *k);
/* The same, and looks after the processes; *next_ns is when to come again. */
int lt_keeper_round(struct lt_keeper *k, int64_t *next_ns);

/* Around a fork(): nothing is half done in between. False: it was not to be had by then
 * (CLOCK_REALTIME), as the disk is slow. */
bool lt_keeper_hold(struct lt_keeper *k, const struct timespec *until);
void lt_keeper_let_go(struct lt_keeper *k);

/* Nothing is written, as the output failed; by and by the next file is tried. */
bool lt_keeper_failing(const struct lt_keeper *k);

/* How long a TICKS block that takes the place of the last of n_blocks (those that replaced one included) may
 * be, raw; 0 if none may, or not all of them are written yet. From any thread. */
size_t lt_keeper_room(const struct lt_keeper *k, uint64_t n_blocks);

/* All processes that were added, and their children, have ended. */
bool lt_keeper_alone(struct lt_keeper *k);

/* Fills bytes, file, error if it is failing, and python_error with its detail. */
void lt_keeper_look(struct lt_keeper *k, struct lt_recorder_summary *summary);

#endif
