/* SPDX-License-Identifier: Apache-2.0
 *
 * live_trace_exporter.h: the interface between live-trace and an output format.
 *
 * A plug-in is a shared object that exports ONE symbol:
 *
 *     const struct live_trace_exporter live_trace_exporter = { ... };
 *
 * It links against nothing of live-trace and needs only this header. See
 * examples/exporter/ for a complete one with its six-line Makefile. live-trace looks
 * for *.so in the folders of $LIVE_TRACE_EXPORTERS (separated by ':'), then in the configured
 * folder, and loads the file of --plugin FILE; never from the working folder.
 *
 * Rules, valid for every member:
 * - Calls come from one thread, in this order: open, meta, (stack | sample)*, health, close.
 * - A function returns 0, or a negative number to stop; then only close follows, with failed = 1.
 *   It says why by host->fail() first; otherwise a general message is shown.
 * - Strings are NUL-terminated bytes, most often UTF-8, but file names and names come from
 *   foreign programs: expect anything but NUL. No string is NULL.
 * - What a call hands over is borrowed for that call, except frames and threads: these live,
 *   at the same address, until close returns. Frames do not change. The names of a thread may
 *   become better known while samples come: look at them as late as you can.
 * - Ids are dense from 0 in order of first appearance: use them as array indices.
 * - Names, paths, grouping (--by), hidden frames, thread roots (--threads), units and all other
 * selections are already applied: write what you get.
 *
 * Versions: LIVE_TRACE_EXPORTER_ABI changes only when an old plug-in can no longer work.
 * Members are only ever added at the end of a struct, and flags as new bits; each time
 * LIVE_TRACE_EXPORTER_MINOR grows by one and the new member says "since N". A plug-in that wants to
 * run under older versions looks at host->abi_minor before it reads such a member; live-trace looks
 * at the struct_size of a plug-in before it calls one. */
#ifndef LIVE_TRACE_EXPORTER_H
#define LIVE_TRACE_EXPORTER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIVE_TRACE_EXPORTER_ABI 1
#define LIVE_TRACE_EXPORTER_MINOR 3

enum live_trace_frame_flags {
    LIVE_TRACE_FRAME_MINE = 1 << 0,    /* the user's own code */
    LIVE_TRACE_FRAME_LIBRARY = 1 << 1, /* site-packages, dist-packages */
    LIVE_TRACE_FRAME_STDLIB = 1 << 2,  /* the standard library, <frozen ...> */
    LIVE_TRACE_FRAME_THREAD = 1 << 3,  /* stands for a thread (--threads) */
    LIVE_TRACE_FRAME_PROCESS = 1 << 4, /* stands for a process */
    LIVE_TRACE_FRAME_UNKNOWN = 1 << 5  /* stands for a stack that could not be read */
};

struct live_trace_frame {
    uint32_t id;
    uint32_t flags;
    const char *name; /* qualified where the recording knows it */
    const char *file; /* as to be shown; "" for none */
    uint32_t line;    /* with --by line the line, otherwise the function's first; 0 unknown */
    const char
        *source;     /* text of that line, stripped; "" unknown, with samples also not yet known */
    uint32_t indent; /* the column where source begins in its file. Since 1 */
    uint32_t first_line; /* since 2: of the function; 0 unknown, or other things than functions and
                          * lines are told apart */
};

struct live_trace_thread {
    uint32_t id;
    uint32_t pid;
    uint64_t tid;
    const char *name;         /* "" unknown */
    const char *process_name; /* "" unknown */
    uint32_t process;         /* equal for the threads of one process. Since 1 */
};

enum live_trace_state_flags {
    LIVE_TRACE_STATE_CPU = 1 << 0,
    LIVE_TRACE_STATE_GIL = 1 << 1,
    LIVE_TRACE_STATE_GC = 1 << 2,
    LIVE_TRACE_STATE_GIL_WAIT = 1 << 3,
    LIVE_TRACE_STATE_UNKNOWN = 1 << 4 /* the input cannot say */
};

struct live_trace_tag {
    const char *key, *value;
};

/* A stack with its weight. To `stack`: one entry for each distinct stack (and thread), its total,
 * time_ns -1. To `sample`: one stack sample, in order of time for each input. */
struct live_trace_stack {
    uint32_t id;    /* of the list of frames: equal for equal stacks */
    uint32_t depth; /* number of frames, at least 1 */
    const struct live_trace_frame *const *frames; /* root first */
    const struct live_trace_thread *thread;
    int64_t time_ns;   /* since the start of the recording; -1 for totals or unknown */
    uint64_t count;    /* stack samples */
    int64_t weight_ns; /* the time that they stand for; at least 0, and the sum of all fits */
    uint32_t state;    /* enum live_trace_state_flags; 0 for totals */
    uint32_t n_tags;
    const struct live_trace_tag *tags; /* of samples */
};

struct live_trace_meta {
    const char *title; /* a name for what is looked at: the file's, or the command's */
    const char *command, *host, *recorder, *cwd;
    int64_t start_realtime_ns; /* since the epoch; 0 unknown */
    int64_t interval_ns;       /* nominal; 0 unknown */
    int unit_is_time;          /* weights to show: 1 weight_ns, 0 count */
    int has_time;
    const char *by;        /* "line", "function", "file", "module", "tag:KEY" */
    const char *selection; /* what is left out, in words; "" for everything */
    /* Counts mean nothing: an input says how long its stacks were seen and not how often. The unit is
     * then time. Since 3. */
    int no_counts;
};

/* The recording's health; causes with a count of 0 are left out. */
struct live_trace_failure {
    const char *cause;
    uint64_t count;
};
struct live_trace_health {
    uint64_t asked, taken, late, retried;
    uint32_t n_failed;
    const struct live_trace_failure *failed;
    int64_t sampler_cpu_ns, max_lateness_ns;
    int64_t duration_ns; /* while any of the recordings was made */
    uint64_t damaged_blocks;
    int complete;
    uint64_t recorded; /* stack samples in the recording(s), selected or not */
    uint64_t selected;
    int64_t sum_ns; /* of the recordings' durations: twice the time while two were made. Since 3 */
};

/* An option of --option KEY=VALUE on the command line. A key may come again; the last one counts. */
struct live_trace_option {
    const char *key, *value;
};

/* What an exporter says of an option that it understands. This struct never grows. Since 1. */
struct live_trace_option_info {
    const char *key;         /* lower case letters, digits, _ and - */
    const char *value;       /* what it looks like: "TEXT", "N", "0|1" */
    const char *description; /* one line, with the default */
};

struct live_trace_host {
    uint32_t abi_version, struct_size;
    void *ctx;
    /* Output; 0, or negative: return that at once. */
    int (*write)(void *ctx, const void *data, size_t len);
    /* One line, "what happened: what to do", for the user. */
    void (*fail)(void *ctx, const char *message);
    /* One line on standard error that is no failure. */
    void (*note)(void *ctx, const char *message);
    uint32_t n_options;
    const struct live_trace_option *options;
    int color; /* 1: the output is a terminal that shows colour */
    uint32_t abi_minor;
    const char *version; /* of live-trace, for formats that name their writer */
    /* The file that the output is, empty, for formats that a library writes by name: fill it instead
     * of calling write. NULL: the output is no file. Since 2 */
    const char *file;
};

enum live_trace_exporter_flags {
    LIVE_TRACE_EXPORTER_KEEPS_LINES = 1 << 0, /* --by is line unless the user says otherwise */
    LIVE_TRACE_EXPORTER_UNIT_SAMPLES = 1
                                       << 1, /* --unit is samples unless the user says otherwise */
    LIVE_TRACE_EXPORTER_NO_IDLE =
        1 << 2, /* leaves waiting stacks out unless the user says otherwise */
    LIVE_TRACE_EXPORTER_WANTS_SOURCE =
        1 << 3 /* since 2: with samples, `source` is known from the first on where an input can be
                * read twice */
};

struct live_trace_exporter {
    uint32_t abi_version;    /* LIVE_TRACE_EXPORTER_ABI. Required */
    uint32_t struct_size;    /* sizeof(struct live_trace_exporter). Required */
    const char *name;        /* -f NAME; lower case. Required */
    const char *description; /* one line. Required */
    const char *extension;   /* without the dot, found from -o FILE; NULL: none */
    const char *read_by;     /* programs that open it; NULL */
    uint32_t flags;
    /* Required. *state is passed to all others. */
    int (*open)(const struct live_trace_host *host, void **state);
    /* Optional. Once, before the first stack or sample. */
    int (*meta)(void *state, const struct live_trace_meta *meta);
    /* One of these two is required: totals by stack, or single samples along time. With both, stack
     * is called. */
    int (*stack)(void *state, const struct live_trace_stack *stack);
    int (*sample)(void *state, const struct live_trace_stack *sample);
    /* Optional. Once, after the last stack or sample. */
    int (*health)(void *state, const struct live_trace_health *health);
    /* Required. Releases state; with failed = 0 first finishes the output. Called if open returned
     * 0. */
    int (*close)(void *state, int failed);
    /* Optional, since 1. Ended by an entry whose key is NULL. live-trace refuses every other key with
     * a message that names these, and `live-trace formats NAME` shows them; values are for open to
     * look at. NULL: every option is passed on. */
    const struct live_trace_option_info *options;
};

#ifdef __cplusplus
}
#endif

#endif
