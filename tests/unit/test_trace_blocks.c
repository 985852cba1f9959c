/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks in a file: how they are framed, and how they are found again among damage. */
#include "config.h"

#include "formats/block_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"
#include "formats/varint.h"
#include "tests/support/unit_main.h"

/* A file in the making. */
struct file {
    struct lt_buf bytes;
    struct lt_output output;
    struct lt_block_writer *blocks;
};

static void file_init(struct file *f, int level)
{
    memset(f, 0, sizeof(*f));
    CU_ASSERT_EQUAL_FATAL(lt_output_buf(&f->output, &f->bytes), 0);
    CU_ASSERT_EQUAL_FATAL(lt_block_writer_new(&f->blocks, &f->output, level), 0);
}

static void file_release(struct file *f)
{
    lt_block_writer_free(f->blocks);
    lt_buf_release(&f->bytes);
}

static void put(struct file *f, unsigned type, const char *text)
{
    CU_ASSERT_EQUAL_FATAL(lt_block_writer_block(f->blocks, (enum lt_block_type)type,
                                                (const uint8_t *)text, strlen(text)),
                          0);
}

/* What was found, as text: "H1.1 3:payload ..." and the counts. */
static void find_all(const void *data, size_t len, char *text, size_t size,
                     struct lt_block_reader *counts)
{
    struct lt_input in;
    struct lt_inflater *inflater;
    struct lt_block block;
    int more;
    CU_ASSERT_EQUAL_FATAL(lt_input_memory(&in, data, len), 0);
    CU_ASSERT_EQUAL_FATAL(lt_inflater_new(&inflater), 0);
    lt_block_reader_init(counts, &in);
    text[0] = '\0';
    while ((more = lt_block_reader_next(counts, &block)) > 0) {
        const struct lt_str stored = {(const char *)block.stored, block.stored_len};
        struct lt_str payload;
        size_t at = strlen(text);
        if (block.is_header) {
            snprintf(text + at, size - at, "H%u.%u ", block.major, block.minor);
            continue;
        }
        CU_ASSERT_EQUAL(lt_inflater_payload(inflater, block.deflated, stored, &payload), 0);
        snprintf(text + at, size - at, "%u:%.*s ", (unsigned)block.type, (int)payload.len,
                 payload.data);
    }
    CU_ASSERT_EQUAL(more, 0);
    lt_block_reader_release(counts);
    lt_inflater_free(inflater);
    in.close(in.ctx);
}

static void framing(void)
{
    struct file f;
    file_init(&f, 6);
    CU_ASSERT_EQUAL(f.bytes.len, 0); /* nothing before the first block */
    put(&f, 3, "payload");
    CU_ASSERT_EQUAL(lt_block_writer_bytes(f.blocks), f.bytes.len);
    struct lt_cursor c = lt_cursor_over(f.bytes.data, f.bytes.len);
    CU_ASSERT_EQUAL(memcmp(c.at, "\xcc\x4c\x54\x52\x0d\x0a\x1a\x0a\x01\x01\x00\x00", 12), 0);
    c.at += 12;
    CU_ASSERT_EQUAL(lt_cursor_u32(&c), crc32(0, f.bytes.data, 12));
    CU_ASSERT_EQUAL(lt_cursor_u8(&c), 0xe7);
    const uint8_t *kind = c.at;
    CU_ASSERT_EQUAL(lt_cursor_u8(&c), 0xa3);
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 7);
    uLong crc = crc32(0, kind, 2);
    CU_ASSERT_EQUAL(lt_cursor_u32(&c), crc32(crc, (const uint8_t *)"payload", 7));
    CU_ASSERT_EQUAL(lt_cursor_left(&c), 7);
    file_release(&f);
}

static void deflated_if_shorter(void)
{
    char text[400], found[600];
    struct lt_block_reader counts;
    struct file f;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int level = 0; level <= 9; level += 3) {
        file_init(&f, level);
        put(&f, 2, text);
        CU_ASSERT_EQUAL(f.bytes.data[17], level ? 0xb2 : 0xa2);
        CU_ASSERT(level == 0 || f.bytes.len < 50);
        find_all(f.bytes.data, f.bytes.len, found, sizeof(found), &counts);
        CU_ASSERT_EQUAL(strncmp(found, "H1.1 2:aaa", 10), 0);
        CU_ASSERT_EQUAL(strlen(found), strlen("H1.1 2: ") + strlen(text));
        file_release(&f);
    }
}

static void writer_mistakes(void)
{
    struct file f;
    struct lt_block_writer *none = NULL;
    file_init(&f, 6);
    uint8_t *large = calloc(1, LT_BLOCK_RAW_MAX + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    CU_ASSERT_EQUAL(lt_block_writer_block(f.blocks, LT_BLOCK_DEFS, large, LT_BLOCK_RAW_MAX + 1),
                    LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_block_writer_block(f.blocks, (enum lt_block_type)0, large, 1), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_block_writer_block(f.blocks, (enum lt_block_type)16, large, 1),
                    LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_block_writer_new(&none, &f.output, 77), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(f.bytes.len, 0);
    CU_ASSERT_EQUAL(lt_block_writer_block(f.blocks, LT_BLOCK_DEFS, large, LT_BLOCK_RAW_MAX), 0);
    lt_block_writer_free(NULL);
    free(large);
    file_release(&f);
}

static int full(void *ctx, const void *data, size_t len)
{
    (void)data;
    (void)len;
    int *left = ctx;
    return (*left)-- > 0 ? 0 : LT_ERR_IO;
}

/* The header goes out again with the first block that could be written. */
static void writer_fails(void)
{
    int left = 0;
    struct lt_output output = {.ctx = &left, .write = full};
    struct lt_block_writer *b;
    CU_ASSERT_EQUAL_FATAL(lt_block_writer_new(&b, &output, 6), 0);
    CU_ASSERT_EQUAL(lt_block_writer_block(b, LT_BLOCK_END, NULL, 0), LT_ERR_IO);
    CU_ASSERT_EQUAL(lt_block_writer_bytes(b), 0);
    left = 1;
    CU_ASSERT_EQUAL(lt_block_writer_block(b, LT_BLOCK_END, NULL, 0), 0);
    CU_ASSERT_EQUAL(lt_block_writer_bytes(b), LT_TRACE_HEADER_SIZE + 7);
    lt_block_writer_free(b);
}

static int temporary_file(char *name, int flags)
{
    int fd = mkostemp(name, flags);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static void only_own_files_are_written_over(void)
{
    char name[] = "/tmp/live-trace-blocks-XXXXXX", other[] = "/tmp/live-trace-blocks-XXXXXX";
    struct lt_output own, shared, append, pipe_end;
    int fd = temporary_file(name, 0), pipes[2];
    CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
    CU_ASSERT_EQUAL_FATAL(lt_output_fd(&shared, fd, 0), 0);
    CU_ASSERT_EQUAL_FATAL(lt_output_fd(&own, fd, 1), 0);
    CU_ASSERT_EQUAL_FATAL(lt_output_fd(&append, temporary_file(other, O_APPEND), 1), 0);
    CU_ASSERT_EQUAL_FATAL(lt_output_fd(&pipe_end, pipes[1], 1), 0);
    CU_ASSERT_PTR_NOT_NULL(own.seek);
    CU_ASSERT_PTR_NULL(shared.seek);
    CU_ASSERT_PTR_NULL(append.seek);
    CU_ASSERT_PTR_NULL(pipe_end.seek);
    unlink(name);
    unlink(other);
    close(pipes[0]);
    shared.close(shared.ctx);
    own.close(own.ctx);
    append.close(append.ctx);
    pipe_end.close(pipe_end.ctx);
}

static void find_in_file(const char *name, char *found, size_t size, size_t *len)
{
    static char bytes[1 << 16];
    struct lt_block_reader counts;
    FILE *file = fopen(name, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    *len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    find_all(bytes, *len, found, size, &counts);
    CU_ASSERT_EQUAL(counts.damaged, 0);
    CU_ASSERT(!counts.cut_off);
}

static void replaced_ticks(void)
{
    char name[] = "/tmp/live-trace-blocks-XXXXXX", found[200];
    struct file f = {0};
    size_t len;
    CU_ASSERT_EQUAL_FATAL(lt_output_fd(&f.output, temporary_file(name, 0), 1), 0);
    CU_ASSERT_EQUAL_FATAL(lt_block_writer_new(&f.blocks, &f.output, 6), 0);
    const uint8_t longer[] = {'t', 'i', 'c', 'k', 's'};
    put(&f, LT_BLOCK_SEGMENT, "s");
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks), 0);
    CU_ASSERT_EQUAL(lt_block_writer_replace(f.blocks, longer, 5), LT_ERR_USAGE);
    size_t at = (size_t)lt_block_writer_bytes(f.blocks);
    put(&f, LT_BLOCK_TICKS, "tick");
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks), 4096 - at - LT_BLOCK_HEADER_MAX);
    CU_ASSERT_EQUAL(lt_block_writer_replace(f.blocks, longer, 5), 0);
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks), 4096 - at - LT_BLOCK_HEADER_MAX);
    find_in_file(name, found, sizeof(found), &len);
    CU_ASSERT_STRING_EQUAL(found, "H1.1 1:s 3:ticks ");
    CU_ASSERT_EQUAL(lt_block_writer_bytes(f.blocks), len);
    put(&f, LT_BLOCK_TICKS, "tick");
    put(&f, LT_BLOCK_END, "");
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks), 0);
    find_in_file(name, found, sizeof(found), &len);
    CU_ASSERT_STRING_EQUAL(found, "H1.1 1:s 3:ticks 3:tick 7: ");
    CU_ASSERT_EQUAL(lt_block_writer_bytes(f.blocks), len);
    put(&f, LT_BLOCK_TICKS, "ticks");
    CU_ASSERT_EQUAL(lt_block_writer_replace(f.blocks, longer, 4), LT_ERR_USAGE);
    unlink(name);
    f.output.close(f.output.ctx);
    file_release(&f);
}

/* A page is written at once, two are not. */
static void room_ends_with_the_page(void)
{
    char name[] = "/tmp/live-trace-blocks-XXXXXX", filling[4096];
    struct file f = {0};
    CU_ASSERT_EQUAL_FATAL(lt_output_fd(&f.output, temporary_file(name, 0), 1), 0);
    CU_ASSERT_EQUAL_FATAL(lt_block_writer_new(&f.blocks, &f.output, 0), 0);
    memset(filling, 'x', sizeof(filling));
    put(&f, LT_BLOCK_SEGMENT, "s");
    size_t at = (size_t)lt_block_writer_bytes(f.blocks);
    filling[4096 - at - 8 - LT_BLOCK_HEADER_MAX - 2] = '\0'; /* the head has 8 bytes */
    put(&f, LT_BLOCK_SOURCES, filling);
    CU_ASSERT_EQUAL(lt_block_writer_bytes(f.blocks), 4096 - LT_BLOCK_HEADER_MAX - 2);
    put(&f, LT_BLOCK_TICKS, "t");
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks), 2);
    put(&f, LT_BLOCK_TICKS, "t");
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks), 0);
    put(&f, LT_BLOCK_TICKS, "t");
    CU_ASSERT_EQUAL(lt_block_writer_room(f.blocks),
                    8192 - ((size_t)lt_block_writer_bytes(f.blocks) - 8) - LT_BLOCK_HEADER_MAX);
    unlink(name);
    f.output.close(f.output.ctx);
    file_release(&f);
}

/* A file whose last block is replaced after its first bytes were read. */
struct changing {
    struct lt_str before, after;
    size_t first, at; /* bytes of the first read; where the next one begins */
};

static int64_t changing_read(void *ctx, void *buf, size_t len)
{
    struct changing *c = ctx;
    const struct lt_str *now = c->at ? &c->after : &c->before;
    size_t n = c->at ? now->len - c->at : c->first;
    n = n < len ? n : len;
    memcpy(buf, now->data + c->at, n);
    c->at += n;
    return (int64_t)n;
}

static int changing_seek(void *ctx, uint64_t pos)
{
    ((struct changing *)ctx)->at = (size_t)pos;
    return 0;
}

static void replaced_while_it_is_read(void)
{
    struct file before, after;
    file_init(&before, 6);
    put(&before, LT_BLOCK_SEGMENT, "s");
    size_t last = before.bytes.len;
    put(&before, LT_BLOCK_TICKS, "some ticks");
    file_init(&after, 6);
    put(&after, LT_BLOCK_SEGMENT, "s");
    put(&after, LT_BLOCK_TICKS, "9 ticks are more than some");
    for (size_t first = last; first < before.bytes.len; first++) {
        struct changing c = {{(const char *)before.bytes.data, before.bytes.len},
                             {(const char *)after.bytes.data, after.bytes.len},
                             first,
                             0};
        struct lt_input in = {.ctx = &c, .read = changing_read, .seek = changing_seek};
        struct lt_block_reader r;
        struct lt_block block;
        lt_block_reader_init(&r, &in);
        CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 1);
        CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 1);
        CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 1);
        CU_ASSERT_EQUAL(block.stored_len, strlen("9 ticks are more than some"));
        CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 0);
        CU_ASSERT_EQUAL(r.damaged, 0);
        CU_ASSERT(!r.cut_off);
        CU_ASSERT_EQUAL(r.bytes, after.bytes.len);
        lt_block_reader_release(&r);
    }
    file_release(&before);
    file_release(&after);
}

/* Three blocks; whatever single byte is damaged, the other blocks are found. */
static void one_damaged_byte(void)
{
    char found[200];
    struct lt_block_reader counts;
    struct file f;
    file_init(&f, 6);
    put(&f, 2, "first");
    size_t second = f.bytes.len;
    put(&f, 3, "second");
    size_t third = f.bytes.len;
    put(&f, 9, "third");
    for (size_t i = 0; i < f.bytes.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            f.bytes.data[i] ^= (uint8_t)(1 << bit);
            find_all(f.bytes.data, f.bytes.len, found, sizeof(found), &counts);
            const char *wanted = i < 16       ? "2:first 3:second 9:third "
                                 : i < second ? "H1.1 3:second 9:third "
                                 : i < third  ? "H1.1 2:first 9:third "
                                              : "H1.1 2:first 3:second ";
            CU_ASSERT_STRING_EQUAL(found, wanted);
            CU_ASSERT_EQUAL(counts.damaged + counts.cut_off, 1);
            f.bytes.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    find_all(f.bytes.data, f.bytes.len, found, sizeof(found), &counts);
    CU_ASSERT_STRING_EQUAL(found, "H1.1 2:first 3:second 9:third ");
    CU_ASSERT_EQUAL(counts.damaged, 0);
    CU_ASSERT_EQUAL(counts.blocks, 3);
    CU_ASSERT_EQUAL(counts.bytes, f.bytes.len);
    file_release(&f);
}

static void cut_anywhere(void)
{
    char found[200];
    struct lt_block_reader counts;
    struct file f;
    file_init(&f, 6);
    put(&f, 2, "first");
    size_t second = f.bytes.len;
    put(&f, 3, "second");
    for (size_t len = 0; len <= f.bytes.len; len++) {
        find_all(f.bytes.data, len, found, sizeof(found), &counts);
        CU_ASSERT_EQUAL(counts.damaged, 0);
        CU_ASSERT_EQUAL(counts.cut_off, len && len != 16 && len != second && len != f.bytes.len);
        CU_ASSERT_EQUAL(counts.blocks, (uint64_t)(len >= second) + (len == f.bytes.len));
    }
    file_release(&f);
}

static void garbage_around(void)
{
    char found[200];
    struct lt_block_reader counts;
    struct lt_buf all = {0};
    struct file f;
    file_init(&f, 6);
    put(&f, 2, "first");
    /* Between and behind: bytes that look like the beginning of a block of 1 MiB, and of a
     * header. */
    CU_ASSERT_EQUAL(lt_buf_put(&all, f.bytes.data, f.bytes.len), 0);
    CU_ASSERT_EQUAL(lt_buf_put(&all, "\xe7\xa2\x80\x80\x40????\xcc\x4c\x54\x52", 13), 0);
    CU_ASSERT_EQUAL(lt_buf_put(&all, f.bytes.data, f.bytes.len), 0);
    find_all(all.data, all.len, found, sizeof(found), &counts);
    CU_ASSERT_STRING_EQUAL(found, "H1.1 2:first H1.1 2:first ");
    CU_ASSERT_EQUAL(counts.damaged, 1);
    CU_ASSERT_EQUAL(lt_buf_put(&all, "xyz", 3), 0);
    find_all(all.data, all.len, found, sizeof(found), &counts);
    CU_ASSERT_EQUAL(counts.damaged, 2);
    CU_ASSERT_FALSE(counts.cut_off);
    lt_buf_release(&all);
    file_release(&f);
}

/* A file in which every other byte claims that a megabyte follows must not cost a megabyte each. */
static void hostile_search(void)
{
    enum { CLAIMS = 1 << 19 };
    char found[200];
    struct lt_block_reader counts;
    struct lt_buf all = {0};
    struct file f;
    file_init(&f, 6);
    put(&f, 2, "first");
    CU_ASSERT_EQUAL(lt_buf_put(&all, f.bytes.data, f.bytes.len), 0);
    for (size_t i = 0; i < CLAIMS; i++)
        CU_ASSERT_EQUAL_FATAL(lt_buf_put(&all, "\xe7\xa2\xff\xff\x3f", 5), 0);
    CU_ASSERT_EQUAL(lt_buf_put(&all, f.bytes.data + 16, f.bytes.len - 16), 0);
    find_all(all.data, all.len, found, sizeof(found), &counts);
    CU_ASSERT_STRING_EQUAL(found, "H1.1 2:first 2:first ");
    CU_ASSERT_EQUAL(counts.damaged, 1);
    lt_buf_release(&all);
    file_release(&f);
}

/* A byte at a time, and errors in between. */
static int64_t trickle(void *ctx, void *buf, size_t len)
{
    struct lt_cursor *c = ctx;
    if (lt_cursor_left(c) == 0)
        return 0;
    if (c->bad)
        return LT_ERR_IO;
    CU_ASSERT(len > 0);
    *(uint8_t *)buf = *c->at++;
    return 1;
}

static void short_reads(void)
{
    struct file f;
    struct lt_block_reader r;
    struct lt_block block;
    file_init(&f, 6);
    put(&f, 2, "first");
    put(&f, 3, "second");
    struct lt_cursor c = lt_cursor_over(f.bytes.data, f.bytes.len);
    struct lt_input in = {.ctx = &c, .read = trickle};
    lt_block_reader_init(&r, &in);
    CU_ASSERT_EQUAL(lt_block_reader_probe(&r), 1);
    CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 1);
    CU_ASSERT_TRUE(block.is_header);
    CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 1);
    CU_ASSERT_EQUAL(block.type, 2);
    c.bad = true;
    CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), LT_ERR_IO);
    c.bad = false;
    CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 1);
    CU_ASSERT_EQUAL(block.type, 3);
    CU_ASSERT_EQUAL(lt_block_reader_next(&r, &block), 0);
    lt_block_reader_release(&r);
    file_release(&f);
}

static void bad_deflate(void)
{
    struct lt_inflater *f;
    struct lt_str payload;
    CU_ASSERT_EQUAL_FATAL(lt_inflater_new(&f), 0);
    /* Not deflate at all; one that does not end; one with a byte behind it. */
    const struct lt_str bad[] = {{"\xff\xff", 2}, {"", 0}, {"\x03", 1}, {"\x03\x00x", 3}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_EQUAL(lt_inflater_payload(f, true, bad[i], &payload), LT_BAD_PAYLOAD);
    CU_ASSERT_EQUAL(lt_inflater_payload(f, true, (struct lt_str){"\x03\x00", 2}, &payload), 0);
    CU_ASSERT_EQUAL(payload.len, 0);

    /* One that inflates to a byte more than there may be. */
    uLong size = compressBound(LT_BLOCK_RAW_MAX + 1);
    uint8_t *raw = calloc(1, LT_BLOCK_RAW_MAX + 1), *small = malloc(size);
    CU_ASSERT_EQUAL(compress(small, &size, raw, LT_BLOCK_RAW_MAX + 1), Z_OK);
    const struct lt_str bomb = {(const char *)small + 2, size - 6}; /* without zlib's wrapper */
    CU_ASSERT_EQUAL(lt_inflater_payload(f, true, bomb, &payload), LT_BAD_PAYLOAD);
    free(raw);
    free(small);
    lt_inflater_free(f);
    lt_inflater_free(NULL);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"framing", framing},
        {"deflated if that is shorter", deflated_if_shorter},
        {"mistakes of a writer's caller", writer_mistakes},
        {"a writer whose output fails", writer_fails},
        {"only own files are written over", only_own_files_are_written_over},
        {"ticks that are replaced", replaced_ticks},
        {"room ends with the page", room_ends_with_the_page},
        {"replaced while it is read", replaced_while_it_is_read},
        {"one damaged byte costs one block", one_damaged_byte},
        {"a file that ends anywhere", cut_anywhere},
        {"garbage between blocks", garbage_around},
        {"a hostile search ends soon", hostile_search},
        {"short reads and errors", short_reads},
        {"bad deflate streams", bad_deflate},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("trace blocks", tests);
}
