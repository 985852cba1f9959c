/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of a made-up memory. The first byte is the minor version; each other one is a word of
 * memory, so that seeds can be read (lt_image_word). Whatever they are, the text is bounded, and is
 * UTF-8 that a terminal shows as it is. */
#include "config.h"

#include "tests/support/fuzz_target.h"

#include <stdlib.h>

#include "collector/py_locals.h"
#include "collector/py_values.h"
#include "formats/byte_buffer.h"
#include "formats/utf8.h"
#include "tests/support/memory_image.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

enum { MAX_WORDS = 1024, BUDGET = 1 << 12, MAX_TEXT = 1 << 16 };

static void check_text(const struct lt_buf *text)
{
    MUST(text->len < MAX_TEXT);
    for (size_t i = 0; i < text->len;) {
        size_t n = lt_utf8_length(text->data + i, text->len - i);
        MUST(n > 0 && text->data[i] >= ' ' && text->data[i] != 0x7f);
        i += n;
    }
}

static int see(void *ctx, const struct lt_py_local *local)
{
    (void)local;
    ++*(size_t *)ctx;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lt_memory_image image;
    struct lt_buf text = {0};
    size_t n_locals = 0;
    if (size < 1)
        return 0;
    lt_image_init(&image, 8 + data[0] % 8);
    lt_addr begin = lt_image_add(&image, MAX_WORDS * 8);
    for (size_t i = 1; i < size && i <= MAX_WORDS; i++)
        lt_image_put_u64(&image, begin + (i - 1) * 8, lt_image_word(&image, begin, data[i]));

    struct lt_py_values v = {.mem = &image.mem, .offsets = &image.offsets, .budget = BUDGET};
    MUST(lt_py_value_text(&v, begin, &text) == 0);
    check_text(&text);
    lt_py_locals_each(&image.mem, &image.offsets, begin, begin + 64, see, &n_locals);
    MUST(image.reads < 100 * BUDGET);
    lt_buf_release(&text);
    return 0;
}
