/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of outputs, with plug-ins that the test compiles itself: the example one, and ones with
 * something wrong. Needs a C compiler ($CC, else cc), as a user who writes a plug-in does. */
#include "config.h"

#include "exporters/exporter_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

static const char *source_dir;
static size_t n_builtins;
static char folder[256];
static char message[400];

static void path_in(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", folder, name);
}

/* Compiles `source` (a C file's text, or NULL for the example) to folder/name. */
static void build(const char *name, const char *source)
{
    const char *cc = getenv("CC");
    char command[2000], file[400];

    path_in(file, sizeof file, "plugin.c");
    if (source != NULL) {
        FILE *f = fopen(file, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fprintf(f, "#include <live_trace_exporter.h>\n%s\n", source);
        CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
    } else {
        snprintf(file, sizeof file, "%s/examples/exporter/tsv.c", source_dir);
    }
    snprintf(command, sizeof command, "%s -shared -fPIC -I'%s/exporters' -o '%s/%s' '%s'",
             cc != NULL && cc[0] != '\0' ? cc : "cc", source_dir, folder, name, file);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static void forget(const char *name)
{
    char path[400];

    path_in(path, sizeof path, name);
    unlink(path);
}

/* A plug-in with the given designated members; the functions are there. */
#define PLUGIN(members)                                                                            \
    "static int o(const struct live_trace_host *h, void **s) { (void)h; *s = 0; return 0; }\n"     \
    "static int t(void *s, const struct live_trace_stack *x) { (void)s; (void)x; return 0; }\n"    \
    "static int c(void *s, int f) { (void)s; (void)f; return 0; }\n"                               \
    "const struct live_trace_exporter live_trace_exporter = { " members " };"
#define ABI ".abi_version = LIVE_TRACE_EXPORTER_ABI, "
#define SIZE ".struct_size = sizeof(struct live_trace_exporter), "
#define NAME ".name = \"mine\", .description = \"d\", "
#define CALLS ".open = o, .stack = t, .close = c"

static void built_in(void)
{
    static const char *const names[] = {"folded", "jsonl", "speedscope", "text"};
    struct lt_registry *r;

    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, NULL, NULL, 0, message, sizeof message), 0);
    n_builtins = lt_registry_count(r);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct live_trace_exporter *e = lt_registry_find(r, names[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(e);
        CU_ASSERT_STRING_EQUAL(e->name, names[i]);
        CU_ASSERT_EQUAL(e->abi_version, LIVE_TRACE_EXPORTER_ABI);
    }
    for (size_t i = 0; i < n_builtins; i++) {
        const struct lt_exporter_entry *entry = lt_registry_at(r, i);
        if (entry->exporter == NULL) { /* its library was not there: it is listed all the same */
            CU_ASSERT_STRING_EQUAL(entry->origin, "not built in");
            CU_ASSERT_PTR_NOT_NULL(entry->unavailable);
            CU_ASSERT_PTR_NULL(lt_registry_find(r, entry->name));
            continue;
        }
        CU_ASSERT_STRING_EQUAL(entry->origin, "built in");
        CU_ASSERT_STRING_EQUAL(entry->name, entry->exporter->name);
        CU_ASSERT_PTR_NOT_NULL(entry->exporter->options);
        if (i > 0) {
            const char *before = lt_registry_at(r, i - 1)->exporter->name;
            CU_ASSERT_TRUE(strcmp(before, entry->exporter->name) < 0);
        }
    }
    CU_ASSERT_PTR_NULL(lt_registry_find(r, "fold"));
    lt_registry_free(r);
}

static void by_ending(void)
{
    static const struct {
        const char *path, *name;
    } cases[] = {
        {"x.folded", "folded"},
        {"a/b.speedscope.json", "speedscope"},
        {"x.jsonl", "jsonl"},
        {"x.html", "html"},
        {"x.svg", "svg"},
        {"x.folded.txt", "text"},
        {"x.json", NULL},
        {"folded", NULL},
        {"a/.folded", NULL},
        {"xfolded", NULL},
        {"x.FOLDED", NULL},
        {"a.folded/x", NULL},
        {"", NULL},
    };
    struct lt_registry *r;

    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, NULL, NULL, 0, message, sizeof message), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct live_trace_exporter *e = lt_registry_for_file(r, cases[i].path);
        const char *name = e != NULL ? e->name : NULL;
        if (name != cases[i].name &&
            (name == NULL || cases[i].name == NULL || strcmp(name, cases[i].name) != 0)) {
            printf("\n    %s: %s\n", cases[i].path, name);
            CU_FAIL("wrong exporter for the file");
        }
    }
    lt_registry_free(r);
}

static void from_folders(void)
{
    struct lt_registry *r;
    char search[400];

    build("tsv.so", NULL);
    build("broken.so", PLUGIN(ABI SIZE NAME ".open = o, .close = c"));
    build("impostor.so", PLUGIN(ABI SIZE ".name = \"text\", .description = \"d\", " CALLS));
    snprintf(search, sizeof search, "relative::/nowhere:%s", folder);
    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, search, NULL, NULL, 0, message, sizeof message), 0);
    CU_ASSERT_EQUAL(lt_registry_count(r), n_builtins + 3);
    CU_ASSERT_PTR_NOT_NULL(lt_registry_find(r, "tsv"));
    CU_ASSERT_PTR_NOT_NULL(lt_registry_for_file(r, "x.tsv"));
    CU_ASSERT_PTR_NULL(lt_registry_find(r, "mine"));
    for (size_t i = 0; i < 3; i++) { /* broken, impostor, tsv */
        const struct lt_exporter_entry *e = lt_registry_at(r, n_builtins + i);
        CU_ASSERT_EQUAL(e->exporter != NULL, i == 2);
        CU_ASSERT_EQUAL(e->unavailable == NULL, i == 2);
        CU_ASSERT_PTR_NOT_NULL(strstr(e->origin, folder));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(lt_registry_at(r, n_builtins)->unavailable, "stack or sample"));
    CU_ASSERT_PTR_NOT_NULL(strstr(lt_registry_at(r, n_builtins + 1)->unavailable, "name is taken"));
    CU_ASSERT_STRING_EQUAL(lt_registry_find(r, "text")->extension, "txt");
    lt_registry_free(r);

    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, folder, NULL, 0, message, sizeof message), 0);
    CU_ASSERT_EQUAL(lt_registry_count(r), n_builtins + 3);
    lt_registry_free(r);
    forget("tsv.so");
    forget("broken.so");
    forget("impostor.so");
}

/* Nothing is loaded from where the user happens to stand, unless the user names the file. */
static void working_folder(void)
{
    static const char *const files[] = {"tsv.so"};
    struct lt_registry *r;
    char *before = getcwd(NULL, 0);

    build("tsv.so", NULL);
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0);
    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, ".:", "", NULL, 0, message, sizeof message), 0);
    CU_ASSERT_EQUAL(lt_registry_count(r), n_builtins);
    lt_registry_free(r);
    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, NULL, files, 1, message, sizeof message), 0);
    CU_ASSERT_PTR_NOT_NULL(lt_registry_find(r, "tsv"));
    lt_registry_free(r);
    CU_ASSERT_EQUAL_FATAL(chdir(before), 0);
    free(before);
    forget("tsv.so");
}

static void named_takes_over(void)
{
    char path[400];
    const char *const files[] = {path};
    struct lt_registry *r;

    build("text.so",
          PLUGIN(ABI SIZE ".name = \"text\", .description = \"d\", .extension = \"txt\", " CALLS));
    path_in(path, sizeof path, "text.so");
    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, NULL, files, 1, message, sizeof message), 0);
    CU_ASSERT_STRING_EQUAL(lt_registry_find(r, "text")->description, "d");
    CU_ASSERT_STRING_EQUAL(lt_registry_for_file(r, "x.txt")->description, "d");
    lt_registry_free(r);
    forget("text.so");
}

static void refused(void)
{
    static const struct {
        const char *source, *why;
    } cases[] = {
        {PLUGIN(".abi_version = 99, " SIZE NAME CALLS), "another version"},
        {PLUGIN(ABI ".struct_size = 40, " NAME CALLS), "struct_size"},
        {PLUGIN(ABI SIZE ".description = \"d\", " CALLS), "name is missing"},
        {PLUGIN(ABI SIZE ".name = \"Big\", .description = \"d\", " CALLS), "lower case"},
        {PLUGIN(ABI SIZE ".name = \"mine\", " CALLS), "description"},
        {PLUGIN(ABI SIZE NAME ".stack = t, .close = c"), "open"},
        {PLUGIN(ABI SIZE NAME ".stack = t, .open = o"), "close"},
        {PLUGIN(ABI SIZE NAME ".open = o, .close = c"), "stack or sample"},
        {"static const struct live_trace_option_info i[] = {{\"k\", \"N\"}, {0}};\n" PLUGIN(
             ABI SIZE NAME ".options = i, " CALLS),
         "option lacks"},
        {"int something_else;", "live_trace_exporter"},
    };
    char path[400];
    const char *const files[] = {path};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lt_registry *r = NULL;
        int error;
        build("bad.so", cases[i].source);
        path_in(path, sizeof path, "bad.so");
        error = lt_registry_new(&r, NULL, NULL, files, 1, message, sizeof message);
        CU_ASSERT_EQUAL(error, LT_ERR_USAGE);
        if (strstr(message, cases[i].why) == NULL || strstr(message, "bad.so") == NULL) {
            printf("\n    '%s' without '%s'\n", message, cases[i].why);
            CU_FAIL("the message does not say why");
        }
        forget("bad.so");
    }
    path_in(path, sizeof path, "absent.so");
    struct lt_registry *r = NULL;
    CU_ASSERT_EQUAL(lt_registry_new(&r, NULL, NULL, files, 1, message, sizeof message),
                    LT_ERR_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "absent.so"));
}

/* A plug-in from tomorrow: its struct is longer than ours. */
static void newer_plugin(void)
{
    char path[400];
    const char *const files[] = {path};
    struct lt_registry *r;

    build("new.so",
          PLUGIN(ABI ".struct_size = sizeof(struct live_trace_exporter) + 64, " NAME CALLS));
    path_in(path, sizeof path, "new.so");
    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, NULL, files, 1, message, sizeof message), 0);
    CU_ASSERT_PTR_NOT_NULL(lt_registry_find(r, "mine"));
    lt_registry_free(r);
    forget("new.so");
}

/* One from yesterday: its struct ends before the options, whatever follows in memory. */
static void older_plugin(void)
{
    char path[400];
    const char *const files[] = {path};
    struct lt_registry *r;

    build("old.so", PLUGIN(ABI ".struct_size = offsetof(struct live_trace_exporter, options), " NAME
                               ".options = (void *)1, " CALLS));
    path_in(path, sizeof path, "old.so");
    CU_ASSERT_EQUAL_FATAL(lt_registry_new(&r, NULL, NULL, files, 1, message, sizeof message), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lt_registry_find(r, "mine"));
    CU_ASSERT_PTR_NULL(lt_registry_find(r, "mine")->options);
    lt_registry_free(r);
    forget("old.so");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"built in", built_in},
        {"by the ending of a file", by_ending},
        {"from folders", from_folders},
        {"never from the working folder", working_folder},
        {"a named plug-in takes over", named_takes_over},
        {"what is refused, and why", refused},
        {"a newer plug-in", newer_plugin},
        {"an older plug-in", older_plugin},
        CU_TEST_INFO_NULL,
    };
    const char *temporary = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/live-trace-test-XXXXXX",
             temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    source_dir = getenv("srcdir") != NULL ? getenv("srcdir") : ".";
    source_dir = realpath(source_dir, NULL);
    if (source_dir == NULL || mkdtemp(folder) == NULL) {
        return EXIT_FAILURE;
    }
    int status = lt_unit_main("exporter_registry", tests);
    forget("plugin.c");
    rmdir(folder);
    free((void *)source_dir);
    return status;
}
