/* SPDX-License-Identifier: Apache-2.0
 *
 * The exporters by themselves: names that try to break out of the format, the edges of each format,
 * and outputs that cannot be written. What they make of whole recordings is in tests/golden. */
#include "config.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/clean_text.h"
#include "exporters/exporter_builtins.h"
#include "formats/lt_error.h"
#include "tests/support/exporter_probe.h"
#include "tests/support/unit_main.h"

#define MAX_FRAMES 3000

/* clang-format off */
static const struct live_trace_exporter *const all[] = {
    &lt_exporter_callgrind,
    &lt_exporter_chrome,
    &lt_exporter_csv,
    &lt_exporter_firefox,
    &lt_exporter_flamechart,
    &lt_exporter_folded,
    &lt_exporter_heatmap,
    &lt_exporter_jsonl,
    &lt_exporter_log,
    &lt_exporter_pprof,
    &lt_exporter_pstats,
    &lt_exporter_speedscope,
    &lt_exporter_svg,
    &lt_exporter_text,
};
/* clang-format on */
#define N_ALL (sizeof all / sizeof *all)

static const struct live_trace_thread thread = {
    .pid = 7, .tid = 70, .name = "main", .process_name = ""};

static struct live_trace_frame frame_of(uint32_t id, const char *name, const char *file)
{
    return (struct live_trace_frame){.id = id, .name = name, .file = file, .source = ""};
}

static struct live_trace_stack stack_of(uint32_t id, uint32_t depth,
                                        const struct live_trace_frame *const *frames)
{
    return (struct live_trace_stack){
        .id = id,
        .depth = depth,
        .frames = frames,
        .thread = &thread,
        .time_ns = -1,
        .count = 3,
        .weight_ns = 30000000,
    };
}

/* So that what was written can be looked at. */
static const struct live_trace_option not_compressed = {"gzip", "0"};

/* One stack of one frame through an exporter. */
static void export_frame(struct lt_exporter_probe *p, const struct live_trace_exporter *exporter,
                         const char *name, const char *file)
{
    struct live_trace_frame frame = frame_of(0, name, file);
    const struct live_trace_frame *frames[] = {&frame};
    struct live_trace_stack stack = stack_of(0, 1, frames);

    CU_ASSERT_EQUAL_FATAL(lt_probe_open(p, exporter, &not_compressed, 1), 0);
    CU_ASSERT_EQUAL(lt_probe_meta(p, "function", 0), 0);
    CU_ASSERT_EQUAL(lt_probe_stack(p, &stack), 0);
    CU_ASSERT_EQUAL(lt_probe_finish(p), 0);
}

static void folded_names(void)
{
    static const struct {
        const char *name, *file, *line;
    } cases[] = {
        {"f", "a.py", "f (a.py) 3\n"},
        {"a;b", "c;d.py", "a:b (c:d.py) 3\n"},
        {"a\nb\rc\td", "", "a b c d 3\n"},
        {"\x1b[31mred", "", " [31mred 3\n"},
        {"csi\xc2\x9b"
         "1m",
         "", "csi 1m 3\n"},
        {"rtl\xe2\x80\xae"
         "x",
         "", "rtl x 3\n"},
        {"caf\xc3\xa9 \xf0\x9f\x90\x8d", "", "caf\xc3\xa9 \xf0\x9f\x90\x8d 3\n"},
        {"\xff\xc3(", "", "\xef\xbf\xbd\xef\xbf\xbd( 3\n"},
        {"worker 12", "", "worker (12) 3\n"},
        {"ratio 1.5", "", "ratio (1.5) 3\n"},
        {"v1.5", "", "v1.5 3\n"},
        {"12", "", "12 3\n"},
        {"a 12", "x.py", "a 12 (x.py) 3\n"},
        {"x.py", "x.py", "x.py 3\n"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lt_exporter_probe p;
        export_frame(&p, &lt_exporter_folded, cases[i].name, cases[i].file);
        if (strcmp((char *)p.out.data, cases[i].line) != 0) {
            printf("\n    %s", (char *)p.out.data);
            CU_FAIL("wrong folded line");
        }
        lt_probe_release(&p);
    }
}

/* Names that are told apart by what folded cannot write become one line, and the order is that of
 * sort. */
static void folded_merges_and_sorts(void)
{
    static const char *const names[] = {"b", "a", "a;", "a:", "a (x)", "a0"};
    struct live_trace_frame frames[6];
    struct lt_exporter_probe p;

    CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, &lt_exporter_folded, NULL, 0), 0);
    CU_ASSERT_EQUAL(lt_probe_meta(&p, "function", 0), 0);
    for (uint32_t i = 0; i < 6; i++) {
        frames[i] = frame_of(i, names[i], "");
    }
    for (uint32_t i = 0; i < 12; i++) {
        const struct live_trace_frame *path[] = {&frames[i % 6], &frames[0]};
        struct live_trace_stack stack = stack_of(i, 1 + i / 6, path);
        CU_ASSERT_EQUAL(lt_probe_stack(&p, &stack), 0);
    }
    CU_ASSERT_EQUAL(lt_probe_finish(&p), 0);
    CU_ASSERT_STRING_EQUAL((char *)p.out.data, "a (x) 3\na (x);b 3\n"
                                               "a 3\n"
                                               "a0 3\na0;b 3\n"
                                               "a: 6\na:;b 6\n"
                                               "a;b 3\n"
                                               "b 3\nb;b 3\n");
    lt_probe_release(&p);
}

static void folded_microseconds(void)
{
    struct live_trace_frame f = frame_of(0, "f", "");
    const struct live_trace_frame *path[] = {&f};
    struct live_trace_stack stack = stack_of(0, 1, path);
    struct lt_exporter_probe p;

    stack.weight_ns = 1234567;
    CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, &lt_exporter_folded, NULL, 0), 0);
    CU_ASSERT_EQUAL(lt_probe_meta(&p, "function", 1), 0);
    CU_ASSERT_EQUAL(lt_probe_stack(&p, &stack), 0);
    CU_ASSERT_EQUAL(lt_probe_finish(&p), 0);
    CU_ASSERT_STRING_EQUAL((char *)p.out.data, "f 1235\n");
    lt_probe_release(&p);
}

static const cJSON *item(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* speedscope refuses a file without profiles. */
static void speedscope_empty(void)
{
    struct lt_exporter_probe p;
    cJSON *json;
    const cJSON *profile;

    CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, &lt_exporter_speedscope, NULL, 0), 0);
    CU_ASSERT_EQUAL(lt_probe_meta(&p, "function", 1), 0);
    CU_ASSERT_EQUAL(lt_probe_finish(&p), 0);
    json = cJSON_Parse((char *)p.out.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_STRING_EQUAL(item(json, "$schema")->valuestring,
                           "https://www.speedscope.app/file-format-schema.json");
    CU_ASSERT_STRING_EQUAL(item(json, "exporter")->valuestring, "live-trace@1.2.3");
    CU_ASSERT_EQUAL(cJSON_GetArraySize(item(json, "profiles")), 1);
    profile = cJSON_GetArrayItem(item(json, "profiles"), 0);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(item(profile, "samples")), 0);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(item(profile, "weights")), 0);
    CU_ASSERT_EQUAL(item(profile, "endValue")->valueint, 0);
    cJSON_Delete(json);
    lt_probe_release(&p);
}

/* A recursion of `depth` frames, each its own frame, so that one can see which are kept. */
static cJSON *export_deep(struct lt_exporter_probe *p, uint32_t depth)
{
    static struct live_trace_frame frames[MAX_FRAMES];
    static const struct live_trace_frame *path[MAX_FRAMES];
    struct live_trace_stack stack = stack_of(0, depth, path);

    for (uint32_t i = 0; i < depth; i++) {
        frames[i] = frame_of(i, "f", "");
        path[i] = &frames[i];
    }
    CU_ASSERT_EQUAL_FATAL(lt_probe_open(p, &lt_exporter_speedscope, NULL, 0), 0);
    CU_ASSERT_EQUAL(lt_probe_meta(p, "function", 0), 0);
    CU_ASSERT_EQUAL(lt_probe_stack(p, &stack), 0);
    CU_ASSERT_EQUAL(lt_probe_finish(p), 0);
    return cJSON_Parse((char *)p->out.data);
}

static void speedscope_depth(void)
{
    static const struct {
        uint32_t depth, kept, second_half;
    } cases[] = {{2000, 2000, 1001}, {2001, 2000, 1002}, {3000, 2000, 2001}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lt_exporter_probe p;
        cJSON *json = export_deep(&p, cases[i].depth);
        bool cut = cases[i].depth > 2000;
        CU_ASSERT_PTR_NOT_NULL_FATAL(json);
        const cJSON *profile = cJSON_GetArrayItem(item(json, "profiles"), 0);
        const cJSON *stack = cJSON_GetArrayItem(item(profile, "samples"), 0);
        const cJSON *names = item(item(json, "shared"), "frames");

        CU_ASSERT_EQUAL(cJSON_GetArraySize(stack), (int)cases[i].kept);
        CU_ASSERT_EQUAL(cJSON_GetArrayItem(stack, 999)->valueint, 999);
        CU_ASSERT_EQUAL(cJSON_GetArrayItem(stack, 1000)->valueint,
                        cut ? (int)cases[i].depth : 1000);
        CU_ASSERT_EQUAL(cJSON_GetArrayItem(stack, 1001)->valueint, (int)cases[i].second_half);
        CU_ASSERT_EQUAL(cJSON_GetArrayItem(stack, 1999)->valueint, (int)cases[i].depth - 1);
        CU_ASSERT_EQUAL(cJSON_GetArraySize(names), (int)cases[i].depth + cut);
        CU_ASSERT_EQUAL(strstr(item(json, "name")->valuestring, "cut at 2000") != NULL, cut);
        CU_ASSERT_EQUAL(p.notes.len > 1, cut);
        cJSON_Delete(json);
        lt_probe_release(&p);
    }
}

/* Whatever a program calls its functions: the JSON outputs stay JSON, and no web page ends in
 * them. */
static void json_names(void)
{
    static const struct live_trace_exporter *const json_exporters[] = {
        &lt_exporter_speedscope, &lt_exporter_firefox, &lt_exporter_jsonl};
    static const char name[] = "</script><!--\"\\\n\x01\xff\xe2\x80\xa8";

    for (size_t i = 0; i < 3; i++) {
        bool lines = json_exporters[i] == &lt_exporter_jsonl;
        struct lt_exporter_probe p;
        export_frame(&p, json_exporters[i], name, name);
        CU_ASSERT_PTR_NULL(strstr((char *)p.out.data, "</"));
        CU_ASSERT_PTR_NULL(strstr((char *)p.out.data, "<!"));
        CU_ASSERT_PTR_NULL(strchr((char *)p.out.data, '\x01'));
        for (char *line = strtok((char *)p.out.data, lines ? "\n" : ""); line != NULL;
             line = strtok(NULL, lines ? "\n" : "")) {
            cJSON *json = cJSON_Parse(line);
            CU_ASSERT_PTR_NOT_NULL(json);
            cJSON_Delete(json);
        }
        lt_probe_release(&p);
    }
}

static void long_names(void)
{
    size_t len = (size_t)1 << 20;
    char *name = malloc(len + 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(name);
    memset(name, 'x', len);
    name[len] = '\0';
    for (size_t i = 0; i < N_ALL; i++) {
        struct lt_exporter_probe p;
        export_frame(&p, all[i], name, name);
        /* pprof is compressed, pictures show no more than fits. */
        bool brief = all[i] == &lt_exporter_pprof || all[i] == &lt_exporter_svg ||
                     all[i] == &lt_exporter_flamechart;
        CU_ASSERT(p.out.len > (brief ? 1000 : len));
        lt_probe_release(&p);
    }
    free(name);
}

/* An output that cannot be written is an error of each exporter, and nothing is leaked. */
static void failing_output(void)
{
    for (size_t i = 0; i < N_ALL; i++) {
        struct lt_exporter_probe p;
        struct live_trace_frame f = frame_of(0, "f", "f.py");
        const struct live_trace_frame *path[] = {&f};
        struct live_trace_stack stack = stack_of(0, 1, path);

        CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, all[i], NULL, 0), 0);
        p.fail_writes = 1;
        CU_ASSERT_EQUAL(lt_probe_meta(&p, "function", 0), 0);
        CU_ASSERT_EQUAL(lt_probe_stack(&p, &stack), 0);
        CU_ASSERT_EQUAL(lt_probe_finish(&p), LT_ERR_IO);
        lt_probe_release(&p);
    }
}

/* close after a failure writes nothing. */
static void abandoned(void)
{
    for (size_t i = 0; i < N_ALL; i++) {
        struct lt_exporter_probe p;
        CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, all[i], NULL, 0), 0);
        CU_ASSERT_EQUAL(all[i]->close(p.state, 1), 0);
        CU_ASSERT_EQUAL(p.out.len, 0);
        lt_probe_release(&p);
    }
}

/* Colour is there only if the host says that somebody sees it, and ends where its line ends. */
static void text_color(void)
{
    for (int color = 0; color < 2; color++) {
        struct live_trace_frame f = frame_of(0, "f", "f.py");
        const struct live_trace_frame *path[] = {&f};
        struct live_trace_stack stack = stack_of(0, 1, path);
        struct lt_exporter_probe p;

        f.flags = LIVE_TRACE_FRAME_MINE;
        f.line = 5;
        CU_ASSERT_EQUAL_FATAL(lt_probe_open(&p, &lt_exporter_text, NULL, 0), 0);
        p.host.color = color;
        CU_ASSERT_EQUAL(lt_probe_meta(&p, "line", 0), 0);
        CU_ASSERT_EQUAL(lt_probe_stack(&p, &stack), 0);
        CU_ASSERT_EQUAL(lt_probe_finish(&p), 0);
        const char *row = strstr((char *)p.out.data, "\n\n");
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        CU_ASSERT_STRING_EQUAL(
            row + 2, color ? "\033[1m    3 100.00% File: \"f.py\", line 5, in f      <====\033[0m\n"
                           : "    3 100.00% File: \"f.py\", line 5, in f      <====\n");
        lt_probe_release(&p);
    }
}

static void text_options(void)
{
    static const struct {
        struct live_trace_option option;
        int error;
    } cases[] = {
        {{"most-common", "3"}, 0},
        {{"most-common", "0"}, 0},
        {{"most-common", "-1"}, LT_ERR_USAGE},
        {{"most-common", ""}, LT_ERR_USAGE},
        {{"most-common", "3x"}, LT_ERR_USAGE},
        {{"most-common", "99999999999999999999"}, 0},
        {{"sum-all-frames", "1"}, 0},
        {{"json", "yes"}, LT_ERR_USAGE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lt_exporter_probe p;
        int error = lt_probe_open(&p, &lt_exporter_text, &cases[i].option, 1);
        CU_ASSERT_EQUAL(error, cases[i].error);
        CU_ASSERT_EQUAL(p.notes.len > 0, cases[i].error != 0);
        if (error == 0) {
            p.exporter->close(p.state, 1);
        }
        lt_probe_release(&p);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"names in folded lines", folded_names},
        {"folded lines merge and are sorted", folded_merges_and_sorts},
        {"folded microseconds", folded_microseconds},
        {"empty speedscope file", speedscope_empty},
        {"speedscope's depth", speedscope_depth},
        {"names in JSON", json_names},
        {"names of a megabyte", long_names},
        {"output that cannot be written", failing_output},
        {"abandoned outputs", abandoned},
        {"options of text", text_options},
        {"colour of text", text_color},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("exporters", tests);
}
