/* SPDX-License-Identifier: Apache-2.0
 *
 * The table, the other way round. */
#include "config.h"

#include "tests/support/told_offsets.h"

#include <string.h>

#include "collector/py_offsets.h"

uint32_t lt_told_hex(unsigned minor)
{
    return 3u << 24 | minor << 16 | 0x02f0;
}

const struct lt_py_offsets *lt_offsets_row(unsigned minor)
{
    const struct lt_py_offsets *row = lt_py_offsets_table;
    while (row->major && row->minor != minor)
        row++;
    return row;
}

const struct lt_py_debug_layout *lt_told_layout(unsigned minor)
{
    const struct lt_py_debug_layout *layout = lt_py_debug_layouts;
    while (layout->minor && layout->minor != minor)
        layout++;
    return layout;
}

void lt_told_put(uint8_t *bytes, size_t at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

static uint32_t field(const struct lt_py_offsets *o, size_t at)
{
    uint32_t value;
    memcpy(&value, (const char *)o + at, sizeof(value));
    return value;
}

void lt_tell_offsets(uint8_t bytes[LT_TOLD_LEN], unsigned minor)
{
    const struct lt_py_debug_layout *layout = lt_told_layout(minor);
    const struct lt_py_offsets *row = lt_offsets_row(minor);
    memset(bytes, 0, LT_TOLD_LEN);
    memcpy(bytes, "xdebugpy", 8);
    lt_told_put(bytes, LT_TOLD_VERSION, lt_told_hex(minor));
    for (size_t i = 0; i < LT_DEBUG_FIELDS_MAX && layout->fields[i].at; i++) {
        uint32_t value = field(row, layout->fields[i].field);
        lt_told_put(bytes, layout->fields[i].at, value);
        if (lt_peek_u64(bytes, layout->fields[i].size_at) < value + 8)
            lt_told_put(bytes, layout->fields[i].size_at, value + 8);
    }
    lt_told_put(bytes, layout->interp_size, row->interp.size);
    lt_told_put(bytes, layout->gil, 5000);
    lt_told_put(bytes, layout->gil_locked, 5000 + row->gil.locked);
    lt_told_put(bytes, layout->gil_last_holder, 5000 + row->gil.last_holder);
    lt_told_put(bytes, layout->gc, 7000);
    lt_told_put(bytes, layout->gc_collecting, row->interp.gc_collecting - 7000);
}
