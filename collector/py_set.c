/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of slots, some of which are free. */
#include "config.h"

#include "collector/py_set.h"

#include "formats/lt_error.h"

enum {
    WORD = 8,
    ENTRY = 2 * WORD, /* key, hash */
    BATCH = 32,
    MAX_SLOTS = 1 << 16 /* that are looked through */
};

/* A slot of the table: free (no key), or what was taken out (no hash is -1). */
static bool is_member(const uint8_t *slot)
{
    return lt_peek_u64(slot, 0) && lt_peek_u64(slot, WORD) != UINT64_MAX;
}

static int each_of_batch(const struct lt_mem *mem, lt_addr table, size_t n,
                         int (*each)(void *ctx, lt_addr member), void *ctx)
{
    uint8_t slots[BATCH * ENTRY];
    int err = lt_mem_read(mem, table, slots, n * ENTRY);
    for (size_t i = 0; !err && i < n; i++) {
        if (is_member(slots + i * ENTRY))
            err = each(ctx, lt_peek_u64(slots, i * ENTRY));
    }
    return err;
}

int lt_py_set_each(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr set,
                   int (*each)(void *ctx, lt_addr member), void *ctx)
{
    uint64_t mask = 0;
    lt_addr table = 0;
    int err = lt_mem_read_u64(mem, set + o->set.mask, &mask);
    if (!err)
        err = lt_mem_read_u64(mem, set + o->set.table, &table);
    for (uint64_t i = 0; !err && i <= mask; i += BATCH) {
        if (i == MAX_SLOTS)
            return LT_ERR_LIMIT;
        uint64_t left = mask - i + 1;
        err = each_of_batch(mem, table + i * ENTRY, left < BATCH ? (size_t)left : BATCH, each, ctx);
    }
    return err;
}
