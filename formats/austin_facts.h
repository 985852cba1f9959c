/* SPDX-License-Identifier: Apache-2.0
 *
 * What austin says of a recording as a whole, in its text and in MOJO alike: pairs of a key and a
 * value. */
#ifndef LT_AUSTIN_FACTS_H
#define LT_AUSTIN_FACTS_H

#include "formats/byte_buffer.h"
#include "formats/profile.h"

struct lt_austin_facts {
    int64_t interval_ns, duration_ns; /* 0 unknown */
    bool memory_alone;                /* samples stand for bytes, not for time */
    struct lt_buf recorder, python;   /* "austin 4.0.0", "3.12.1"; empty unknown */
};

void lt_austin_facts_release(struct lt_austin_facts *f);

/* Takes a pair; one that is not understood says nothing. 0 or LT_ERR_NOMEM. */
int lt_austin_facts_add(struct lt_austin_facts *f, struct lt_str key, struct lt_str value);

/* The head of a recording that says this; `format` is the name of what was read. The strings are
 * borrowed from the facts. */
struct lt_meta lt_austin_facts_meta(const struct lt_austin_facts *f, const char *format);

/* A process as far as it is known. Borrows too. */
struct lt_process_info lt_austin_facts_process(const struct lt_austin_facts *f, uint32_t pid);

#endif
