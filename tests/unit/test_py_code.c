/* SPDX-License-Identifier: Apache-2.0
 *
 * Code objects in a made-up memory of each version: read, recognised, and told apart from what came to
 * lie at their address after they were freed. */
#include "config.h"

#include "collector/py_code.h"

#include <string.h>

#include "formats/lt_error.h"
#include "tests/support/memory_image.h"
#include "tests/support/unit_main.h"

enum { OLDEST = 8, NEWEST = 15, FIRST_LINE = 40, LINES = 3 };

static struct lt_memory_image image;
static struct lt_py_codes *codes;

static void put_u32(lt_addr addr, uint32_t value)
{
    lt_image_put(&image, addr, &value, sizeof(value));
}

/* One line of two instruction bytes, then another, and so on, by each kind of table. */
static lt_addr make_linetable(void)
{
    static const uint8_t pairs[LINES * 2] = {2, 1, 2, 1, 2, 1};
    static const uint8_t locations[LINES * 2] = {0xe8, 2, 0xe8, 2, 0xe8, 2};
    bool newest = image.offsets.linetable_kind == LT_LINETABLE_LOCATIONS;
    return lt_image_bytes(&image, newest ? locations : pairs, LINES * 2);
}

/* Writes a code object over whatever lies there. */
static void put_code(lt_addr addr, const char *name, uint32_t version)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr text = lt_image_str(&image, name);
    lt_image_put_u64(&image, addr + o->code.name, text);
    if (o->code.qualname != LT_NO_FIELD)
        lt_image_put_u64(&image, addr + o->code.qualname, text);
    lt_image_put_u64(&image, addr + o->code.filename, lt_image_str(&image, "shop.py"));
    lt_image_put_u64(&image, addr + o->code.linetable, make_linetable());
    put_u32(addr + o->code.firstlineno, FIRST_LINE);
    if (o->code.version != LT_NO_FIELD)
        put_u32(addr + o->code.version, version);
}

static lt_addr make_code(unsigned minor)
{
    lt_image_init(&image, minor);
    CU_ASSERT_EQUAL_FATAL(lt_py_codes_new(&codes, &image.mem, &image.offsets), 0);
    lt_addr addr = lt_image_add(&image, 512);
    put_code(addr, "checkout", 7);
    return addr;
}

/* Is the code object at this address the one that is known, by copies as the collector makes them? */
static bool is_same(const struct lt_py_code *code)
{
    uint8_t identity[LT_CODE_IDENTITY_MAX], name[LT_CODE_NAME_IDENTITY];
    lt_addr from;
    size_t len;
    lt_py_codes_identity_range(codes, code->addr, &from, &len);
    CU_ASSERT_EQUAL_FATAL(lt_mem_read(&image.mem, from, identity, len), 0);
    CU_ASSERT_EQUAL_FATAL(lt_mem_read(&image.mem, code->name_addr, name, sizeof(name)), 0);
    return lt_py_codes_same(codes, code, identity, lt_py_codes_need_name(codes) ? name : NULL);
}

static bool is_text(struct lt_str text, const char *expected)
{
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static void read_once_then_known(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        struct lt_py_code *code = NULL;
        lt_addr addr = make_code(minor);
        CU_ASSERT_PTR_NULL(lt_py_codes_find(codes, addr));
        CU_ASSERT_EQUAL_FATAL(lt_py_codes_read(codes, addr, &code), 0);
        CU_ASSERT_PTR_EQUAL(lt_py_codes_find(codes, addr), code);
        CU_ASSERT_EQUAL(lt_py_codes_count(codes), 1);
        CU_ASSERT_TRUE(is_text(code->name, "checkout"));
        CU_ASSERT_TRUE(is_text(code->file, "shop.py"));
        CU_ASSERT_EQUAL(code->first_line, FIRST_LINE);
        CU_ASSERT_NOT_EQUAL(code->serial, 0);
        CU_ASSERT_TRUE(is_same(code));
        lt_py_codes_free(codes);
    }
}

static void address_used_again(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        struct lt_py_code *first = NULL, *second = NULL;
        lt_addr addr = make_code(minor);
        CU_ASSERT_EQUAL_FATAL(lt_py_codes_read(codes, addr, &first), 0);
        put_code(addr, "shutdown", 8);
        CU_ASSERT_FALSE(is_same(first));
        CU_ASSERT_EQUAL_FATAL(lt_py_codes_read(codes, addr, &second), 0);
        CU_ASSERT_TRUE(first->replaced);
        CU_ASSERT_FALSE(second->replaced);
        CU_ASSERT_NOT_EQUAL(first->serial, second->serial);
        CU_ASSERT_PTR_EQUAL(lt_py_codes_find(codes, addr), second);
        CU_ASSERT_EQUAL(lt_py_codes_count(codes), 1);
        CU_ASSERT_TRUE(is_text(first->name, "checkout")); /* may still be pointed at */
        CU_ASSERT_TRUE(is_text(second->name, "shutdown"));
        lt_py_codes_free(codes);
    }
}

/* Freed strings come back at their addresses too: where there is no version, only the bytes of the name
 * can tell. */
static void only_the_name_differs(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        struct lt_py_code *code = NULL;
        lt_addr addr = make_code(minor);
        CU_ASSERT_EQUAL_FATAL(lt_py_codes_read(codes, addr, &code), 0);
        lt_image_put(&image, code->name_addr + image.offsets.unicode.ascii_data, "CHECKOUT", 8);
        CU_ASSERT_EQUAL(is_same(code), !lt_py_codes_need_name(codes));
        lt_py_codes_lose(codes, code->name_addr + 8, 1);
        CU_ASSERT_TRUE(code->name_lost);
        lt_py_codes_free(codes);
    }
}

static void instructions_and_lines(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        const struct lt_py_offsets *o = &image.offsets;
        struct lt_py_code *code = NULL;
        uint32_t offset, line;
        lt_addr addr = make_code(minor);
        CU_ASSERT_EQUAL_FATAL(lt_py_codes_read(codes, addr, &code), 0);
        uint64_t begin = o->instr_kind == LT_INSTR_POINTER ? code->instructions : 0;
        unsigned unit = o->instr_kind == LT_INSTR_LASTI_UNITS ? 1 : 2;
        CU_ASSERT_TRUE(lt_py_code_offset(codes, code, begin + 2 * unit, &offset));
        CU_ASSERT_EQUAL(offset, 4);
        CU_ASSERT_EQUAL(lt_py_code_line(codes, code, offset, &line), 0);
        CU_ASSERT_EQUAL(line,
                        o->linetable_kind == LT_LINETABLE_LNOTAB ? FIRST_LINE + 2 : FIRST_LINE + 3);
        /* Before the first one. */
        CU_ASSERT_TRUE(
            lt_py_code_offset(codes, code, begin ? begin - 2 : (uint64_t)(uint32_t)-1, &offset));
        CU_ASSERT_EQUAL(offset, 0);
        if (begin)
            CU_ASSERT_FALSE(lt_py_code_offset(codes, code, begin - 4, &offset));
        lt_py_codes_free(codes);
    }
}

static void many_are_found_again(void)
{
    enum { MANY = 100 };
    lt_addr addrs[MANY];
    struct lt_py_code *code;
    addrs[0] = make_code(NEWEST);
    for (unsigned i = 1; i < MANY; i++) {
        addrs[i] = lt_image_add(&image, 256);
        put_code(addrs[i], "more", 100 + i);
    }
    for (unsigned i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL_FATAL(lt_py_codes_read(codes, addrs[i], &code), 0);
    for (unsigned i = 0; i < MANY; i++) {
        code = lt_py_codes_find(codes, addrs[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(code);
        CU_ASSERT_EQUAL(code->addr, addrs[i]);
    }
    lt_py_codes_clear(codes);
    CU_ASSERT_EQUAL(lt_py_codes_count(codes), 0);
    CU_ASSERT_PTR_NULL(lt_py_codes_find(codes, addrs[0]));
    lt_py_codes_free(codes);
}

static void implausible(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        const struct lt_py_offsets *o = &image.offsets;
        struct lt_py_code *code = NULL;
        lt_addr addr = make_code(minor);
        lt_image_put_u64(&image, addr + o->code.linetable, 1 << 30); /* nothing is there */
        CU_ASSERT_EQUAL(lt_py_codes_read(codes, addr, &code), LT_ERR_FAULT);
        put_code(addr, "checkout", 7);
        put_u32(addr + o->code.firstlineno, UINT32_MAX);
        CU_ASSERT_EQUAL(lt_py_codes_read(codes, addr, &code), LT_ERR_CORRUPT);
        CU_ASSERT_EQUAL(lt_py_codes_count(codes), 0);
        lt_py_codes_free(codes);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {{"read once, then known", read_once_then_known},
                           {"address used again", address_used_again},
                           {"only the name differs", only_the_name_differs},
                           {"instructions and lines", instructions_and_lines},
                           {"many are found again", many_are_found_again},
                           {"implausible", implausible},
                           CU_TEST_INFO_NULL};
    return lt_unit_main("py_code", tests);
}
