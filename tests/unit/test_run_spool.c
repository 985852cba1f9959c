/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/run_spool.h"

#include "tests/support/unit_main.h"

static struct lt_run run_of(uint32_t stream, uint32_t i)
{
    /* Lengths of all kinds, so that blocks end at odd places. */
    return (struct lt_run){.stack = i % 3 == 0 ? i * 7919 + stream + 1000000 : i + 1,
                           .weight = (uint64_t)i << (i % 40)};
}

static void expect_stream(const struct lt_run_spool *s, uint32_t stream, uint32_t n)
{
    struct lt_run_reader r;
    struct lt_run run;
    uint32_t wrong = 0;

    CU_ASSERT_EQUAL_FATAL(lt_run_reader_init(&r, s, stream), 0);
    for (uint32_t i = 0; i < n; i++) {
        struct lt_run wanted = run_of(stream, i);
        int more = lt_run_reader_next(&r, &run);
        wrong += more != 1 || run.stack != wanted.stack || run.weight != wanted.weight;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(lt_run_reader_next(&r, &run), 0);
    CU_ASSERT_EQUAL(lt_run_reader_next(&r, &run), 0);
}

static void streams_stay_apart(void)
{
    /* Below a block, about one, many; none for stream 4. */
    static const uint32_t lengths[] = {10, 1000, 100000, 1, 0, 5000};
    struct lt_run_spool *s;
    const uint32_t n = sizeof lengths / sizeof *lengths;

    CU_ASSERT_EQUAL_FATAL(lt_run_spool_new(&s), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        for (uint32_t stream = 0; stream < n; stream++) {
            if (i < lengths[stream] && lt_run_spool_add(s, stream, run_of(stream, i)) != 0) {
                CU_FAIL_FATAL("cannot add");
            }
        }
    }
    CU_ASSERT_EQUAL(lt_run_spool_streams(s), n);
    for (int twice = 0; twice < 2; twice++) {
        for (uint32_t stream = 0; stream < n; stream++) {
            expect_stream(s, stream, lengths[stream]);
        }
    }
    lt_run_spool_free(s);
}

static void neighbours_merge(void)
{
    static const struct lt_run runs[] = {{1, 5}, {1, 7}, {2, 1}, {1, 1}, {1, 1}};
    static const struct lt_run wanted[] = {{1, 12}, {2, 1}, {1, 2}};
    struct lt_run_spool *s;
    struct lt_run_reader r;
    struct lt_run run;

    CU_ASSERT_EQUAL_FATAL(lt_run_spool_new(&s), 0);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(lt_run_spool_add(s, 0, runs[i]), 0);
    }
    CU_ASSERT_EQUAL_FATAL(lt_run_reader_init(&r, s, 0), 0);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(lt_run_reader_next(&r, &run), 1);
        CU_ASSERT_EQUAL(run.stack, wanted[i].stack);
        CU_ASSERT_EQUAL(run.weight, wanted[i].weight);
    }
    CU_ASSERT_EQUAL(lt_run_reader_next(&r, &run), 0);
    lt_run_spool_free(s);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"streams stay apart", streams_stay_apart},
        {"equal neighbours are one run", neighbours_merge},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("run_spool", tests);
}
