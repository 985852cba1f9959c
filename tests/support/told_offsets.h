/* SPDX-License-Identifier: Apache-2.0
 *
 * What CPython 3.13 and later tell of themselves (_Py_DebugOffsets), made up from our own table. */
#ifndef LT_TOLD_OFFSETS_H
#define LT_TOLD_OFFSETS_H

#include <stddef.h>
#include <stdint.h>

enum { LT_TOLD_LEN = 1024, LT_TOLD_VERSION = 8, LT_TOLD_FREE_THREADED = 16 };

/* PY_VERSION_HEX of a release of 3.`minor`. */
uint32_t lt_told_hex(unsigned minor);

/* As a target of this version tells it that is built as its headers say. */
void lt_tell_offsets(uint8_t bytes[LT_TOLD_LEN], unsigned minor);
void lt_told_put(uint8_t *bytes, size_t at, uint64_t value);

const struct lt_py_offsets *lt_offsets_row(unsigned minor);
const struct lt_py_debug_layout *lt_told_layout(unsigned minor);

#endif
