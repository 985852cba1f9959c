/* SPDX-License-Identifier: Apache-2.0
 *
 * The escaping of strings: whatever the bytes, the document is JSON that another parser reads, is
 * ASCII but for UTF-8, has nothing in it that a web page would take for markup, and says the same
 * as the bytes did where they are text. */
#include "config.h"

#include "tests/support/fuzz_target.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "formats/byte_buffer.h"
#include "formats/json_writer.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

static int to_buffer(void *ctx, const char *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static void write_document(struct lt_buf *document, struct lt_str value)
{
    struct lt_json json;
    lt_json_init(&json, to_buffer, document);
    lt_json_object(&json);
    lt_json_key(&json, "value");
    lt_json_str(&json, value);
    lt_json_end(&json);
    MUST(lt_json_finish(&json) == 0);
}

static bool is_plain_text(struct lt_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= 0 || s.data[i] == 0x7f)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct lt_str value = {(const char *)data, size};
    struct lt_buf document = {0};
    write_document(&document, value);
    for (size_t i = 0; i < document.len; i++)
        MUST(document.data[i] >= ' ' && !strchr("<>&", document.data[i]));
    MUST(lt_buf_put_u8(&document, '\0') == 0);

    cJSON *parsed =
        cJSON_ParseWithLengthOpts((const char *)document.data, document.len, NULL, true);
    /* cJSON cannot have a NUL within a string, and refuses it. */
    MUST(parsed || memchr(data, '\0', size));
    if (parsed && is_plain_text(value)) {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(parsed, "value"));
        MUST(text && strlen(text) == size && memcmp(text, data, size) == 0);
    }
    cJSON_Delete(parsed);
    lt_buf_release(&document);
    return 0;
}
