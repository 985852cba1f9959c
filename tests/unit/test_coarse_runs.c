/* SPDX-License-Identifier: Apache-2.0
 *
 * However little room there is: what is planned fits, all weight is still there, and moves only within
 * its step and to its callers. */
#include "config.h"

#include "exporters/coarse_runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "tests/support/unit_main.h"

enum { STREAMS = 3, RUNS = 5000, STACKS = 200, MAX_NODES = 4 * STACKS };

struct spooled {
    struct lt_run_spool *spool;
    struct lt_stack_tree *tree;
    uint32_t nodes[STACKS];
    struct lt_coarse_source source;
};

/* Stacks three deep; the first ones are frequent. */
static void spooled_init(struct spooled *s)
{
    uint32_t state = 7;

    CU_ASSERT_EQUAL_FATAL(lt_run_spool_new(&s->spool), 0);
    CU_ASSERT_EQUAL_FATAL(lt_stack_tree_new(&s->tree), 0);
    for (uint32_t i = 0; i < STACKS; i++) {
        CU_ASSERT_EQUAL(lt_stack_tree_child(s->tree, 0, i % 3, &s->nodes[i]), 0);
        CU_ASSERT_EQUAL(lt_stack_tree_child(s->tree, s->nodes[i], i % 20, &s->nodes[i]), 0);
        CU_ASSERT_EQUAL(lt_stack_tree_child(s->tree, s->nodes[i], 1000 + i, &s->nodes[i]), 0);
    }
    for (uint32_t i = 0; i < STREAMS * RUNS; i++) {
        state = state * 1664525 + 1013904223;
        uint32_t limit = 1 + (state >> 20) % STACKS;
        struct lt_run run = {(state >> 8) % limit, 1 + (state >> 12) % 1000};
        CU_ASSERT_EQUAL(lt_run_spool_add(s->spool, i % STREAMS, run), 0);
    }
    s->source = (struct lt_coarse_source){s->spool, s->tree, s->nodes};
}

static void spooled_release(struct spooled *s)
{
    lt_run_spool_free(s->spool);
    lt_stack_tree_free(s->tree);
}

static size_t text_size(const struct spooled *s, const struct lt_run *run)
{
    char number[32];
    size_t size =
        2 + 1 + (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)run->weight);

    for (uint32_t node = run->stack; node != 0; node = lt_stack_tree_parent(s->tree, node)) {
        size +=
            1 + (size_t)snprintf(number, sizeof number, "%u", lt_stack_tree_frame(s->tree, node));
    }
    return size;
}

/* Compares a stream with the runs that it is made of, and returns its size. */
static size_t check_stream(const struct spooled *s, const struct lt_coarse_plan *plan,
                           struct lt_coarse_reader *reader, uint32_t stream)
{
    static uint64_t before[MAX_NODES], after[MAX_NODES];
    struct lt_run_reader exact;
    struct lt_run run;
    uint64_t at = 0, until = 0;
    size_t size = 0;
    unsigned early = 0;

    memset(before, 0, sizeof before);
    memset(after, 0, sizeof after);
    CU_ASSERT_EQUAL(lt_coarse_reader_begin(reader, stream), 0);
    CU_ASSERT_EQUAL(lt_run_reader_init(&exact, s->spool, stream), 0);
    while (lt_coarse_reader_next(reader, &run) > 0) {
        after[run.stack] += run.weight;
        at += run.weight;
        size += text_size(s, &run);
        /* What came out of a coarse run began at most a step after it. */
        while (plan->shift != LT_COARSE_WHOLE && until < at) {
            struct lt_run one;
            if (lt_run_reader_next(&exact, &one) <= 0) {
                break;
            }
            before[plan->shown[s->nodes[one.stack]]] += one.weight;
            until += one.weight;
        }
        uint64_t step = plan->shift == LT_COARSE_EXACT ? 1 : UINT64_C(1) << (plan->shift & 63);
        early +=
            plan->shift != LT_COARSE_WHOLE && after[run.stack] > before[run.stack] + step + 1000;
    }
    CU_ASSERT_EQUAL(early, 0);
    while (lt_run_reader_next(&exact, &run) > 0) {
        before[plan->shown[s->nodes[run.stack]]] += run.weight;
    }
    CU_ASSERT_EQUAL(memcmp(before, after, sizeof before), 0);
    return size;
}

static size_t check(const struct spooled *s, const struct lt_coarse_plan *plan)
{
    struct lt_coarse_reader *reader;
    size_t size = 0;

    CU_ASSERT_EQUAL_FATAL(lt_coarse_reader_new(&reader, &s->source, plan), 0);
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        size += check_stream(s, plan, reader, stream);
    }
    lt_coarse_reader_free(reader);
    return size;
}

static void whatever_the_budget(void)
{
    struct spooled s;
    struct lt_coarse_plan plan;
    unsigned merging = 0, coarse = 0;

    spooled_init(&s);
    for (uint64_t budget = 300000; budget > 100; budget = budget * 3 / 4) {
        CU_ASSERT_EQUAL(lt_coarse_plan_make(&plan, &s.source, budget), 0);
        CU_ASSERT(plan.fits);
        CU_ASSERT(plan.size <= budget);
        CU_ASSERT(check(&s, &plan) <= plan.size);
        merging += plan.least > 0;
        coarse += plan.shift > 0 && plan.shift < LT_COARSE_WHOLE;
        lt_coarse_plan_release(&plan);
    }
    CU_ASSERT(merging > 3);
    CU_ASSERT(coarse > 3);
    spooled_release(&s);
}

static void without_a_limit(void)
{
    struct spooled s;
    struct lt_coarse_plan plan;

    spooled_init(&s);
    CU_ASSERT_EQUAL(lt_coarse_plan_make(&plan, &s.source, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(plan.shift, LT_COARSE_EXACT);
    CU_ASSERT_EQUAL(plan.least, 0);
    CU_ASSERT_EQUAL(check(&s, &plan), plan.exact_size);
    lt_coarse_plan_release(&plan);
    spooled_release(&s);
}

/* No room at all: an outermost frame for each thread is what remains. */
static void too_little(void)
{
    struct spooled s;
    struct lt_coarse_plan plan;

    spooled_init(&s);
    CU_ASSERT_EQUAL(lt_coarse_plan_make(&plan, &s.source, 0), 0);
    CU_ASSERT_FALSE(plan.fits);
    CU_ASSERT_EQUAL(plan.shift, LT_COARSE_WHOLE);
    CU_ASSERT(check(&s, &plan) < 200);
    lt_coarse_plan_release(&plan);
    spooled_release(&s);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a plan fits, and no weight is lost", whatever_the_budget},
        {"without a limit runs stay as they are", without_a_limit},
        {"too little room", too_little},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("coarse_runs", tests);
}
