/* SPDX-License-Identifier: Apache-2.0
 *
 * Characters to tokens, and what is open there. */
#include "config.h"

#include "formats/json_reader.h"

#include <string.h>

#include "formats/lt_error.h"
#include "formats/text_scan.h"
#include "formats/utf8.h"

enum { TEXT_MAX = 1 << 20 };

void lt_json_reader_release(struct lt_json_reader *r)
{
    lt_buf_release(&r->text);
}

/* ---- characters ---- */

static int peek(struct lt_json_reader *r)
{
    return lt_input_bytes_peek(&r->bytes);
}

static int take(struct lt_json_reader *r)
{
    return lt_input_bytes_take(&r->bytes);
}

static void spoil(struct lt_json_reader *r, int error)
{
    lt_input_bytes_spoil(&r->bytes, error);
}

static void put(struct lt_json_reader *r, const void *data, size_t len)
{
    int err = r->text.len + len > TEXT_MAX ? LT_ERR_CORRUPT : lt_buf_put(&r->text, data, len);
    if (err)
        spoil(r, err);
}

static uint32_t take_hex(struct lt_json_reader *r)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        int c = take(r);
        const char *digit = c > 0 ? memchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c, 16) : NULL;
        if (!digit) {
            spoil(r, LT_ERR_CORRUPT);
            return 0;
        }
        code = code << 4 | (uint32_t)(digit - digits);
    }
    return code;
}

/* What follows "\u"; above U+FFFF there are two of them. Half of such a pair is no character. */
static void take_code(struct lt_json_reader *r)
{
    uint8_t text[LT_UTF8_MAX];
    uint32_t code = take_hex(r);
    if (code >= 0xd800 && code < 0xdc00 && peek(r) == '\\') {
        take(r);
        uint32_t low = take(r) == 'u' ? take_hex(r) : 0;
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                                             : 0xfffd;
    }
    if (code >= 0xd800 && code < 0xe000)
        code = 0xfffd;
    put(r, text, lt_utf8_encode(code, text));
}

static void take_escape(struct lt_json_reader *r)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    int c = take(r);
    const char *name = c > 0 ? strchr(names, c) : NULL;
    if (c == 'u')
        take_code(r);
    else if (name)
        put(r, &meant[name - names], 1);
    else
        spoil(r, LT_ERR_CORRUPT);
}

/* After the quote that begins it. */
static void take_string(struct lt_json_reader *r)
{
    int c;
    lt_buf_clear(&r->text);
    while (!r->bytes.error && (c = take(r)) != '"') {
        const uint8_t byte = (uint8_t)c;
        if (c < 0)
            spoil(r, LT_ERR_CORRUPT);
        else if (c == '\\')
            take_escape(r);
        else
            put(r, &byte, 1);
    }
}

static bool is_in_word(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '+' ||
           c == 'E';
}

/* A number, or true, false, null. */
static void take_word(struct lt_json_reader *r)
{
    int c;
    lt_buf_clear(&r->text);
    while (!r->bytes.error && is_in_word(c = peek(r))) {
        const uint8_t byte = (uint8_t)take(r);
        put(r, &byte, 1);
    }
    if (r->text.len == 0)
        spoil(r, LT_ERR_CORRUPT);
}

/* ---- tokens ---- */

static void open(struct lt_json_reader *r, bool object)
{
    if (r->depth == LT_JSON_READER_DEPTH) {
        spoil(r, LT_ERR_CORRUPT);
        return;
    }
    r->in_object[r->depth++] = object;
    r->wants_key = object;
}

static bool inside_object(const struct lt_json_reader *r)
{
    return r->depth > 0 && r->in_object[r->depth - 1];
}

static void close_one(struct lt_json_reader *r, bool object)
{
    if (r->depth == 0 || r->in_object[r->depth - 1] != object)
        spoil(r, LT_ERR_CORRUPT);
    else
        r->depth--;
    r->wants_key = inside_object(r);
}

static int peek_beyond_blanks(struct lt_json_reader *r)
{
    int c;
    while ((c = peek(r)) == ',' || c == ' ' || c == '\n' || c == ':' || c == '\t' || c == '\r')
        take(r);
    return c;
}

int lt_json_next(struct lt_json_reader *r, struct lt_json_token *t)
{
    int c = peek_beyond_blanks(r);
    *t = (struct lt_json_token){.kind = LT_JSON_END};
    if (c < 0) {
        if (r->depth > 0)
            spoil(r, LT_ERR_CORRUPT);
        return r->bytes.error;
    }
    if (c == '{' || c == '[') {
        t->kind = c == '{' ? LT_JSON_OBJECT : LT_JSON_ARRAY;
        take(r);
        open(r, c == '{');
    } else if (c == '}' || c == ']') {
        t->kind = LT_JSON_CLOSE;
        take(r);
        close_one(r, c == '}');
    } else if (c == '"') {
        t->kind = r->wants_key ? LT_JSON_KEY : LT_JSON_STRING;
        r->wants_key = inside_object(r) && !r->wants_key;
        take(r);
        take_string(r);
    } else {
        t->kind = strchr("-0123456789", c) ? LT_JSON_NUMBER : LT_JSON_WORD;
        r->wants_key = inside_object(r);
        take_word(r);
    }
    t->text = (struct lt_str){r->text.data ? (const char *)r->text.data : "", r->text.len};
    return r->bytes.error;
}

int lt_json_skip(struct lt_json_reader *r)
{
    struct lt_json_token t;
    unsigned depth = r->depth;
    do {
        int err = lt_json_next(r, &t);
        if (err)
            return err;
        if (t.kind == LT_JSON_END || r->depth < depth)
            return LT_ERR_CORRUPT;
    } while (r->depth > depth);
    return 0;
}

int lt_json_expect(struct lt_json_reader *r, enum lt_json_kind kind, struct lt_json_token *t)
{
    int err = lt_json_next(r, t);
    if (!err && t->kind != kind)
        spoil(r, LT_ERR_CORRUPT);
    return r->bytes.error;
}

/* ---- numbers ---- */

/* Eighteen digits that count, and how many places they are to be moved. */
static bool parse_decimal(struct lt_str text, uint64_t *digits, int *exponent)
{
    static const uint64_t full = UINT64_C(100000000000000000);
    bool point = false, any = false;
    size_t i = 0;
    *digits = 0;
    *exponent = 0;
    for (; i < text.len && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
        if (text.data[i] == '.' && !point) {
            point = true;
            continue;
        }
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9)
            return false;
        any = true;
        if (*digits < full)
            *digits = *digits * 10 + digit;
        else
            ++*exponent;
        *exponent -= point;
    }
    if (i == text.len)
        return any;
    struct lt_str power = lt_text_from(text, i + 1);
    bool minus = power.len > 0 && power.data[0] == '-';
    uint64_t n;
    if (power.len > 0 && (minus || power.data[0] == '+'))
        power = lt_text_from(power, 1);
    if (!lt_text_number(power, 9999, &n))
        return false;
    *exponent += minus ? -(int)n : (int)n;
    return any;
}

bool lt_json_scaled(struct lt_str number, int places, int64_t *value)
{
    bool minus = number.len > 0 && number.data[0] == '-';
    uint64_t digits;
    int exponent;
    if (!parse_decimal(minus ? lt_text_from(number, 1) : number, &digits, &exponent))
        return false;
    for (exponent += places; exponent > 0 && digits > 0; exponent--) {
        if (digits > INT64_MAX / 10)
            return false;
        digits *= 10;
    }
    for (; exponent < -1 && digits > 0; exponent++)
        digits /= 10;
    if (exponent == -1)
        digits = digits / 10 + (digits % 10 >= 5);
    *value = minus ? -(int64_t)digits : (int64_t)digits;
    return true;
}
