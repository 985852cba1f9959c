/* SPDX-License-Identifier: Apache-2.0
 *
 * What binary outputs are written in: protocol buffers and marshal, byte by byte, by their
 * specifications. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "formats/lt_error.h"
#include "formats/marshal_writer.h"
#include "formats/protobuf_writer.h"
#include "tests/support/unit_main.h"

#define ASSERT_BYTES(buf, text)                                                                    \
    do {                                                                                           \
        CU_ASSERT_EQUAL_FATAL((buf).len, sizeof(text) - 1);                                        \
        CU_ASSERT_EQUAL(memcmp((buf).data, text, (buf).len), 0);                                   \
    } while (0)

static void protobuf_fields(void)
{
    struct lt_protobuf m = {0}, inner = {0};

    lt_protobuf_uint(&m, 1, 150);
    ASSERT_BYTES(m.bytes, "\x08\x96\x01");
    lt_protobuf_clear(&m);
    lt_protobuf_uint(&m, 1, 0); /* the default is not written */
    CU_ASSERT_EQUAL(m.bytes.len, 0);
    lt_protobuf_uint(&m, 16, UINT64_MAX); /* -1; a key of two bytes */
    ASSERT_BYTES(m.bytes, "\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    lt_protobuf_clear(&m);
    lt_protobuf_bytes(&m, 2, "testing", 7);
    lt_protobuf_bytes(&m, 2, "", 0);
    ASSERT_BYTES(m.bytes, "\x12\x07testing\x12\x00");
    lt_protobuf_clear(&m);
    lt_protobuf_uint(&inner, 1, 150);
    lt_protobuf_message(&m, 3, &inner);
    ASSERT_BYTES(m.bytes, "\x1a\x03\x08\x96\x01");
    lt_protobuf_clear(&m);
    lt_protobuf_packed(&m, 6, (const uint64_t[]){3, 270, 86942}, 3);
    lt_protobuf_packed(&m, 6, NULL, 0);
    ASSERT_BYTES(m.bytes, "\x32\x06\x03\x8e\x02\x9e\xa7\x05");
    lt_protobuf_release(&m);
    lt_protobuf_release(&inner);
}

static void protobuf_errors_stick(void)
{
    struct lt_protobuf m = {.bytes = {.cap = 4}}, outer = {0};

    lt_protobuf_bytes(&m, 1, "too long", 8);
    CU_ASSERT_EQUAL(m.error, LT_ERR_NOMEM);
    lt_protobuf_uint(&m, 1, 1);
    CU_ASSERT_EQUAL(m.error, LT_ERR_NOMEM);
    lt_protobuf_message(&outer, 1, &m);
    CU_ASSERT_EQUAL(outer.error, LT_ERR_NOMEM);
    lt_protobuf_clear(&m);
    CU_ASSERT_EQUAL(m.error, 0);
    lt_protobuf_release(&m);
    lt_protobuf_release(&outer);
}

static void marshal_objects(void)
{
    struct lt_marshal m = {0};

    lt_marshal_dict(&m);
    lt_marshal_text(&m, "k");
    lt_marshal_tuple(&m, 3);
    lt_marshal_uint(&m, INT32_MAX);
    lt_marshal_uint(&m, (uint64_t)INT32_MAX + 1); /* digits of 15 bits: 0, 0, 2 */
    lt_marshal_float(&m, 1.5);
    lt_marshal_end_dict(&m);
    ASSERT_BYTES(m.bytes, "{u\x01\x00\x00\x00k(\x03\x00\x00\x00i\xff\xff\xff\x7f"
                          "l\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00"
                          "g\x00\x00\x00\x00\x00\x00\xf8\x3f"
                          "0");
    lt_buf_release(&m.bytes);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"fields of protocol buffers", protobuf_fields},
        {"errors stick to a message", protobuf_errors_stick},
        {"marshalled objects", marshal_objects},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("binary writers", tests);
}
