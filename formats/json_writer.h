/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as a stream: straight to an output through a small buffer, no tree, nothing
 * that grows with the document. Nesting is kept as one bit a level, at most
 * LT_JSON_DEPTH. Errors stick: write a document, then look at finish() once.
 *
 * Strings are bytes. Valid UTF-8 goes through, control characters, quotes and
 * backslashes are escaped, each byte that is not UTF-8 becomes U+FFFD, so that what
 * comes out is always valid JSON. `<`, `>` and `&` are written as \u00XX: a document may
 * be put into a web page, unless it says keeps_markup. Misuse (a value without a key in an object, unbalanced
 * ends) is a programmer's mistake and asserts. */
#ifndef LT_JSON_WRITER_H
#define LT_JSON_WRITER_H

#include "formats/profile.h"

#define LT_JSON_DEPTH 64

/* Bytes out; 0 or a negative enum lt_error. */
typedef int lt_json_sink(void *ctx, const char *data, size_t len);

struct lt_json {
    lt_json_sink *sink;
    void *ctx;
    int error; /* the first one; everything after it is ignored */
    unsigned depth;
    uint64_t in_object; /* a bit a level */
    uint64_t has_items; /* a bit a level */
    bool after_key;
    bool keeps_markup; /* for readers that do not undo \u00XX; may be set after init */
    size_t used;
    char buf[4096];
};

void lt_json_init(struct lt_json *j, lt_json_sink *sink, void *ctx);
void lt_json_object(struct lt_json *j);
void lt_json_array(struct lt_json *j);
void lt_json_end(struct lt_json *j); /* of the innermost object or array */
void lt_json_key(struct lt_json *j, const char *key);
void lt_json_str(struct lt_json *j, struct lt_str value);
void lt_json_text(struct lt_json *j, const char *value); /* NULL: null */
void lt_json_uint(struct lt_json *j, uint64_t value);
void lt_json_uint_or_null(struct lt_json *j, bool known, uint64_t value);
void lt_json_int(struct lt_json *j, int64_t value);
/* Shortest decimal of value / 10^places; places at most 9: nanoseconds as microseconds have 3. */
void lt_json_decimal(struct lt_json *j, int64_t value, unsigned places);
/* Nanoseconds as seconds: a decimal of 9 places. */
void lt_json_seconds(struct lt_json *j, int64_t ns);
void lt_json_seconds_or_null(struct lt_json *j, bool known, int64_t ns);
void lt_json_bool(struct lt_json *j, bool value);
void lt_json_null(struct lt_json *j);
/* A key and its value, or what it opens. */
void lt_json_key_text(struct lt_json *j, const char *key, const char *value);
void lt_json_key_uint(struct lt_json *j, const char *key, uint64_t value);
void lt_json_key_bool(struct lt_json *j, const char *key, bool value);
void lt_json_key_null(struct lt_json *j, const char *key);
void lt_json_key_array(struct lt_json *j, const char *key);
void lt_json_key_object(struct lt_json *j, const char *key);
/* Keys and values of the open object, at least one, that are JSON already. */
void lt_json_members(struct lt_json *j, struct lt_str text);
/* White space between values: a line end after a JSON line, or for readers' eyes. */
void lt_json_newline(struct lt_json *j);
/* Flushes the small buffer. Returns the first error, or 0. The document must be complete. */
int lt_json_finish(struct lt_json *j);

#endif
