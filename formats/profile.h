/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording as it flows: what every reader (trace, classic log, folded)
 * delivers and what every consumer takes. Nothing here knows a file format.
 *
 * A recording is a row of segments. Ids are small integers (dense, but for what
 * damage took), valid within one segment of one input: a consumer forgets what it
 * knew about them when `segment` is called. A definition always comes before its
 * first use.
 *
 * Stacks are nodes of a tree: a node is (parent node, frame), the parent is the
 * caller. Node 0 is the root, the empty stack; a sample whose stack is 0 could
 * not be read or was lost, and is to be shown as "<unknown>". */
#ifndef LT_PROFILE_H
#define LT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that need not be UTF-8 and have no terminating NUL. data may be NULL
 * only when len is 0. Borrowed: valid during the call that hands them over. */
struct lt_str {
    const char *data;
    size_t len;
};

/* What a thread was doing at the tick of a sample. */
enum lt_state_flags {
    LT_STATE_CPU = 1 << 0,      /* running, or runnable: it wants a processor */
    LT_STATE_GIL = 1 << 1,      /* holds the GIL */
    LT_STATE_GC = 1 << 2,       /* in the cyclic garbage collector */
    LT_STATE_GIL_WAIT = 1 << 3, /* waits for the GIL */
    LT_STATE_UNKNOWN = 1 << 4   /* the input cannot say (folded, classic log) */
};

/* Why a stack sample that was asked for was not taken. The names are what
 * health figures call them; see lt_fail_name(). */
enum lt_fail {
    LT_FAIL_TORN,    /* could not be confirmed as one moment after the retries */
    LT_FAIL_MEMORY,  /* an address was gone or not readable */
    LT_FAIL_FRAME,   /* the chain of frames made no sense */
    LT_FAIL_CODE,    /* a code object made no sense */
    LT_FAIL_DEPTH,   /* deeper than the cap */
    LT_FAIL_PROCESS, /* the process ended, or execed, during the tick */
    LT_FAIL_LIMIT,   /* a table of the recorder was full */
    LT_FAIL_AWAY,    /* it ran on a processor that was closed to the sampler */
    LT_FAIL_CAUSES
};

/* "torn", "memory", ...; "other" for a cause that this version does not know. */
const char *lt_fail_name(unsigned cause);

/* The recorder's own figures. Invariant: asked == taken + late + sum of failed.
 * All counts are stack samples (one thread's stack at one tick). */
struct lt_health {
    uint64_t asked;
    uint64_t taken;
    uint64_t late;    /* their tick had passed when the sampler woke up; the next
                         sample of the thread carries their time */
    uint64_t retried; /* reads that were repeated before they could be confirmed */
    uint64_t failed[LT_FAIL_CAUSES];
    uint64_t sampler_cpu_ns;
    uint64_t max_lateness_ns;
};

/* *sum becomes that of two recordings. */
void lt_health_add(struct lt_health *sum, const struct lt_health *h);

struct lt_tag {
    struct lt_str key, value;
};

/* About one whole input. Strings may be empty where the input cannot say. */
struct lt_meta {
    const char *format; /* "live-trace", "classic-log", "folded", ... */
    unsigned version_major, version_minor;
    struct lt_str host;
    struct lt_str command;     /* what was asked to be recorded */
    struct lt_str cwd;         /* working folder: what is "your code" by default */
    struct lt_str recorder;    /* "live-trace 0.1.0" */
    int64_t start_realtime_ns; /* wall clock at time 0, since the epoch; 0 unknown */
    int64_t interval_ns;       /* nominal time between ticks; 0 unknown */
    uint64_t jitter;           /* seed of lt_tick_jitter_ns() for the ticks; 0 unknown */
    bool has_time;             /* false: samples have no time (folded) */
    bool has_weight;           /* false: it is not known what time samples stand for (folded) */
    bool no_counts; /* only that time is known: what counts as one stack sample may be many */
};

struct lt_process_info {
    uint32_t pid, ppid;    /* 0 unknown */
    struct lt_str command; /* its command line, joined by blanks */
    struct lt_str python;  /* "3.12.1"; empty unknown */
    struct lt_str cwd;
    struct lt_str host; /* empty: that of the recording */
};

struct lt_thread_info {
    uint32_t process; /* id of its process */
    uint64_t tid;     /* the kernel's id; the Python ident where there is none */
    uint64_t ident;   /* threading.get_ident() */
    struct lt_str name;
};

/* Frames of these names, without a file or lines, are no code. They are the outermost ones of a stack:
 * the task of asyncio that runs it, "task NAME", in the place of its event loop's frames; then what
 * stands for outer frames that the recorder was asked to leave out. */
#define LT_FRAME_TASK "task "
#define LT_FRAME_CUT "<cut>"

struct lt_frame_info {
    struct lt_str name; /* qualified name from 3.11 on */
    struct lt_str file;
    uint32_t line;       /* 0 unknown */
    uint32_t first_line; /* of the function; 0 unknown */
};

/* One thread's stack at one tick (count 1), or a total of equal ones. */
struct lt_sample {
    int64_t time_ns; /* since time 0 of the input, monotonic; totals: -1 */
    uint32_t thread;
    uint32_t stack;    /* a node; 0 is unknown */
    uint32_t state;    /* enum lt_state_flags */
    uint32_t tags;     /* id of a tag set; 0 is the empty one */
    uint64_t count;    /* stack samples */
    int64_t weight_ns; /* the time that they stand for */
};

/* Clocks that are steered gain or lose at most a two-thousandth of the time (adjtimex). */
#define LT_CLOCK_DRIFT_PER 2000

/* Both clocks were read at one moment. The first anchor repeats what the meta said. */
struct lt_clock_anchor {
    int64_t time_ns;           /* of the input, when they were read */
    int64_t start_realtime_ns; /* what the wall clock said then, less time_ns */
};

/* The consumer. Any member may be NULL. A negative return ends the reading and
 * is what the reader returns. Strings are borrowed for the call.
 * process and thread may come again for an id: the later one counts.
 * source gives the text of a source line, without its line end, at any time.
 * tick is called for each tick at which there was a thread, in order, with totals too (it may then come
 * before the totals of its samples): covers is how many intervals it stands for. Only traces have them.
 * health is cumulative for the recording so far; the last one counts. */
struct lt_profile_handler {
    void *ctx;
    int (*meta)(void *ctx, const struct lt_meta *meta);
    int (*segment)(void *ctx);
    int (*clock)(void *ctx, const struct lt_clock_anchor *anchor);
    int (*process)(void *ctx, uint32_t id, const struct lt_process_info *info);
    int (*thread)(void *ctx, uint32_t id, const struct lt_thread_info *info);
    int (*frame)(void *ctx, uint32_t id, const struct lt_frame_info *info);
    int (*stack)(void *ctx, uint32_t id, uint32_t parent, uint32_t frame);
    int (*tags)(void *ctx, uint32_t id, const struct lt_tag *tags, size_t n);
    int (*source)(void *ctx, struct lt_str file, uint32_t line, struct lt_str text);
    int (*sample)(void *ctx, const struct lt_sample *sample);
    int (*tick)(void *ctx, int64_t time_ns, uint32_t covers, int64_t interval_ns);
    int (*health)(void *ctx, const struct lt_health *health);
};

/* What a reader found out about the file itself. */
struct lt_read_stats {
    uint64_t bytes; /* read, before decompression of a .gz: as stored in the input */
    uint64_t blocks;
    uint64_t damaged_blocks; /* runs of bytes that had to be skipped */
    uint64_t lost_samples;   /* samples delivered as unknown because a definition was lost */
    uint64_t outside;        /* samples that were not delivered: not in the window of the options */
    bool complete;           /* the end mark was there */
    int64_t duration_ns;     /* time of the last tick, plus its weight */
    const char *why;         /* of a failure that its code does not explain: static; else NULL */
};

#endif
