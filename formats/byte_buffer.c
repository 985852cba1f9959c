/* SPDX-License-Identifier: Apache-2.0
 *
 * Growable bytes and arrays, with caps. */
#include "config.h"

#include "formats/byte_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/lt_error.h"
#include "formats/varint.h"

enum { FIRST_ALLOC = 64 };

int lt_array_grow(void *array_pointer, size_t *alloc, size_t need, size_t size, size_t max)
{
    void *array;
    if (need <= *alloc)
        return 0;
    if (need > max || max > SIZE_MAX / size)
        return LT_ERR_NOMEM;
    size_t grown = *alloc ? *alloc : FIRST_ALLOC / size + 1;
    while (grown < need)
        grown = grown > max / 2 ? max : grown * 2;
    /* array_pointer is the address of some T *: copied, because no T ** may be punned. */
    memcpy(&array, array_pointer, sizeof(array));
    array = realloc(array, grown * size);
    if (!array)
        return LT_ERR_NOMEM;
    memcpy(array_pointer, &array, sizeof(array));
    *alloc = grown;
    return 0;
}

int lt_array_reach(void *array_pointer, size_t *n, size_t *alloc, size_t index, size_t size,
                   size_t max)
{
    int err = lt_array_grow(array_pointer, alloc, index + 1, size, max);
    if (err || index < *n)
        return err;
    char *items; /* copied, as above */
    memcpy(&items, array_pointer, sizeof(items));
    memset(items + *n * size, 0, (index + 1 - *n) * size);
    *n = index + 1;
    return 0;
}

int lt_buf_reserve(struct lt_buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : LT_BUF_DEFAULT_CAP;
    if (b->len > cap || more > cap - b->len)
        return LT_ERR_NOMEM;
    return lt_array_grow(&b->data, &b->alloc, b->len + more, 1, cap);
}

int lt_buf_put(struct lt_buf *b, const void *data, size_t len)
{
    int err = lt_buf_reserve(b, len);
    if (err)
        return err;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

int lt_buf_put_u8(struct lt_buf *b, uint8_t v)
{
    return lt_buf_put(b, &v, 1);
}

int lt_buf_put_u32(struct lt_buf *b, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                              (uint8_t)(v >> 24)};
    return lt_buf_put(b, bytes, sizeof(bytes));
}

int lt_buf_put_varint(struct lt_buf *b, uint64_t v)
{
    uint8_t bytes[LT_VARINT_MAX];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    return lt_buf_put(b, bytes, n);
}

int lt_buf_put_svarint(struct lt_buf *b, int64_t v)
{
    return lt_buf_put_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

int lt_buf_put_text(struct lt_buf *b, const char *text)
{
    return lt_buf_put(b, text, strlen(text));
}

int lt_buf_printf(struct lt_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return LT_ERR_USAGE;
    int err = lt_buf_reserve(b, (size_t)n + 1); /* vsnprintf ends with a NUL */
    if (err)
        return err;
    va_start(args, format);
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
    return 0;
}

void lt_buf_clear(struct lt_buf *b)
{
    b->len = 0;
}

void lt_buf_release(struct lt_buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->alloc = 0;
}
