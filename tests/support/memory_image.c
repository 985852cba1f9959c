/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes with an address. */
#include "config.h"

#include "tests/support/memory_image.h"

#include <stdlib.h>

enum { TYPE_BYTES = 256, HEAP_TYPE = 1 << 9 };

const char *const lt_image_types[LT_IMAGE_TYPES] = {
    "NoneType", "ellipsis", "bool", "int", "float",     "str",  "bytes",
    "list",     "tuple",    "dict", "set", "frozenset", "cell", "Thing",
};

static int read_image(void *ctx, const struct lt_range *ranges, size_t n)
{
    struct lt_memory_image *image = ctx;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = ranges[i].addr - LT_IMAGE_BASE;
        image->reads++;
        if (at > LT_IMAGE_BYTES || ranges[i].len > LT_IMAGE_BYTES - at)
            return (int)i;
        memcpy(ranges[i].into, image->bytes + at, ranges[i].len);
    }
    return (int)n;
}

lt_addr lt_image_add(struct lt_memory_image *image, size_t len)
{
    size_t at = image->used;
    if (len > LT_IMAGE_BYTES - at)
        return 0;
    image->used = (at + len + 15) / 16 * 16;
    return LT_IMAGE_BASE + at;
}

void lt_image_put(struct lt_memory_image *image, lt_addr addr, const void *data, size_t len)
{
    uint64_t at = addr - LT_IMAGE_BASE;
    if (len && at <= LT_IMAGE_BYTES && len <= LT_IMAGE_BYTES - at)
        memcpy(image->bytes + at, data, len);
}

void lt_image_put_u64(struct lt_memory_image *image, lt_addr addr, uint64_t value)
{
    lt_image_put(image, addr, &value, sizeof(value));
}

static lt_addr add_type(struct lt_memory_image *image, const char *name)
{
    lt_addr type = lt_image_add(image, TYPE_BYTES);
    lt_addr text = lt_image_add(image, strlen(name) + 1);
    lt_image_put(image, text, name, strlen(name) + 1);
    lt_image_put_u64(image, type + image->offsets.object.type_name, text);
    if (strcmp(name, "Thing") == 0)
        lt_image_put_u64(image, type + image->offsets.object.type_flags, HEAP_TYPE);
    return type;
}

void lt_image_init(struct lt_memory_image *image, unsigned minor)
{
    memset(image, 0, sizeof(*image));
    image->mem = (struct lt_mem){image, read_image};
    if (lt_py_offsets_find(3u << 24 | minor << 16, NULL, 0, false, &image->offsets) != 0)
        abort();
    for (size_t i = 0; i < LT_IMAGE_TYPES; i++)
        image->types[i] = add_type(image, lt_image_types[i]);
}

lt_addr lt_image_type(const struct lt_memory_image *image, const char *name)
{
    for (size_t i = 0; i < LT_IMAGE_TYPES; i++) {
        if (strcmp(lt_image_types[i], name) == 0)
            return image->types[i];
    }
    abort();
}
