/* SPDX-License-Identifier: Apache-2.0
 *
 * Flame graphs: how stacks merge, where boxes stand, what colours mean, and the drawing of a
 * difference, which no exporter asks for yet. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "exporters/exporter_builtins.h"
#include "exporters/flame_layout.h"
#include "exporters/flame_palette.h"
#include "exporters/flame_svg.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "tests/support/exporter_probe.h"
#include "tests/support/unit_main.h"

enum { MAIN, LOAD, SAVE, OTHER_SAVE, N_FRAMES };

static const struct live_trace_frame frames[N_FRAMES] = {
    [MAIN] = {.id = MAIN,
              .flags = LIVE_TRACE_FRAME_MINE,
              .name = "main",
              .file = "app.py",
              .line = 3,
              .source = ""},
    [LOAD] = {.id = LOAD,
              .flags = LIVE_TRACE_FRAME_LIBRARY,
              .name = "load",
              .file = "lib/io.py",
              .line = 7,
              .source = ""},
    [SAVE] = {.id = SAVE,
              .flags = LIVE_TRACE_FRAME_STDLIB,
              .name = "save",
              .file = "json.py",
              .line = 9,
              .source = ""},
    /* Reads like SAVE. */
    [OTHER_SAVE] = {.id = OTHER_SAVE,
                    .flags = LIVE_TRACE_FRAME_STDLIB,
                    .name = "save",
                    .file = "json.py",
                    .line = 20,
                    .source = ""},
};

/* A stack of the frames whose numbers are given as digits, root first. */
static struct live_trace_stack stack_of(const char *digits, const struct live_trace_frame *path[16])
{
    struct live_trace_stack stack = {.frames = path, .depth = (uint32_t)strlen(digits)};

    for (uint32_t i = 0; i < stack.depth; i++) {
        path[i] = &frames[digits[i] - '0'];
    }
    return stack;
}

static void add(struct lt_flame_tree *t, const char *digits, unsigned side, uint64_t weight)
{
    const struct live_trace_frame *path[16];
    struct live_trace_stack stack = stack_of(digits, path);

    CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add(t, &stack, side, weight), 0);
}

static struct lt_flame_tree *new_tree(bool by_line, bool reverse)
{
    struct lt_flame_tree *t;

    CU_ASSERT_EQUAL_FATAL(lt_flame_tree_new(&t, by_line, reverse), 0);
    return t;
}

/* A box as text: "row x width label". */
static void check_box(const struct lt_flame_tree *t, const struct lt_flame_layout *l, size_t i,
                      const char *expected)
{
    char text[200];
    const struct lt_flame_box *box = &l->boxes[i];

    snprintf(text, sizeof text, "%u %u %u %s", (unsigned)box->row, (unsigned)box->x,
             (unsigned)box->width, box->node > 0 ? lt_flame_tree_frame(t, box->node).label : "all");
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void check_layout(const struct lt_flame_tree *t, const struct lt_flame_layout_config *config,
                         const char *const *expected, size_t n)
{
    struct lt_flame_layout l;

    CU_ASSERT_EQUAL_FATAL(lt_flame_layout_make(&l, t, config), 0);
    CU_ASSERT_EQUAL_FATAL(l.n, n);
    for (size_t i = 0; i < n; i++) {
        check_box(t, &l, i, expected[i]);
    }
    lt_flame_layout_release(&l);
}

static void merged(void)
{
    static const char *const expected[] = {
        "0 0 21 all",          "1 0 21 main (app.py)",  "2 0 5 load (lib/io.py)",
        "2 5 6 main (app.py)", "2 11 6 save (json.py)",
    };
    struct lt_flame_tree *t = new_tree(false, false);

    add(t, "02", 0, 2);
    add(t, "01", 0, 5);
    add(t, "03", 0, 4);
    add(t, "0", 0, 4);
    add(t, "00", 0, 6);
    check_layout(t, &(struct lt_flame_layout_config){0}, expected, 5);
    lt_flame_tree_free(t);
}

static void by_line_and_weight(void)
{
    static const char *const expected[] = {
        "0 0 11 all",
        "1 0 11 main (app.py:3)",
        "2 0 5 load (lib/io.py:7)",
        "2 5 4 save (json.py:20)",
        "2 9 2 save (json.py:9)",
    };
    struct lt_flame_tree *t = new_tree(true, false);

    add(t, "02", 0, 2);
    add(t, "03", 0, 4);
    add(t, "01", 0, 5);
    check_layout(t, &(struct lt_flame_layout_config){.order = LT_FLAME_BY_WEIGHT}, expected, 5);
    lt_flame_tree_free(t);
}

static void reversed(void)
{
    static const char *const expected[] = {
        "0 0 7 all",           "1 0 5 load (lib/io.py)",
        "2 0 2 main (app.py)", "2 2 3 save (json.py)",
        "3 2 3 main (app.py)", "1 5 2 save (json.py)",
        "2 5 2 main (app.py)",
    };
    struct lt_flame_tree *t = new_tree(false, true);

    add(t, "01", 0, 2);
    add(t, "021", 0, 3);
    add(t, "02", 0, 2);
    check_layout(t, &(struct lt_flame_layout_config){0}, expected, 7);
    lt_flame_tree_free(t);
}

/* A frame is one as long as it stays in its thread's stack, and callees stand where they were
 * called. Threads are beside each other. */
static void in_time(void)
{
    static const char *const expected[] = {
        "0 0 17 all",
        "1 0 10 main (app.py)",
        "2 1 5 load (lib/io.py)",
        "3 3 3 save (json.py)",
        "2 8 2 load (lib/io.py)",
        "1 10 7 main (app.py)",
        "2 10 7 save (json.py)",
    };
    static const struct {
        const char *stack;
        uint32_t thread;
        uint64_t weight;
    } samples[] = {{"0", 0, 1},  {"01", 0, 2}, {"02", 1, 3}, {"012", 0, 3},
                   {"02", 1, 4}, {"0", 0, 2},  {"01", 0, 2}};
    struct lt_flame_tree *t = new_tree(false, false);

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct live_trace_thread thread = {.id = samples[i].thread};
        const struct live_trace_frame *path[16];
        struct live_trace_stack sample = stack_of(samples[i].stack, path);
        sample.thread = &thread;
        CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add_sample(t, &sample, samples[i].weight), 0);
    }
    check_layout(t, &(struct lt_flame_layout_config){.order = LT_FLAME_BY_TIME}, expected, 7);
    CU_ASSERT_EQUAL(lt_flame_tree_passed_over(t), 0);
    lt_flame_tree_free(t);
}

/* Of a million changes not all are kept, but all weight is. */
static void in_long_time(void)
{
    const struct live_trace_thread thread = {.id = 0};
    const struct lt_flame_layout_config config = {.order = LT_FLAME_BY_TIME};
    static const char *const stacks[] = {"0", "1", "2"};
    struct lt_flame_tree *t = new_tree(false, false);
    struct lt_flame_layout l;

    for (size_t i = 0; i < 1000000; i++) {
        const struct live_trace_frame *path[16];
        struct live_trace_stack sample = stack_of(stacks[i % 3], path);
        sample.thread = &thread;
        CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add_sample(t, &sample, 10), 0);
    }
    CU_ASSERT(lt_flame_tree_count(t) < 500000);
    CU_ASSERT(lt_flame_tree_passed_over(t) > 500000);
    CU_ASSERT_EQUAL_FATAL(lt_flame_layout_make(&l, t, &config), 0);
    CU_ASSERT_EQUAL(l.boxes[0].width, 10000000);
    lt_flame_layout_release(&l);
    lt_flame_tree_free(t);
}

/* Of samples that stand for no time, as where the interval is unknown, there is nothing to draw or keep. */
static void in_no_time(void)
{
    const struct live_trace_thread thread = {.id = 0};
    static const char *const stacks[] = {"0", "01", "2"};
    static const char *const expected[] = {"0 0 5 all", "1 0 5 save (json.py)"};
    struct lt_flame_tree *t = new_tree(false, false);

    for (size_t i = 0; i < 300000; i++) {
        const struct live_trace_frame *path[16];
        struct live_trace_stack sample = stack_of(stacks[i % 3], path);
        sample.thread = &thread;
        CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add_sample(t, &sample, 0), 0);
        if (i == 200000) {
            CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add_sample(t, &sample, 5), 0);
        }
    }
    CU_ASSERT_EQUAL(lt_flame_tree_count(t), 2);
    check_layout(t, &(struct lt_flame_layout_config){.order = LT_FLAME_BY_TIME}, expected, 2);
    lt_flame_tree_free(t);
}

/* What is too narrow goes, and its callees with it; the others keep their places and widths. */
static void narrow(void)
{
    static const char *const expected[] = {"0 0 100 all", "1 0 100 main (app.py)",
                                           "2 0 90 save (json.py)"};
    const struct lt_flame_layout_config config = {.least_part = 0.1};
    struct lt_flame_tree *t = new_tree(false, false);
    struct lt_flame_layout l;

    add(t, "011", 0, 9);
    add(t, "02", 0, 90);
    add(t, "0", 0, 1);
    check_layout(t, &config, expected, 3);
    CU_ASSERT_EQUAL_FATAL(lt_flame_layout_make(&l, t, &config), 0);
    CU_ASSERT_EQUAL(l.left_out, 2);
    CU_ASSERT_EQUAL(l.rows, 3);
    lt_flame_layout_release(&l);
    lt_flame_tree_free(t);
}

/* Of a stack that is too deep both ends are kept, so that self weights stay right. */
static void deep(void)
{
    enum { DEPTH = LT_FLAME_MAX_DEPTH + 500 };
    const struct live_trace_frame *path[DEPTH];
    struct live_trace_stack stack = {.frames = path, .depth = DEPTH};
    struct lt_flame_tree *t = new_tree(false, false);
    uint32_t last, gaps = 0;

    for (uint32_t i = 0; i < DEPTH; i++) {
        path[i] = &frames[LOAD];
    }
    path[0] = &frames[MAIN];
    path[DEPTH - 1] = &frames[SAVE];
    CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add(t, &stack, 0, 7), 0);
    last = lt_flame_tree_count(t) - 1;
    CU_ASSERT_EQUAL(lt_flame_tree_depth(t, last), LT_FLAME_MAX_DEPTH);
    CU_ASSERT_STRING_EQUAL(lt_flame_tree_frame(t, last).label, "save (json.py)");
    CU_ASSERT_STRING_EQUAL(lt_flame_tree_frame(t, 1).label, "main (app.py)");
    CU_ASSERT_EQUAL(lt_flame_tree_self(t, last, 0), 7);
    CU_ASSERT_EQUAL(lt_flame_tree_cut(t), 1);
    for (uint32_t node = 1; node <= last; node++) {
        gaps += strstr(lt_flame_tree_frame(t, node).label, "left out") != NULL;
    }
    CU_ASSERT_EQUAL(gaps, 1);
    lt_flame_tree_free(t);
}

/* What the colour of a frame of side 0 stands for. */
static const char *owner(const char *name, const char *file, uint32_t flags)
{
    const struct live_trace_frame frame = {
        .flags = flags, .name = name, .file = file, .source = ""};
    const struct live_trace_frame *path[] = {&frame};
    const struct live_trace_stack stack = {.frames = path, .depth = 1};
    struct lt_flame_tree *t = new_tree(false, false);
    struct lt_flame_frame drawn;
    struct lt_flame_color color;

    CU_ASSERT_EQUAL_FATAL(lt_flame_tree_add(t, &stack, 0, 1), 0);
    drawn = lt_flame_tree_frame(t, 1);
    color = lt_flame_palette_color(LT_FLAME_PALETTE_OWNER, &drawn);
    CU_ASSERT(color.color < LT_FLAME_COLORS && color.shade < LT_FLAME_SHADES);
    lt_flame_tree_free(t);
    return lt_flame_palette_meaning(LT_FLAME_PALETTE_OWNER, color.color);
}

static void owners(void)
{
    static const struct {
        const char *name, *file;
        uint32_t flags;
        const char *meaning;
    } cases[] = {
        {"f", "a.py", LIVE_TRACE_FRAME_MINE, "your code"},
        {"f", "requests/api.py", LIVE_TRACE_FRAME_LIBRARY, "libraries"},
        {"f", "json/decoder.py", LIVE_TRACE_FRAME_STDLIB, "standard library"},
        {"_load", "<frozen importlib>", LIVE_TRACE_FRAME_STDLIB, "standard library"},
        {"PyEval_EvalFrame", "libpython3.12.so.1.0", LIVE_TRACE_FRAME_MINE, "native code"},
        {"inflate", "_zlib.cpython-312-x86_64-linux-gnu.so", LIVE_TRACE_FRAME_LIBRARY,
         "native code"},
        {"list_sort", "Objects/listobject.c", LIVE_TRACE_FRAME_MINE, "native code"},
        {"f", "a.sorry", LIVE_TRACE_FRAME_MINE, "your code"},
        {"thread MainThread (1)", "", LIVE_TRACE_FRAME_THREAD, "threads and processes"},
        {"process a.py (1)", "", LIVE_TRACE_FRAME_PROCESS, "threads and processes"},
        {"<unknown>", "", LIVE_TRACE_FRAME_UNKNOWN, "other"},
        {"/cart", "", 0, "other"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *meaning = owner(cases[i].name, cases[i].file, cases[i].flags);
        if (strcmp(meaning, cases[i].meaning) != 0) {
            printf("\n    %s (%s): %s\n", cases[i].name, cases[i].file, meaning);
            CU_FAIL("wrong owner");
        }
    }
}

/* From much less to much more, in seven steps. */
static void changes(void)
{
    static const struct {
        uint64_t before, after;
        unsigned color;
    } cases[] = {
        {900, 0, 0},   {0, 0, 3},     {500, 500, 3}, {500, 502, 4}, {500, 520, 5},
        {500, 700, 6}, {500, 498, 2}, {500, 480, 1}, {500, 300, 0}, {0, 1000, 6},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_EQUAL(lt_flame_palette_change(cases[i].before, cases[i].after, 1000).color,
                        cases[i].color);
    }
    CU_ASSERT_EQUAL(lt_flame_palette_change(1, 2, 0).color, 3);
}

static void difference(void)
{
    struct lt_flame_tree *t = new_tree(false, false);
    struct lt_flame_layout l;
    struct lt_exporter_probe p;
    struct lt_flame_drawing d = {
        .tree = t,
        .layout = &l,
        .title = "before and after",
        .subtitle = "",
        .notes = "",
        .description = "",
        .count_name = "samples",
        .palette = LT_FLAME_PALETTE_CHANGE,
        .width = 800,
        .font_size = 12,
    };

    add(t, "01", 0, 60);
    add(t, "02", 0, 40);
    lt_flame_tree_next_delivery(t);
    add(t, "01", 1, 55);
    add(t, "02", 1, 45);
    CU_ASSERT_EQUAL_FATAL(lt_flame_layout_make(&l, t, &(struct lt_flame_layout_config){.side = 1}),
                          0);
    CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, &lt_exporter_svg, NULL, 0), 0);
    CU_ASSERT_EQUAL(lt_flame_svg_write(&d, &p.host), 0);
    lt_buf_put_u8(&p.out, '\0');
    const char *out = (const char *)p.out.data;
    CU_ASSERT_PTR_NOT_NULL(strstr(out,
                                  "<g class=\"c1-0\" data-b=\"2 0 55\"><title>load (lib/io.py)\n"
                                  "55 samples, 55.00%; itself 55 samples, 55.00%\n"
                                  "before: 60 samples, 60.00%; itself 60 samples, 60.00%"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(out, "<g class=\"c5-0\" data-b=\"2 55 45\"><title>save (json.py)"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(out, "<g class=\"c3-0\" data-b=\"1 0 100\"><title>main (app.py)"));
    /* Neither end has a box; the legend has both. */
    CU_ASSERT_PTR_NOT_NULL(strstr(out, ">less itself than before<"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, ">more itself than before<"));
    p.exporter->close(p.state, 1);
    lt_probe_release(&p);
    lt_flame_layout_release(&l);
    lt_flame_tree_free(t);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"stacks merge", merged},
        {"by line, the widest first", by_line_and_weight},
        {"innermost frames as roots", reversed},
        {"a chart", in_time},
        {"a long chart", in_long_time},
        {"a chart of samples without time", in_no_time},
        {"narrow boxes", narrow},
        {"stacks that are too deep", deep},
        {"whose code", owners},
        {"steps of change", changes},
        {"drawing of a difference", difference},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("flame", tests);
}
