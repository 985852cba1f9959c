/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "formats/json_writer.h"

#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

static int to_buffer(void *ctx, const char *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static void begin(struct lt_json *j, struct lt_buf *buf)
{
    lt_buf_release(buf);
    lt_json_init(j, to_buffer, buf);
}

static const char *document(struct lt_json *j, struct lt_buf *buf)
{
    CU_ASSERT_EQUAL(lt_json_finish(j), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(buf, '\0'), 0);
    return (const char *)buf->data;
}

static void nesting(void)
{
    struct lt_buf buf = {0};
    struct lt_json j;
    begin(&j, &buf);
    lt_json_object(&j);
    lt_json_key(&j, "a");
    lt_json_array(&j);
    lt_json_uint(&j, UINT64_MAX);
    lt_json_int(&j, INT64_MIN);
    lt_json_array(&j);
    lt_json_end(&j);
    lt_json_object(&j);
    lt_json_end(&j);
    lt_json_end(&j);
    lt_json_key(&j, "b");
    lt_json_bool(&j, true);
    lt_json_key(&j, "c");
    lt_json_null(&j);
    lt_json_key(&j, "d");
    lt_json_text(&j, NULL);
    lt_json_end(&j);
    CU_ASSERT_STRING_EQUAL(document(&j, &buf),
                           "{\"a\":[18446744073709551615,-9223372036854775808,[],{}],"
                           "\"b\":true,\"c\":null,\"d\":null}");
    lt_buf_release(&buf);
}

static void escapes(void)
{
    struct lt_buf buf = {0};
    struct lt_json j;
    begin(&j, &buf);
    lt_json_str(&j, (struct lt_str){"\"\\\n\t\x01\x7f</b>&\xc3\xa4\xff\0z", 15});
    CU_ASSERT_STRING_EQUAL(
        document(&j, &buf),
        "\"\\\"\\\\\\n\\t\\u0001\\u007f\\u003c/b\\u003e\\u0026\xc3\xa4\xef\xbf\xbd"
        "\\u0000\"");
    lt_buf_release(&buf);
}

static void seconds(void)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "0.000000001"},
        {10000000, "0.01"},
        {1500000000, "1.5"},
        {-1, "-0.000000001"},
        {-2000000000, "-2"},
        {INT64_MAX, "9223372036.854775807"},
        {INT64_MIN, "-9223372036.854775808"},
    };
    struct lt_buf buf = {0};
    struct lt_json j;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(&j, &buf);
        lt_json_seconds(&j, cases[i].ns);
        CU_ASSERT_STRING_EQUAL(document(&j, &buf), cases[i].text);
    }
    lt_buf_release(&buf);
}

/* Longer than the small buffer, cut anywhere. */
static void long_strings(void)
{
    struct lt_buf buf = {0}, text = {0};
    struct lt_json j;
    for (size_t i = 0; i < 5000; i++)
        lt_buf_put_text(&text, "\xe2\x82\xac");
    for (size_t shift = 0; shift < 3; shift++) {
        begin(&j, &buf);
        lt_json_str(&j, (struct lt_str){(const char *)text.data + 3 * shift, text.len - 3 * shift});
        const char *out = document(&j, &buf);
        CU_ASSERT_EQUAL(strlen(out), text.len - 3 * shift + 2);
        CU_ASSERT_EQUAL(memcmp(out + 1, text.data, text.len - 3 * shift), 0);
    }
    lt_buf_release(&text);
    lt_buf_release(&buf);
}

static int failing(void *ctx, const char *data, size_t len)
{
    (void)data;
    (void)len;
    ++*(unsigned *)ctx;
    return LT_ERR_IO;
}

static void errors_stick(void)
{
    unsigned calls = 0;
    struct lt_json j;
    lt_json_init(&j, failing, &calls);
    lt_json_array(&j);
    for (unsigned i = 0; i < 10000; i++)
        lt_json_uint(&j, i);
    lt_json_end(&j);
    CU_ASSERT_EQUAL(lt_json_finish(&j), LT_ERR_IO);
    CU_ASSERT_EQUAL(calls, 1);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"nesting", nesting},           {"escapes", escapes},           {"seconds", seconds},
        {"long strings", long_strings}, {"errors stick", errors_stick}, CU_TEST_INFO_NULL,
    };
    return lt_unit_main("json_writer", tests);
}
