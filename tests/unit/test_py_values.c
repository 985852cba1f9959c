/* SPDX-License-Identifier: Apache-2.0
 *
 * Values out of a made-up memory: well-formed ones, and such as hang, crash or flood a reader that
 * trusts them. */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/page_cache.h"
#include "collector/py_locals.h"
#include "collector/py_numbers.h"
#include "collector/py_values.h"
#include "formats/byte_buffer.h"
#include "tests/support/memory_image.h"
#include "tests/support/unit_main.h"

enum { ENOUGH = 1 << 16, DANGLING = 0x7777000 };

static struct lt_memory_image image;

static lt_addr new_list(const lt_addr *items, size_t n)
{
    lt_addr object = lt_image_object(&image, "list"), array = lt_image_add(&image, (n + 1) * 8);
    lt_image_put_u64(&image, object + image.offsets.list.size, n);
    lt_image_put_u64(&image, object + image.offsets.list.items, array);
    lt_image_put(&image, array, items, n * sizeof(items[0]));
    return object;
}

static lt_addr new_tuple(const lt_addr *items, size_t n)
{
    lt_addr object = lt_image_add(&image, LT_IMAGE_OBJECT + n * 8);
    lt_image_put_u64(&image, object + image.offsets.object.type, lt_image_type(&image, "tuple"));
    lt_image_put_u64(&image, object + image.offsets.tuple.size, n);
    lt_image_put(&image, object + image.offsets.tuple.items, items, n * sizeof(items[0]));
    return object;
}

/* The text of an object, NUL-terminated; the same through a page cache. */
static void text_of(lt_addr object, struct lt_buf *out)
{
    struct lt_buf cached = {0};
    struct lt_page_cache *cache;
    struct lt_mem mem;
    struct lt_py_values v = {.mem = &image.mem, .offsets = &image.offsets, .budget = ENOUGH};
    lt_buf_clear(out);
    CU_ASSERT_EQUAL(lt_py_value_text(&v, object, out), 0);
    CU_ASSERT_EQUAL_FATAL(lt_page_cache_new(&cache, &image.mem), 0);
    lt_page_cache_mem(cache, &mem);
    v = (struct lt_py_values){.mem = &mem, .offsets = &image.offsets, .budget = ENOUGH};
    CU_ASSERT_EQUAL(lt_py_value_text(&v, object, &cached), 0);
    CU_ASSERT_TRUE(out->len == cached.len && memcmp(out->data, cached.data, out->len) == 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(out, '\0'), 0);
    lt_page_cache_free(cache);
    lt_buf_release(&cached);
}

static void check_value(lt_addr object, const char *expected)
{
    struct lt_buf out = {0};
    text_of(object, &out);
    CU_ASSERT_STRING_EQUAL(out.data, expected);
    lt_buf_release(&out);
}

static void plain_values(void)
{
    for (unsigned minor = 8; minor <= 12; minor++) {
        lt_image_init(&image, minor);
        lt_addr items[] = {lt_image_int(&image, -7), lt_image_str(&image, "it's"),
                           lt_image_object(&image, "NoneType"), lt_image_int(&image, 0)};
        check_value(new_list(items, 4), "[-7, \"it's\", None, 0]");
        check_value(new_tuple(items, 1), "(-7,)");
        check_value(new_tuple(items, 0), "()");
        check_value(new_list(NULL, 0), "[]");
        check_value(lt_image_object(&image, "set"), "set()");
        check_value(lt_image_object(&image, "frozenset"), "frozenset()");
        check_value(lt_image_object(&image, "float"), "0.0");
        check_value(lt_image_object(&image, "bool"), "False");
        check_value(lt_image_object(&image, "bytes"), "b''");
    }
}

static void large_ints(void)
{
    static const uint32_t digits[] = {0, 0, 0, 1 << 10}; /* 2**100 */
    lt_image_init(&image, 12);
    lt_addr object = lt_image_int(&image, 1);
    lt_image_put_u64(&image, object + image.offsets.integer.tag, 4 << 3);
    lt_image_put(&image, object + image.offsets.integer.digits, digits, sizeof(digits));
    check_value(object, "1267650600228229401496703205376");
    lt_image_put_u64(&image, object + image.offsets.integer.tag, 4 << 3 | 2);
    check_value(object, "-1267650600228229401496703205376");
    lt_image_put_u64(&image, object + image.offsets.integer.tag, 1000 << 3);
    check_value(object, "<int of about 30000 bits>");
}

static void floats(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {1e16, "1e+16"},
        {123456.75, "123456.75"},
        {1e15, "1000000000000000.0"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {1e22, "1e+22"},
        {5e-324, "5e-324"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
        {0x1p-44, "5.684341886080802e-14"}, /* the nearest of so many digits is read as another */
        {1.7976931348623157e308, "1.7976931348623157e+308"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lt_buf out = {0};
        CU_ASSERT_EQUAL(lt_py_float_text(cases[i].value, &out), 0);
        CU_ASSERT_EQUAL(lt_buf_put_u8(&out, '\0'), 0);
        CU_ASSERT_STRING_EQUAL(out.data, cases[i].text);
        lt_buf_release(&out);
    }
}

static void classes_of_the_program(void)
{
    char expected[64];
    lt_image_init(&image, 12);
    lt_addr thing = lt_image_object(&image, "Thing");
    snprintf(expected, sizeof(expected), "<Thing at 0x%llx>", (unsigned long long)thing);
    check_value(thing, expected);
    /* A class that is called like a type of the interpreter is none. */
    lt_addr name = lt_image_add(&image, 8);
    lt_image_put(&image, name, "int", 4);
    lt_image_put_u64(&image, lt_image_type(&image, "Thing") + image.offsets.object.type_name, name);
    snprintf(expected, sizeof(expected), "<int at 0x%llx>", (unsigned long long)thing);
    check_value(thing, expected);
}

static void cycles_end(void)
{
    lt_image_init(&image, 11);
    lt_addr items[] = {0, 0};
    lt_addr a = new_list(items, 2), b = new_tuple(&a, 1);
    lt_addr array = lt_peek_u64(image.bytes, a + image.offsets.list.items - LT_IMAGE_BASE);
    lt_image_put_u64(&image, array, b);
    lt_image_put_u64(&image, array + 8, a);
    check_value(a, "[([...],), [...]]");
}

static void depth_is_cut(void)
{
    lt_image_init(&image, 11);
    lt_addr inner = lt_image_int(&image, 1);
    for (int i = 0; i < LT_VALUE_DEPTH + 3; i++)
        inner = new_list(&inner, 1);
    check_value(inner, "[[[[[[[...]]]]]]]");
}

/* A list of lists of lists ... of the same list: exponential, if it were not for the budget. */
static void breadth_is_cut(void)
{
    struct lt_buf out = {0};
    lt_image_init(&image, 11);
    lt_addr inner = lt_image_int(&image, 1);
    for (int i = 0; i < LT_VALUE_DEPTH; i++) {
        lt_addr items[LT_VALUE_ITEMS];
        for (int k = 0; k < LT_VALUE_ITEMS; k++)
            items[k] = inner;
        inner = new_list(items, LT_VALUE_ITEMS);
    }
    text_of(inner, &out);
    CU_ASSERT_TRUE(out.len < 4 * LT_VALUE_TEXT);
    CU_ASSERT_TRUE(image.reads < 100 * LT_VALUE_OBJECTS);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "..."));
    lt_buf_release(&out);
}

static void nothing_of_a_size_is_believed(void)
{
    static const char *const types[] = {"str",  "bytes", "list",      "tuple",
                                        "dict", "set",   "frozenset", "int"};
    for (unsigned minor = 8; minor <= 12; minor++) {
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            struct lt_buf out = {0};
            lt_image_init(&image, minor);
            lt_addr object = lt_image_object(&image, types[i]), last = object + LT_IMAGE_OBJECT;
            for (lt_addr at = object; at < last; at += 8) {
                if (at != object + image.offsets.object.type)
                    lt_image_put_u64(&image, at, UINT64_MAX / 2);
            }
            text_of(object, &out);
            CU_ASSERT_TRUE(out.len < 4 * LT_VALUE_TEXT);
            CU_ASSERT_TRUE(image.reads < 10000);
            lt_buf_release(&out);
        }
    }
}

static void dangling_pointers(void)
{
    lt_image_init(&image, 9);
    lt_addr items[] = {DANGLING, lt_image_int(&image, 5), UINT64_MAX - 3};
    check_value(new_list(items, 3),
                "[<unreadable at 0x7777000>, 5, <unreadable at 0xfffffffffffffffc>]");
    check_value(0, "<unreadable at 0x0>");
    lt_addr list = new_list(items, 3);
    lt_image_put_u64(&image, list + image.offsets.list.items, DANGLING);
    struct lt_buf out = {0};
    text_of(list, &out);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "<unreadable"));
    lt_buf_release(&out);
}

static void long_text_is_cut(void)
{
    struct lt_buf out = {0};
    char text[LT_VALUE_CHARS + 100];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    lt_image_init(&image, 12);
    lt_addr object = lt_image_str(&image, "");
    CU_ASSERT_NOT_EQUAL(lt_image_add(&image, sizeof(text)), 0); /* room behind it */
    lt_image_put_u64(&image, object + image.offsets.unicode.length, strlen(text));
    lt_image_put(&image, object + image.offsets.unicode.ascii_data, text, strlen(text));
    text_of(object, &out);
    CU_ASSERT_EQUAL(out.len, LT_VALUE_CHARS + 2 + 3 + 1);
    CU_ASSERT_STRING_EQUAL(out.data + LT_VALUE_CHARS, "x'...");
    lt_buf_release(&out);
}

static void an_empty_budget_costs_nothing(void)
{
    struct lt_buf out = {0};
    lt_image_init(&image, 12);
    lt_addr object = lt_image_int(&image, 5);
    struct lt_py_values v = {.mem = &image.mem, .offsets = &image.offsets};
    CU_ASSERT_EQUAL(lt_py_value_text(&v, object, &out), 0);
    CU_ASSERT_EQUAL(image.reads, 0);
    CU_ASSERT_TRUE(out.len == 3 && memcmp(out.data, "...", 3) == 0);
    lt_buf_release(&out);
}

/* ---- locals ---- */

struct seen {
    lt_addr names[8];
    uint64_t refs[8];
    size_t n;
};

static int see(void *ctx, const struct lt_py_local *local)
{
    struct seen *seen = ctx;
    CU_ASSERT_TRUE_FATAL(seen->n < 8);
    seen->names[seen->n] = local->name;
    seen->refs[seen->n++] = local->ref;
    return 0;
}

static lt_addr new_cell(lt_addr value)
{
    lt_addr cell = lt_image_object(&image, "cell");
    lt_image_put_u64(&image, cell + image.offsets.cell.value, value);
    return cell;
}

/* Slots a (in a cell), b (not bound), c (a cell that the program looks at), free f. */
static void locals_up_to_310(void)
{
    const struct lt_py_offsets *o = &image.offsets;
    struct seen seen = {.n = 0};
    lt_image_init(&image, 8);
    lt_addr a = lt_image_str(&image, "a"), b = lt_image_str(&image, "b"),
            c = lt_image_str(&image, "c"), f = lt_image_str(&image, "f");
    lt_addr code = lt_image_add(&image, o->code.size), one = lt_image_int(&image, 1),
            cell = new_cell(one);
    lt_addr frame = lt_image_add(&image, o->frame.localsplus + 64);
    lt_image_put_u64(&image, code + o->code.localsplusnames, new_tuple((lt_addr[]){a, b, c}, 3));
    lt_image_put_u64(&image, code + o->code.cellvars, new_tuple(&a, 1));
    lt_image_put_u64(&image, code + o->code.freevars, new_tuple(&f, 1));
    lt_addr slots[] = {0, 0, cell, new_cell(one), new_cell(c)};
    lt_image_put(&image, frame + o->frame.localsplus, slots, sizeof(slots));
    CU_ASSERT_EQUAL(lt_py_locals_each(&image.mem, o, frame, code, see, &seen), 0);
    CU_ASSERT_EQUAL_FATAL(seen.n, 3);
    CU_ASSERT_TRUE(seen.names[0] == a && seen.refs[0] == one);
    CU_ASSERT_TRUE(seen.names[1] == c && seen.refs[1] == cell);
    CU_ASSERT_TRUE(seen.names[2] == f && seen.refs[2] == c);
}

static void locals_since_311(void)
{
    const struct lt_py_offsets *o = &image.offsets;
    static const uint8_t kinds[] = {0x60, 0x20, 0x20, 0x80};
    struct seen seen = {.n = 0};
    lt_image_init(&image, 12);
    lt_addr a = lt_image_str(&image, "a"), b = lt_image_str(&image, "b"),
            c = lt_image_str(&image, "c"), f = lt_image_str(&image, "f");
    lt_addr code = lt_image_add(&image, o->code.size + 256), one = lt_image_int(&image, 1);
    lt_addr bytes = lt_image_object(&image, "bytes"), cell = new_cell(one);
    lt_addr frame = lt_image_add(&image, o->frame.localsplus + 64);
    lt_image_put(&image, bytes + o->bytes.data, kinds, sizeof(kinds));
    lt_image_put_u64(&image, code + o->code.localsplusnames, new_tuple((lt_addr[]){a, b, c, f}, 4));
    lt_image_put_u64(&image, code + o->code.localspluskinds, bytes);
    lt_addr slots[] = {new_cell(one), 0, cell, new_cell(0)};
    lt_image_put(&image, frame + o->frame.localsplus, slots, sizeof(slots));
    CU_ASSERT_EQUAL(lt_py_locals_each(&image.mem, o, frame, code, see, &seen), 0);
    CU_ASSERT_EQUAL_FATAL(seen.n, 2);
    CU_ASSERT_TRUE(seen.names[0] == a && seen.refs[0] == one);
    CU_ASSERT_TRUE(seen.names[1] == c && seen.refs[1] == cell);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"plain values", plain_values},
        {"large ints", large_ints},
        {"floats", floats},
        {"classes of the program", classes_of_the_program},
        {"cycles end", cycles_end},
        {"depth is cut", depth_is_cut},
        {"breadth is cut", breadth_is_cut},
        {"nothing of a size is believed", nothing_of_a_size_is_believed},
        {"dangling pointers", dangling_pointers},
        {"long text is cut", long_text_is_cut},
        {"an empty budget costs nothing", an_empty_budget_costs_nothing},
        {"locals up to 3.10", locals_up_to_310},
        {"locals since 3.11", locals_since_311},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("py_values", tests);
}
