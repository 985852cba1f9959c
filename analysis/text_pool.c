/* SPDX-License-Identifier: Apache-2.0
 *
 * Interned texts, kept in chunks so that their addresses stay. */
#include "config.h"

#include "analysis/text_pool.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define CHUNK_BYTES 65536
#define MAX_TEXTS (UINT32_C(1) << 28)

struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
};

struct lt_text_pool {
    struct lt_intern *ids;
    struct chunk *chunks; /* the newest first */
    const char **at;      /* by id */
    size_t at_alloc;
};

int lt_text_pool_new(struct lt_text_pool **out)
{
    struct lt_text_pool *p = calloc(1, sizeof *p);
    uint32_t empty;
    int error;

    if (p == NULL) {
        return LT_ERR_NOMEM;
    }
    error = lt_intern_new(&p->ids, MAX_TEXTS, 0);
    if (error == 0) {
        error = lt_text_pool_id(p, lt_str_of(""), &empty);
    }
    if (error < 0) {
        lt_text_pool_free(p);
        return error;
    }
    *out = p;
    return 0;
}

void lt_text_pool_free(struct lt_text_pool *p)
{
    if (p == NULL) {
        return;
    }
    while (p->chunks != NULL) {
        struct chunk *next = p->chunks->next;
        free(p->chunks);
        p->chunks = next;
    }
    lt_intern_free(p->ids);
    free(p->at);
    free(p);
}

static char *allocate(struct lt_text_pool *p, size_t len)
{
    struct chunk *c = p->chunks;

    if (c == NULL || c->size - c->used < len) {
        size_t size = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        if (size > SIZE_MAX - sizeof *c || (c = malloc(sizeof *c + size)) == NULL) {
            return NULL;
        }
        *c = (struct chunk){.next = p->chunks, .size = size};
        p->chunks = c;
    }
    c->used += len;
    return c->bytes + c->used - len;
}

static const char *copy_text(struct lt_text_pool *p, struct lt_str text)
{
    char *copy = allocate(p, text.len + 1);

    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = text.data[i] != '\0' ? text.data[i] : ' ';
    }
    copy[text.len] = '\0';
    return copy;
}

int lt_text_pool_id(struct lt_text_pool *p, struct lt_str text, uint32_t *id)
{
    bool is_new;
    int error;

    /* Room for the address first: an id must not be left without its text. */
    error = lt_array_grow(&p->at, &p->at_alloc, (size_t)lt_intern_count(p->ids) + 1, sizeof *p->at,
                          MAX_TEXTS);
    if (error == 0) {
        error = lt_intern_id(p->ids, text.data, text.len, id, &is_new);
    }
    if (error < 0 || !is_new) {
        return error;
    }
    p->at[*id] = copy_text(p, text);
    if (p->at[*id] == NULL) {
        p->at[*id] = "";
        return LT_ERR_NOMEM;
    }
    return 0;
}

const char *lt_text_pool_get(const struct lt_text_pool *p, uint32_t id)
{
    return p->at[id];
}

struct lt_str lt_str_of(const char *text)
{
    return (struct lt_str){text, strlen(text)};
}
