/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as a row of tokens, for documents that are too large to be held as a tree. Strings come
 * unescaped. It reads what is JSON; commas and colons are not checked. */
#ifndef LT_JSON_READER_H
#define LT_JSON_READER_H

#include "formats/byte_buffer.h"
#include "formats/input_bytes.h"
#include "formats/profile.h"

enum { LT_JSON_READER_DEPTH = 64 };

enum lt_json_kind {
    LT_JSON_END, /* of the document */
    LT_JSON_OBJECT,
    LT_JSON_ARRAY,
    LT_JSON_CLOSE, /* of the innermost object or array */
    LT_JSON_KEY,
    LT_JSON_STRING,
    LT_JSON_NUMBER,
    LT_JSON_WORD /* true, false, null */
};

struct lt_json_token {
    enum lt_json_kind kind;
    struct lt_str text; /* of a key, string, number or word; valid until the next token */
};

/* Zero-initialised but for `bytes.in`. Its error is the first one, which every further call returns. */
struct lt_json_reader {
    struct lt_input_bytes bytes;
    unsigned depth;
    bool in_object[LT_JSON_READER_DEPTH], wants_key;
    struct lt_buf text;
};

void lt_json_reader_release(struct lt_json_reader *r);

/* 0, LT_ERR_CORRUPT for what is no JSON or ends too early, LT_ERR_NOMEM, or an error of the input. */
int lt_json_next(struct lt_json_reader *r, struct lt_json_token *t);
/* Passes over the value that comes next. */
int lt_json_skip(struct lt_json_reader *r);
/* The next token has to be of this kind, or LT_ERR_CORRUPT. */
int lt_json_expect(struct lt_json_reader *r, enum lt_json_kind kind, struct lt_json_token *t);

/* A number times 10^places, rounded; false where it does not fit. */
bool lt_json_scaled(struct lt_str number, int places, int64_t *value);

#endif
