/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass tells the size for every shift: two runs of a stack fall into one step for all shifts from
 * the highest bit on in which their beginnings differ, so that bit is what is counted. */
#include "config.h"

#include "exporters/coarse_runs.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define NO_SHARE 26 /* then `least` is a 2^24th of all, and goes on from there */
#define MAX_STEP ((size_t)1 << 28)

/* What is given up first: each leaves the longest stream so many steps at least, and merges frames
 * that weigh less than a 2^share of all. */
static const struct stage {
    uint64_t steps;
    int share;
} stages[] = {{2000, 10}, {100, 6}, {1, 0}};

/* ---- sizes ---- */

static unsigned digits(uint64_t v)
{
    unsigned n = 1;

    for (; v >= 10; v /= 10) {
        n++;
    }
    return n;
}

/* What is known by node. */
struct nodes {
    size_t n;
    uint64_t *weight;    /* with all that it calls */
    uint64_t *last;      /* where its last run in the stream began, plus one; 0: it had none */
    uint32_t *text_size; /* of "[1,2,3]," */
};

/* Sizes by shift: sizes.from[b] bytes are of runs that are there for shifts below b. */
struct sizes {
    uint64_t from[LT_COARSE_WHOLE + 2];
    uint64_t exact;
    uint64_t longest; /* weight of a stream */
};

static void nodes_release(struct nodes *nodes)
{
    free(nodes->weight);
    free(nodes->last);
    free(nodes->text_size);
}

/* Callers come before what they call. */
static int nodes_init(struct nodes *nodes, const struct lt_stack_tree *tree)
{
    nodes->n = lt_stack_tree_count(tree);
    nodes->weight = calloc(nodes->n, sizeof *nodes->weight);
    nodes->last = calloc(nodes->n, sizeof *nodes->last);
    nodes->text_size = calloc(nodes->n, sizeof *nodes->text_size);
    if (nodes->weight == NULL || nodes->last == NULL || nodes->text_size == NULL) {
        return LT_ERR_NOMEM;
    }
    nodes->text_size[0] = 2;
    for (uint32_t i = 1; i < nodes->n; i++) {
        nodes->text_size[i] = nodes->text_size[lt_stack_tree_parent(tree, i)] +
                              digits(lt_stack_tree_frame(tree, i)) + 1;
    }
    return 0;
}

/* 0 for a stack that has no beginning in its stream, else the number of shifts that it is there for. */
static unsigned shifts_of(uint64_t begin, uint64_t last)
{
    uint64_t differs = begin ^ (last - 1);

    if (last == 0) {
        return LT_COARSE_WHOLE + 1;
    }
    return differs != 0 ? LT_COARSE_WHOLE - (unsigned)__builtin_clzll(differs) : 0;
}

static int measure_stream(const struct lt_coarse_source *source, uint32_t stream,
                          const uint32_t *shown, struct nodes *nodes, struct sizes *sizes,
                          unsigned weight_size)
{
    struct lt_run_reader reader;
    struct lt_run run;
    uint64_t begin = 0;
    int more = lt_run_reader_init(&reader, source->spool, stream);

    memset(nodes->last, 0, nodes->n * sizeof *nodes->last);
    while (more >= 0 && (more = lt_run_reader_next(&reader, &run)) > 0) {
        uint32_t node = shown[source->node_of_stack[run.stack]];
        uint64_t *last = &nodes->last[node];
        sizes->from[shifts_of(begin, *last)] += nodes->text_size[node] + weight_size;
        sizes->exact += nodes->text_size[node] + digits(run.weight) + 1;
        *last = begin + 1;
        begin += run.weight;
    }
    sizes->longest = begin > sizes->longest ? begin : sizes->longest;
    return more;
}

static int measure(const struct lt_coarse_source *source, const struct lt_coarse_plan *plan,
                   struct nodes *nodes, struct sizes *sizes)
{
    int error = 0;

    *sizes = (struct sizes){0};
    for (uint32_t i = 0; i < lt_run_spool_streams(source->spool) && error == 0; i++) {
        error = measure_stream(source, i, plan->shown, nodes, sizes, digits(plan->weight) + 1);
    }
    return error;
}

/* ---- the plan ---- */

static int weigh_stream(const struct lt_coarse_source *source, uint32_t stream, struct nodes *nodes)
{
    struct lt_run_reader reader;
    struct lt_run run;
    int more = lt_run_reader_init(&reader, source->spool, stream);

    while (more >= 0 && (more = lt_run_reader_next(&reader, &run)) > 0) {
        nodes->weight[source->node_of_stack[run.stack]] += run.weight;
    }
    return more;
}

static int weigh(const struct lt_coarse_source *source, struct nodes *nodes)
{
    int error = 0;

    for (uint32_t i = 0; i < lt_run_spool_streams(source->spool) && error == 0; i++) {
        error = weigh_stream(source, i, nodes);
    }
    for (uint32_t i = (uint32_t)nodes->n; i-- > 1 && error == 0;) {
        nodes->weight[lt_stack_tree_parent(source->tree, i)] += nodes->weight[i];
    }
    return error;
}

/* The outermost frame always stays. */
static void merge_rare(struct lt_coarse_plan *plan, const struct lt_stack_tree *tree,
                       const struct nodes *nodes)
{
    for (uint32_t i = 0; i < nodes->n; i++) {
        uint32_t parent = i != 0 ? lt_stack_tree_parent(tree, i) : 0;
        bool rare = parent != 0 && nodes->weight[i] < plan->least;
        plan->shown[i] = rare ? plan->shown[parent] : i;
    }
}

/* The finest shift up to `most` that fits; false and the coarsest if none does. */
static bool choose_shift(struct lt_coarse_plan *plan, const struct sizes *sizes, uint64_t budget,
                         int most)
{
    plan->shift = most;
    plan->size = 0;
    for (int shift = LT_COARSE_WHOLE; shift >= most; shift--) {
        plan->size += sizes->from[shift + 1];
    }
    if (plan->size > budget) {
        return false;
    }
    while (plan->shift > 0 && plan->size + sizes->from[plan->shift] <= budget) {
        plan->size += sizes->from[plan->shift--];
    }
    return true;
}

/* The greatest shift that leaves the longest stream so many steps. */
static int coarsest(const struct sizes *sizes, uint64_t steps)
{
    uint64_t step = sizes->longest / steps;

    if (steps == 1) {
        return LT_COARSE_WHOLE;
    }
    return step > 0 ? 63 - __builtin_clzll(step) : 0;
}

/* Merges no frame first, then rarer ones before others. */
static int try_stage(struct lt_coarse_plan *plan, const struct lt_coarse_source *source,
                     struct nodes *nodes, uint64_t budget, const struct stage *stage)
{
    struct sizes sizes;
    int error = 0;

    for (int share = NO_SHARE; error == 0 && !plan->fits && share >= stage->share; share -= 2) {
        plan->least = share == NO_SHARE ? 0 : (plan->weight >> share) + 1;
        merge_rare(plan, source->tree, nodes);
        error = measure(source, plan, nodes, &sizes);
        if (error == 0) {
            plan->fits = choose_shift(plan, &sizes, budget, coarsest(&sizes, stage->steps));
        }
    }
    return error;
}

static int search(struct lt_coarse_plan *plan, const struct lt_coarse_source *source,
                  struct nodes *nodes, uint64_t budget)
{
    struct sizes sizes;
    int error = measure(source, plan, nodes, &sizes);

    plan->exact_size = plan->size = sizes.exact;
    plan->fits = sizes.exact <= budget;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] && error == 0 && !plan->fits; i++) {
        error = try_stage(plan, source, nodes, budget, &stages[i]);
    }
    return error;
}

int lt_coarse_plan_make(struct lt_coarse_plan *plan, const struct lt_coarse_source *source,
                        uint64_t budget)
{
    struct nodes nodes = {0};
    int error = nodes_init(&nodes, source->tree);

    *plan = (struct lt_coarse_plan){.shift = LT_COARSE_EXACT};
    if (error == 0) {
        plan->shown = calloc(nodes.n, sizeof *plan->shown);
        error = plan->shown != NULL ? weigh(source, &nodes) : LT_ERR_NOMEM;
    }
    if (error == 0) {
        plan->weight = nodes.weight[0];
        merge_rare(plan, source->tree, &nodes);
        error = search(plan, source, &nodes, budget);
    }
    nodes_release(&nodes);
    return error;
}

void lt_coarse_plan_release(struct lt_coarse_plan *plan)
{
    free(plan->shown);
    *plan = (struct lt_coarse_plan){0};
}

static int put_step(struct lt_buf *out, const struct lt_coarse_plan *plan, bool is_time)
{
    double step = (double)(UINT64_C(1) << plan->shift);

    if (!is_time) {
        return lt_buf_printf(out, "in steps of %.0f samples", step);
    }
    return step < 1e9 ? lt_buf_printf(out, "in steps of %.3g ms", step / 1e6)
                      : lt_buf_printf(out, "in steps of %.3g s", step / 1e9);
}

int lt_coarse_plan_words(const struct lt_coarse_plan *plan, bool is_time, struct lt_buf *out)
{
    bool in_steps = plan->shift > 0 || plan->least == 0;
    int error = 0;

    if (plan->shift == LT_COARSE_WHOLE) {
        error = lt_buf_put_text(out, "without order in time");
    } else if (in_steps) {
        error = put_step(out, plan, is_time);
    }
    if (error == 0 && plan->least > 0) {
        error = lt_buf_put_text(out, in_steps ? ", with " : "with ");
    }
    if (error == 0 && plan->least > plan->weight) {
        error = lt_buf_put_text(out, "outermost frames only");
    } else if (error == 0 && plan->least > 0) {
        error = lt_buf_printf(out, "frames below %.2g%% merged into their callers",
                              100.0 * (double)plan->least / (double)plan->weight);
    }
    return error;
}

/* ---- reading ---- */

struct lt_coarse_reader {
    struct lt_coarse_source source;
    const struct lt_coarse_plan *plan;
    struct lt_run_reader runs;
    struct lt_run ahead; /* the first run of the next step */
    bool has_ahead;
    uint64_t begin; /* of it */

    struct lt_run *step; /* merged */
    size_t n, alloc, at;
    uint32_t *place; /* by node: where it is in the step, if it is there */
};

int lt_coarse_reader_new(struct lt_coarse_reader **out, const struct lt_coarse_source *source,
                         const struct lt_coarse_plan *plan)
{
    struct lt_coarse_reader *r = calloc(1, sizeof *r);

    if (r == NULL) {
        return LT_ERR_NOMEM;
    }
    r->source = *source;
    r->plan = plan;
    r->place = calloc(lt_stack_tree_count(source->tree), sizeof *r->place);
    if (r->place == NULL) {
        free(r);
        return LT_ERR_NOMEM;
    }
    *out = r;
    return 0;
}

void lt_coarse_reader_free(struct lt_coarse_reader *r)
{
    if (r == NULL) {
        return;
    }
    free(r->step);
    free(r->place);
    free(r);
}

static int look_ahead(struct lt_coarse_reader *r)
{
    int more = lt_run_reader_next(&r->runs, &r->ahead);

    r->has_ahead = more > 0;
    if (more > 0) {
        r->ahead.stack = r->plan->shown[r->source.node_of_stack[r->ahead.stack]];
    }
    return more < 0 ? more : 0;
}

int lt_coarse_reader_begin(struct lt_coarse_reader *r, uint32_t stream)
{
    int error = lt_run_reader_init(&r->runs, r->source.spool, stream);

    r->begin = 0;
    r->n = r->at = 0;
    return error < 0 ? error : look_ahead(r);
}

static uint64_t step_of(const struct lt_coarse_reader *r, uint64_t at)
{
    return r->plan->shift == LT_COARSE_WHOLE ? 0 : at >> r->plan->shift;
}

static int merge(struct lt_coarse_reader *r, struct lt_run run)
{
    uint32_t place = r->place[run.stack];
    int error;

    if (place < r->n && r->step[place].stack == run.stack) {
        r->step[place].weight += run.weight;
        return 0;
    }
    error = lt_array_grow(&r->step, &r->alloc, r->n + 1, sizeof *r->step, MAX_STEP);
    if (error == 0) {
        r->place[run.stack] = (uint32_t)r->n;
        r->step[r->n++] = run;
    }
    return error;
}

/* All runs of the next step. */
static int fill(struct lt_coarse_reader *r)
{
    uint64_t step = step_of(r, r->begin);
    int error = 0;

    r->n = r->at = 0;
    while (r->has_ahead && error == 0 && step_of(r, r->begin) == step) {
        r->begin += r->ahead.weight;
        error = merge(r, r->ahead);
        if (error == 0) {
            error = look_ahead(r);
        }
    }
    return error;
}

int lt_coarse_reader_next(struct lt_coarse_reader *r, struct lt_run *run)
{
    int error = 0;

    if (r->plan->shift == LT_COARSE_EXACT) {
        bool more = r->has_ahead;
        *run = r->ahead;
        error = more ? look_ahead(r) : 0;
        return error < 0 ? error : more;
    }
    if (r->at == r->n) {
        error = fill(r);
    }
    if (error < 0 || r->n == 0) {
        return error;
    }
    *run = r->step[r->at++];
    return 1;
}
