/* SPDX-License-Identifier: Apache-2.0
 *
 * What `run` and `attach` share: the options of a recording, its file, and the line at its end. */
#ifndef LT_RECORDING_H
#define LT_RECORDING_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/options.h"
#include "collector/recorder.h"
#include "formats/byte_buffer.h"

struct lt_recording_options {
    const char *out_file; /* NULL: the default */
    int64_t interval_ns, duration_ns;
    int64_t sync_every_ns; /* 0: the system writes when it likes */
    uint32_t max_frames;   /* 0: all */
    bool no_children, tasks, no_source, force, quiet;
    struct lt_tag *tags;
    size_t n_tags, tags_alloc;
};

extern const struct lt_option lt_recording_option_table[];
extern const char lt_recording_help[];

void lt_recording_options_init(struct lt_recording_options *o);
/* 0; 1 when the id is none of the table's; -2 for a mistake that has been said. */
int lt_recording_option(struct lt_recording_options *o, int id, const char *value);
void lt_recording_options_release(struct lt_recording_options *o);

struct lt_recording_file {
    struct lt_recorder *recorder;
    struct lt_output output;
    struct lt_buf path; /* NUL-terminated */
    bool quiet;
    bool keep_empty; /* the file stays if no process was sampled: true for one with a given name */
    bool synced;     /* to the disk now and then */
    bool explained;  /* why it ended early has been said */
};

/* Creates the file and starts the recorder. 0 or an exit status after a message. `command` is what
 * is recorded, for the trace. */
int lt_recording_begin(struct lt_recording_file *r, const struct lt_recording_options *o,
                       const char *command);
/* If it has ended early, says why, once: for programs that go on for long. */
void lt_recording_note_end(struct lt_recording_file *r);
/* Ends it, and removes the file of an empty recording unless that is to be kept; says what came of it, or what went wrong, unless quiet. Fills summary. */
void lt_recording_end(struct lt_recording_file *r, struct lt_recorder_summary *summary);

#endif
