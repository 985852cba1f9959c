/* SPDX-License-Identifier: Apache-2.0
 *
 * Escapes as Python's repr() writes them, and nothing raw that could play with a terminal. */
#include "config.h"

#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/escape.h"
#include "formats/utf8.h"
#include "tests/support/unit_main.h"

static void check_text(const char *text, char quote, const char *expected)
{
    struct lt_buf out = {0};
    CU_ASSERT_EQUAL(lt_escape_text(&out, (struct lt_str){text, strlen(text)}, quote), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&out, 0), 0);
    CU_ASSERT_STRING_EQUAL(out.data, expected);
    lt_buf_release(&out);
}

static void texts(void)
{
    check_text("plain", '\'', "plain");
    check_text("a'b\"c\\d", '\'', "a\\'b\"c\\\\d");
    check_text("a'b\"c\\d", '"', "a'b\\\"c\\\\d");
    check_text("a'b\"c\\d", 0, "a'b\"c\\d");
    check_text("\t\n\r\x1b[31m\x7f", 0, "\\t\\n\\r\\x1b[31m\\x7f");
    check_text("\xc3\xa4 \xe2\x82\xac \xf0\x9d\x94\xb8", 0,
               "\xc3\xa4 \xe2\x82\xac \xf0\x9d\x94\xb8");
    check_text("\xc2\x9b \xc2\xa0", 0, "\\x9b \\xa0");             /* CSI, a blank that is none */
    check_text("\xe2\x80\xae \xee\x80\x80", 0, "\\u202e \\ue000"); /* turns the direction */
    check_text("\xf3\xa0\x80\x81", 0, "\\U000e0001");              /* a tag */
    check_text("\xff \xc3 \xed\xa0\x80", 0, "\\udcff \\udcc3 \\udced\\udca0\\udc80");
}

static void bytes(void)
{
    struct lt_buf out = {0};
    static const char raw[] = "a'\\\n\x00\xc3";
    for (size_t i = 0; i < sizeof(raw) - 1; i++)
        CU_ASSERT_EQUAL(lt_escape_byte(&out, (uint8_t)raw[i], '\''), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&out, 0), 0);
    CU_ASSERT_STRING_EQUAL(out.data, "a\\'\\\\\\n\\x00\\xc3");
    lt_buf_release(&out);
}

static void no_code_points(void)
{
    struct lt_buf out = {0};
    static const uint32_t odd[] = {0xd800, 0xfffe, 0x1ffff, 0x10ffff, 0x110000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        CU_ASSERT_EQUAL(lt_escape_char(&out, odd[i], 0), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&out, 0), 0);
    CU_ASSERT_STRING_EQUAL(out.data, "\\ud800\\ufffe\\U0001ffff\\U0010ffff\\U00110000\\Uffffffff");
    lt_buf_release(&out);
}

static void every_code_point_comes_back(void)
{
    uint8_t text[LT_UTF8_MAX];
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c == 0xd800)
            c = 0xe000;
        size_t n = lt_utf8_encode(c, text);
        if (lt_utf8_length(text, n) != n || lt_utf8_decode(text, n) != c) {
            CU_FAIL("not the same");
            return;
        }
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"texts", texts},
        {"bytes", bytes},
        {"what is no character", no_code_points},
        {"every code point comes back", every_code_point_comes_back},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("escape", tests);
}
