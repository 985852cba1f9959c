/* SPDX-License-Identifier: Apache-2.0
 *
 * A str object of the target as UTF-8. */
#ifndef LT_PY_UNICODE_H
#define LT_PY_UNICODE_H

#include "collector/py_offsets.h"

struct lt_buf;

/* Appends the text of the str at `addr`: all kinds (1, 2, 4 bytes), ASCII and compact. At most
 * max_chars characters, then "..." . Lone surrogates from surrogateescape (U+DC80 to U+DCFF) become
 * the byte that they stand for again, other surrogates U+FFFD. LT_ERR_CORRUPT when it is no
 * plausible str, LT_ERR_FAULT when it is not readable. */
int lt_py_unicode_read(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr addr,
                       size_t max_chars, struct lt_buf *out);

/* Its code points as they are, surrogates too: *n of them, at most max, into chars; *length is how
 * many it has. Errors as above. */
int lt_py_unicode_chars(const struct lt_mem *mem, const struct lt_py_offsets *offsets, lt_addr addr,
                        uint32_t *chars, size_t max, size_t *n, uint64_t *length);

#endif
