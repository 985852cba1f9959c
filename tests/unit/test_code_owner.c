/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "analysis/code_owner.h"

#include <string.h>

#include "tests/support/unit_main.h"

struct owner_case {
    const char *file;
    enum lt_owner owner;
};

struct setup {
    const char *folder; /* working folder, or NULL */
    struct lt_words mine, not_mine;
};

static void check(const struct setup *setup, const struct owner_case *cases, size_t n)
{
    struct lt_code_owner *o;

    CU_ASSERT_EQUAL_FATAL(lt_code_owner_new(&o, &setup->mine, &setup->not_mine), 0);
    if (setup->folder != NULL) {
        struct lt_str folder = {setup->folder, strlen(setup->folder)};
        CU_ASSERT_EQUAL(lt_code_owner_add_folder(o, folder, NULL), 0);
    }
    for (size_t i = 0; i < n; i++) {
        enum lt_owner owner = lt_code_owner_of(o, cases[i].file);
        if (owner != cases[i].owner) {
            printf("\n    %s: %d, not %d\n", cases[i].file, owner, cases[i].owner);
            CU_FAIL("wrong owner");
        }
    }
    lt_code_owner_free(o);
}

static void by_place(void)
{
    static const struct setup setup = {.folder = "/home/u/project"};
    static const struct owner_case cases[] = {
        {"/home/u/project/app.py", LT_OWNER_MINE},
        {"/srv/other/x.py", LT_OWNER_MINE},
        {"x.py", LT_OWNER_MINE},
        {"<string>", LT_OWNER_MINE},
        {"<stdin>", LT_OWNER_MINE},
        {"<frozen importlib._bootstrap>", LT_OWNER_STDLIB},
        {"/usr/lib/python3.11/json/decoder.py", LT_OWNER_STDLIB},
        {"/usr/lib64/python3.12/threading.py", LT_OWNER_STDLIB},
        {"/opt/py/lib/python3.13t/threading.py", LT_OWNER_STDLIB},
        {"/home/u/.pyenv/versions/3.11.7/lib/python3.11/queue.py", LT_OWNER_STDLIB},
        {"/usr/lib/python3/dist-packages/yaml/__init__.py", LT_OWNER_LIBRARY},
        {"/home/u/.local/lib/python3.11/site-packages/django/x.py", LT_OWNER_LIBRARY},
        {"/opt/py/lib/libpython3.12.so.1.0", LT_OWNER_LIBRARY},
        {"/home/u/project/_speedups.cpython-312-x86_64-linux-gnu.so", LT_OWNER_MINE},
        {"[kernel.kallsyms]", LT_OWNER_LIBRARY},
        {"", LT_OWNER_UNKNOWN},
    };
    check(&setup, cases, sizeof cases / sizeof *cases);
}

/* The original tool took any path with python3.11 in it for the user's, others for the
 * library's. */
static void python_in_path(void)
{
    static const struct setup setup = {.folder = "/"};
    static const struct owner_case cases[] = {
        {"/opt/python3.11/app/x.py", LT_OWNER_MINE},
        {"/srv/python3.11-service/main.py", LT_OWNER_MINE},
        {"/home/python/lib/tool.py", LT_OWNER_MINE},
        {"/srv/lib/python/x.py", LT_OWNER_MINE},
        {"/srv/lib/python3.11", LT_OWNER_MINE}, /* a file of that name */
        {"/srv/site-packages", LT_OWNER_MINE},
        {"/opt/python3.11/lib/python3.11/os.py", LT_OWNER_STDLIB},
        {"/opt/python3.11/lib/python3.11/site-packages/p.py", LT_OWNER_LIBRARY},
    };
    check(&setup, cases, sizeof cases / sizeof *cases);
}

static void environment_in_project(void)
{
    static const struct setup setup = {.folder = "/home/u/project/"};
    static const struct owner_case cases[] = {
        {"/home/u/project/.venv/lib/python3.11/site-packages/flask/app.py", LT_OWNER_LIBRARY},
        {"/home/u/project/.venv/lib/python3.11/os.py", LT_OWNER_STDLIB},
        {"/home/u/project/lib/tool.py", LT_OWNER_MINE},
        {"/home/u/project-other/x.py", LT_OWNER_MINE},
    };
    check(&setup, cases, sizeof cases / sizeof *cases);
}

static void working_inside_packages(void)
{
    static const struct setup inside = {.folder = "/v/lib/python3.11/site-packages/mine"};
    static const struct owner_case inside_cases[] = {
        {"/v/lib/python3.11/site-packages/mine/x.py", LT_OWNER_MINE},
        {"/v/lib/python3.11/site-packages/other/x.py", LT_OWNER_LIBRARY},
    };
    static const struct setup above = {.folder = "/v/lib/python3.11/site-packages"};
    static const struct owner_case above_cases[] = {
        {"/v/lib/python3.11/site-packages/mine/x.py", LT_OWNER_LIBRARY},
    };
    check(&inside, inside_cases, sizeof inside_cases / sizeof *inside_cases);
    check(&above, above_cases, sizeof above_cases / sizeof *above_cases);
}

static void said_by_user(void)
{
    static const char *mine[] = {"/v/lib/python3.11/site-packages/ours", "vendor/ok", "/srv/both"};
    static const char *not_mine[] = {"/home/u/project/vendor", "/srv/both",
                                     "/v/lib/python3.11/site-packages/ours/generated"};
    static const struct setup setup = {"/home/u/project", {mine, 3}, {not_mine, 3}};
    static const struct owner_case cases[] = {
        {"/v/lib/python3.11/site-packages/ours/x.py", LT_OWNER_MINE},
        {"/v/lib/python3.11/site-packages/ours/generated/x.py", LT_OWNER_LIBRARY},
        {"/v/lib/python3.11/site-packages/oursurplus/x.py", LT_OWNER_LIBRARY},
        {"/home/u/project/app.py", LT_OWNER_MINE},
        {"/home/u/project/vendor/x.py", LT_OWNER_LIBRARY},
        {"/home/u/project/vendor/ok/x.py", LT_OWNER_MINE},
        {"vendor/ok/x.py", LT_OWNER_MINE},
        {"/srv/both/x.py", LT_OWNER_LIBRARY},
    };
    check(&setup, cases, sizeof cases / sizeof *cases);
}

static void whole_working_folder(void)
{
    static const char *dot[] = {"."};
    static const struct setup not_here = {"/home/u/project", {NULL, 0}, {dot, 1}};
    static const struct owner_case cases[] = {
        {"/home/u/project/app.py", LT_OWNER_LIBRARY},
        {"/home/u/other/app.py", LT_OWNER_MINE},
    };
    check(&not_here, cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"by place", by_place},
        {"python3.11 in a path", python_in_path},
        {"virtual environment in the project", environment_in_project},
        {"working folder inside of packages", working_inside_packages},
        {"--my-code and --not-my-code", said_by_user},
        {"--not-my-code .", whole_working_folder},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("code_owner", tests);
}
