/* SPDX-License-Identifier: Apache-2.0
 *
 * Which slot a sample counts in, which frame is the top of one, where it ends; and the sparkline. */
#include "config.h"

#include "exporters/time_slots.h"

#include "exporters/sparkline.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

#define SECOND INT64_C(1000000000)

static const struct live_trace_frame work = {.id = 0, .name = "work", .file = "a.py"};
static const struct live_trace_frame rest = {.id = 1, .name = "rest", .file = "a.py"};

static int put(struct lt_time_slots *t, const struct live_trace_frame *frame, int64_t time_ns)
{
    const struct live_trace_stack sample = {
        .depth = 1, .frames = &frame, .time_ns = time_ns, .count = 1};

    return lt_time_slots_add(t, &sample);
}

static void slots(void)
{
    struct lt_time_slots t;

    CU_ASSERT_EQUAL_FATAL(lt_time_slots_init(&t, SECOND), 0);
    CU_ASSERT_EQUAL(put(&t, &rest, 5 * SECOND), 0);
    CU_ASSERT_EQUAL(put(&t, &work, 5 * SECOND + 1), 0);
    CU_ASSERT_EQUAL(put(&t, &work, 6 * SECOND - 1), 0);
    CU_ASSERT_EQUAL(put(&t, &work, 3 * SECOND), 0); /* of another input */
    CU_ASSERT_EQUAL(put(&t, &rest, 3 * SECOND), 0);
    lt_time_slots_finish(&t);
    CU_ASSERT_EQUAL(t.first, 3);
    CU_ASSERT_EQUAL(t.last, 5);
    CU_ASSERT_EQUAL(lt_time_slots_at(&t, 3)->all.count, 2);
    CU_ASSERT_PTR_EQUAL(lt_time_slots_at(&t, 3)->top->frame, &rest); /* equal ones: by name */
    CU_ASSERT_PTR_NULL(lt_time_slots_at(&t, 4)->top);
    CU_ASSERT_EQUAL(lt_time_slots_at(&t, 5)->all.count, 3);
    CU_ASSERT_PTR_EQUAL(lt_time_slots_at(&t, 5)->top->frame, &work);
    CU_ASSERT_EQUAL(lt_time_slots_at(&t, 5)->top->self.count, 2);
    lt_time_slots_release(&t);
}

static void limit(void)
{
    struct lt_time_slots t;

    CU_ASSERT_EQUAL_FATAL(lt_time_slots_init(&t, SECOND), 0);
    CU_ASSERT_EQUAL(put(&t, &work, SECOND), 0);
    CU_ASSERT_EQUAL(put(&t, &work, LT_SLOTS_MAX * SECOND), 0);
    CU_ASSERT_EQUAL(put(&t, &work, (LT_SLOTS_MAX + 1) * SECOND), LT_ERR_LIMIT);
    CU_ASSERT_EQUAL(put(&t, &work, 0), LT_ERR_LIMIT);
    CU_ASSERT_EQUAL(t.head.all.count, 2);
    lt_time_slots_release(&t);
}

static void sparkline(void)
{
    static const uint64_t values[] = {0, 1, 50, 100};
    struct lt_buf out = {0};

    for (int blocks = 0; blocks < 2; blocks++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            CU_ASSERT_EQUAL(lt_sparkline_put(&out, values[i], 100, blocks), 0);
        }
    }
    CU_ASSERT_EQUAL(lt_buf_put_u8(&out, 0), 0);
    CU_ASSERT_STRING_EQUAL((const char *)out.data, " .=# ▁▄█");
    lt_buf_release(&out);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"slots", slots},
        {"limit", limit},
        {"sparkline", sparkline},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("time slots", tests);
}
