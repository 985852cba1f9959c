/* SPDX-License-Identifier: Apache-2.0
 *
 * Digits of 30 bits to decimal ones; the shortest decimal of a double. */
#include "config.h"

#include "collector/py_numbers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    DIGIT_BITS = 30, /* PyLong_SHIFT of all builds for 64 bits */
    MAX_DIGITS = 480,
    CHUNK = 1000000000, /* decimal digits come nine at a time */
    MAX_CHUNKS = MAX_DIGITS * DIGIT_BITS / 29 + 1,
    TAG_SIGN = 3, /* of lv_tag: 0 positive, 1 zero, 2 negative; */
    TAG_SHIFT = 3 /* above it, the number of digits */
};

/* How many digits there are, and the sign. */
static int read_size(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                     uint64_t *n, bool *negative)
{
    bool tagged = o->integer.tag != LT_NO_FIELD;
    uint64_t word;
    int err = lt_mem_read_u64(mem, addr + (tagged ? o->integer.tag : o->integer.size), &word);
    if (err)
        return err;
    if (tagged) {
        *negative = (word & TAG_SIGN) == 2;
        *n = (word & TAG_SIGN) == 1 ? 0 : word >> TAG_SHIFT;
        return 0;
    }
    *negative = (int64_t)word < 0;
    *n = *negative ? 0 - word : word;
    return 0;
}

/* chunks := chunks * 2**30 + digit; returns how many there are then. */
static size_t push_digit(uint32_t chunks[MAX_CHUNKS], size_t n, uint32_t digit)
{
    uint64_t carry = digit;
    for (size_t i = 0; i < n; i++) {
        carry += (uint64_t)chunks[i] << DIGIT_BITS;
        chunks[i] = (uint32_t)(carry % CHUNK);
        carry /= CHUNK;
    }
    for (; carry && n < MAX_CHUNKS; carry /= CHUNK)
        chunks[n++] = (uint32_t)(carry % CHUNK);
    return n;
}

static int put_decimal(const uint32_t *digits, size_t n_digits, struct lt_buf *out)
{
    uint32_t chunks[MAX_CHUNKS];
    size_t n = 0;
    for (size_t i = n_digits; i-- > 0;)
        n = push_digit(chunks, n, digits[i]);
    int err = lt_buf_printf(out, "%" PRIu32, n ? chunks[n - 1] : 0);
    for (size_t i = n; !err && i-- > 1;)
        err = lt_buf_printf(out, "%09" PRIu32, chunks[i - 1]);
    return err;
}

int lt_py_int_text(const struct lt_mem *mem, const struct lt_py_offsets *o, lt_addr addr,
                   struct lt_buf *out)
{
    uint32_t digits[MAX_DIGITS];
    uint64_t n;
    bool negative;
    int err = read_size(mem, o, addr, &n, &negative);
    if (err)
        return err;
    if (n > UINT64_MAX / 64)
        return LT_ERR_CORRUPT;
    if (n > MAX_DIGITS)
        return lt_buf_printf(out, "<int of about %" PRIu64 " bits>", n * DIGIT_BITS);
    err = lt_mem_read(mem, addr + o->integer.digits, digits, (size_t)n * sizeof(digits[0]));
    for (size_t i = 0; !err && i < n; i++)
        err = digits[i] >> DIGIT_BITS ? LT_ERR_CORRUPT : 0;
    if (!err && negative)
        err = lt_buf_put_u8(out, '-');
    return err ? err : put_decimal(digits, (size_t)n, out);
}

/* Adds one to the last of some decimal digits "d.ddd"; false if they are all nines. */
static bool next_up(char *digits)
{
    for (size_t i = strlen(digits); i-- > 0;) {
        if (digits[i] == '.')
            continue;
        if (digits[i] != '9') {
            digits[i]++;
            return true;
        }
        digits[i] = '0';
    }
    return false;
}

enum { FLOAT_TEXT = 40, MOST_DIGITS = 17, MOST_PLACES = 16, LEAST_EXPONENT = -4 };

/* "d.ddde[+-]dd" with so many digits that is read as the same number, if there is one. Next to a
 * power of two the nearest decimal below may be too far away, and the one above near enough. */
static bool same_with(double value, int n_digits, char text[FLOAT_TEXT])
{
    char up[FLOAT_TEXT];
    snprintf(text, FLOAT_TEXT, "%.*e", n_digits - 1, value);
    if (strtod(text, NULL) == value)
        return true;
    size_t len = strcspn(text, "e");
    snprintf(up, sizeof(up), "%.*s", (int)len, text);
    if (!next_up(up))
        return false;
    memcpy(text, up, len);
    return strtod(text, NULL) == value;
}

/* A decimal point and no exponent for numbers of a bearable size, as float_repr_style 'short'. */
static int put_decimal_point(const char *digits, size_t n, int exponent, struct lt_buf *out)
{
    int err = 0;
    if (exponent < 0) {
        err = lt_buf_put_text(out, "0.");
        for (int i = -1; !err && i > exponent; i--)
            err = lt_buf_put_u8(out, '0');
        return err ? err : lt_buf_put(out, digits, n);
    }
    for (int i = 0; !err && i <= exponent; i++)
        err = lt_buf_put_u8(out, (size_t)i < n ? (uint8_t)digits[i] : '0');
    if (!err)
        err = lt_buf_put_u8(out, '.');
    if (!err && (size_t)exponent + 1 >= n)
        err = lt_buf_put_u8(out, '0');
    for (size_t i = (size_t)exponent + 1; !err && i < n; i++)
        err = lt_buf_put_u8(out, (uint8_t)digits[i]);
    return err;
}

static int put_exponent(const char *digits, size_t n, int exponent, struct lt_buf *out)
{
    return lt_buf_printf(out, "%c%s%.*se%+03d", digits[0], n > 1 ? "." : "", (int)n - 1, digits + 1,
                         exponent);
}

int lt_py_float_text(double value, struct lt_buf *out)
{
    char text[FLOAT_TEXT], digits[MOST_DIGITS + 1];
    size_t n = 0;
    if (isnan(value))
        return lt_buf_put_text(out, "nan");
    if (isinf(value))
        return lt_buf_put_text(out, value < 0 ? "-inf" : "inf");
    int err = signbit(value) ? lt_buf_put_u8(out, '-') : 0;
    if (err)
        return err;
    value = fabs(value);
    for (int i = 1; i <= MOST_DIGITS && !same_with(value, i, text); i++)
        continue;
    for (const char *c = text; *c && *c != 'e'; c++) {
        if (*c != '.' && n < MOST_DIGITS)
            digits[n++] = *c;
    }
    int exponent = (int)strtol(text + strcspn(text, "e") + 1, NULL, 10);
    if (exponent < LEAST_EXPONENT || exponent >= MOST_PLACES)
        return put_exponent(digits, n, exponent, out);
    return put_decimal_point(digits, n, exponent, out);
}
