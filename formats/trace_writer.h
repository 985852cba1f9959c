/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoder of the trace format (formats/TRACE-FORMAT.md). One writer is one
 * recording. It turns ticks into blocks and hands each sealed, still
 * uncompressed block to a sink, so that compression and disk need not be on the
 * thread that samples; struct lt_block_writer is the sink that does both.
 *
 * The dictionary (frames, stacks, tag sets) belongs to the current segment.
 * When lt_trace_writer_segment_due() says so, the caller calls
 * lt_trace_writer_new_segment(); from then on frame, stack and tag ids from before
 * mean nothing, and each live thread must be in the changes of the next tick.
 * Processes and threads keep their ids for the whole recording: the writer
 * defines the live ones again by itself.
 *
 * After warm-up, a tick allocates nothing. Not thread-safe. */
#ifndef LT_TRACE_WRITER_H
#define LT_TRACE_WRITER_H

#include "formats/profile.h"

struct lt_trace_writer;

enum lt_block_type; /* formats/trace_format.h */

/* Takes sealed blocks in order. `raw` is borrowed for the call. */
struct lt_block_sink {
    void *ctx;
    int (*block)(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len);
    /* Optional, both or none. How many bytes the last block could have if it were replaced, 0 if it could
     * not be; it holds until the next call. And that: a TICKS block goes on in a longer one. */
    size_t (*room)(void *ctx);
    int (*replace)(void *ctx, const uint8_t *raw, size_t len);
};

struct lt_trace_config {
    struct lt_meta meta; /* copied; format and version are ignored */
    struct lt_block_sink sink;
    uint32_t max_segment_bytes; /* raw; 0: default */
    int64_t max_segment_ns;     /* 0: default */
};

/* The state of one thread from this tick on, until it changes again. */
struct lt_change {
    uint32_t thread;
    uint32_t stack; /* 0: could not be read (counted in the health by the caller) */
    uint32_t state; /* enum lt_state_flags */
    uint32_t tags;  /* id from lt_trace_writer_tags(), 0 none */
};

int lt_trace_writer_new(struct lt_trace_writer **out, const struct lt_trace_config *config);

/* Seals what is open, writes totals, health and the end mark. The writer stays
 * valid only for free. health may be NULL. */
int lt_trace_writer_close(struct lt_trace_writer *w, const struct lt_health *health);
void lt_trace_writer_free(struct lt_trace_writer *w);

int lt_trace_writer_process(struct lt_trace_writer *w, const struct lt_process_info *info,
                            uint32_t *id);
/* A new thread takes part in every tick from its first change on. */
int lt_trace_writer_thread(struct lt_trace_writer *w, const struct lt_thread_info *info,
                           uint32_t *id);
int lt_trace_writer_thread_name(struct lt_trace_writer *w, uint32_t id, struct lt_str name);
/* The thread takes no part in the ticks from here on, until it is in the changes of one. */
int lt_trace_writer_thread_pause(struct lt_trace_writer *w, uint32_t id);
/* It never will again. Its id may be given again. */
int lt_trace_writer_thread_end(struct lt_trace_writer *w, uint32_t id);
int lt_trace_writer_process_end(struct lt_trace_writer *w, uint32_t id);

/* Interned: equal input gives the equal id within a segment. LT_ERR_LIMIT when the
 * segment's dictionary is full: segment_due() is then true. */
int lt_trace_writer_frame(struct lt_trace_writer *w, const struct lt_frame_info *info,
                          uint32_t *id);
int lt_trace_writer_stack(struct lt_trace_writer *w, uint32_t parent, uint32_t frame, uint32_t *id);
int lt_trace_writer_tags(struct lt_trace_writer *w, const struct lt_tag *tags, size_t n,
                         uint32_t *id);

/* One tick. time_ns: monotonic, since time 0, never smaller than the last one.
 * covers: how many intervals it stands for (1, more after late ones); each live
 * thread gets one stack sample that weighs covers * interval.
 * A thread that is not in changes has what it had at the last tick. */
int lt_trace_writer_tick(struct lt_trace_writer *w, int64_t time_ns, uint32_t covers,
                         const struct lt_change *changes, size_t n);

/* The clocks were read again: what meta.start_realtime_ns would be now. The segments from here on say
 * so. */
void lt_trace_writer_clock(struct lt_trace_writer *w, int64_t start_realtime_ns);
bool lt_trace_writer_segment_due(const struct lt_trace_writer *w);
int lt_trace_writer_new_segment(struct lt_trace_writer *w);

/* Ends the recording as close does, and begins the next one, of the same processes and threads: a new
 * segment, whose time 0 is that of a new recording. After its LT_BLOCK_END the sink may take the blocks
 * elsewhere. health is that of the recording which ends; start and jitter are the next one's. */
int lt_trace_writer_new_recording(struct lt_trace_writer *w, const struct lt_health *health,
                                  int64_t start_realtime_ns, uint64_t jitter);

/* Hands what is open to the sink; call it once a second. Where the sink can replace a block, ticks go on in
 * the last one for some seconds: at few ticks a second its head would take more than what is in it.
 * health may be NULL. */
int lt_trace_writer_flush(struct lt_trace_writer *w, const struct lt_health *health);

/* The text of a source line as a block of its own, straight to the given sink: it
 * belongs to no segment's order and may be called from another thread than the
 * one that ticks, as long as the sink is that thread's. */
struct lt_source_line {
    struct lt_str file;
    uint32_t line;
    struct lt_str text;
};
int lt_trace_write_sources(const struct lt_block_sink *sink, const struct lt_source_line *lines,
                           size_t n);

/* The usual sink: compresses, frames, checksums, writes. */
struct lt_output;
struct lt_block_writer;
int lt_block_writer_new(struct lt_block_writer **out, struct lt_output *output, int level);
int lt_block_writer_block(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len);
size_t lt_block_writer_room(void *ctx);
int lt_block_writer_replace(void *ctx, const uint8_t *raw, size_t len);
/* Called before each block is written, with its bytes in the file. */
void lt_block_writer_before(struct lt_block_writer *b, void (*before)(void *ctx, size_t bytes),
                            void *ctx);
/* Another recording begins with the next block, which gets a header; the output may be another one, too. */
void lt_block_writer_begin(struct lt_block_writer *b);
uint64_t lt_block_writer_bytes(const struct lt_block_writer *b);
void lt_block_writer_free(struct lt_block_writer *b); /* the output stays the caller's */

#endif
