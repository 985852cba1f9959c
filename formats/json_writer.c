/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON straight to a sink. */
#include "config.h"

#include "formats/json_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "formats/utf8.h"

void lt_json_init(struct lt_json *j, lt_json_sink *sink, void *ctx)
{
    memset(j, 0, offsetof(struct lt_json, buf));
    j->sink = sink;
    j->ctx = ctx;
}

static void drain(struct lt_json *j)
{
    if (!j->error && j->used)
        j->error = j->sink(j->ctx, j->buf, j->used);
    j->used = 0;
}

static void put_in_parts(struct lt_json *j, const char *data, size_t len)
{
    while (len > 0) {
        size_t room = sizeof(j->buf) - j->used;
        size_t n = len < room ? len : room;
        memcpy(j->buf + j->used, data, n);
        j->used += n;
        data += n;
        len -= n;
        if (j->used == sizeof(j->buf))
            drain(j);
    }
}

static inline void put(struct lt_json *j, const char *data, size_t len)
{
    if (len >= sizeof(j->buf) - j->used) {
        put_in_parts(j, data, len);
        return;
    }
    memcpy(j->buf + j->used, data, len);
    j->used += len;
}

/* There is room: whatever fills the buffer empties it. */
static inline void put_char(struct lt_json *j, char c)
{
    j->buf[j->used++] = c;
    if (j->used == sizeof(j->buf))
        drain(j);
}

static inline void put_text(struct lt_json *j, const char *text)
{
    put(j, text, strlen(text));
}

static uint64_t level(const struct lt_json *j)
{
    return j->depth ? UINT64_C(1) << (j->depth - 1) : 0;
}

/* What has to stand before a value or a key. */
static void separate(struct lt_json *j)
{
    if (j->has_items & level(j))
        put_char(j, ',');
    j->has_items |= level(j);
}

static void before_value(struct lt_json *j)
{
    assert(!(j->in_object & level(j)) || j->after_key);
    if (!j->after_key)
        separate(j);
    j->after_key = false;
}

static void open_level(struct lt_json *j, bool object)
{
    assert(j->depth < LT_JSON_DEPTH);
    before_value(j);
    put_char(j, object ? '{' : '[');
    j->depth++;
    j->in_object = object ? j->in_object | level(j) : j->in_object & ~level(j);
    j->has_items &= ~level(j);
}

void lt_json_object(struct lt_json *j)
{
    open_level(j, true);
}

void lt_json_array(struct lt_json *j)
{
    open_level(j, false);
}

void lt_json_end(struct lt_json *j)
{
    assert(j->depth > 0 && !j->after_key);
    put_char(j, j->in_object & level(j) ? '}' : ']');
    j->depth--;
}

static void put_escape(struct lt_json *j, unsigned char c)
{
    char text[8];
    switch (c) {
    case '"':
        put(j, "\\\"", 2);
        return;
    case '\\':
        put(j, "\\\\", 2);
        return;
    case '\n':
        put(j, "\\n", 2);
        return;
    case '\t':
        put(j, "\\t", 2);
        return;
    default:
        snprintf(text, sizeof(text), "\\u%04x", c);
        put_text(j, text);
    }
}

/* `<`, `>` and `&` would end a script element or begin an entity in a page that holds the
 * document. */
static bool is_plain(const struct lt_json *j, unsigned char c)
{
    bool markup = c == '<' || c == '>' || c == '&';
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && (!markup || j->keeps_markup);
}

static void put_string(struct lt_json *j, struct lt_str value)
{
    const unsigned char *at = (const unsigned char *)value.data;
    const unsigned char *end = at + value.len;
    put_char(j, '"');
    while (at < end) {
        const unsigned char *run = at;
        while (at < end && is_plain(j, *at))
            at++;
        put(j, (const char *)run, (size_t)(at - run));
        if (at == end)
            break;
        if (*at < 0x80) {
            put_escape(j, *at++);
            continue;
        }
        size_t n = lt_utf8_length(at, (size_t)(end - at));
        if (n)
            put(j, (const char *)at, n);
        else
            put_text(j, LT_UTF8_REPLACEMENT);
        at += n ? n : 1;
    }
    put_char(j, '"');
}

void lt_json_key(struct lt_json *j, const char *key)
{
    assert(j->in_object & level(j) && !j->after_key);
    separate(j);
    put_string(j, (struct lt_str){key, strlen(key)});
    put_char(j, ':');
    j->after_key = true;
}

void lt_json_str(struct lt_json *j, struct lt_str value)
{
    before_value(j);
    put_string(j, value);
}

void lt_json_text(struct lt_json *j, const char *value)
{
    if (value)
        lt_json_str(j, (struct lt_str){value, strlen(value)});
    else
        lt_json_null(j);
}

static void put_value(struct lt_json *j, const char *text)
{
    before_value(j);
    put_text(j, text);
}

/* Writes the digits before `end`, and returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    do
        *--end = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return end;
}

void lt_json_uint(struct lt_json *j, uint64_t value)
{
    char text[24], *end = text + sizeof(text) - 1;
    *end = '\0';
    put_value(j, digits_before(end, value));
}

void lt_json_uint_or_null(struct lt_json *j, bool known, uint64_t value)
{
    if (known)
        lt_json_uint(j, value);
    else
        lt_json_null(j);
}

void lt_json_int(struct lt_json *j, int64_t value)
{
    lt_json_decimal(j, value, 0);
}

void lt_json_decimal(struct lt_json *j, int64_t value, unsigned places)
{
    char text[40], *at = text + sizeof(text) - 1;
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    assert(places <= 9);
    *at = '\0';
    while (places > 0 && size % 10 == 0) {
        size /= 10;
        places--;
    }
    if (places > 0) {
        for (; places > 0; places--, size /= 10)
            *--at = (char)('0' + size % 10);
        *--at = '.';
    }
    at = digits_before(at, size);
    if (value < 0)
        *--at = '-';
    put_value(j, at);
}

void lt_json_seconds(struct lt_json *j, int64_t ns)
{
    lt_json_decimal(j, ns, 9);
}

void lt_json_seconds_or_null(struct lt_json *j, bool known, int64_t ns)
{
    if (known)
        lt_json_seconds(j, ns);
    else
        lt_json_null(j);
}

void lt_json_bool(struct lt_json *j, bool value)
{
    put_value(j, value ? "true" : "false");
}

void lt_json_null(struct lt_json *j)
{
    put_value(j, "null");
}

void lt_json_key_text(struct lt_json *j, const char *key, const char *value)
{
    lt_json_key(j, key);
    lt_json_text(j, value);
}

void lt_json_key_uint(struct lt_json *j, const char *key, uint64_t value)
{
    lt_json_key(j, key);
    lt_json_uint(j, value);
}

void lt_json_key_bool(struct lt_json *j, const char *key, bool value)
{
    lt_json_key(j, key);
    lt_json_bool(j, value);
}

void lt_json_key_null(struct lt_json *j, const char *key)
{
    lt_json_key(j, key);
    lt_json_null(j);
}

void lt_json_key_array(struct lt_json *j, const char *key)
{
    lt_json_key(j, key);
    lt_json_array(j);
}

void lt_json_key_object(struct lt_json *j, const char *key)
{
    lt_json_key(j, key);
    lt_json_object(j);
}

void lt_json_members(struct lt_json *j, struct lt_str text)
{
    assert(j->in_object & level(j) && !j->after_key);
    separate(j);
    put(j, text.data, text.len);
}

void lt_json_newline(struct lt_json *j)
{
    if (j->depth == 0)
        j->has_items = 0;
    put_char(j, '\n');
}

int lt_json_finish(struct lt_json *j)
{
    assert(j->depth == 0);
    drain(j);
    return j->error;
}
