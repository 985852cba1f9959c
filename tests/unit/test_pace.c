/* SPDX-License-Identifier: Apache-2.0
 *
 * What is late, what is a gap, and what it is put down to. */
#include "config.h"

#include "analysis/pace.h"

#include "tests/support/unit_main.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

static void late(void)
{
    struct lt_pace p = {0};

    lt_pace_tick(&p, 5 * MS, 1, 10 * MS);
    lt_pace_tick(&p, 45 * MS, 3, 10 * MS);
    lt_pace_tick(&p, 95 * MS, 5, 10 * MS);
    lt_pace_tick(&p, 105 * MS, 1, 10 * MS);
    CU_ASSERT_EQUAL(p.ticks, 4);
    CU_ASSERT_EQUAL(p.late, 2);
    CU_ASSERT_EQUAL(p.missed, 6);
    CU_ASSERT_EQUAL(p.worst_covers, 5);
    CU_ASSERT_EQUAL(p.worst_length_ns, 50 * MS);
    CU_ASSERT_EQUAL(p.worst_ns, 95 * MS);
    CU_ASSERT_EQUAL(p.gaps, 0);
}

static void gaps_and_their_causes(void)
{
    struct lt_pace p = {0};

    lt_pace_tick(&p, 2 * SECOND, 1, 10 * MS); /* the program came later */
    lt_pace_tick(&p, 3 * SECOND, 1, 10 * MS); /* a second is none yet */
    lt_pace_tick(&p, 5 * SECOND, 199, 10 * MS);
    CU_ASSERT_EQUAL(p.gaps, 2);
    CU_ASSERT_EQUAL(p.gaps_ns, 4 * SECOND);
    CU_ASSERT_EQUAL_FATAL(p.n_kept, 2);
    CU_ASSERT_EQUAL(p.kept[0].start_ns, 0);
    CU_ASSERT_EQUAL(p.kept[0].length_ns, 2 * SECOND);
    CU_ASSERT_EQUAL(p.kept[0].cause, LT_GAP_NOTHING);
    CU_ASSERT_EQUAL(p.kept[1].start_ns, 3 * SECOND);
    CU_ASSERT_EQUAL(p.kept[1].cause, LT_GAP_MISSED);
}

static void slow_rates(void)
{
    struct lt_pace p = {0};

    lt_pace_tick(&p, 19 * SECOND, 1, 10 * SECOND);
    lt_pace_tick(&p, 38 * SECOND, 1, 10 * SECOND);
    CU_ASSERT_EQUAL(p.gaps, 0);
    lt_pace_tick(&p, 70 * SECOND, 3, 10 * SECOND);
    CU_ASSERT_EQUAL(p.gaps, 1);
    CU_ASSERT_EQUAL(p.late, 1);
}

static void no_interval_no_verdict(void)
{
    struct lt_pace p = {0};

    lt_pace_tick(&p, 100 * SECOND, 7, 0);
    CU_ASSERT_EQUAL(p.ticks, 1);
    CU_ASSERT_EQUAL(p.late + p.gaps, 0);
}

static void the_longest_in_order(void)
{
    struct lt_pace p = {0};
    int64_t now_ns = 0;

    for (int i = 0; i < 2 * LT_GAPS_KEPT; i++) {
        now_ns += (i % 2 ? 2 * SECOND : 10 * SECOND) + i * MS;
        lt_pace_tick(&p, now_ns, 1, 10 * MS);
    }
    CU_ASSERT_EQUAL(p.gaps, 2 * LT_GAPS_KEPT);
    CU_ASSERT_EQUAL_FATAL(p.n_kept, LT_GAPS_KEPT);
    for (int i = 0; i < LT_GAPS_KEPT; i++) {
        CU_ASSERT_EQUAL(p.kept[i].length_ns, 10 * SECOND + 2 * i * MS);
        CU_ASSERT(i == 0 || p.kept[i - 1].start_ns < p.kept[i].start_ns);
    }
}

static void clocks(void)
{
    struct lt_pace p = {0};
    const struct lt_clock_anchor anchors[] = {
        {0, 5000 * SECOND},
        {3600 * SECOND, 5002 * SECOND - 300 * MS}, /* may have drifted so far */
        {3601 * SECOND, 5000 * SECOND},            /* set back: no gap */
        {3602 * SECOND, 5900 * SECOND},
    };

    for (size_t i = 0; i < sizeof anchors / sizeof *anchors; i++) {
        lt_pace_clock(&p, &anchors[i]);
    }
    CU_ASSERT_EQUAL_FATAL(p.n_kept, 1);
    CU_ASSERT_EQUAL(p.kept[0].start_ns, 3602 * SECOND);
    CU_ASSERT_EQUAL(p.kept[0].length_ns, 900 * SECOND);
    CU_ASSERT_EQUAL(p.kept[0].cause, LT_GAP_CLOCK);
    CU_ASSERT_STRING_EQUAL(lt_gap_cause_name(LT_GAP_CLOCK), "clock");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"late", late},
        {"gaps and their causes", gaps_and_their_causes},
        {"slow rates", slow_rates},
        {"no interval, no verdict", no_interval_no_verdict},
        {"the longest in order", the_longest_in_order},
        {"clocks", clocks},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("pace", tests);
}
