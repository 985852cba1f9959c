/* SPDX-License-Identifier: Apache-2.0
 *
 * A growable run of bytes. Zero-initialised is empty. It never grows past `cap`
 * (0: LT_BUF_DEFAULT_CAP): input from outside cannot eat the machine's memory. */
#ifndef LT_BYTE_BUFFER_H
#define LT_BYTE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#define LT_BUF_DEFAULT_CAP ((size_t)1 << 30)

struct lt_buf {
    uint8_t *data;
    size_t len, alloc;
    size_t cap;
};

/* Each returns 0 or LT_ERR_NOMEM and then leaves the buffer as it was. */
int lt_buf_reserve(struct lt_buf *b, size_t more);
int lt_buf_put(struct lt_buf *b, const void *data, size_t len);
int lt_buf_put_u8(struct lt_buf *b, uint8_t v);
int lt_buf_put_u32(struct lt_buf *b, uint32_t v);        /* little-endian */
int lt_buf_put_varint(struct lt_buf *b, uint64_t v);     /* LEB128, see varint.h */
int lt_buf_put_svarint(struct lt_buf *b, int64_t v);     /* zigzag */
int lt_buf_put_text(struct lt_buf *b, const char *text); /* without the NUL */
int lt_buf_printf(struct lt_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

void lt_buf_clear(struct lt_buf *b);   /* empty, keeps the memory */
void lt_buf_release(struct lt_buf *b); /* empty and freed; usable again */

/* Grows an array of `size`-byte items to hold at least `need`, doubling, with
 * checked multiplication and a hard cap of `max` items. 0 or LT_ERR_NOMEM. */
int lt_array_grow(void *array_pointer, size_t *alloc, size_t need, size_t size, size_t max);
/* Makes item `index` of an array of *n items exist; new ones are zero. */
int lt_array_reach(void *array_pointer, size_t *n, size_t *alloc, size_t index, size_t size,
                   size_t max);

#endif
