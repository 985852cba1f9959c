/* SPDX-License-Identifier: Apache-2.0
 *
 * The readers of texts, as folded stacks and classic logs: a text in, events out. */
#include "config.h"

#include <string.h>

#include "formats/austin_reader.h"
#include "formats/byte_buffer.h"
#include "formats/classic_log_reader.h"
#include "formats/folded_reader.h"
#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

/* What arrived, as one line a sample: "thread: root;...;leaf COUNT". */
struct heard {
    struct lt_buf lines;
    struct lt_buf frames[64];
    struct {
        uint32_t parent, frame;
    } nodes[64];
    struct lt_buf threads[8];
    struct lt_meta meta;
    uint32_t pid, n_nodes;
    struct lt_read_stats stats;
};

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct heard *h = ctx;
    h->meta = *meta;
    return 0;
}

static int on_process(void *ctx, uint32_t id, const struct lt_process_info *info)
{
    struct heard *h = ctx;
    (void)id;
    h->pid = info->pid;
    return 0;
}

static int on_thread(void *ctx, uint32_t id, const struct lt_thread_info *info)
{
    struct heard *h = ctx;
    CU_ASSERT_FATAL(id < 8);
    lt_buf_clear(&h->threads[id]);
    return lt_buf_printf(&h->threads[id], "%.*s/%llu", (int)info->name.len, info->name.data,
                         (unsigned long long)info->tid);
}

static int on_frame(void *ctx, uint32_t id, const struct lt_frame_info *info)
{
    struct heard *h = ctx;
    CU_ASSERT_FATAL(id < 64);
    return lt_buf_printf(&h->frames[id], "%.*s@%.*s:%u", (int)info->name.len, info->name.data,
                         (int)info->file.len, info->file.data, info->line);
}

static int on_stack(void *ctx, uint32_t id, uint32_t parent, uint32_t frame)
{
    struct heard *h = ctx;
    CU_ASSERT_FATAL(id < 64);
    h->nodes[id].parent = parent;
    h->nodes[id].frame = frame;
    return 0;
}

static void put_stack(struct heard *h, uint32_t node)
{
    if (node == 0)
        return;
    put_stack(h, h->nodes[node].parent);
    struct lt_buf *frame = &h->frames[h->nodes[node].frame];
    lt_buf_put(&h->lines, frame->data, frame->len);
    lt_buf_put_u8(&h->lines, ';');
}

static int on_sample(void *ctx, const struct lt_sample *sample)
{
    struct heard *h = ctx;
    lt_buf_put(&h->lines, h->threads[sample->thread].data, h->threads[sample->thread].len);
    lt_buf_put_text(&h->lines, ": ");
    put_stack(h, sample->stack);
    if (sample->time_ns >= 0)
        lt_buf_printf(&h->lines, " at %lld", (long long)sample->time_ns / 1000000);
    if (sample->weight_ns > 0)
        lt_buf_printf(&h->lines, " for %lld", (long long)sample->weight_ns / 1000);
    return lt_buf_printf(&h->lines, " %llu\n", (unsigned long long)sample->count);
}

static int on_source(void *ctx, struct lt_str file, uint32_t line, struct lt_str text)
{
    struct heard *h = ctx;
    return lt_buf_printf(&h->lines, "source %.*s:%u %.*s\n", (int)file.len, file.data, line,
                         (int)text.len, text.data);
}

static int hear(struct heard *h, const struct lt_input_format *format, const char *text)
{
    const struct lt_profile_handler handler = {
        .ctx = h,
        .meta = on_meta,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .source = on_source,
        .sample = on_sample,
    };
    const struct lt_read_options options = {0};
    struct lt_input in;
    memset(h, 0, sizeof(*h));
    CU_ASSERT_EQUAL_FATAL(lt_input_memory(&in, text, strlen(text)), 0);
    int err = format->read(&in, &handler, &options, &h->stats);
    in.close(in.ctx);
    lt_buf_put_u8(&h->lines, '\0');
    return err;
}

static void forget(struct heard *h)
{
    lt_buf_release(&h->lines);
    for (size_t i = 0; i < 64; i++)
        lt_buf_release(&h->frames[i]);
    for (size_t i = 0; i < 8; i++)
        lt_buf_release(&h->threads[i]);
}

static void check(const struct lt_input_format *format, const char *text, const char *wanted)
{
    struct heard h;
    CU_ASSERT_EQUAL(hear(&h, format, text), 0);
    if (strcmp((const char *)h.lines.data, wanted) != 0) {
        printf("\n    wanted:\n%s    got:\n%s", wanted, (const char *)h.lines.data);
        CU_FAIL("other samples");
    }
    forget(&h);
}

static void folded_frames(void)
{
    const struct lt_input_format *format = &lt_folded_input_format;
    check(format, "a;b 3\n", "/0: a@:0;b@:0; 3\n");
    check(format, "a;b 3", "/0: a@:0;b@:0; 3\n");
    check(format, "main (/srv/a.py:12);f (x.py) 1\n", "/0: main@/srv/a.py:12;f@x.py:0; 1\n");
    check(format, "a b;c (d) e 2\n", "/0: a b@:0;c (d) e@:0; 2\n");
    check(format, "# a remark 3\n\na 1\r\n", "/0: a@:0; 1\n");
}

static void folded_threads(void)
{
    struct heard h;
    CU_ASSERT_EQUAL(
        hear(&h, &lt_folded_input_format, "process app (12);thread Main (x) (13);f 2\n"), 0);
    CU_ASSERT_STRING_EQUAL((const char *)h.lines.data, "Main (x)/13: f@:0; 2\n");
    CU_ASSERT_EQUAL(h.pid, 12);
    CU_ASSERT_FALSE(h.meta.has_time);
    forget(&h);
}

static void folded_of_py_spy(void)
{
    struct heard h;
    CU_ASSERT_EQUAL(hear(&h, &lt_folded_input_format,
                         "process 12:\"python3 a.py\";thread (13): Main;f (a.py:2) 95\n"
                         "process 12:\"\";thread (13);f (a.py:2) 1\n"
                         "process 12:;thread (x): y;f 1\n"),
                    0);
    CU_ASSERT_STRING_EQUAL((const char *)h.lines.data,
                           "Main/13: f@a.py:2; 95\n"
                           "/13: f@a.py:2; 1\n"
                           "/0: process 12:@:0;thread (x): y@:0;f@:0; 1\n");
    forget(&h);
}

static void folded_of_python(void)
{
    check(&lt_folded_input_format,
          "tid:25381;<frozen runpy>:_run_code:87;C:\\a:b.py:<module>:6;other 1500\n",
          "/25381: _run_code@<frozen runpy>:87;<module>@C:\\a:b.py:6;other@:0; 1500\n");
    check(&lt_folded_input_format, "tid:x;a.py:f:1 1\n", "/0: tid:x@:0;a.py:f:1@:0; 1\n");
}

static void formats_by_content(void)
{
    static const struct {
        const char *text;
        const struct lt_input_format *format;
    } cases[] = {
        {"a;b 1\n", &lt_folded_input_format},
        {"main (a.py:3);f 17", &lt_folded_input_format},
        {"P7;main 17\n", &lt_folded_input_format},
        {"", NULL},
        {"hello", NULL},
        {"{\"a\": 1}\n", NULL},
        /* a difference: ours to refuse with the reason */
        {"a;b 1 2\nc 3 4\n", &lt_folded_input_format},
        {"#START date: 2017-06-01 12:00:00.1\n# ProcessId: 7\n", &lt_classic_log_input_format},
        {"P7;T0:9;a.py:f:1 17\n", &lt_austin_input_format},
        {"# interval: 5\n# austin: 4.0.0\n", &lt_austin_input_format},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const uint8_t *text = (const uint8_t *)cases[i].text;
        size_t len = strlen(cases[i].text);
        CU_ASSERT_PTR_EQUAL(lt_input_format_find(text, len), cases[i].format);
    }
}

static void folded_difference(void)
{
    struct heard h;
    CU_ASSERT_EQUAL(hear(&h, &lt_folded_input_format, "a;b 1 2\nc 3 4\n"), LT_ERR_NOT_OURS);
    CU_ASSERT_PTR_NOT_NULL(h.stats.why);
    forget(&h);
}

static void austin_lines(void)
{
    struct heard h;
    CU_ASSERT_EQUAL(hear(&h, &lt_austin_input_format,
                         "# austin: 4.0.0\n# interval: 20000\n# mode: wall\n"
                         "P7;T0:9;/srv/a:b.py:<module>:3;:GC:;x 20123\n"
                         "P7;Tpool 5\n"
                         "P7;T8;a.py:f:1 1,0,-4096\n"
                         "P7;T8;a.py:f:1\nP7;a.py:f:1 5\n"
                         "# duration: 1000000\n"),
                    0);
    CU_ASSERT_STRING_EQUAL((const char *)h.lines.data,
                           "/9: <module>@/srv/a:b.py:3;GC@:0;x@:0; for 20123 1\n"
                           "pool/0:  for 5 1\n"
                           "/8: f@a.py:1; for 1 1\n");
    CU_ASSERT_EQUAL(h.pid, 7);
    CU_ASSERT_EQUAL(h.stats.damaged_blocks, 2);
    CU_ASSERT_EQUAL(h.stats.duration_ns, 1000000000);
    CU_ASSERT_EQUAL(h.meta.interval_ns, 20000000);
    CU_ASSERT_TRUE(h.meta.has_weight);
    CU_ASSERT_FALSE(h.meta.has_time);
    CU_ASSERT_FALSE(h.meta.no_counts);
    forget(&h);
}

static void austin_without_counts_or_times(void)
{
    struct heard h;
    CU_ASSERT_EQUAL(
        hear(&h, &lt_austin_input_format, "# mode: wall\n# duration: 9\nP7;T0:9;a 20123\n"), 0);
    CU_ASSERT_TRUE(h.meta.no_counts);
    forget(&h);
    CU_ASSERT_EQUAL(hear(&h, &lt_austin_input_format, "# mode: memory\nP7;T0:9;a -4096\n"), 0);
    CU_ASSERT_STRING_EQUAL((const char *)h.lines.data, "/9: a@:0; 1\n");
    CU_ASSERT_FALSE(h.meta.has_weight);
    CU_ASSERT_FALSE(h.meta.no_counts);
    forget(&h);
}

static void classic_records(void)
{
    check(&lt_classic_log_input_format,
          "#START date: 2017-06-01 12:00:00.100000\n# ProcessId: 7\n# ThreadID: 99\n"
          "File: \"/srv/a.py\", line 30, in main\n  f(x)\n"
          "File: \"/srv/b.py\", line 2, in f\n#END\n"
          "what the program printed\n"
          "#START date: 2017-06-01 12:00:00.200000\n# ProcessId: 7\n# ThreadID: 99\n"
          "File: \"/srv/a.py\", line 30, in main\n  f(x)\n#END\n",
          "source /srv/a.py:30 f(x)\n"
          "/99: main@/srv/a.py:30;f@/srv/b.py:2; at 0 for 100000 1\n"
          "/99: main@/srv/a.py:30; at 100 for 100000 1\n");
}

static void classic_cut_off(void)
{
    check(&lt_classic_log_input_format,
          "#START date: 2017-06-01 12:00:00.100000\n# ProcessId: 7\n# ThreadID: 99\n"
          "File: \"/srv/a.py\", line 30, in main\n#END\n"
          "#START date: 2017-06-01 12:00:00.200000\n# ProcessId: 7\n# Thr",
          "/99: main@/srv/a.py:30; at 0 for 100000 1\n");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"frames of folded stacks", folded_frames},
        {"process and thread frames", folded_threads},
        {"folded stacks of py-spy", folded_of_py_spy},
        {"folded stacks of Python itself", folded_of_python},
        {"formats by content", formats_by_content},
        {"a difference is refused", folded_difference},
        {"lines of austin", austin_lines},
        {"austin without counts or times", austin_without_counts_or_times},
        {"records of a classic log", classic_records},
        {"a classic log that is cut off", classic_cut_off},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("text_readers", tests);
}
