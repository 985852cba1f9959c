/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of ids over keys that lie one after the other in one run of bytes. */
#include "config.h"

#include "formats/intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum { FIRST_SLOTS = 64 };

struct key {
    uint32_t at; /* in bytes */
    uint32_t len;
    uint32_t hash; /* kept, so that growing does not read the bytes again */
};

struct lt_intern {
    uint8_t *bytes; /* each key, then a NUL; with key_size just the keys */
    size_t used, bytes_alloc, max_bytes;
    size_t key_size;  /* of all keys; 0: they differ */
    struct key *keys; /* NULL with key_size */
    size_t count, keys_alloc, max_ids;
    uint32_t *slots; /* id + 1; 0 is free. A power of two of them, at most three quarters full */
    size_t n_slots;
};

int lt_intern_new(struct lt_intern **out, uint32_t max_ids, size_t max_bytes)
{
    struct lt_intern *t = calloc(1, sizeof(*t));
    if (!t)
        return LT_ERR_NOMEM;
    t->max_ids = max_ids ? max_ids : (uint32_t)1 << 31;
    t->max_bytes = max_bytes && max_bytes < UINT32_MAX ? max_bytes : (size_t)1 << 30;
    t->n_slots = FIRST_SLOTS;
    t->slots = calloc(t->n_slots, sizeof(t->slots[0]));
    if (!t->slots) {
        free(t);
        return LT_ERR_NOMEM;
    }
    *out = t;
    return 0;
}

int lt_intern_new_sized(struct lt_intern **out, size_t key_size, uint32_t max_ids)
{
    int err = lt_intern_new(out, max_ids, 0);
    if (!err)
        (*out)->key_size = key_size;
    return err;
}

void lt_intern_free(struct lt_intern *t)
{
    if (!t)
        return;
    free(t->bytes);
    free(t->keys);
    free(t->slots);
    free(t);
}

void lt_intern_clear(struct lt_intern *t)
{
    t->used = t->count = 0;
    memset(t->slots, 0, t->n_slots * sizeof(t->slots[0]));
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 32);
}

/* Eight bytes at a time. Keys that collide on purpose cost time, never a wrong answer. */
static uint32_t hash_of(const uint8_t *key, size_t len)
{
    uint64_t h = mix(UINT64_C(0x243f6a8885a308d3), len);
    uint64_t word;
    for (; len >= 8; key += 8, len -= 8) {
        memcpy(&word, key, 8);
        h = mix(h, word);
    }
    word = 0;
    if (len)
        memcpy(&word, key, len);
    h = mix(h, word);
    return (uint32_t)(h ^ (h >> 29));
}

/* Constant sizes are compared without a call. */
static bool same_bytes(const uint8_t *a, const void *b, size_t size)
{
    switch (size) {
    case 4:
        return memcmp(a, b, 4) == 0;
    case 8:
        return memcmp(a, b, 8) == 0;
    case 16:
        return memcmp(a, b, 16) == 0;
    default:
        return memcmp(a, b, size) == 0;
    }
}

static bool is_key(const struct lt_intern *t, uint32_t id, const void *key, size_t len,
                   uint32_t hash)
{
    if (t->key_size)
        return same_bytes(t->bytes + id * t->key_size, key, t->key_size);
    const struct key *k = &t->keys[id];
    return k->hash == hash && k->len == len &&
           (len == 0 || memcmp(t->bytes + k->at, key, len) == 0);
}

/* The slot of a key: where it is, or where it would go. */
static size_t slot_of(const struct lt_intern *t, const void *key, size_t len, uint32_t hash)
{
    size_t i = hash & (t->n_slots - 1);
    while (t->slots[i] && !is_key(t, t->slots[i] - 1, key, len, hash))
        i = (i + 1) & (t->n_slots - 1);
    return i;
}

static uint32_t known_hash(const struct lt_intern *t, size_t id)
{
    return t->key_size ? hash_of(t->bytes + id * t->key_size, t->key_size) : t->keys[id].hash;
}

static int grow_slots(struct lt_intern *t)
{
    size_t n = t->n_slots * 2;
    uint32_t *slots = calloc(n, sizeof(slots[0]));
    if (!slots)
        return LT_ERR_NOMEM;
    for (size_t id = 0; id < t->count; id++) {
        size_t i = known_hash(t, id) & (n - 1);
        while (slots[i])
            i = (i + 1) & (n - 1);
        slots[i] = (uint32_t)id + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    return 0;
}

/* Makes room for one more key, so that adding it cannot fail half-way. */
static int make_room(struct lt_intern *t, size_t size)
{
    int err = 0;
    if (t->count >= t->max_ids || size > t->max_bytes || t->used > t->max_bytes - size)
        return LT_ERR_LIMIT;
    err = lt_array_grow(&t->bytes, &t->bytes_alloc, t->used + size, 1, t->max_bytes);
    if (!err && !t->key_size)
        err = lt_array_grow(&t->keys, &t->keys_alloc, t->count + 1, sizeof(t->keys[0]), t->max_ids);
    if (!err && (t->count + 1) * 4 > t->n_slots * 3)
        err = grow_slots(t);
    return err;
}

int lt_intern_id(struct lt_intern *t, const void *key, size_t len, uint32_t *id, bool *is_new)
{
    assert(!t->key_size || len == t->key_size);
    uint32_t hash = hash_of(key, len);
    size_t slot = slot_of(t, key, len, hash);
    if (is_new)
        *is_new = t->slots[slot] == 0;
    if (t->slots[slot]) {
        *id = t->slots[slot] - 1;
        return 0;
    }
    size_t size = t->key_size ? t->key_size : len + 1;
    int err = make_room(t, size);
    if (err)
        return err;
    slot = slot_of(t, key, len, hash); /* the table may have grown */
    if (len)
        memcpy(t->bytes + t->used, key, len);
    if (!t->key_size) {
        t->bytes[t->used + len] = '\0';
        t->keys[t->count] = (struct key){(uint32_t)t->used, (uint32_t)len, hash};
    }
    t->used += size;
    *id = (uint32_t)t->count++;
    t->slots[slot] = *id + 1;
    return 0;
}

bool lt_intern_find(const struct lt_intern *t, const void *key, size_t len, uint32_t *id)
{
    size_t slot = slot_of(t, key, len, hash_of(key, len));
    if (!t->slots[slot])
        return false;
    *id = t->slots[slot] - 1;
    return true;
}

uint32_t lt_intern_count(const struct lt_intern *t)
{
    return (uint32_t)t->count;
}

struct lt_str lt_intern_get(const struct lt_intern *t, uint32_t id)
{
    if (t->key_size)
        return (struct lt_str){(const char *)t->bytes + id * t->key_size, t->key_size};
    const struct key *k = &t->keys[id];
    return (struct lt_str){(const char *)t->bytes + k->at, k->len};
}
