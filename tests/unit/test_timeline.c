/* SPDX-License-Identifier: Apache-2.0
 *
 * Where samples are laid, and which spans are told of. */
#include "config.h"

#include "exporters/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "tests/support/unit_main.h"

#define MS INT64_C(1000000)

static void ignore_note(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

static const struct live_trace_host host = {.note = ignore_note};

static int note_begin(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
                      int64_t start_ns)
{
    return lt_buf_printf(ctx, "%" PRIu64 " begins %s%s at %d\n", lane->tid,
                         tag != NULL ? tag->key : "gc", tag != NULL ? tag->value : "",
                         (int)(start_ns / MS));
}

static int note_end(void *ctx, const struct lt_lane *lane, const struct live_trace_tag *tag,
                    int64_t start_ns, int64_t end_ns)
{
    return lt_buf_printf(ctx, "%" PRIu64 " ends %s%s of %d at %d\n", lane->tid,
                         tag != NULL ? tag->key : "gc", tag != NULL ? tag->value : "",
                         (int)(start_ns / MS), (int)(end_ns / MS));
}

static struct lt_timeline *new_timeline(struct lt_buf *said, int unit_is_time)
{
    struct lt_timeline *t = NULL;
    const struct lt_span_events events = {said, note_begin, note_end};
    const struct live_trace_meta meta = {.unit_is_time = unit_is_time, .interval_ns = 10 * MS};

    CU_ASSERT_EQUAL_FATAL(lt_timeline_new(&t, &events), 0);
    lt_timeline_meta(t, &host, &meta);
    return t;
}

/* Ticks of 10 ms, in milliseconds: time and weight of a sample, where it should lie. */
static void places(void)
{
    static const struct {
        const char *what;
        int time, weight, start, end, gap;
    } cases[] = {
        {"the first one", 100, 10, 100, 110, 0},  {"the next", 110, 10, 110, 120, 0},
        {"a little late", 124, 10, 120, 130, 0},  {"a little early", 126, 10, 130, 140, 0},
        {"one missing", 150, 10, 150, 160, 10},   {"late, for two more", 180, 30, 160, 190, 0},
        {"after that", 190, 10, 190, 200, 0},     {"far away", 1000, 10, 1000, 1010, 800},
        {"back in time", 500, 10, 1010, 1020, 0}, {"no time", -1, 10, 1020, 1030, 0},
    };
    struct lt_buf said = {0};
    struct lt_timeline *t = new_timeline(&said, 1);
    struct live_trace_thread thread = {.pid = 7, .tid = 70};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct live_trace_stack sample = {.thread = &thread,
                                          .time_ns = cases[i].time < 0 ? -1 : cases[i].time * MS,
                                          .weight_ns = cases[i].weight * MS,
                                          .count = 1};
        struct lt_placed at;
        CU_ASSERT_EQUAL(lt_timeline_add(t, &sample, &at), 0);
        if (at.start_ns != cases[i].start * MS || at.end_ns != cases[i].end * MS ||
            at.gap_ns != cases[i].gap * MS) {
            printf("\n    %s: %d to %d, gap %d", cases[i].what, (int)(at.start_ns / MS),
                   (int)(at.end_ns / MS), (int)(at.gap_ns / MS));
            CU_FAIL("wrong place");
        }
    }
    lt_timeline_free(t);
    lt_buf_release(&said);
}

/* Without times, samples lie one behind the other. */
static void counted(void)
{
    struct lt_buf said = {0};
    struct lt_timeline *t = new_timeline(&said, 0);
    struct live_trace_thread thread = {.pid = 7, .tid = 70};
    struct live_trace_stack sample = {.thread = &thread, .time_ns = 50 * MS, .count = 3};
    struct lt_placed at;

    CU_ASSERT_EQUAL(lt_timeline_add(t, &sample, &at), 0);
    CU_ASSERT_EQUAL(lt_timeline_add(t, &sample, &at), 0);
    CU_ASSERT_EQUAL(at.start_ns, 3 * LT_TIMELINE_SAMPLE_NS);
    CU_ASSERT_EQUAL(at.end_ns, 6 * LT_TIMELINE_SAMPLE_NS);
    sample.count = UINT64_MAX;
    CU_ASSERT(lt_timeline_add(t, &sample, &at) < 0);
    lt_timeline_free(t);
    lt_buf_release(&said);
}

/* Ids that are not known, and those that come again, become others. */
static void ids(void)
{
    static const struct live_trace_thread threads[] = {
        {.id = 0, .process = 0, .pid = 7, .tid = 70}, {.id = 1, .process = 0, .pid = 7, .tid = 71},
        {.id = 2, .process = 1, .pid = 7, .tid = 70}, {.id = 3, .process = 2, .pid = 0, .tid = 0},
        {.id = 4, .process = 2, .pid = 0, .tid = 0},
    };
    const struct lt_lane *lanes[5];
    struct lt_buf said = {0};
    struct lt_timeline *t = new_timeline(&said, 1);

    for (size_t i = 0; i < 5; i++) {
        struct live_trace_stack sample = {.thread = &threads[i], .weight_ns = MS, .count = 1};
        struct lt_placed at;
        CU_ASSERT_EQUAL(lt_timeline_add(t, &sample, &at), 0);
    }
    for (uint32_t i = 0; i < 5; i++) {
        lanes[i] = lt_timeline_lane(t, i);
    }
    CU_ASSERT_EQUAL(lt_timeline_lanes(t), 5);
    CU_ASSERT(lanes[0]->pid == 7 && lanes[0]->tid == 70);
    CU_ASSERT(lanes[1]->pid == 7 && lanes[1]->tid == 71);
    CU_ASSERT(lanes[2]->pid != 7 && lanes[2]->tid == 70);
    CU_ASSERT(lanes[3]->pid != 0 && lanes[3]->pid != lanes[2]->pid && lanes[3]->tid != 0);
    CU_ASSERT(lanes[4]->pid == lanes[3]->pid && lanes[4]->tid != lanes[3]->tid);
    lt_timeline_free(t);
    lt_buf_release(&said);
}

static void spans(void)
{
    static const struct live_trace_tag tags[] = {{"user", "7"}, {"route", "/a"}, {"route", "/b"}};
    const struct {
        int time;
        uint32_t state, n_tags;
        const struct live_trace_tag *tags;
    } samples[] = {
        {0, 0, 2, &tags[0]},                /* user, /a */
        {10, LIVE_TRACE_STATE_GC, 1, tags}, /* user, collector */
        {20, LIVE_TRACE_STATE_CPU, 2, &tags[1]} /* /a and /b */,
        {90, LIVE_TRACE_STATE_CPU, 1, &tags[2]} /* a gap, then /b */,
    };
    struct lt_buf said = {0};
    struct lt_timeline *t = new_timeline(&said, 1);
    struct live_trace_thread thread = {.pid = 7, .tid = 70};

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct live_trace_stack sample = {.thread = &thread,
                                          .time_ns = samples[i].time * MS,
                                          .weight_ns = 10 * MS,
                                          .count = 1,
                                          .state = samples[i].state,
                                          .n_tags = samples[i].n_tags,
                                          .tags = samples[i].tags};
        struct lt_placed at;
        CU_ASSERT_EQUAL(lt_timeline_add(t, &sample, &at), 0);
    }
    CU_ASSERT_EQUAL(lt_timeline_finish(t), 0);
    CU_ASSERT_EQUAL(lt_timeline_finish(t), 0);
    CU_ASSERT_EQUAL(lt_buf_put_u8(&said, '\0'), 0);
    CU_ASSERT_STRING_EQUAL((char *)said.data, "70 begins user7 at 0\n"
                                              "70 begins route/a at 0\n"
                                              "70 ends route/a of 0 at 10\n"
                                              "70 begins gc at 10\n"
                                              "70 ends user7 of 0 at 20\n"
                                              "70 ends gc of 10 at 20\n"
                                              "70 begins route/a at 20\n"
                                              "70 begins route/b at 20\n"
                                              "70 ends route/a of 20 at 30\n"
                                              "70 ends route/b of 20 at 30\n"
                                              "70 begins route/b at 90\n"
                                              "70 ends route/b of 90 at 100\n");
    lt_timeline_free(t);
    lt_buf_release(&said);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"where samples lie", places},
        {"counted samples", counted},
        {"ids", ids},
        {"spans", spans},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("timeline", tests);
}
