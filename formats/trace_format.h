/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of the trace format, as TRACE-FORMAT.md gives them: what the encoder and the
 * decoder must agree on, and nothing else. */
#ifndef LT_TRACE_FORMAT_H
#define LT_TRACE_FORMAT_H

#define LT_TRACE_MAJOR 1
#define LT_TRACE_MINOR 1

/* The file header: magic, major, minor, two zero bytes, CRC-32 of all that. */
#define LT_TRACE_MAGIC "\xcc\x4c\x54\x52\r\n\x1a\n"
#define LT_TRACE_MAGIC_SIZE 8
#define LT_TRACE_HEADER_SIZE 16
#define LT_TRACE_PROBE 4096 /* a file without the magic is a trace if these bytes hold a block */

/* A block: sync, kind (mark, deflated, type), varint length, CRC-32 from the kind on, payload. */
#define LT_BLOCK_SYNC 0xe7
#define LT_BLOCK_MARK 0xa0 /* the three upper bits of a kind */
#define LT_BLOCK_MARK_MASK 0xe0
#define LT_BLOCK_DEFLATED 0x10
#define LT_BLOCK_TYPE_MASK 0x0f
#define LT_BLOCK_LENGTH_MAX 3 /* bytes of the varint */
#define LT_BLOCK_HEADER_MAX (2 + LT_BLOCK_LENGTH_MAX + 4)
#define LT_BLOCK_RAW_MAX ((size_t)1 << 20) /* inflated; what is stored is no longer */

/* What decoders of payloads return for one that makes no sense. No enum lt_error, so that it
 * cannot be mistaken for something that a handler returned. */
#define LT_BAD_PAYLOAD 1

enum lt_block_type {
    LT_BLOCK_SEGMENT = 1,
    LT_BLOCK_DEFS = 2,
    LT_BLOCK_TICKS = 3,
    LT_BLOCK_TOTALS = 4,
    LT_BLOCK_SOURCES = 5,
    LT_BLOCK_HEALTH = 6,
    LT_BLOCK_END = 7
};

/* The sections of a DEFS block, in this order. */
enum lt_defs_section {
    LT_DEFS_STRINGS = 1,
    LT_DEFS_FUNCTIONS = 2,
    LT_DEFS_FRAMES = 3,
    LT_DEFS_STACKS = 4,
    LT_DEFS_TAGS = 5,
    LT_DEFS_PROCESSES = 6,
    LT_DEFS_THREADS = 7,
    LT_DEFS_HOSTED = 8, /* since 1.1: processes of other hosts */
    LT_DEFS_LAST = LT_DEFS_HOSTED
};

/* Quanta in a step. */
#define LT_TICK_PLACES 5
/* The grid of ticks when the interval is unknown. */
#define LT_TICK_STEP_UNKNOWN INT64_C(1000000000)

#define LT_SEGMENT_HAS_TIME 1

/* Bounds of what a segment and a block may hold. A writer stays far below them. */
#define LT_TRACE_IDS_MAX ((uint32_t)1 << 20) /* strings, functions, frames, tag sets, ... */
#define LT_TRACE_STACKS_MAX ((uint32_t)1 << 22)
#define LT_TRACE_STRINGS_BYTES_MAX ((size_t)64 << 20)
#define LT_TRACE_STRING_MAX ((size_t)1 << 16)    /* bytes of one string */
#define LT_TRACE_TICKS_MAX ((uint32_t)1 << 16)   /* in a block */
#define LT_TRACE_SAMPLES_MAX ((uint64_t)1 << 26) /* ticks times threads in a block */
#define LT_TRACE_TAGS_MAX 64                     /* in a tag set */
#define LT_TRACE_META_MAX 256                    /* key and value pairs of a segment */

#endif
