/* SPDX-License-Identifier: Apache-2.0
 *
 * Totals out of ticks are the sums of the stack samples, in one order however many threads decode. */
#include "config.h"

#include "formats/trace_folding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/profile_reader.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"
#include "tests/support/random_trace.h"
#include "tests/support/unit_main.h"

enum { MAX_PLACES = 1 << 20, STATES = 256, INTERVAL_NS = 1000000 };

static const unsigned RATE = 1000;

static const unsigned THREADS[] = {0, 2, 3, 16};

static const struct lt_read_options WHOLE = {0};

/* ---- traces without TOTALS ---- */

static int pass_ticks(void *ctx, enum lt_block_type type, const uint8_t *payload, size_t len)
{
    return type == LT_BLOCK_TOTALS ? 0 : lt_block_writer_block(ctx, type, payload, len);
}

static struct lt_block_writer *open_blocks(struct lt_output *out, struct lt_buf *bytes)
{
    struct lt_block_writer *blocks;
    CU_ASSERT_EQUAL_FATAL(lt_output_buf(out, bytes), 0);
    CU_ASSERT_EQUAL_FATAL(lt_block_writer_new(&blocks, out, 6), 0);
    return blocks;
}

/* Every stack with every state. */
static int write_states(struct lt_trace_writer *writer, uint32_t stacks, struct lt_change *change)
{
    int64_t time_ns = 0;
    int err = 0;
    for (uint32_t line = 1; !err && line <= stacks; line++) {
        const struct lt_frame_info info = {{"f", 1}, {"f.py", 4}, line, 1};
        uint32_t frame;
        err = lt_trace_writer_frame(writer, &info, &frame);
        if (!err)
            err = lt_trace_writer_stack(writer, 0, frame, &change->stack);
        for (change->state = 0; !err && change->state < STATES; change->state++)
            err = lt_trace_writer_tick(writer, time_ns += INTERVAL_NS, 1, change, 1);
    }
    return err;
}

/* A thread that is never the same twice. */
static void write_places(uint32_t n, struct lt_buf *bytes)
{
    struct lt_output out;
    struct lt_block_writer *blocks = open_blocks(&out, bytes);
    struct lt_trace_writer *writer;
    struct lt_change change = {0};
    uint32_t process;
    const struct lt_trace_config config = {
        .meta = {.interval_ns = INTERVAL_NS, .has_time = true},
        .sink = {blocks, pass_ticks},
    };
    CU_ASSERT_EQUAL_FATAL(lt_trace_writer_new(&writer, &config), 0);
    int err = lt_trace_writer_process(writer, &(struct lt_process_info){.pid = 1}, &process);
    if (!err)
        err = lt_trace_writer_thread(writer, &(struct lt_thread_info){.process = process},
                                     &change.thread);
    if (!err)
        err = write_states(writer, n / STATES, &change);
    CU_ASSERT_EQUAL(err, 0);
    CU_ASSERT_EQUAL(lt_trace_writer_close(writer, NULL), 0);
    lt_trace_writer_free(writer);
    lt_block_writer_free(blocks);
}

static void write_random(const char *kind, uint64_t seed, unsigned ticks, struct lt_buf *bytes)
{
    struct lt_output out;
    struct lt_block_writer *blocks = open_blocks(&out, bytes);
    const struct lt_random_trace trace = {
        .kind = kind,
        .seed = seed,
        .rate = RATE,
        .ticks = ticks,
        .threads = 6,
        .sink = {blocks, pass_ticks},
    };
    CU_ASSERT_EQUAL_FATAL(lt_random_trace_write(&trace), 0);
    lt_block_writer_free(blocks);
}

/* ---- sums ---- */

/* Sums of a segment, and of those before it as text, in order of first appearance. */
struct sums {
    struct lt_trace_totals *table;
    struct lt_buf text;
    unsigned n_segments;
    bool has_window; /* of single samples */
    int64_t from_ns, to_ns;
};

static int put_segment(void *ctx)
{
    struct sums *s = ctx;
    int err = 0;
    for (uint32_t i = 0; !err && i < lt_trace_totals_count(s->table); i++) {
        const struct lt_trace_total t = lt_trace_totals_at(s->table, i);
        err = lt_buf_printf(&s->text, "%04u %u %u %u %u %llu %llu\n", s->n_segments, t.place.thread,
                            t.place.stack, t.place.state, t.place.tags, (unsigned long long)t.count,
                            (unsigned long long)t.covers);
    }
    lt_trace_totals_clear(s->table);
    s->n_segments++;
    return err;
}

static int add(void *ctx, const struct lt_sample *sample)
{
    struct sums *s = ctx;
    if (s->has_window && (sample->time_ns < s->from_ns || sample->time_ns >= s->to_ns))
        return 0;
    const struct lt_trace_total total = {
        .place = {sample->thread, sample->stack, sample->state, sample->tags},
        .count = sample->count,
        .covers = (uint64_t)sample->weight_ns,
    };
    return lt_trace_totals_add(s->table, &total);
}

/* With options->totals from the decoder's totals, without from single samples. */
static void sum_up(const struct lt_buf *bytes, const struct lt_read_options *options,
                   struct sums *s, struct lt_read_stats *stats)
{
    struct lt_input in;
    const struct lt_profile_handler handler = {.ctx = s, .segment = put_segment, .sample = add};
    *s = (struct sums){
        .has_window = options->has_window && !options->totals,
        .from_ns = options->from_ns,
        .to_ns = options->to_ns,
    };
    CU_ASSERT_EQUAL_FATAL(lt_trace_totals_new(&s->table, MAX_PLACES), 0);
    CU_ASSERT_EQUAL_FATAL(lt_input_memory(&in, bytes->data, bytes->len), 0);
    CU_ASSERT_EQUAL(lt_profile_read(&in, &handler, options, stats), 0);
    in.close(in.ctx);
    CU_ASSERT_EQUAL(put_segment(s), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&s->text, '\0'), 0);
    lt_trace_totals_free(s->table);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Its lines sorted, for sums whose order does not matter. */
static void sort_lines(struct lt_buf *text)
{
    const char **lines = NULL;
    size_t n = 0, alloc = 0;
    struct lt_buf sorted = {0};
    for (char *line = strtok((char *)text->data, "\n"); line; line = strtok(NULL, "\n")) {
        CU_ASSERT_EQUAL_FATAL(lt_array_grow(&lines, &alloc, n + 1, sizeof(*lines), MAX_PLACES), 0);
        lines[n++] = line;
    }
    qsort(lines, n, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(lt_buf_printf(&sorted, "%s\n", lines[i]), 0);
    free(lines);
    lt_buf_release(text);
    *text = sorted;
}

static bool same_text(const struct lt_buf *a, const struct lt_buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* ---- tests ---- */

static void check(const struct lt_buf *bytes, const struct lt_read_options *window)
{
    struct lt_read_options options = *window;
    struct lt_read_stats stats, first_stats;
    struct sums truth, first, other;
    sum_up(bytes, &options, &truth, &stats);
    options.totals = true;
    options.threads = 1;
    sum_up(bytes, &options, &first, &first_stats);
    for (size_t i = 0; i < sizeof(THREADS) / sizeof(THREADS[0]); i++) {
        options.threads = THREADS[i];
        sum_up(bytes, &options, &other, &stats);
        CU_ASSERT(same_text(&other.text, &first.text));
        CU_ASSERT_EQUAL(stats.outside, first_stats.outside);
        CU_ASSERT_EQUAL(stats.damaged_blocks, first_stats.damaged_blocks);
        CU_ASSERT_EQUAL(stats.duration_ns, first_stats.duration_ns);
        lt_buf_release(&other.text);
    }
    sort_lines(&truth.text);
    sort_lines(&first.text);
    CU_ASSERT(same_text(&first.text, &truth.text));
    lt_buf_release(&truth.text);
    lt_buf_release(&first.text);
}

static void like_single_samples(void)
{
    static const char *const kinds[] = {"gil", "idle", "wild"};
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct lt_buf bytes = {0};
            write_random(kinds[kind], seed, 2000, &bytes);
            check(&bytes, &WHOLE);
            lt_buf_release(&bytes);
        }
    }
}

static void in_a_window(void)
{
    struct lt_buf bytes = {0};
    write_random("gil", 7, 4000, &bytes);
    for (int64_t from_ms = 0; from_ms < 4000; from_ms += 700) {
        const struct lt_read_options window = {
            .has_window = true,
            .from_ns = from_ms * 1000000,
            .to_ns = (from_ms + 999) * 1000000,
        };
        check(&bytes, &window);
    }
    lt_buf_release(&bytes);
}

/* A byte changed in each block in turn, of those that a thread may have. */
static void damaged(void)
{
    struct lt_buf bytes = {0};
    write_random("gil", 8, 3000, &bytes);
    for (size_t at = bytes.len / 8; at < bytes.len; at += bytes.len / 8) {
        bytes.data[at] ^= 0x55;
        check(&bytes, &WHOLE);
    }
    lt_buf_release(&bytes);
}

/* More than the tables of the decoder hold: they are handed over in parts. */
static void many_places(void)
{
    struct lt_buf bytes = {0};
    write_places(300000, &bytes);
    check(&bytes, &WHOLE);
    lt_buf_release(&bytes);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"sums are those of the single samples, by any number of threads", like_single_samples},
        {"the same in a window", in_a_window},
        {"the same of a damaged trace", damaged},
        {"the same of more places than a table holds", many_places},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("trace_folding", tests);
}
