/* SPDX-License-Identifier: Apache-2.0
 *
 * A made-up recording is played into a view, event by event; what comes out is compared as text,
 * one line a stack: "THREAD frame;frame COUNT". */
#include "config.h"

#include "analysis/view.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/text_pool.h"
#include "analysis/totals.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

#define MS INT64_C(1000000)

struct probe {
    struct lt_view *view;
    struct lt_totals *totals;
    struct lt_buf out;
};

static int keep(void *ctx, const struct lt_view_sample *sample)
{
    struct probe *p = ctx;
    return lt_totals_add(p->totals, sample);
}

static void probe_init(struct probe *p, const struct lt_selection *selection, enum lt_by by,
                       bool drop_idle)
{
    const struct lt_view_config config = {
        .selection = selection,
        .by = by,
        .drop_idle = drop_idle,
        .ctx = p,
        .sample = keep,
    };
    char message[200] = "";

    *p = (struct probe){0};
    CU_ASSERT_EQUAL_FATAL(lt_totals_new(&p->totals), 0);
    CU_ASSERT_EQUAL_FATAL(lt_view_new(&p->view, &config, message, sizeof message), 0);
    lt_view_begin_input(p->view, 0);
}

static void probe_release(struct probe *p)
{
    lt_view_free(p->view);
    lt_totals_free(p->totals);
    lt_buf_release(&p->out);
}

static void put_node(struct probe *p, uint32_t node)
{
    struct lt_stack_tree *tree = lt_view_stacks(p->view);
    uint32_t parent = lt_stack_tree_parent(tree, node);
    struct lt_view_frame f =
        lt_frame_table_get(lt_view_frames(p->view), lt_stack_tree_frame(tree, node));

    if (parent != 0) {
        put_node(p, parent);
        lt_buf_put_text(&p->out, ";");
    }
    lt_buf_put_text(&p->out, f.name);
    if (f.line > 0) {
        lt_buf_printf(&p->out, ":%" PRIu32, f.line);
    }
    lt_buf_put_text(&p->out, (f.flags & LT_FRAME_MINE) != 0 ? "*" : "");
}

static void expect(struct probe *p, const char *wanted)
{
    for (uint32_t i = 0; i < lt_totals_count(p->totals); i++) {
        const struct lt_total *total = lt_totals_at(p->totals, i);
        struct lt_view_thread t = lt_thread_table_get(lt_view_threads(p->view), total->thread);
        lt_buf_printf(&p->out, "%s ", t.name);
        put_node(p, total->node);
        lt_buf_printf(&p->out, " %" PRIu64 "\n", total->count);
    }
    lt_buf_put_u8(&p->out, '\0');
    if (strcmp((char *)p->out.data, wanted) != 0) {
        printf("\n%s    instead of\n%s", (char *)p->out.data, wanted);
        CU_FAIL("the view shows something else");
    }
    probe_release(p);
}

static void define_frame(const struct lt_profile_handler *h, uint32_t id, const char *name,
                         const char *file, uint32_t line, uint32_t first_line)
{
    struct lt_frame_info info = {lt_str_of(name), lt_str_of(file), line, first_line};
    CU_ASSERT_EQUAL(h->frame(h->ctx, id, &info), 0);
}

static void define_thread(const struct lt_profile_handler *h, uint32_t id, uint32_t process,
                          uint64_t tid, const char *name)
{
    struct lt_thread_info info = {.process = process, .tid = tid, .name = lt_str_of(name)};
    CU_ASSERT_EQUAL(h->thread(h->ctx, id, &info), 0);
}

static void sample(const struct lt_profile_handler *h, int64_t ms, uint32_t thread, uint32_t stack,
                   uint32_t state, uint32_t tags)
{
    struct lt_sample s = {.time_ns = ms * MS,
                          .thread = thread,
                          .stack = stack,
                          .state = state,
                          .tags = tags,
                          .count = 1,
                          .weight_ns = 10 * MS};
    CU_ASSERT_EQUAL(h->sample(h->ctx, &s), 0);
}

static void define_segment(const struct lt_profile_handler *h)
{
    const struct lt_process_info process = {.pid = 7, .command = lt_str_of("python3 app.py")};
    const struct lt_tag tag = {lt_str_of("route"), lt_str_of("/home")};

    CU_ASSERT_EQUAL(h->process(h->ctx, 0, &process), 0);
    define_thread(h, 0, 0, 70, "main");
    define_thread(h, 1, 0, 71, "worker");
    define_frame(h, 0, "main", "/p/app.py", 3, 1);
    define_frame(h, 1, "work", "/p/app.py", 8, 6);
    define_frame(h, 2, "work", "/p/app.py", 9, 6);
    define_frame(h, 3, "loads", "/usr/lib/python3.11/json/__init__.py", 346, 299);
    CU_ASSERT_EQUAL(h->stack(h->ctx, 1, 0, 0), 0); /* main */
    CU_ASSERT_EQUAL(h->stack(h->ctx, 2, 1, 1), 0); /* main;work:8 */
    CU_ASSERT_EQUAL(h->stack(h->ctx, 3, 1, 2), 0); /* main;work:9 */
    CU_ASSERT_EQUAL(h->stack(h->ctx, 4, 3, 3), 0); /* main;work:9;loads */
    CU_ASSERT_EQUAL(h->stack(h->ctx, 5, 0, 3), 0); /* loads */
    CU_ASSERT_EQUAL(h->tags(h->ctx, 1, &tag, 1), 0);
}

static void play(struct probe *p)
{
    const struct lt_profile_handler h = lt_view_handler(p->view);
    const struct lt_meta meta = {
        .host = lt_str_of("web"), .cwd = lt_str_of("/p"), .has_time = true};

    CU_ASSERT_EQUAL(h.meta(h.ctx, &meta), 0);
    define_segment(&h);
    sample(&h, 10, 0, 2, LT_STATE_CPU | LT_STATE_GIL, 0);
    sample(&h, 20, 0, 3, LT_STATE_CPU | LT_STATE_GIL, 1);
    sample(&h, 30, 0, 4, LT_STATE_CPU, 1);
    sample(&h, 30, 1, 5, 0, 0);
    sample(&h, 40, 0, 0, LT_STATE_CPU, 0);
}

static void expect_selection(const struct lt_selection *selection, enum lt_by by, bool drop_idle,
                             const char *wanted)
{
    struct probe p;

    probe_init(&p, selection, by, drop_idle);
    play(&p);
    expect(&p, wanted);
}

static void told_apart(void)
{
    const struct lt_selection all = {0};

    expect_selection(&all, LT_BY_LINE, false,
                     "main main:3*;work:8* 1\n"
                     "main main:3*;work:9* 1\n"
                     "main main:3*;work:9*;loads:346 1\n"
                     "worker loads:346 1\n"
                     "main <unknown> 1\n");
    expect_selection(&all, LT_BY_FUNCTION, false,
                     "main main:1*;work:6* 2\n"
                     "main main:1*;work:6*;loads:299 1\n"
                     "worker loads:299 1\n"
                     "main <unknown> 1\n");
    expect_selection(&all, LT_BY_FILE, false,
                     "main app.py* 2\n"
                     "main app.py*;json/__init__.py 1\n"
                     "worker json/__init__.py 1\n"
                     "main <unknown> 1\n");
    expect_selection(&all, LT_BY_MODULE, false,
                     "main app* 2\n"
                     "main app*;json 1\n"
                     "worker json 1\n"
                     "main <unknown> 1\n");
}

static void by_tag(void)
{
    const struct lt_selection by = {.by_tag = "route"};
    const struct lt_selection no_such = {.by_tag = "user"};

    expect_selection(&by, LT_BY_TAG, false,
                     "main (no route) 2\n"
                     "main route=/home 2\n"
                     "worker (no route) 1\n");
    expect_selection(&no_such, LT_BY_TAG, false,
                     "main (no user) 4\n"
                     "worker (no user) 1\n");
}

static void states(void)
{
    const struct lt_selection wall = {0}, cpu = {.mode = LT_MODE_CPU}, gil = {.mode = LT_MODE_GIL};
    const char *busy = "main main:1*;work:6* 2\n"
                       "main main:1*;work:6*;loads:299 1\n"
                       "main <unknown> 1\n";

    expect_selection(&wall, LT_BY_FUNCTION, true, busy);
    expect_selection(&cpu, LT_BY_FUNCTION, false, busy);
    expect_selection(&gil, LT_BY_FUNCTION, false, "main main:1*;work:6* 2\n");
}

/* Recordings that do not know what threads did: never idle, never known to be on a processor. */
static void unknown_state(void)
{
    const struct lt_selection cpu = {.mode = LT_MODE_CPU}, wall = {0};
    struct probe p;
    struct lt_profile_handler h;

    probe_init(&p, &wall, LT_BY_FUNCTION, true);
    h = lt_view_handler(p.view);
    define_segment(&h);
    sample(&h, 10, 0, 1, LT_STATE_UNKNOWN, 0);
    expect(&p, "main main:1* 1\n");

    probe_init(&p, &cpu, LT_BY_FUNCTION, true);
    h = lt_view_handler(p.view);
    define_segment(&h);
    sample(&h, 10, 0, 1, LT_STATE_UNKNOWN, 0);
    CU_ASSERT_EQUAL(lt_view_counts(p.view).stateless, 1);
    expect(&p, "");
}

static void who_and_what(void)
{
    const char *worker[] = {"worker"}, *tid[] = {"71"}, *other[] = {"72", "nobody"};
    const char *pid[] = {"7"}, *other_pid[] = {"8"};
    const char *route[] = {"route=/home"}, *wrong[] = {"route=/"}, *both[] = {"route=/home", "a=b"};
    const struct lt_selection cases[] = {
        {.threads = {worker, 1}},      {.threads = {tid, 1}},
        {.threads = {other, 2}},       {.processes = {pid, 1}, .threads = {tid, 1}},
        {.processes = {other_pid, 1}}, {.tags = {wrong, 1}},
        {.tags = {both, 2}},
    };
    const struct lt_selection tagged = {.tags = {route, 1}};
    const char *wanted[] = {
        "worker loads:299 1\n", "worker loads:299 1\n", "", "worker loads:299 1\n", "", "", ""};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_selection(&cases[i], LT_BY_FUNCTION, false, wanted[i]);
    }
    expect_selection(&tagged, LT_BY_FUNCTION, false,
                     "main main:1*;work:6* 1\n"
                     "main main:1*;work:6*;loads:299 1\n");
}

static void expressions(void)
{
    const char *loads[] = {"^loads"}, *line[] = {"work \\(app.py:8\\)$"}, *unknown[] = {"unknown"};
    const char *full[] = {"/usr/lib"}, *app[] = {"app\\.py"};
    const struct lt_selection focus = {.focus = {loads, 1}}, ignore = {.ignore = {line, 1}};
    const struct lt_selection no_unknown = {.ignore = {unknown, 1}},
                              recorded = {.focus = {full, 1}};
    const struct lt_selection hide = {.hide = {app, 1}};

    expect_selection(&focus, LT_BY_FUNCTION, false,
                     "main main:1*;work:6*;loads:299 1\n"
                     "worker loads:299 1\n");
    expect_selection(&recorded, LT_BY_FUNCTION, false,
                     "main main:1*;work:6*;loads:299 1\n"
                     "worker loads:299 1\n");
    expect_selection(&ignore, LT_BY_FUNCTION, true,
                     "main main:1*;work:6* 1\n"
                     "main main:1*;work:6*;loads:299 1\n"
                     "main <unknown> 1\n");
    expect_selection(&no_unknown, LT_BY_FUNCTION, true,
                     "main main:1*;work:6* 2\n"
                     "main main:1*;work:6*;loads:299 1\n");
    /* Nothing disappears from the shares: a stack without shown frames is still a stack. */
    expect_selection(&hide, LT_BY_FUNCTION, false,
                     "main <hidden> 2\n"
                     "main loads:299 1\n"
                     "worker loads:299 1\n"
                     "main <unknown> 1\n");
}

static void mine_only(void)
{
    const struct lt_selection mine = {.mine = true};

    expect_selection(&mine, LT_BY_FUNCTION, false,
                     "main main:1*;work:6* 3\n"
                     "worker <hidden> 1\n"
                     "main <unknown> 1\n");
}

static void bad_expression(void)
{
    const char *words[] = {"a(b"};
    const struct lt_selection selection = {.focus = {words, 1}};
    const struct lt_view_config config = {.selection = &selection, .by = LT_BY_LINE};
    struct lt_view *view;
    char message[200] = "";

    CU_ASSERT_EQUAL(lt_view_new(&view, &config, message, sizeof message), LT_ERR_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "a(b"));
}

static void window(void)
{
    const struct lt_selection all = {0};
    const struct lt_view_window middle = {20 * MS, 40 * MS}; /* from is in, to is not */
    struct probe p;

    probe_init(&p, &all, LT_BY_FUNCTION, false);
    lt_view_set_window(p.view, &middle, false);
    play(&p);
    CU_ASSERT_EQUAL(lt_view_counts(p.view).recorded, 5);
    CU_ASSERT_EQUAL(lt_view_counts(p.view).selected, 3);
    expect(&p, "main main:1*;work:6* 1\n"
               "main main:1*;work:6*;loads:299 1\n"
               "worker loads:299 1\n");
}

/* Ids mean something else after a segment; the same stacks are the same ones again. */
static void segments(void)
{
    const struct lt_selection all = {0};
    struct probe p;
    struct lt_profile_handler h;

    probe_init(&p, &all, LT_BY_FUNCTION, false);
    play(&p);
    h = lt_view_handler(p.view);
    CU_ASSERT_EQUAL(h.segment(h.ctx), 0);
    sample(&h, 50, 0, 2, LT_STATE_CPU, 0); /* nothing is defined: lost, not wrong */
    define_thread(&h, 5, 0, 70, "main");
    define_frame(&h, 9, "loads", "/usr/lib/python3.11/json/__init__.py", 346, 299);
    CU_ASSERT_EQUAL(h.stack(h.ctx, 2, 0, 9), 0);
    CU_ASSERT_EQUAL(h.stack(h.ctx, 3, 77, 9), 0); /* its caller was lost */
    sample(&h, 60, 5, 2, LT_STATE_CPU, 0);
    sample(&h, 70, 5, 3, LT_STATE_CPU, 0);
    expect(&p, "main main:1*;work:6* 2\n"
               "main main:1*;work:6*;loads:299 1\n"
               "worker loads:299 1\n"
               "main <unknown> 1\n"
               " <unknown> 1\n"
               "main loads:299 1\n"
               "main <unknown> 1\n");
}

/* Threads are the same in two inputs only if host, process and thread ids are. */
static void inputs(void)
{
    static const struct {
        const char *host;
        uint32_t pid, threads;
    } cases[] = {{"web", 7, 2}, {"web2", 7, 4}, {"web", 8, 4}, {"", 7, 4}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct lt_selection all = {0};
        const struct lt_meta meta = {.host = lt_str_of(cases[i].host)};
        const struct lt_process_info process = {.pid = cases[i].pid};
        struct probe p;
        struct lt_profile_handler h;

        probe_init(&p, &all, LT_BY_FUNCTION, false);
        play(&p);
        lt_view_begin_input(p.view, 1);
        h = lt_view_handler(p.view);
        CU_ASSERT_EQUAL(h.meta(h.ctx, &meta), 0);
        CU_ASSERT_EQUAL(h.process(h.ctx, 0, &process), 0);
        define_thread(&h, 0, 0, 70, "main");
        define_thread(&h, 1, 0, 71, "worker");
        CU_ASSERT_EQUAL(lt_thread_table_count(lt_view_threads(p.view)), cases[i].threads);
        probe_release(&p);
    }
}

/* Names that come late: a first pass makes --thread right from the first sample on. */
static void late_names(void)
{
    const char *late[] = {"late"};
    const struct lt_selection selection = {.threads = {late, 1}};

    for (int survey = 0; survey < 2; survey++) {
        const struct lt_process_info process = {.pid = 7};
        struct probe p;
        struct lt_profile_handler h;

        probe_init(&p, &selection, LT_BY_FUNCTION, false);
        if (survey) {
            h = lt_view_survey_handler(p.view);
            CU_ASSERT_EQUAL(h.process(h.ctx, 0, &process), 0);
            define_thread(&h, 0, 0, 70, "");
            define_thread(&h, 0, 0, 70, "late");
            lt_view_end_survey(p.view);
            lt_view_begin_input(p.view, 0);
        }
        h = lt_view_handler(p.view);
        define_segment(&h);
        define_thread(&h, 0, 0, 70, "");
        sample(&h, 10, 0, 1, LT_STATE_CPU, 0);
        define_thread(&h, 0, 0, 70, "late");
        sample(&h, 20, 0, 1, LT_STATE_CPU, 0);
        expect(&p, survey ? "late main:1* 2\n" : "late main:1* 1\n");
    }
}

static void hostile(void)
{
    const struct lt_selection all = {0};
    struct probe p;
    struct lt_profile_handler h;
    struct lt_sample huge = {.stack = 1, .state = LT_STATE_CPU, .count = 1, .weight_ns = INT64_MAX};
    struct lt_frame_info nul = {{"a\0b", 3}, {NULL, 0}, 0, 0};

    probe_init(&p, &all, LT_BY_FUNCTION, false);
    h = lt_view_handler(p.view);
    CU_ASSERT_EQUAL(h.frame(h.ctx, 0, &nul), 0);
    CU_ASSERT_EQUAL(h.stack(h.ctx, 1, 0, 0), 0);
    CU_ASSERT_EQUAL(h.frame(h.ctx, UINT32_MAX, &nul), LT_ERR_NOMEM);
    CU_ASSERT_EQUAL(h.sample(h.ctx, &huge), 0);
    CU_ASSERT_EQUAL(h.sample(h.ctx, &huge), 0);
    huge.weight_ns = -5;
    CU_ASSERT_EQUAL(h.sample(h.ctx, &huge), 0);
    CU_ASSERT_EQUAL(lt_totals_at(p.totals, 0)->weight_ns, INT64_MAX);
    expect(&p, " a b 3\n");
}

/* A stack deeper than the cap is shown as unknown, with everything above it. */
static void too_deep(void)
{
    const struct lt_selection all = {0};
    struct probe p;
    struct lt_profile_handler h;

    probe_init(&p, &all, LT_BY_FUNCTION, false);
    h = lt_view_handler(p.view);
    define_segment(&h);
    for (uint32_t i = 0; i < LT_VIEW_MAX_DEPTH + 2; i++) {
        CU_ASSERT_EQUAL(h.stack(h.ctx, 100 + i, i == 0 ? 0 : 99 + i, 0), 0);
    }
    sample(&h, 10, 0, 100 + LT_VIEW_MAX_DEPTH, LT_STATE_CPU, 0);
    sample(&h, 10, 0, 101 + LT_VIEW_MAX_DEPTH, LT_STATE_CPU, 0);
    expect(&p, "main <unknown> 2\n");
}

static void health(void)
{
    const struct lt_selection all = {0};
    const struct lt_health first = {.asked = 10, .taken = 8, .failed = {2}, .max_lateness_ns = 5};
    const struct lt_health later = {.asked = 20, .taken = 17, .failed = {3}, .max_lateness_ns = 5};
    struct probe p;
    struct lt_profile_handler h;
    struct lt_health sum;

    probe_init(&p, &all, LT_BY_FUNCTION, false);
    h = lt_view_handler(p.view);
    CU_ASSERT_EQUAL(h.health(h.ctx, &first), 0); /* cumulative: the later one replaces it */
    CU_ASSERT_EQUAL(h.health(h.ctx, &later), 0);
    lt_view_begin_input(p.view, 1);
    CU_ASSERT_EQUAL(h.health(h.ctx, &first), 0); /* another recording adds up */
    sum = lt_view_health(p.view);
    CU_ASSERT_EQUAL(sum.asked, 30);
    CU_ASSERT_EQUAL(sum.taken, 25);
    CU_ASSERT_EQUAL(sum.failed[LT_FAIL_TORN], 5);
    CU_ASSERT_EQUAL(sum.max_lateness_ns, 5);
    probe_release(&p);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"by line, function, file, module", told_apart},
        {"by tag", by_tag},
        {"modes and idle", states},
        {"states that are not known", unknown_state},
        {"threads, processes, tags", who_and_what},
        {"focus, ignore, hide", expressions},
        {"mine", mine_only},
        {"bad expression", bad_expression},
        {"time window", window},
        {"segments", segments},
        {"several inputs", inputs},
        {"late thread names", late_names},
        {"hostile input", hostile},
        {"too deep", too_deep},
        {"health", health},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("view", tests);
}
