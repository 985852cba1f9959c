/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording in progress: one thread that samples every process added to it, and
 * one thread that does what may take long (finding interpreters and children,
 * thread names, source lines, compression, the disk). Both block all signals. */
#ifndef LT_RECORDER_H
#define LT_RECORDER_H

#include <sys/types.h>

#include "formats/io.h"
#include "formats/profile.h"

struct lt_recorder;
struct lt_trace_files; /* collector/trace_files.h */

struct lt_recorder_config {
    int64_t interval_ns;
    int64_t duration_ns; /* stop sampling by itself after that; 0 never */
    bool follow_children;
    /* What is sampled is the process that these threads are part of: they ask for no priority over
     * its own, and their CPU time is none of its. */
    bool inside;
    uint64_t tag_var;           /* where it keeps its tags (collector/py_tags.h); 0: look for it */
    bool tasks;                 /* a stack that a task of asyncio runs begins with it */
    bool force_version;         /* read an unknown newer CPython as if it were the newest known */
    bool source_lines;          /* embed the text of sampled lines */
    uint32_t max_frames;        /* of a stack, the innermost ones; 0: all */
    struct lt_str command, cwd; /* for the trace's meta */
    const struct lt_tag *tags;  /* on all samples */
    size_t n_tags;
    struct lt_output *output; /* borrowed until free */
    /* Where the recording goes on when the file of the output is old or large: the output becomes that of
     * the next one. Borrowed until free; NULL: one output, all the time. */
    struct lt_trace_files *files;
    int64_t sync_every_ns; /* bring the output to the disk so often; 0 leave it to the system */
};

struct lt_recorder_summary {
    struct lt_health health;
    int64_t duration_ns;
    uint64_t bytes;     /* written to the output, all files of it */
    char file[4096];    /* that is written now, of several; "": one output, all the time */
    unsigned processes; /* Python processes that were sampled */
    int error;          /* why it ended early (LT_ERR_IO: disk full ...), or 0 */
    int error_errno;
    int python_error;        /* why no process could be sampled: LT_ERR_NOT_PYTHON, ... or 0 */
    char python_detail[256]; /* e.g. the version that is not supported */
};

int lt_recorder_start(struct lt_recorder **out, const struct lt_recorder_config *config);
/* Must exist; whether it is (or becomes) Python is found out by and by. */
int lt_recorder_add(struct lt_recorder *r, pid_t pid);
/* True once nothing is left to sample, the duration is over, or the output failed. */
bool lt_recorder_done(const struct lt_recorder *r);
/* The output fails, and with `files` the next one is tried now and then. The summary says why. */
bool lt_recorder_failing(const struct lt_recorder *r);
/* Python processes that have been sampled so far. */
unsigned lt_recorder_processes(const struct lt_recorder *r);
/* Why it ended early, or 0; with LT_ERR_IO also errno. */
int lt_recorder_error(const struct lt_recorder *r, int *error_errno);
/* Readable (poll) when lt_recorder_done() became true. */
int lt_recorder_fd(const struct lt_recorder *r);
/* Figures so far. From any thread, at any time until free. */
void lt_recorder_look(struct lt_recorder *r, struct lt_recorder_summary *summary);
/* Hands all that was sampled so far to the output. 0, LT_ERR_IO, LT_ERR_NOMEM. */
int lt_recorder_flush(struct lt_recorder *r);

/* Around a fork() of the process that the recorder is in. While it is held, nothing of it is half
 * done; the sampler waits for its next tick. False: it could not be held within the patience, for
 * the disk is slow, and nothing has to be let go. Threads do not live on in the child, which lets go
 * by abandon instead: that releases the memory and closes what the recorder opened; not its output. */
bool lt_recorder_hold(struct lt_recorder *r, int64_t patience_ns);
void lt_recorder_let_go(struct lt_recorder *r);
void lt_recorder_abandon(struct lt_recorder *r);

/* Ends the recording: the trace is complete when this returns. */
int lt_recorder_stop(struct lt_recorder *r, struct lt_recorder_summary *summary);
void lt_recorder_free(struct lt_recorder *r);

#endif
