/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes with an address. */
#include "config.h"

#include "tests/support/memory_image.h"

#include <stdlib.h>

#include "tests/support/told_offsets.h"

enum { TYPE_BYTES = 256, HEAP_TYPE = 1 << 9, FIRST_TOLD = 13 };

const char *const lt_image_types[LT_IMAGE_TYPES] = {
    "NoneType",
    "ellipsis",
    "bool",
    "int",
    "float",
    "str",
    "bytes",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "cell",
    "Thing",
    "generator",
    "coroutine",
    "async_generator_asend",
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
    uint8_t told[LT_TOLD_LEN] = {0};
    memset(image, 0, sizeof(*image));
    image->mem = (struct lt_mem){image, read_image};
    if (minor >= FIRST_TOLD)
        lt_tell_offsets(told, minor);
    if (lt_py_offsets_find(lt_told_hex(minor), told, sizeof(told), false, &image->offsets) != 0)
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

lt_addr lt_image_object(struct lt_memory_image *image, const char *type)
{
    lt_addr object = lt_image_add(image, LT_IMAGE_OBJECT);
    lt_image_put_u64(image, object + image->offsets.object.type, lt_image_type(image, type));
    return object;
}

lt_addr lt_image_int(struct lt_memory_image *image, int64_t value)
{
    const struct lt_py_offsets *o = &image->offsets;
    uint32_t digit = (uint32_t)llabs(value);
    lt_addr object = lt_image_object(image, "int");
    if (o->integer.tag != LT_NO_FIELD)
        lt_image_put_u64(image, object + o->integer.tag, value < 0 ? 8 | 2 : value ? 8 : 1);
    else
        lt_image_put_u64(image, object + o->integer.size,
                         value < 0 ? UINT64_MAX : (uint64_t)(value != 0));
    lt_image_put(image, object + o->integer.digits, &digit, sizeof(digit));
    return object;
}

lt_addr lt_image_str(struct lt_memory_image *image, const char *ascii)
{
    enum { KIND_1_COMPACT_ASCII = 1 << 2 | 1 << 5 | 1 << 6 };
    const struct lt_py_offsets *o = &image->offsets;
    lt_addr object = lt_image_object(image, "str");
    lt_image_add(image, strlen(ascii)); /* room behind it */
    lt_image_put_u64(image, object + o->unicode.length, strlen(ascii));
    lt_image_put_u64(image, object + o->unicode.state, KIND_1_COMPACT_ASCII);
    lt_image_put(image, object + o->unicode.ascii_data, ascii, strlen(ascii));
    return object;
}

lt_addr lt_image_bytes(struct lt_memory_image *image, const void *data, size_t len)
{
    lt_addr object = lt_image_object(image, "bytes");
    lt_image_add(image, len);
    lt_image_put_u64(image, object + image->offsets.bytes.size, len);
    lt_image_put(image, object + image->offsets.bytes.data, data, len);
    return object;
}

uint64_t lt_image_word(const struct lt_memory_image *image, lt_addr begin, uint8_t c)
{
    static const uint8_t ascii_str = 1 << 2 | 1 << 5 | 1 << 6;
    if (c >= 'a' && c < 'a' + LT_IMAGE_TYPES)
        return image->types[c - 'a'];
    if (c >= 'A' && c <= 'Z')
        return begin + (uint64_t)(c - 'A') * 32;
    if (c >= '0' && c <= '9')
        return c - '0';
    switch (c) {
    case '-':
        return UINT64_MAX;
    case '+':
        return UINT64_MAX / 2;
    case '=':
        return (uint64_t)1 << 33;
    case '$':
        return ascii_str;
    default:
        return (uint64_t)c * 0x0101010101010101;
    }
}
