/* SPDX-License-Identifier: Apache-2.0
 *
 * A made-up target: one run of bytes at an address, with the interpreter's own types in it, to
 * which objects are added word by word. What lies outside is not readable. */
#ifndef LT_MEMORY_IMAGE_H
#define LT_MEMORY_IMAGE_H

#include "collector/py_offsets.h"

enum {
    LT_IMAGE_BYTES = 1 << 16,
    LT_IMAGE_BASE = 0x10000,
    LT_IMAGE_OBJECT = 96, /* bytes of an object, at least */
    LT_IMAGE_TYPES = 17   /* named in lt_image_types */
};

extern const char *const lt_image_types[LT_IMAGE_TYPES];

struct lt_memory_image {
    struct lt_py_offsets offsets;
    struct lt_mem mem; /* reads this image, which must not be moved */
    uint64_t reads;    /* ranges that were asked for */
    lt_addr types[LT_IMAGE_TYPES];
    size_t used;
    uint8_t bytes[LT_IMAGE_BYTES];
};

/* With the types of CPython 3.`minor`, 8 to 15. */
void lt_image_init(struct lt_memory_image *image, unsigned minor);

/* The type of this name; "Thing" is one of the program's own. */
lt_addr lt_image_type(const struct lt_memory_image *image, const char *name);

/* `len` bytes of zeros, aligned; their address. 0 when there is no room. */
lt_addr lt_image_add(struct lt_memory_image *image, size_t len);

/* Writes what is within the image. */
void lt_image_put(struct lt_memory_image *image, lt_addr addr, const void *data, size_t len);
void lt_image_put_u64(struct lt_memory_image *image, lt_addr addr, uint64_t value);

/* New objects. */
lt_addr lt_image_object(struct lt_memory_image *image, const char *type);
lt_addr lt_image_int(struct lt_memory_image *image, int64_t value); /* of one digit */
lt_addr lt_image_str(struct lt_memory_image *image, const char *ascii);
lt_addr lt_image_bytes(struct lt_memory_image *image, const void *data, size_t len);

/* A word that one byte of a fuzzer stands for, in a memory of such words at `begin`: the letters a to
 * q are the interpreter's types, A to Z the address of the 4th, 8th ... word, a digit itself, others
 * are large or odd. */
uint64_t lt_image_word(const struct lt_memory_image *image, lt_addr begin, uint8_t c);

#endif
