/* SPDX-License-Identifier: Apache-2.0
 *
 * Small readings, and values out of copies. */
#include "config.h"

#include "collector/mem.h"

#include <string.h>

#include "formats/lt_error.h"

int lt_mem_read(const struct lt_mem *mem, lt_addr addr, void *into, size_t len)
{
    const struct lt_range range = {addr, into, len};
    if (len == 0)
        return 0;
    int n = mem->read(mem->ctx, &range, 1);
    if (n < 0)
        return n;
    return n == 1 ? 0 : LT_ERR_FAULT;
}

int lt_mem_read_u64(const struct lt_mem *mem, lt_addr addr, uint64_t *value)
{
    return lt_mem_read(mem, addr, value, sizeof(*value));
}

uint64_t lt_peek_u64(const void *bytes, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)bytes + offset, sizeof(value));
    return value;
}

uint32_t lt_peek_u32(const void *bytes, size_t offset)
{
    uint32_t value;
    memcpy(&value, (const char *)bytes + offset, sizeof(value));
    return value;
}
