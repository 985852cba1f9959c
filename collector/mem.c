/* SPDX-License-Identifier: Apache-2.0
 *
 * Small readings. */
#include "config.h"

#include "collector/mem.h"

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
