/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever happens to any byte of a trace costs at most the block that it is in, and is counted:
 * what arrives from a damaged file is what arrives from one that never had the block. */
#include "config.h"

#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/profile_reader.h"
#include "formats/trace_format.h"
#include "formats/varint.h"
#include "tests/support/event_log.h"
#include "tests/support/trace_script.h"
#include "tests/support/unit_main.h"

enum { MAX_ITEMS = 64, HEADER = 0 };

/* Two recordings in a file, the first of two segments. */
static const char SCRIPT[] = "host web1\n"
                             "start 2026-11-23T10:00:00\n"
                             "process P pid=400 command=\"python3 app.py\" cwd=/srv/app\n"
                             "thread A process=P tid=400 name=MainThread\n"
                             "thread B process=P tid=401\n"
                             "set A cpu,gil main@/srv/app/app.py:3/1\n"
                             "set B wait tag:route=/x main@/srv/app/app.py:9/1\n"
                             "tick 3\n"
                             "source /srv/app/app.py 3 \"    work()\"\n"
                             "flush\n"
                             "set A cpu main@/srv/app/app.py:3/1 work@/srv/app/app.py:22/20\n"
                             "tick 2\n"
                             "flush\n"
                             "set B cpu ?\n"
                             "tick 1\n"
                             "segment\n"
                             "set A cpu,gil main@/srv/app/app.py:4/1\n"
                             "set B wait main@/srv/app/app.py:9/1\n"
                             "tick 2\n"
                             "health asked=16 taken=16\n"
                             "recording\n"
                             "start 2026-11-23T11:00:00\n"
                             "process P pid=500\n"
                             "thread A process=P tid=500\n"
                             "set A cpu main@/srv/app/app.py:3/1\n"
                             "tick 4\n";

struct item {
    size_t at, len;
    unsigned type; /* HEADER, or that of a block */
};

struct file {
    struct lt_buf bytes;
    struct item items[MAX_ITEMS];
    size_t n_items;
};

/* What arrived from a file. */
struct arrival {
    struct lt_buf events;
    struct lt_read_stats stats;
    int error;
};

static size_t item_length(const uint8_t *at, size_t left, unsigned *type)
{
    if (memcmp(at, LT_TRACE_MAGIC, LT_TRACE_MAGIC_SIZE) == 0) {
        *type = HEADER;
        return LT_TRACE_HEADER_SIZE;
    }
    struct lt_cursor c = lt_cursor_over(at + 1, left - 1);
    *type = lt_cursor_u8(&c) & LT_BLOCK_TYPE_MASK;
    size_t payload = (size_t)lt_cursor_varint(&c);
    CU_ASSERT_FALSE_FATAL(c.bad);
    return (size_t)(c.at - at) + 4 + payload;
}

static void file_init(struct file *f)
{
    struct lt_output out;
    char message[256] = "";
    memset(f, 0, sizeof(*f));
    CU_ASSERT_EQUAL_FATAL(lt_output_buf(&out, &f->bytes), 0);
    CU_ASSERT_EQUAL(lt_trace_script(SCRIPT, &out, message, sizeof(message)), 0);
    CU_ASSERT_STRING_EQUAL_FATAL(message, "");
    for (size_t at = 0; at < f->bytes.len;) {
        struct item *item = &f->items[f->n_items++];
        CU_ASSERT_FATAL(f->n_items < MAX_ITEMS);
        item->at = at;
        item->len = item_length(f->bytes.data + at, f->bytes.len - at, &item->type);
        at += item->len;
    }
}

static int keep(void *ctx, const char *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static void read_bytes(const struct lt_buf *bytes, bool totals, struct arrival *a)
{
    struct lt_event_log log;
    struct lt_input in;
    const struct lt_read_options options = {.totals = totals};
    lt_buf_clear(&a->events);
    const struct lt_profile_handler handler = lt_event_log_handler(&log, keep, &a->events);
    CU_ASSERT_EQUAL_FATAL(lt_input_memory(&in, bytes->data, bytes->len), 0);
    a->error = lt_profile_read(&in, &handler, &options, &a->stats);
    in.close(in.ctx);
}

/* The file with `cut` bytes at a place replaced by others. */
static void replace(const struct lt_buf *bytes, size_t at, size_t cut, const void *with, size_t len,
                    struct lt_buf *out)
{
    lt_buf_clear(out);
    CU_ASSERT_EQUAL(lt_buf_put(out, bytes->data, at), 0);
    CU_ASSERT_EQUAL(lt_buf_put(out, with, len), 0);
    CU_ASSERT_EQUAL(lt_buf_put(out, bytes->data + at + cut, bytes->len - at - cut), 0);
}

static bool same_events(const struct arrival *a, const struct arrival *b)
{
    return a->error == b->error && a->events.len == b->events.len &&
           memcmp(a->events.data, b->events.data, a->events.len) == 0 &&
           a->stats.lost_samples == b->stats.lost_samples &&
           a->stats.duration_ns == b->stats.duration_ns;
}

/* What is left of a file that lacks item number `lost`, or nothing (n_items). */
struct expectation {
    struct arrival without[MAX_ITEMS + 1];
};

static void expect(const struct file *f, bool totals, struct expectation *e)
{
    struct lt_buf bytes = {0};
    memset(e, 0, sizeof(*e));
    for (size_t i = 0; i < f->n_items; i++) {
        replace(&f->bytes, f->items[i].at, f->items[i].len, NULL, 0, &bytes);
        read_bytes(&bytes, totals, &e->without[i]);
        CU_ASSERT_EQUAL(e->without[i].error, 0);
    }
    read_bytes(&f->bytes, totals, &e->without[f->n_items]);
    lt_buf_release(&bytes);
}

static void expectation_release(struct expectation *e)
{
    for (size_t i = 0; i <= MAX_ITEMS; i++)
        lt_buf_release(&e->without[i].events);
}

static void check(const struct lt_buf *damaged, bool totals, const struct expectation *e,
                  size_t lost)
{
    struct arrival got = {0};
    read_bytes(damaged, totals, &got);
    CU_ASSERT(same_events(&got, &e->without[lost]));
    /* A last block that seems to be longer than what is there may be still being written. */
    bool cut_off = !got.stats.complete && !e->without[lost].stats.complete;
    CU_ASSERT(got.stats.damaged_blocks == 1 || (got.stats.damaged_blocks == 0 && cut_off));
    lt_buf_release(&got.events);
}

/* A byte that is put before an item, or is equal to what it comes before or after, leaves the item
 * as it was. */
static bool is_whole(const struct file *f, const struct item *item, const struct lt_buf *bytes)
{
    const uint8_t *before = f->bytes.data + item->at, *after = bytes->data + item->at;
    return memcmp(before, after, item->len) == 0 || memcmp(before, after + 1, item->len) == 0;
}

/* Each byte changed in each bit and in all, taken out, and put before another one. */
static void damage_item(const struct file *f, size_t i, bool totals, const struct expectation *e)
{
    static const uint8_t strangers[] = {0, '\n', LT_BLOCK_SYNC, 0xcc, 0xff};
    const struct item *item = &f->items[i];
    const uint8_t *data = f->bytes.data;
    struct lt_buf bytes = {0};
    for (size_t at = item->at; at < item->at + item->len; at++) {
        for (unsigned bit = 0; bit <= 8; bit++) {
            uint8_t changed = data[at] ^ (uint8_t)(bit < 8 ? 1 << bit : 0xff);
            replace(&f->bytes, at, 1, &changed, 1, &bytes);
            check(&bytes, totals, e, i);
        }
        replace(&f->bytes, at, 1, NULL, 0, &bytes);
        check(&bytes, totals, e, i);
        for (size_t s = 0; s < sizeof(strangers); s++) {
            replace(&f->bytes, at, 0, &strangers[s], 1, &bytes);
            bool whole = is_whole(f, item, &bytes);
            check(&bytes, totals, e, whole ? f->n_items : i);
        }
    }
    lt_buf_release(&bytes);
}

static void damage_everything(bool totals)
{
    struct file f;
    struct expectation e;
    file_init(&f);
    expect(&f, totals, &e);
    for (size_t i = 0; i < f.n_items; i++)
        damage_item(&f, i, totals, &e);
    expectation_release(&e);
    lt_buf_release(&f.bytes);
}

static void any_byte(void)
{
    damage_everything(false);
}

static void any_byte_totals(void)
{
    damage_everything(true);
}

static uint64_t count_of(const struct arrival *a, const char *event)
{
    char line[64];
    uint64_t n = 0;
    int len = snprintf(line, sizeof(line), "{\"event\":\"%s\"", event);
    for (size_t at = 0; at + (size_t)len <= a->events.len; at++)
        n += memcmp(a->events.data + at, line, (size_t)len) == 0;
    return n;
}

/* What a block's loss costs: of most kinds, what it says and nothing else. */
static void what_is_lost(void)
{
    struct file f;
    struct expectation e;
    size_t n_seen[LT_BLOCK_END + 1] = {0};
    file_init(&f);
    expect(&f, false, &e);
    const struct arrival *all = &e.without[f.n_items];
    for (size_t i = 0; i < f.n_items; i++) {
        const struct arrival *left = &e.without[i];
        uint64_t samples = count_of(left, "sample");
        n_seen[f.items[i].type]++;
        switch (f.items[i].type) {
        case HEADER:
        case LT_BLOCK_SEGMENT:
        case LT_BLOCK_TOTALS:
        case LT_BLOCK_END:
            CU_ASSERT(same_events(left, all));
            break;
        case LT_BLOCK_TICKS:
            CU_ASSERT(samples < count_of(all, "sample"));
            CU_ASSERT_EQUAL(left->stats.lost_samples, 0);
            break;
        case LT_BLOCK_DEFS:
            CU_ASSERT_EQUAL(samples, count_of(all, "sample"));
            CU_ASSERT(left->stats.lost_samples > 0);
            break;
        case LT_BLOCK_SOURCES:
            CU_ASSERT_EQUAL(count_of(left, "source"), 0);
            CU_ASSERT_EQUAL(samples, count_of(all, "sample"));
            break;
        case LT_BLOCK_HEALTH:
            CU_ASSERT_EQUAL(samples, count_of(all, "sample"));
            break;
        default:
            CU_FAIL("a block of an unknown type");
        }
    }
    for (size_t type = 0; type < sizeof(n_seen) / sizeof(n_seen[0]); type++)
        CU_ASSERT(n_seen[type] > 0);
    expectation_release(&e);
    lt_buf_release(&f.bytes);
}

/* Cut off anywhere: what was whole arrives, and it is no damage. */
static void cut_off_anywhere(void)
{
    struct file f;
    struct arrival whole = {0}, got = {0};
    size_t done = 0;
    file_init(&f);
    for (size_t len = LT_TRACE_MAGIC_SIZE; len <= f.bytes.len; len++) {
        struct lt_buf cut = {.data = f.bytes.data, .len = len};
        bool at_end = len == f.items[done].at + f.items[done].len;
        done += at_end;
        read_bytes(&cut, false, &got);
        CU_ASSERT_EQUAL(got.error, 0);
        CU_ASSERT_EQUAL(got.stats.damaged_blocks, 0);
        if (at_end || len == LT_TRACE_MAGIC_SIZE)
            read_bytes(&cut, false, &whole);
        CU_ASSERT(same_events(&got, &whole));
    }
    CU_ASSERT_EQUAL(done, f.n_items);
    lt_buf_release(&got.events);
    lt_buf_release(&whole.events);
    lt_buf_release(&f.bytes);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"any byte changed, cut or inserted", any_byte},
        {"the same, read as totals", any_byte_totals},
        {"what is lost with a block", what_is_lost},
        {"cut off anywhere", cut_off_anywhere},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("trace_damage", tests);
}
