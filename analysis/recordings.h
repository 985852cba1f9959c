/* SPDX-License-Identifier: Apache-2.0
 *
 * The recordings that are looked at together: opening them, what their heads say, and the one clock
 * that they share. Time 0 is the start of the earliest one whose wall clock is known;
 * recordings that do not know theirs begin at 0 as well. */
#ifndef LT_RECORDINGS_H
#define LT_RECORDINGS_H

#include "analysis/selection.h"
#include "analysis/view.h"
#include "formats/profile.h"
#include "formats/profile_reader.h"

struct lt_recording {
    const char *path; /* borrowed; "-" is standard input */
    bool again;       /* a plain file: it can be read more than once */
    uint64_t size;    /* of a plain file, for progress */
    bool known;       /* the head was read: what follows up to recorder is filled */
    bool headless;    /* a trace that ends before it says anything of itself */
    bool has_time, has_weight, no_counts; /* as struct lt_meta says them */
    int64_t start_realtime_ns;            /* 0 unknown */
    int64_t interval_ns;                  /* 0 unknown */
    uint64_t jitter;                      /* as there */
    char *command, *host, *cwd, *recorder;
    int64_t duration_ns;        /* known once it was read to the end */
    struct lt_read_stats stats; /* of the last reading */
};

struct lt_recordings {
    struct lt_recording *at;
    size_t n;
};

/* A place for what happened and what to do. */
struct lt_message {
    char text[512];
};

/* The paths are borrowed until release. Nothing is opened yet. */
int lt_recordings_init(struct lt_recordings *r, const char *const *paths, size_t n);
void lt_recordings_release(struct lt_recordings *r);

/* Reads the heads of those that can be read again. */
int lt_recordings_peek(struct lt_recordings *r, struct lt_message *message);
/* Reads number i to its end. On failure the message says why, unless it says something already. */
int lt_recordings_read(struct lt_recordings *r, size_t i, const struct lt_profile_handler *handler,
                       const struct lt_read_options *options, struct lt_message *message);
/* Takes what a head says: for inputs that cannot be peeked into. */
int lt_recording_learn(struct lt_recording *rec, const struct lt_meta *meta);

/* Do the recordings come from different hosts, or could they, as far as heads are known? */
bool lt_recordings_have_hosts(const struct lt_recordings *r);
/* Wall clock at time 0; 0 if no recording knows its own. */
int64_t lt_recordings_start(const struct lt_recordings *r);
/* From number i's own time to the shared one. */
int64_t lt_recordings_offset(const struct lt_recordings *r, size_t i);
/* End of the last one, in shared time; needs a reading of all to the end. */
int64_t lt_recordings_end(const struct lt_recordings *r);
/* Does the selection ask for times that only a first reading can tell? */
bool lt_selection_counts_from_end(const struct lt_selection *s);
bool lt_selection_has_window(const struct lt_selection *s);
/* --from and --to in shared time. LT_ERR_USAGE with a message where a recording cannot say. */
int lt_recordings_window(const struct lt_recordings *r, const struct lt_selection *s,
                         struct lt_view_window *window, struct lt_message *message);

/* How long all were recorded, added up: twice the time while two were. */
int64_t lt_recordings_sum(const struct lt_recordings *r);
/* What the readings of all found, summed; complete only if all are. Its duration is the time while any of
 * them was recorded. */
void lt_recordings_stats(const struct lt_recordings *r, struct lt_read_stats *sum);
/* The text that all have in common, or "": give offsetof(struct lt_recording, command) or the like. */
const char *lt_recordings_common(const struct lt_recordings *r, size_t member);
/* Was damage passed over? 0 with a message if so and without one if not; LT_ERR_CORRUPT with a message
 * where --strict forbids it. */
int lt_recording_damage(const struct lt_recording *rec, bool strict, struct lt_message *message);

/* What --mode left out because recordings cannot say what threads did. */
void lt_message_stateless(struct lt_message *message, uint64_t samples);
/* "PATH is no recording that live-trace can read: ..." and the like, for an enum lt_error. */
void lt_recording_explain(struct lt_message *message, const char *path, int error);

#endif
