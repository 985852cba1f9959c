/* SPDX-License-Identifier: Apache-2.0
 *
 * Varints, the range coder, byte buffers, interning, gzip, UTF-8: formats/ stands on them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/byte_buffer.h"
#include "formats/gzip_writer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/range_coder.h"
#include "formats/utf8.h"
#include "formats/varint.h"
#include "tests/support/unit_main.h"

static void varints_round_trip(void)
{
    struct lt_buf buf = {0};
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int off = -1; off <= 1; off++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)off;
            CU_ASSERT_EQUAL_FATAL(lt_buf_put_varint(&buf, value), 0);
            CU_ASSERT_EQUAL_FATAL(lt_buf_put_svarint(&buf, (int64_t)value), 0);
        }
    }
    struct lt_cursor c = lt_cursor_over(buf.data, buf.len);
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int off = -1; off <= 1; off++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)off;
            CU_ASSERT_EQUAL(lt_cursor_varint(&c), value);
            CU_ASSERT_EQUAL(lt_cursor_svarint(&c), (int64_t)value);
        }
    }
    CU_ASSERT_FALSE(c.bad);
    CU_ASSERT_EQUAL(lt_cursor_left(&c), 0);
    lt_buf_release(&buf);
}

static void sizes_of_varints(void)
{
    struct lt_buf buf = {0};
    lt_buf_put_varint(&buf, 127);
    CU_ASSERT_EQUAL(buf.len, 1);
    lt_buf_put_varint(&buf, 128);
    CU_ASSERT_EQUAL(buf.len, 3);
    lt_buf_put_varint(&buf, UINT64_MAX);
    CU_ASSERT_EQUAL(buf.len, 3 + LT_VARINT_MAX);
    lt_buf_release(&buf);
}

static bool is_bad(const char *bytes, size_t len)
{
    struct lt_cursor c = lt_cursor_over(bytes, len);
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 0);
    CU_ASSERT_EQUAL(lt_cursor_u8(&c), 0); /* and everything after it */
    return c.bad;
}

static void bad_varints(void)
{
    CU_ASSERT_TRUE(is_bad("", 0));
    CU_ASSERT_TRUE(is_bad("\x80", 1));
    CU_ASSERT_TRUE(is_bad("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10)); /* 65 bits */
    CU_ASSERT_TRUE(is_bad("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11));
}

static void bounded_values(void)
{
    struct lt_cursor c = lt_cursor_over("\x05\x05\x03"
                                        "abcd",
                                        7);
    CU_ASSERT_EQUAL(lt_cursor_bounded(&c, 5), 5);
    CU_ASSERT_EQUAL(lt_cursor_bounded(&c, 4), 0);
    CU_ASSERT_TRUE(c.bad);
    c = lt_cursor_over("\x03"
                       "abcd",
                       5);
    struct lt_str text = lt_cursor_str(&c);
    CU_ASSERT_TRUE(text.len == 3 && memcmp(text.data, "abc", 3) == 0);
    CU_ASSERT_EQUAL(lt_cursor_left(&c), 1);
    c = lt_cursor_over("\x05"
                       "abcd",
                       5);
    CU_ASSERT_EQUAL(lt_cursor_str(&c).len, 0);
    CU_ASSERT_TRUE(c.bad);
    c = lt_cursor_over(NULL, 0);
    CU_ASSERT_EQUAL(lt_cursor_left(&c), 0);
}

static void buffers_keep_to_their_cap(void)
{
    struct lt_buf buf = {.cap = 10};
    CU_ASSERT_EQUAL(lt_buf_put(&buf, "12345678", 8), 0);
    CU_ASSERT_EQUAL(lt_buf_put(&buf, "abc", 3), LT_ERR_NOMEM);
    CU_ASSERT_EQUAL(buf.len, 8);
    CU_ASSERT_EQUAL(lt_buf_printf(&buf, "%d", 9), 0);
    CU_ASSERT_TRUE(buf.len == 9 && memcmp(buf.data, "123456789", 9) == 0);
    CU_ASSERT_EQUAL(lt_buf_put(&buf, "ab", 2), LT_ERR_NOMEM);
    CU_ASSERT_EQUAL(lt_buf_reserve(&buf, SIZE_MAX), LT_ERR_NOMEM);
    lt_buf_clear(&buf);
    CU_ASSERT_EQUAL(lt_buf_put_u32(&buf, 0x01020304), 0);
    CU_ASSERT_TRUE(buf.len == 4 && memcmp(buf.data, "\x04\x03\x02\x01", 4) == 0);
    lt_buf_release(&buf);
    CU_ASSERT_PTR_NULL(buf.data);
}

static void arrays_grow_within_bounds(void)
{
    uint64_t *items = NULL;
    size_t alloc = 0;
    CU_ASSERT_EQUAL(lt_array_grow(&items, &alloc, 5, sizeof(*items), 100), 0);
    CU_ASSERT_TRUE(alloc >= 5 && alloc <= 100);
    CU_ASSERT_EQUAL(lt_array_grow(&items, &alloc, 100, sizeof(*items), 100), 0);
    CU_ASSERT_EQUAL(alloc, 100);
    CU_ASSERT_EQUAL(lt_array_grow(&items, &alloc, 101, sizeof(*items), 100), LT_ERR_NOMEM);
    CU_ASSERT_EQUAL(alloc, 100);
    free(items);
}

static void interning(void)
{
    struct lt_intern *t = NULL;
    char key[16];
    uint32_t id;
    bool is_new;
    CU_ASSERT_EQUAL_FATAL(lt_intern_new(&t, 0, 0), 0);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 5000; i++) {
            int len = snprintf(key, sizeof(key), "key %u", i);
            CU_ASSERT_EQUAL_FATAL(lt_intern_id(t, key, (size_t)len, &id, &is_new), 0);
            CU_ASSERT_EQUAL(id, i);
            CU_ASSERT_EQUAL(is_new, round == 0);
        }
    }
    CU_ASSERT_EQUAL(lt_intern_count(t), 5000);
    CU_ASSERT_STRING_EQUAL(lt_intern_get(t, 4321).data, "key 4321");
    CU_ASSERT_FALSE(lt_intern_find(t, "", 0, &id));
    CU_ASSERT_EQUAL(lt_intern_id(t, "", 0, &id, NULL), 0);
    CU_ASSERT_TRUE(lt_intern_find(t, "", 0, &id));
    CU_ASSERT_EQUAL(id, 5000);
    lt_intern_clear(t);
    CU_ASSERT_EQUAL(lt_intern_count(t), 0);
    CU_ASSERT_FALSE(lt_intern_find(t, "key 1", 5, &id));
    lt_intern_free(t);
}

static void interning_of_one_size(void)
{
    for (size_t size = 4; size <= 20; size += 4) {
        uint32_t key[5] = {0}, id;
        struct lt_intern *t;
        bool is_new;
        CU_ASSERT_EQUAL_FATAL(lt_intern_new_sized(&t, size, 5000), 0);
        for (unsigned round = 0; round < 2; round++) {
            for (uint32_t i = 0; i < 5000; i++) {
                key[size / 4 - 1] = i * 7;
                CU_ASSERT_EQUAL_FATAL(lt_intern_id(t, key, size, &id, &is_new), 0);
                CU_ASSERT_EQUAL(id, i);
                CU_ASSERT_EQUAL(is_new, round == 0);
            }
        }
        key[size / 4 - 1] = 4321 * 7;
        CU_ASSERT_EQUAL(lt_intern_get(t, 4321).len, size);
        CU_ASSERT_EQUAL(memcmp(lt_intern_get(t, 4321).data, key, size), 0);
        key[size / 4 - 1] = 1;
        CU_ASSERT_FALSE(lt_intern_find(t, key, size, &id));
        CU_ASSERT_EQUAL(lt_intern_id(t, key, size, &id, NULL), LT_ERR_LIMIT);
        lt_intern_free(t);
    }
}

static void interning_is_capped(void)
{
    struct lt_intern *t = NULL;
    uint32_t id;
    CU_ASSERT_EQUAL_FATAL(lt_intern_new(&t, 2, 8), 0);
    CU_ASSERT_EQUAL(lt_intern_id(t, "123456789", 9, &id, NULL), LT_ERR_LIMIT);
    CU_ASSERT_EQUAL(lt_intern_id(t, "a", 1, &id, NULL), 0);
    CU_ASSERT_EQUAL(lt_intern_id(t, "b", 1, &id, NULL), 0);
    CU_ASSERT_EQUAL(lt_intern_id(t, "c", 1, &id, NULL), LT_ERR_LIMIT);
    CU_ASSERT_EQUAL(lt_intern_id(t, "a", 1, &id, NULL), 0);
    CU_ASSERT_EQUAL(id, 0);
    lt_intern_free(t);
}

static size_t utf8(const char *text)
{
    return lt_utf8_length((const uint8_t *)text, strlen(text));
}

static int to_buffer(void *ctx, const void *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static int refuse(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return LT_ERR_IO;
}

/* In pieces of all sizes, more than any buffer between; and back by zlib. */
static void gzip_round_trip(void)
{
    struct lt_gzip_writer *g;
    struct lt_buf raw = {0}, packed = {0}, back = {0};
    z_stream z = {0};

    CU_ASSERT_EQUAL_FATAL(lt_gzip_writer_new(&g, to_buffer, &packed), 0);
    for (unsigned i = 1; i < 2000; i++) {
        size_t before = raw.len;
        for (unsigned n = i % 300; n > 0; n--) {
            CU_ASSERT_EQUAL(lt_buf_put_u8(&raw, (uint8_t)(n * i * 2654435761u >> 13)), 0);
        }
        CU_ASSERT_EQUAL(lt_gzip_writer_write(g, raw.data + before, raw.len - before), 0);
    }
    CU_ASSERT_EQUAL(lt_gzip_writer_finish(g), 0);
    lt_gzip_writer_free(g);
    CU_ASSERT_EQUAL_FATAL(lt_buf_reserve(&back, raw.len + 1), 0);
    CU_ASSERT_EQUAL_FATAL(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = packed.data;
    z.avail_in = (uInt)packed.len;
    z.next_out = back.data;
    z.avail_out = (uInt)raw.len + 1;
    CU_ASSERT_EQUAL(inflate(&z, Z_FINISH), Z_STREAM_END);
    CU_ASSERT_EQUAL(z.avail_in, 0);
    CU_ASSERT_EQUAL_FATAL(z.total_out, raw.len);
    CU_ASSERT_EQUAL(memcmp(back.data, raw.data, raw.len), 0);
    inflateEnd(&z);
    lt_buf_release(&raw);
    lt_buf_release(&packed);
    lt_buf_release(&back);
}

static void gzip_says_what_its_sink_says(void)
{
    struct lt_gzip_writer *g;

    CU_ASSERT_EQUAL_FATAL(lt_gzip_writer_new(&g, refuse, NULL), 0);
    CU_ASSERT_EQUAL(lt_gzip_writer_finish(g), LT_ERR_IO);
    lt_gzip_writer_free(g);
}

static void valid_utf8(void)
{
    CU_ASSERT_EQUAL(utf8("a"), 1);
    CU_ASSERT_EQUAL(utf8("\xc3\xa4x"), 2);
    CU_ASSERT_EQUAL(utf8("\xe2\x82\xac"), 3);
    CU_ASSERT_EQUAL(utf8("\xf0\x9d\x94\xb8"), 4);
    CU_ASSERT_EQUAL(utf8("\xf4\x8f\xbf\xbf"), 4);
}

static void invalid_utf8(void)
{
    static const char *const bad[] = {
        "\x80",             /* goes on with nothing */
        "\xc3",             /* cut off */
        "\xc3(",            /* broken off */
        "\xc0\x80",         /* overlong */
        "\xe0\x80\x80",     /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf8\x88\x80\x80\x80",
        "\xff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CU_ASSERT_EQUAL(utf8(bad[i]), 0);
}

/* ---- the range coder ---- */

static uint64_t some_number(uint64_t *random)
{
    uint64_t x = *random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ (x >> 31);
}

/* Numbers of all sizes between decisions that are mostly no, so that carries run far. */
static void decisions_come_back(void)
{
    enum { N = 20000, EVERY = 7 };
    struct lt_range_encoder e = {0};
    struct lt_range_decoder d;
    struct lt_odds odds = {0};
    struct lt_number_odds *numbers = calloc(1, sizeof(*numbers));
    CU_ASSERT_PTR_NOT_NULL_FATAL(numbers);
    for (unsigned shift = 1; shift < 64; shift++) {
        uint64_t random = shift;
        lt_range_encoder_begin(&e);
        for (int i = 0; i < N / 64; i++) {
            lt_range_encode(&e, &odds, some_number(&random) % 50 == 0);
            if (i % EVERY == 0)
                lt_range_encode_number(&e, numbers, some_number(&random) >> shift);
        }
        lt_range_encode_number(&e, numbers, INT64_MAX);
        CU_ASSERT_EQUAL(lt_range_encoder_end(&e), 0);

        random = shift;
        odds = (struct lt_odds){0};
        memset(numbers, 0, sizeof(*numbers));
        lt_range_decoder_begin(&d, lt_cursor_over(e.bytes.data, e.bytes.len));
        for (int i = 0; i < N / 64; i++) {
            CU_ASSERT_EQUAL_FATAL(lt_range_decode(&d, &odds), some_number(&random) % 50 == 0);
            if (i % EVERY == 0)
                CU_ASSERT_EQUAL_FATAL(lt_range_decode_number(&d, numbers),
                                      some_number(&random) >> shift);
        }
        CU_ASSERT_EQUAL(lt_range_decode_number(&d, numbers), INT64_MAX);
        CU_ASSERT_FALSE(lt_range_decoder_bad(&d));
        odds = (struct lt_odds){0};
        memset(numbers, 0, sizeof(*numbers));
    }
    lt_range_encoder_release(&e);
    free(numbers);
}

/* What always goes alike costs nearly nothing, and what ends too early is noticed. */
static void odds_learn(void)
{
    struct lt_range_encoder e = {0};
    struct lt_range_decoder d;
    struct lt_odds odds = {0};
    lt_range_encoder_begin(&e);
    for (int i = 0; i < 10000; i++)
        lt_range_encode(&e, &odds, true);
    CU_ASSERT_EQUAL(lt_range_encoder_end(&e), 0);
    CU_ASSERT(e.bytes.len <= 4);

    odds = (struct lt_odds){0};
    lt_range_encoder_begin(&e);
    for (int i = 0; i < 1000; i++)
        lt_range_encode(&e, &odds, i % 2);
    CU_ASSERT_EQUAL(lt_range_encoder_end(&e), 0);
    CU_ASSERT(e.bytes.len > 100);
    odds = (struct lt_odds){0};
    lt_range_decoder_begin(&d, lt_cursor_over(e.bytes.data, e.bytes.len / 2));
    for (int i = 0; i < 1000; i++)
        lt_range_decode(&d, &odds);
    CU_ASSERT_TRUE(lt_range_decoder_bad(&d));
    lt_range_encoder_release(&e);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"varints come back", varints_round_trip},
        {"sizes of varints", sizes_of_varints},
        {"bad varints", bad_varints},
        {"bounded values", bounded_values},
        {"decisions come back", decisions_come_back},
        {"odds learn", odds_learn},
        {"buffers keep to their cap", buffers_keep_to_their_cap},
        {"arrays grow within bounds", arrays_grow_within_bounds},
        {"interning", interning},
        {"interning of keys of one size", interning_of_one_size},
        {"interning is capped", interning_is_capped},
        {"gzip round trip", gzip_round_trip},
        {"gzip to a sink that refuses", gzip_says_what_its_sink_says},
        {"valid UTF-8", valid_utf8},
        {"invalid UTF-8", invalid_utf8},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("bricks", tests);
}
