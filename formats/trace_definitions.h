/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder's dictionary of one segment: decodes DEFS blocks, hands what they define to the
 * handler, and knows what was defined, so that a reference to something that a damaged block took
 * with it is noticed. */
#ifndef LT_TRACE_DEFINITIONS_H
#define LT_TRACE_DEFINITIONS_H

#include "formats/byte_buffer.h"
#include "formats/profile.h"
#include "formats/varint.h"

struct lt_string_place {
    uint32_t at, len; /* in `bytes` */
    bool known;
};

struct lt_function {
    uint32_t name, file, first_line;
    bool known;
};

/* One flag an id. */
struct lt_known_ids {
    uint8_t *known;
    size_t n, alloc;
};

/* Zero-initialised is empty. */
struct lt_definitions {
    const struct lt_profile_handler *handler;
    struct lt_buf bytes;
    struct lt_string_place *strings;
    struct lt_function *functions;
    size_t n_strings, strings_alloc;
    size_t n_functions, functions_alloc;
    struct lt_known_ids frames, stacks, tags, processes, threads;
};

void lt_definitions_release(struct lt_definitions *d);
/* A new segment. */
void lt_definitions_clear(struct lt_definitions *d);

/* Reads the sections of a DEFS block. LT_BAD_PAYLOAD (what came before stays), or what the handler
 * returned. */
int lt_definitions_read(struct lt_definitions *d, struct lt_cursor payload);

/* Is there such a stack (0 always), such a tag set (0 always)? */
bool lt_definitions_has_stack(const struct lt_definitions *d, uint32_t id);
bool lt_definitions_has_tags(const struct lt_definitions *d, uint32_t id);
/* Defines a thread without a name, in a process without one, if it has not been defined. */
int lt_definitions_need_thread(struct lt_definitions *d, uint32_t id);

#endif
