/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a target's memory: many ranges at once, through a small table, so that
 * another process, the own one and a made-up image (tests, fuzzers) look alike. */
#ifndef LT_MEM_H
#define LT_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t lt_addr; /* an address in the target; never a pointer here */

struct lt_range {
    lt_addr addr;
    void *into;
    size_t len;
};

struct lt_mem {
    void *ctx;
    /* Reads the ranges in order, each whole. Returns how many of them were read; fewer than n
     * means that ranges[result] is not readable (and nothing after it was read). A negative enum
     * lt_error when nothing can be read at all: LT_ERR_NO_PROCESS, LT_ERR_PERMISSION, LT_ERR_IO. */
    int (*read)(void *ctx, const struct lt_range *ranges, size_t n);
};

/* One range: 0, LT_ERR_FAULT, or what read returned. */
int lt_mem_read(const struct lt_mem *mem, lt_addr addr, void *into, size_t len);
int lt_mem_read_u64(const struct lt_mem *mem, lt_addr addr, uint64_t *value);

/* Values out of bytes that were copied from the target (same byte order as ours). */
static inline uint64_t lt_peek_u64(const void *bytes, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)bytes + offset, sizeof(value));
    return value;
}

static inline uint32_t lt_peek_u32(const void *bytes, size_t offset)
{
    uint32_t value;
    memcpy(&value, (const char *)bytes + offset, sizeof(value));
    return value;
}

#endif
