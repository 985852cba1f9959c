/* SPDX-License-Identifier: Apache-2.0
 *
 * The encoder's blocks, taken apart field by field as TRACE-FORMAT.md describes them, and what it
 * says to callers' mistakes. */
#include "config.h"

#include "formats/trace_writer.h"

#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/tick_jitter.h"
#include "formats/trace_format.h"
#include "formats/trace_tick_reader.h"
#include "formats/varint.h"
#include "tests/support/unit_main.h"

enum { MAX_BLOCKS = 64 };

/* The blocks as they were handed over. */
struct heap {
    enum lt_block_type types[MAX_BLOCKS];
    struct lt_buf blocks[MAX_BLOCKS];
    size_t n;
    size_t n_repetitions;  /* of SEGMENT blocks: not among the others */
    size_t n_replacements; /* of the last block */
    size_t room;           /* for one */
    int fail;              /* what the sink returns */
};

static int keep(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len)
{
    struct heap *h = ctx;
    if (h->fail || h->n == MAX_BLOCKS)
        return h->fail ? h->fail : LT_ERR_LIMIT;
    const struct lt_buf *last = h->n ? &h->blocks[h->n - 1] : NULL;
    if (type == LT_BLOCK_SEGMENT && last && last->len == len && !memcmp(last->data, raw, len)) {
        h->n_repetitions++;
        return 0;
    }
    h->types[h->n] = type;
    return lt_buf_put(&h->blocks[h->n++], raw, len);
}

static size_t room(void *ctx)
{
    return ((const struct heap *)ctx)->room;
}

static int replace(void *ctx, const uint8_t *raw, size_t len)
{
    struct heap *h = ctx;
    struct lt_buf *last = &h->blocks[h->n - 1];
    CU_ASSERT_EQUAL_FATAL(h->types[h->n - 1], LT_BLOCK_TICKS);
    CU_ASSERT_FATAL(len >= last->len && len <= h->room);
    h->n_replacements++;
    lt_buf_clear(last);
    return lt_buf_put(last, raw, len);
}

static void heap_release(struct heap *h)
{
    for (size_t i = 0; i < h->n; i++)
        lt_buf_release(&h->blocks[i]);
}

static struct lt_str str(const char *text)
{
    return (struct lt_str){text, strlen(text)};
}

static struct lt_trace_config config_for(struct heap *h)
{
    return (struct lt_trace_config){
        .meta = {.host = str("web1"),
                 .command = str("python3 shop.py"),
                 .cwd = str("/srv"),
                 .recorder = str("test 1"),
                 .start_realtime_ns = 1000,
                 .interval_ns = 10000000,
                 .has_time = true},
        .sink = {.ctx = h, .block = keep},
    };
}

/* A writer with a process and a thread, both 0. */
static struct lt_trace_writer *small_writer(struct heap *h)
{
    struct lt_trace_config config = config_for(h);
    if (h->room) {
        config.sink.room = room;
        config.sink.replace = replace;
    }
    const struct lt_process_info process = {.pid = 300, .ppid = 1, .python = str("3.12.1")};
    const struct lt_thread_info thread = {.tid = 301, .ident = 5, .name = str("main")};
    struct lt_trace_writer *w = NULL;
    uint32_t id;
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_new(&w, &config), 0);
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_process(w, &process, &id), 0);
    CU_ASSERT_EQUAL(id, 0);
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_thread(w, &thread, &id), 0);
    CU_ASSERT_EQUAL(id, 0);
    return w;
}

static uint32_t frame(struct lt_trace_writer *w, const char *name, uint32_t line)
{
    const struct lt_frame_info info = {str(name), str("a.py"), line, 10};
    uint32_t id = UINT32_MAX;
    CU_ASSERT_EQUAL(lt_trace_writer_frame(w, &info, &id), 0);
    return id;
}

static uint32_t stack(struct lt_trace_writer *w, uint32_t parent, uint32_t frame_id)
{
    uint32_t id = UINT32_MAX;
    CU_ASSERT_EQUAL(lt_trace_writer_stack(w, parent, frame_id, &id), 0);
    return id;
}

/* The payload of block number i, which must be of that type. */
static struct lt_cursor payload(struct heap *h, size_t i, enum lt_block_type type)
{
    CU_ASSERT_FATAL(i < h->n);
    CU_ASSERT_EQUAL_FATAL(h->types[i], type);
    const struct lt_buf *b = &h->blocks[i];
    return lt_cursor_over(b->data, b->len);
}

static void expect_bytes(struct lt_cursor *c, const char *bytes, size_t len)
{
    CU_ASSERT_FATAL(lt_cursor_left(c) >= len);
    CU_ASSERT_EQUAL(memcmp(c->at, bytes, len), 0);
    c->at += len;
}

#define EXPECT(c, bytes) expect_bytes(&(c), bytes, sizeof(bytes) - 1)

static void expect_end(const struct lt_cursor *c)
{
    CU_ASSERT_EQUAL(lt_cursor_left(c), 0);
}

static void segment_block(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    struct lt_cursor c = payload(&h, 0, LT_BLOCK_SEGMENT);
    CU_ASSERT_EQUAL(h.n_repetitions, 1);
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 0);        /* number */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 0);        /* start */
    CU_ASSERT_EQUAL(lt_cursor_svarint(&c), 1000);    /* wall clock */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 10000000); /* interval */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 2000000);  /* quantum */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 0);        /* no jitter */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 1);        /* times mean something */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 4);
    EXPECT(c,
           "\004host\004web1\007command\017python3 shop.py\003cwd\004/srv\010recorder\006test 1");
    expect_end(&c);
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void definitions(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    uint32_t tags;
    const struct lt_tag tag = {str("k"), str("v")};
    uint32_t outer = stack(w, 0, frame(w, "f", 11));
    CU_ASSERT_EQUAL(outer, 1);
    CU_ASSERT_EQUAL(stack(w, outer, frame(w, "g", 0)), 2);
    CU_ASSERT_EQUAL(stack(w, outer, frame(w, "f", 12)), 3);
    CU_ASSERT_EQUAL(stack(w, outer, frame(w, "f", 12)), 3); /* interned */
    CU_ASSERT_EQUAL(lt_trace_writer_tags(w, &tag, 1, &tags), 0);
    CU_ASSERT_EQUAL(tags, 1);
    CU_ASSERT_EQUAL(lt_trace_writer_tags(w, NULL, 0, &tags), 0);
    CU_ASSERT_EQUAL(tags, 0);
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);

    struct lt_cursor c = payload(&h, 1, LT_BLOCK_DEFS);
    EXPECT(c, "\000");                                                       /* segment 0 */
    EXPECT(c, "\001\001\007\0063.12.1\004main\001f\004a.py\001g\001k\001v"); /* strings from 1 on */
    /* Functions: (3 f, 4 a.py, 10), (5 g, 4 a.py, 10), less the row before, zigzag. */
    EXPECT(c, "\002\000\002\006\010\012\004\000\012");
    /* Frames: (f, 11-10), (g, 0-10), (f, 12-10). */
    EXPECT(c, "\003\000\003\000\002\002\023\001\004");
    /* Stacks: 1 is frame 0 on 0; 2 is frame 1 on 1; 3 is frame 2 on 1. */
    EXPECT(c, "\004\001\003\000\000\000\002\001\002");
    EXPECT(c, "\005\001\001\001\006\007");             /* tag set 1: k = v */
    EXPECT(c, "\006\001\000\254\002\001\000\001\000"); /* process 0: 300 is ac 02 */
    EXPECT(c, "\007\001\000\000\255\002\005\002");     /* thread 0 of it */
    expect_end(&c);
    CU_ASSERT_EQUAL(h.n, 2); /* there were no ticks */

    /* What is new goes on where the last block ended; what is known does not come again. */
    CU_ASSERT_EQUAL(stack(w, 2, frame(w, "f", 12)), 4);
    CU_ASSERT_EQUAL(lt_trace_writer_thread_name(w, 0, str("f")), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    c = payload(&h, 2, LT_BLOCK_DEFS);
    EXPECT(c, "\000\004\004\001\001\004\007\001\000\000\255\002\005\003");
    expect_end(&c);
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void tick(struct lt_trace_writer *w, int64_t time_ns, uint32_t covers,
                 const struct lt_change *changes, size_t n)
{
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, time_ns, covers, changes, n), 0);
}

static int note_sample(void *ctx, int64_t time_ns, uint32_t covers, const struct lt_trace_place *p)
{
    return lt_buf_printf(ctx, "%lld %u: %u %u %u %u\n", (long long)time_ns, covers, p->thread,
                         p->stack, p->state, p->tags);
}

/* What is in a TICKS block, a line a stack sample: time, covers, thread, stack, state, tags. */
static void expect_samples(struct heap *h, size_t i, uint64_t seed, const char *expected)
{
    const struct lt_tick_clock clock = {10000000, 10000000, 2000000, seed};
    struct lt_cursor c = payload(h, i, LT_BLOCK_TICKS);
    struct lt_tick_reader reader = {0};
    struct lt_buf text = {0};
    const struct lt_tick_sink sink = {.ctx = &text, .sample = note_sample};
    lt_cursor_u8(&c); /* the segment's byte */
    CU_ASSERT_EQUAL(lt_tick_reader_read(&reader, c, &clock, &sink), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&text, 0), 0);
    CU_ASSERT_STRING_EQUAL((const char *)text.data, expected);
    lt_buf_release(&text);
    lt_tick_reader_release(&reader);
}

static void ticks_block(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    const struct lt_thread_info second = {.tid = 302};
    uint32_t one = stack(w, 0, frame(w, "f", 11)), two = stack(w, one, frame(w, "g", 12)), id;
    struct lt_change a = {.thread = 0, .stack = one, .state = LT_STATE_CPU};
    struct lt_change b = {.thread = 1, .stack = two, .state = LT_STATE_GIL};

    tick(w, 30000000, 1, &a, 1); /* step 3, place 0 */
    tick(w, 47000000, 1, &a, 1); /* step 4, place 3; nothing changes */
    CU_ASSERT_EQUAL(lt_trace_writer_thread(w, &second, &id), 0);
    CU_ASSERT_EQUAL(id, 1);
    a.stack = two;
    const struct lt_change both[] = {a, b};
    tick(w, 53900000, 1, both, 2); /* step 5, place 1: a stack, and a new thread */
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, 0), 0);
    tick(w, 78000000, 2, NULL, 0); /* step 7, place 4, covers 2: one thread less */
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);

    struct lt_cursor c = payload(&h, 2, LT_BLOCK_TICKS);
    EXPECT(c, "\000");         /* segment */
    EXPECT(c, "\004\003\001"); /* ticks, first step, threads */
    expect_samples(&h, 2, 0,
                   "30000000 1: 0 1 1 0\n"
                   "46000000 1: 0 1 1 0\n"
                   "52000000 1: 0 2 1 0\n"
                   "52000000 1: 1 2 2 0\n"
                   "78000000 2: 1 2 2 0\n");

    /* The next block opens with what is true now. */
    tick(w, 80000000, 1, NULL, 0);
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    c = payload(&h, 3, LT_BLOCK_TICKS);
    EXPECT(c, "\000\001\010\001");
    expect_samples(&h, 3, 0, "80000000 1: 1 2 2 0\n");
    lt_trace_writer_free(w);
    heap_release(&h);
}

/* Ticks at the moments that a seed gives cost no bytes, and are exact. */
static void jitter(void)
{
    enum { TICKS = 1000, SEED = 7 };
    struct heap h = {0};
    struct lt_trace_config config = config_for(&h);
    struct lt_trace_writer *w;
    struct lt_buf expected = {0};
    config.meta.jitter = SEED;
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_new(&w, &config), 0);
    const struct lt_process_info process = {.pid = 300};
    const struct lt_thread_info thread = {.tid = 301};
    uint32_t id;
    CU_ASSERT_EQUAL(lt_trace_writer_process(w, &process, &id), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_thread(w, &thread, &id), 0);
    struct lt_change a = {.thread = 0};
    for (int64_t i = 0; i < TICKS; i++) {
        int64_t due_ns = i * 10000000 + lt_tick_jitter_ns(SEED, i, 10000000);
        int64_t next_ns = (i + 1) * 10000000 + lt_tick_jitter_ns(SEED, i + 1, 10000000);
        /* A little late is on time. */
        tick(w, next_ns - due_ns < 2000000 ? due_ns : due_ns + 1999999, 1, &a, i == 0);
        CU_ASSERT_EQUAL(lt_buf_printf(&expected, "%lld 1: 0 0 0 0\n", (long long)due_ns), 0);
    }
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    CU_ASSERT(h.blocks[2].len < 20);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&expected, 0), 0);
    expect_samples(&h, 2, SEED, (const char *)expected.data);
    lt_buf_release(&expected);
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void totals_health_end(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    struct lt_change a = {.thread = 0, .stack = stack(w, 0, frame(w, "f", 11)), .state = 3};
    tick(w, 0, 1, &a, 1);
    tick(w, 10000000, 3, NULL, 0);
    a.stack = 0;
    tick(w, 20000000, 1, &a, 1);
    const struct lt_health health = {.asked = 6,
                                     .taken = 3,
                                     .late = 2,
                                     .retried = 9,
                                     .failed = {[LT_FAIL_CODE] = 1},
                                     .sampler_cpu_ns = 7,
                                     .max_lateness_ns = 128};
    CU_ASSERT_EQUAL(lt_trace_writer_close(w, &health), 0);

    struct lt_cursor c = payload(&h, 3, LT_BLOCK_TOTALS);
    EXPECT(c, "\000");
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 30000000); /* end */
    EXPECT(c, "\000\001\002");                       /* part 0, the last; 2 rows */
    EXPECT(c, "\000\006\002\002\002");               /* thread 0, state 3, stack 1: 2, covers 4 */
    EXPECT(c, "\000\006\001\001\000");               /* stack -1: 0; 1, covers 1 */
    expect_end(&c);
    c = payload(&h, 4, LT_BLOCK_HEALTH);
    EXPECT(c, "\006\003\002\011\007\200\001\010\000\000\000\001\000\000\000\000");
    expect_end(&c);
    c = payload(&h, 5, LT_BLOCK_END);
    expect_end(&c);
    CU_ASSERT_EQUAL(h.n, 6);
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 40000000, 1, NULL, 0), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_close(w, NULL), LT_ERR_USAGE);
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void new_segment(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    const struct lt_thread_info other = {.tid = 302};
    struct lt_change a = {.thread = 0, .stack = stack(w, 0, frame(w, "f", 11))};
    uint32_t id;
    CU_ASSERT_EQUAL(lt_trace_writer_thread(w, &other, &id), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, id), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_thread(w, &other, &id), 0);
    CU_ASSERT_EQUAL(id, 2); /* 1 means somebody else in this segment */
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, id), 0);
    tick(w, 5, 1, &a, 1);
    CU_ASSERT_EQUAL(lt_trace_writer_new_segment(w), 0);

    struct lt_cursor c = payload(&h, 4, LT_BLOCK_SEGMENT);
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 1);
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 5);
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 6, 1, &a, 1), LT_ERR_USAGE); /* stack 1 is gone */
    a.stack = 0;
    tick(w, 6, 1, &a, 1);
    CU_ASSERT_EQUAL(lt_trace_writer_thread(w, &other, &id), 0);
    CU_ASSERT_EQUAL(id, 1); /* free again */
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    c = payload(&h, 5, LT_BLOCK_DEFS);
    EXPECT(c, "\001\001\001\002\0063.12.1\004main\006\001\000\254\002\001\000\001\000");
    EXPECT(c, "\007\002\000\000\255\002\005\002\001\000\256\002\000\000");
    expect_end(&c);
    c = payload(&h, 6, LT_BLOCK_TICKS);
    CU_ASSERT_EQUAL(lt_cursor_u8(&c), 1); /* the segment's byte */
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void segments_become_due(void)
{
    struct heap h = {0};
    struct lt_trace_config config = config_for(&h);
    struct lt_trace_writer *w;
    config.max_segment_ns = 1000;
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_new(&w, &config), 0);
    tick(w, 5000, 1, NULL, 0);
    tick(w, 5999, 1, NULL, 0);
    CU_ASSERT_FALSE(lt_trace_writer_segment_due(w));
    tick(w, 6000, 1, NULL, 0);
    CU_ASSERT_TRUE(lt_trace_writer_segment_due(w));
    CU_ASSERT_EQUAL(lt_trace_writer_new_segment(w), 0);
    CU_ASSERT_FALSE(lt_trace_writer_segment_due(w));
    lt_trace_writer_free(w);

    config.max_segment_ns = 0;
    config.max_segment_bytes = 200;
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_new(&w, &config), 0);
    CU_ASSERT_FALSE(lt_trace_writer_segment_due(w));
    for (int i = 0; i < 50; i++) {
        tick(w, i * INT64_C(10000000), 1, NULL, 0);
        CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    }
    CU_ASSERT_TRUE(lt_trace_writer_segment_due(w));
    lt_trace_writer_free(w);
    heap_release(&h);
}

/* Only the newest of the many blocks that a full dictionary makes. */
static int forget(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len)
{
    (void)ctx;
    (void)type;
    (void)raw;
    return len > LT_BLOCK_RAW_MAX ? LT_ERR_LIMIT : 0;
}

static void full_dictionary(void)
{
    struct heap h = {0};
    struct lt_trace_config config = config_for(&h);
    struct lt_trace_writer *w;
    config.sink.block = forget;
    config.max_segment_bytes = UINT32_MAX;
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_new(&w, &config), 0);
    struct lt_frame_info info = {.name = str("f"), .file = str("a.py"), .line = 1};
    uint32_t id;
    int err = 0;
    for (; !err && info.line < 10000000; info.line++)
        err = lt_trace_writer_frame(w, &info, &id);
    CU_ASSERT_EQUAL(err, LT_ERR_LIMIT);
    CU_ASSERT_TRUE(lt_trace_writer_segment_due(w));
    info.line = 1;
    CU_ASSERT_EQUAL(lt_trace_writer_frame(w, &info, &id), 0); /* what is known stays usable */
    tick(w, 0, 1, NULL, 0);
    CU_ASSERT_EQUAL(lt_trace_writer_new_segment(w), 0);
    CU_ASSERT_FALSE(lt_trace_writer_segment_due(w));
    CU_ASSERT_EQUAL(lt_trace_writer_frame(w, &info, &id), 0);
    CU_ASSERT_EQUAL(id, 0);
    lt_trace_writer_free(w);
}

static void mistakes_of_ticks(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    uint32_t one = stack(w, 0, frame(w, "f", 11));
    const struct lt_change good = {.thread = 0, .stack = one};
    const struct lt_change bad[] = {
        {.thread = 1, .stack = one}, /* no such thread */
        {.thread = UINT32_MAX, .stack = one},
        {.thread = 0, .stack = one + 1},           /* no such stack */
        {.thread = 0, .stack = one, .tags = 1},    /* no such tag set */
        {.thread = 0, .stack = one, .state = 256}, /* no such state */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 0, 1, &bad[i], 1), LT_ERR_USAGE);
    const struct lt_change twice[] = {good, good};
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 0, 1, twice, 2), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 0, 0, &good, 1), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, -1, 1, &good, 1), LT_ERR_USAGE);
    tick(w, 50, 1, &good, 1);
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 49, 1, &good, 1), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, 0), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 50, 1, &good, 1), LT_ERR_USAGE);
    /* None of that did anything. */
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    struct lt_cursor c = payload(&h, 2, LT_BLOCK_TICKS);
    EXPECT(c, "\000\001\000\001");
    expect_samples(&h, 2, 0, "0 1: 0 1 0 0\n");
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void other_mistakes(void)
{
    struct heap h = {0};
    struct lt_trace_config config = config_for(&h);
    struct lt_trace_writer *w = small_writer(&h);
    struct lt_trace_writer *none = NULL;
    const struct lt_thread_info orphan = {.process = 7};
    struct lt_tag tags[LT_TRACE_TAGS_MAX + 1] = {{{0}, {0}}};
    uint32_t id;
    CU_ASSERT_EQUAL(lt_trace_writer_thread(w, &orphan, &id), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_thread_name(w, 1, str("x")), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, 1), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_process_end(w, 1), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_process_end(w, 0), LT_ERR_USAGE); /* has a thread */
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, 0), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_thread_end(w, 0), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_process_end(w, 0), 0);
    CU_ASSERT_EQUAL(lt_trace_writer_stack(w, 0, 0, &id), LT_ERR_USAGE); /* no frame yet */
    CU_ASSERT_EQUAL(lt_trace_writer_stack(w, 1, frame(w, "f", 1), &id), LT_ERR_USAGE);
    CU_ASSERT_EQUAL(lt_trace_writer_tags(w, tags, LT_TRACE_TAGS_MAX + 1, &id), LT_ERR_USAGE);
    lt_trace_writer_free(w);

    config.sink.block = NULL;
    CU_ASSERT_EQUAL(lt_trace_writer_new(&none, &config), LT_ERR_USAGE);
    config = config_for(&h);
    config.meta.interval_ns = -1;
    CU_ASSERT_EQUAL(lt_trace_writer_new(&none, &config), LT_ERR_USAGE);
    CU_ASSERT_PTR_NULL(none);
    lt_trace_writer_free(NULL);
    heap_release(&h);
}

/* What the sink says comes back, and stays. */
static void failing_sink(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    h.fail = LT_ERR_IO;
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), LT_ERR_IO);
    h.fail = 0;
    CU_ASSERT_EQUAL(lt_trace_writer_tick(w, 0, 1, NULL, 0), LT_ERR_IO);
    CU_ASSERT_EQUAL(lt_trace_writer_close(w, NULL), LT_ERR_IO);
    lt_trace_writer_free(w);
    heap_release(&h);
}

/* Figures come often at first, then once a minute. */
static void health_is_not_written_every_second(void)
{
    struct heap h = {0};
    const struct lt_health health = {.asked = 1};
    struct lt_trace_writer *w = small_writer(&h);
    size_t n_early = 0, n_late = 0;
    for (int second = 0; second < 1000; second++) {
        tick(w, second * INT64_C(1000000000), 1, NULL, 0);
        CU_ASSERT_EQUAL(lt_trace_writer_flush(w, &health), 0);
        for (; h.n; lt_buf_release(&h.blocks[h.n]))
            *(second < 10 ? &n_early : &n_late) += h.types[--h.n] == LT_BLOCK_HEALTH;
    }
    CU_ASSERT_EQUAL(n_early, 10);
    CU_ASSERT(n_late >= 16 && n_late <= 50);
    lt_trace_writer_free(w);
    heap_release(&h);
}

/* Of the same processes and threads, on a clock of its own, complete in itself. */
static void new_recording(void)
{
    struct heap h = {0};
    struct lt_trace_writer *w = small_writer(&h);
    struct lt_change a = {.thread = 0, .stack = stack(w, 0, frame(w, "f", 11)), .state = 3};
    const struct lt_health health = {.asked = 1, .taken = 1};
    tick(w, 57000000, 1, &a, 1);
    CU_ASSERT_EQUAL(lt_trace_writer_new_segment(w), 0);
    a.stack = stack(w, 0, frame(w, "f", 11));
    tick(w, 67000000, 1, &a, 1);
    h.n = 0;
    CU_ASSERT_EQUAL(lt_trace_writer_new_recording(w, &health, 77000, 0), 0);
    static const enum lt_block_type end[] = {LT_BLOCK_DEFS,   LT_BLOCK_TICKS, LT_BLOCK_TOTALS,
                                             LT_BLOCK_HEALTH, LT_BLOCK_END,   LT_BLOCK_SEGMENT};
    CU_ASSERT_EQUAL_FATAL(h.n, 6);
    CU_ASSERT_EQUAL(memcmp(h.types, end, sizeof(end)), 0);
    struct lt_cursor c = payload(&h, 5, LT_BLOCK_SEGMENT);
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 0);      /* number */
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 0);      /* start */
    CU_ASSERT_EQUAL(lt_cursor_svarint(&c), 77000); /* wall clock */

    a.stack = stack(w, 0, frame(w, "g", 11));
    CU_ASSERT_EQUAL(a.stack, 1); /* nothing is known any more */
    tick(w, 3000000, 1, &a, 1);
    CU_ASSERT_EQUAL(lt_trace_writer_close(w, &health), 0);
    static const enum lt_block_type whole[] = {LT_BLOCK_DEFS, LT_BLOCK_TICKS, LT_BLOCK_TOTALS,
                                               LT_BLOCK_HEALTH, LT_BLOCK_END};
    CU_ASSERT_EQUAL_FATAL(h.n, 11);
    CU_ASSERT_EQUAL(memcmp(h.types + 6, whole, sizeof(whole)), 0);
    c = payload(&h, 7, LT_BLOCK_TICKS);
    EXPECT(c, "\000\001\000\001"); /* segment 0; a tick, step 0, a thread */
    expect_samples(&h, 7, 0, "2000000 1: 0 1 3 0\n");
    c = payload(&h, 8, LT_BLOCK_TOTALS);
    EXPECT(c, "\000");
    CU_ASSERT_EQUAL(lt_cursor_varint(&c), 13000000); /* end */
    lt_trace_writer_free(w);
    heap_release(&h);
}

static void sources_block(void)
{
    struct heap h = {0};
    const struct lt_block_sink sink = {.ctx = &h, .block = keep};
    const struct lt_source_line lines[] = {
        {str("a.py"), 3, str("  x")},
        {str("a.py"), 200, str("")},
        {str("b.py"), 1, str("y")},
    };
    CU_ASSERT_EQUAL(lt_trace_write_sources(&sink, lines, 3), 0);
    struct lt_cursor c = payload(&h, 0, LT_BLOCK_SOURCES);
    EXPECT(c, "\005a.py\003\003  x");
    EXPECT(c, "\000\310\001\000");
    EXPECT(c, "\005b.py\001\001y");
    expect_end(&c);
    CU_ASSERT_EQUAL(lt_trace_write_sources(&sink, NULL, 0), 0);
    CU_ASSERT_EQUAL(h.n, 1);
    heap_release(&h);
}

/* The samples of a thread with stack 1 at ticks from..to, one each 0.1 s. */
static void expect_seconds(struct heap *h, size_t block, int from, int to)
{
    struct lt_buf text = {0};
    for (int i = from; i <= to; i++)
        CU_ASSERT_EQUAL(lt_buf_printf(&text, "%lld 10: 0 1 1 0\n", i * 100000000LL), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&text, '\0'), 0);
    expect_samples(h, block, 0, (const char *)text.data);
    lt_buf_release(&text);
}

/* Ticks from..to, one each 0.1 s, a flush after every tenth. */
static void tick_seconds(struct lt_trace_writer *w, uint32_t stack_id, int from, int to)
{
    for (int i = from; i <= to; i++) {
        const struct lt_change change = {.thread = 0, .stack = stack_id, .state = 1};
        tick(w, i * INT64_C(100000000), 10, &change, 1);
        if (i % 10 == 9)
            CU_ASSERT_EQUAL(lt_trace_writer_flush(w, NULL), 0);
    }
}

static void block_that_grows(void)
{
    struct heap h = {.room = 4000};
    struct lt_trace_writer *w = small_writer(&h);
    uint32_t f = stack(w, 0, frame(w, "f", 11));
    /* All is in the sink after each flush, in one block, for ten seconds. */
    tick_seconds(w, f, 0, 9);
    CU_ASSERT_EQUAL(h.n_replacements, 0);
    expect_seconds(&h, 2, 0, 9);
    tick_seconds(w, f, 10, 29);
    CU_ASSERT_EQUAL(h.n_replacements, 2);
    CU_ASSERT_EQUAL(h.n, 3);
    expect_seconds(&h, 2, 0, 29);
    tick_seconds(w, f, 30, 109);
    CU_ASSERT_EQUAL(h.n, 4);
    expect_seconds(&h, 2, 0, 99);
    expect_seconds(&h, 3, 100, 109);

    /* No room: what the sink has is left as it is. */
    size_t replacements = h.n_replacements;
    h.room = 0;
    tick_seconds(w, f, 110, 119);
    CU_ASSERT_EQUAL(h.n_replacements, replacements);
    CU_ASSERT_EQUAL(h.n, 5);
    expect_seconds(&h, 3, 100, 109);
    expect_seconds(&h, 4, 110, 119);

    /* The room ends within a second: the ticks until then go where there is room. */
    h.room = h.blocks[4].len + 100;
    tick_seconds(w, f, 120, 124);
    CU_ASSERT_EQUAL(h.n_replacements, replacements);
    h.room = h.blocks[4].len + 20;
    tick_seconds(w, f, 125, 129);
    CU_ASSERT_EQUAL(h.n_replacements, replacements + 1);
    expect_seconds(&h, 4, 110, 124);
    expect_seconds(&h, 5, 125, 129);
    lt_trace_writer_free(w);
    heap_release(&h);
}

/* Blocks that come behind a growing one end it, with all of its ticks. */
static void block_that_grows_no_more(void)
{
    struct heap h = {.room = 4000};
    const struct lt_health health = {.asked = 1, .taken = 1};
    struct lt_trace_writer *w = small_writer(&h);
    uint32_t f = stack(w, 0, frame(w, "f", 11));
    tick_seconds(w, f, 0, 14);
    frame(w, "g", 12);
    tick_seconds(w, f, 15, 19);
    CU_ASSERT_EQUAL(h.n_replacements, 1);
    expect_seconds(&h, 2, 0, 14);
    payload(&h, 3, LT_BLOCK_DEFS);
    expect_seconds(&h, 4, 15, 19);

    tick_seconds(w, f, 20, 24);
    CU_ASSERT_EQUAL(lt_trace_writer_flush(w, &health), 0);
    CU_ASSERT_EQUAL(h.n_replacements, 2);
    expect_seconds(&h, 4, 15, 24);
    payload(&h, 5, LT_BLOCK_HEALTH);
    tick_seconds(w, f, 25, 29);
    expect_seconds(&h, 6, 25, 29);

    tick_seconds(w, f, 30, 34);
    CU_ASSERT_EQUAL(lt_trace_writer_new_segment(w), 0);
    CU_ASSERT_EQUAL(h.n_replacements, 3);
    expect_seconds(&h, 6, 25, 34);
    payload(&h, 7, LT_BLOCK_TOTALS);
    payload(&h, 8, LT_BLOCK_SEGMENT);

    f = stack(w, 0, frame(w, "f", 11));
    tick_seconds(w, f, 35, 44);
    CU_ASSERT_EQUAL(lt_trace_writer_close(w, NULL), 0);
    CU_ASSERT_EQUAL(h.n_replacements, 4);
    static const enum lt_block_type last[] = {LT_BLOCK_DEFS, LT_BLOCK_TICKS, LT_BLOCK_TOTALS,
                                              LT_BLOCK_END};
    CU_ASSERT_EQUAL_FATAL(h.n, 13);
    CU_ASSERT_EQUAL(memcmp(h.types + 9, last, sizeof(last)), 0);
    lt_trace_writer_free(w);
    heap_release(&h);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a SEGMENT block", segment_block},
        {"a DEFS block", definitions},
        {"a TICKS block", ticks_block},
        {"ticks where the seed says", jitter},
        {"TOTALS, HEALTH and END blocks", totals_health_end},
        {"a new segment", new_segment},
        {"segments become due", segments_become_due},
        {"a full dictionary", full_dictionary},
        {"mistakes of a tick do nothing", mistakes_of_ticks},
        {"other mistakes", other_mistakes},
        {"a failing sink", failing_sink},
        {"health is not written every second", health_is_not_written_every_second},
        {"a new recording", new_recording},
        {"a SOURCES block", sources_block},
        {"a block that grows", block_that_grows},
        {"a block that grows no more", block_that_grows_no_more},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("trace writer", tests);
}
