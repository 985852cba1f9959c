/* SPDX-License-Identifier: Apache-2.0
 *
 * One Python process that is sampled: its GILs, its threads, and the reading of all their stacks
 * as they were at one moment.
 *
 * Why that moment is one: only a thread that holds the GIL changes its Python stack. `last_holder`
 * of the GIL is the only thread that can do so without the GIL's `switch_number` changing. So the
 * sampler goes to the processor of last_holder, where it keeps it from running, reads, and believes
 * what it read if at the end last_holder and switch_number are what they were at the beginning,
 * last_holder is still on this processor, and the sampler itself was not switched out in between.
 * Where only the stack of last_holder had to be read, its standing still is enough: the others had
 * not run when switch_number was read, and that is the moment.
 *
 * A last_holder that sleeps all the time need not be followed. Where its processor is closed to the
 * sampler, what is still true is taken: the stacks of the others, if the GIL's words stayed, and its
 * own if it slept. Else its sample has failed.
 *
 * A stack that cannot be read, however often it is tried, is passed over for a while: its samples have
 * failed, those of the other threads have not. */
#ifndef LT_PY_PROCESS_H
#define LT_PY_PROCESS_H

#include <sys/types.h>

#include "collector/copies.h"
#include "collector/platform/follow.h"
#include "collector/platform/thread_ids.h"
#include "collector/platform/thread_stat.h"
#include "collector/py_code.h"
#include "collector/py_runtime.h"
#include "collector/py_tasks.h"
#include "collector/py_thread_names.h"
#include "formats/trace_writer.h"

struct lt_py_thread {
    struct lt_py_stack stack; /* .tstate names the thread */
    lt_addr interp;
    uint64_t ident; /* pthread_self() */
    uint64_t
        state_id; /* where the native id is not in the state: tells it from one at the same address */
    pid_t tid;    /* native id, as we see it; 0 unknown */
    pid_t inner_tid;  /* as the process sees it */
    lt_addr cpu_word; /* rseq's cpu_id; 0: ask /proc */
    struct lt_thread_files files;
    uint32_t gil;     /* index of its GIL */
    bool listed;      /* met in the last walk of the thread list */
    bool ended;       /* its state is not readable, or its processor not known, any more */
    bool renewed;     /* it is another thread than the trace has under its id */
    uint32_t asked;   /* its state without the GIL when the kernel was last asked */
    uint32_t held_at; /* the tick at which it was last seen to have the GIL */
    bool doubt;       /* it may have begun or ended to run since that look */
    bool ran;         /* it was seen to run at this tick, and followed */
    bool stale;       /* it may have run since its stack was read */
    int unreadable; /* why its stack is passed over, so that the others can be read; 0: it is not */
    int64_t retry_ns, pause_ns; /* until when, and for how long */
    uint32_t wanted_in;         /* the attempt in which its copies were wanted */
    uint32_t state_in;          /* the attempt in which only its state was */
    uint32_t walked_in;         /* the attempt in which its stack was walked */

    /* What is known of its stack, outermost first: one entry a frame of `stack`, as kept. */
    struct lt_known_frame {
        struct lt_py_code *code;
        uint32_t offset; /* of the instruction */
        uint32_t node;   /* in the trace's stack tree; an incomplete frame's is its caller's */
        bool incomplete; /* it has not begun to run: not shown */
    } * known;
    size_t n_known, known_alloc;
    /* In the trace, the frames from `first` on hang below `root`: outer ones are left out by a cap or
     * for the sake of the task. */
    size_t first;
    uint32_t root;
    struct lt_py_stack_task task, met_task; /* as kept; as of this attempt */

    /* What the program says that it works on, as keys and values by turns, each ended by a NUL. */
    struct lt_buf kept_tags, looked_tags; /* of the last reading that was kept; of this attempt */
    bool tags_looked;                     /* looked_tags are of this attempt */
    uint32_t tags, trace_tags; /* tag set of its own, 0: none; the one that the trace has */

    bool in_trace; /* has an id there */
    uint32_t trace_id;
    uint32_t node, state;             /* as of this tick; node 0: no stack */
    uint32_t trace_node, trace_state; /* what the trace has of it; UINT32_MAX: nothing */
    char name[128];
};

struct lt_py_gil {
    lt_addr addr;
    lt_addr last_holder; /* a PyThreadState */
    uint64_t switch_number;
    bool changed; /* since the tick before, another thread took it */
    bool locked;
    bool gc;                     /* the holder's interpreter collects garbage */
    struct lt_py_thread *holder; /* the thread of last_holder; NULL: not known */
    lt_addr known_holder;        /* the last_holder whose thread was known last, */
    pid_t holder_tid;            /* and its id */
    bool slept;                  /* the holder, at the end of the last tick that read stacks */
    /* The thread that was the holder when that tick began, and how often it had been given a
     * processor by then; NULL: not known. */
    struct lt_py_thread *counted;
    uint64_t slices;
};

/* Where the package live_trace keeps tags; addr 0: nowhere. */
enum lt_py_tag_kind { LT_TAG_BITMAP, LT_TAG_ARRAY, LT_TAG_COLLISION, LT_TAG_BYTES, LT_TAG_KINDS };
struct lt_py_tag_var {
    lt_addr addr;
    int32_t hash;
    lt_addr types[LT_TAG_KINDS]; /* of objects on the way to a value, as far as met */
};

enum { LT_MAX_INTERPRETERS = 64, LT_MAX_THREADS = 1 << 16 };

struct lt_py_process {
    pid_t pid, parent;
    char *command, *cwd; /* owned; may be NULL */
    bool own_root;       /* it sees the files that we see */
    struct lt_mem mem;
    struct lt_py_runtime runtime;
    struct lt_py_asyncio asyncio; /* given: the tasks that threads run are looked for */
    struct lt_py_codes *codes;
    size_t max_code_bytes; /* then they are forgotten */
    bool codes_cleared;    /* before the last reading: what is known since then is in use */
    struct lt_copies copies;
    struct lt_py_tag_var tag_var;
    struct lt_py_code **checks; /* scratch: code objects whose identities are to be copied */
    size_t n_checks, checks_alloc;
    uint32_t attempt;
    /* How many code objects its interpreters have made, more or less (interp.next_version), as of
     * the last reading: while it stays, known code objects need no look. 0: not to be known. */
    uint64_t generation;
    bool generation_wrong; /* it turned out to be something else */
    bool restless;         /* code objects are being made: look at once */

    lt_addr interps[LT_MAX_INTERPRETERS];
    lt_addr heads[LT_MAX_INTERPRETERS];        /* of their thread lists, when last seen */
    uint32_t interp_gils[LT_MAX_INTERPRETERS]; /* index of the GIL that each one uses */
    size_t n_interps;
    struct lt_py_gil gils[LT_MAX_INTERPRETERS];
    size_t n_gils;
    struct lt_py_thread **threads;
    size_t n_threads, threads_alloc;
    struct lt_thread_ids ids;
    uint32_t tid_field;          /* of the C library's record of a thread; 0: not known */
    bool new_threads;            /* since the caller last looked: names are wanted */
    bool list_stale;             /* a thread came or went */
    bool list_walked;            /* in this attempt */
    int64_t list_due_ns;         /* when the thread list is walked again, unless all is quiet */
    int64_t interps_due_ns;      /* when the list of interpreters is read again */
    int64_t cpu_ns, released_ns; /* CPU clock at, and time after, the last tick */
    int64_t unexplained_ns;      /* CPU time of others than the holder, since all were asked */
    int64_t asked_ns;            /* when that was */
    bool afar;                   /* the next attempt does not follow the holder */
    bool closed;                 /* because its processor is closed to the sampler */
    bool failed;                 /* the last reading failed under one of the GILs */
    bool others_run;             /* a thread without the GIL was seen on a processor */
    bool settled;                /* the trace has all of each thread until one of them runs */
    size_t n_told;               /* stack samples of the last tick */
    uint32_t ticks;

    uint32_t trace_id;
    struct lt_frame_slot *frame_ids; /* cache: (code, instruction) -> frame of the trace */
};

/* What a tick works with; the same for all processes of a recorder. */
struct lt_tick_context {
    struct lt_follower *follower;
    struct lt_trace_writer *writer; /* NULL: no trace; for lt_py_reading_take() alone */
    struct lt_health *health;
    int64_t now_ns, interval_ns;
    int64_t recorder_cpu_ns; /* of its threads, where they are part of the process; else 0 */
    uint32_t covers;
    uint32_t tags; /* of all samples: the tag set, and what is in it */
    const struct lt_tag *all_tags;
    size_t n_all_tags;
    uint32_t max_frames;       /* of a stack, the innermost ones; 0: all */
    struct lt_change *changes; /* of this tick, all processes */
    size_t n_changes, changes_alloc;
    /* A frame that the trace did not have before: its source line is wanted. */
    void (*new_frame)(void *ctx, const struct lt_py_process *process, struct lt_str file,
                      uint32_t line);
    /* NULL, or what else is to be of the same moment: called in each attempt with the stacks that
     * were read, before it is confirmed. An error fails the attempt. */
    int (*look)(void *ctx, struct lt_py_process *process, const struct lt_py_gil *gil);
    void *ctx;
    uint32_t frames_seen; /* frames of this segment that new_frame was called for */
};

int lt_py_process_new(struct lt_py_process **out, pid_t pid, const struct lt_mem *mem,
                      const struct lt_py_runtime *runtime);
void lt_py_process_free(struct lt_py_process *p);

/* Samples all threads once and appends what changed to the context. 0, or LT_ERR_NO_PROCESS once
 * the process is gone or has become another program; LT_ERR_NOMEM, LT_ERR_LIMIT from the trace. A
 * sample that could not be taken is no error: it is counted, and its thread has the unknown stack
 * at this tick. */
int lt_py_process_tick(struct lt_py_process *p, struct lt_tick_context *tick);

/* The trace began a new segment: all ids of frames, stacks and tag sets are void, and given anew. */
int lt_py_process_new_segment(struct lt_py_process *p, struct lt_tick_context *tick);

/* Ends its threads and itself in the trace. */
int lt_py_process_end(struct lt_py_process *p, struct lt_trace_writer *writer);

/* What is known of stacks may be wrong, or too little: the next tick reads all of them. */
void lt_py_process_distrust(struct lt_py_process *p);

/* From now on the tasks that threads run are looked for. */
void lt_py_process_tasks(struct lt_py_process *p, const struct lt_py_asyncio *asyncio);

/* The thread has this name from now on. */
int lt_py_process_name(struct lt_py_process *p, struct lt_trace_writer *writer,
                       const struct lt_py_named *thread, const char *name);

#endif
