/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "analysis/path_view.h"

#include <string.h>

#include "analysis/process_name.h"
#include "formats/byte_buffer.h"
#include "tests/support/unit_main.h"

struct path_case {
    const char *path, *folder, *wanted;
};

static void shortened(void)
{
    static const struct path_case cases[] = {
        {"/v/lib/python3.11/site-packages/django/http.py", "", "django/http.py"},
        {"/usr/lib/python3.11/json/decoder.py", "", "json/decoder.py"},
        {"/usr/lib/python3/dist-packages/yaml/x.py", "", "yaml/x.py"},
        {"/home/u/p/app/x.py", "/home/u/p", "app/x.py"},
        {"/home/u/p/app/x.py", "/home/u/p/", "app/x.py"},
        {"/home/u/p//app/x.py", "/home/u/p", "app/x.py"},
        {"/home/u/p/venv/lib/python3.11/site-packages/a.py", "/home/u/p", "a.py"},
        {"/home/u/p2/x.py", "/home/u/p", "/home/u/p2/x.py"},
        {"/home/u/p", "/home/u/p", "/home/u/p"},
        {"/srv/x.py", "/", "/srv/x.py"},
        {"/opt/python3.11/app/x.py", "", "/opt/python3.11/app/x.py"},
        {"<string>", "/home", "<string>"},
        {"", "/home", ""},
        {"", "", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *brief = lt_path_short(cases[i].path, cases[i].folder);
        if (strcmp(brief, cases[i].wanted) != 0) {
            printf("\n    %s in %s: %s\n", cases[i].path, cases[i].folder, brief);
            CU_FAIL("wrongly shortened");
        }
    }
}

static void modules(void)
{
    static const struct path_case cases[] = {
        {"django/http/request.py", "", "django.http.request"},
        {"pkg/__init__.py", "", "pkg"},
        {"__init__.py", "", "__init__"},
        {"/srv/app/handlers.py", "", "handlers"},
        {"/srv/app/__init__.py", "", "app"},
        {"<frozen importlib._bootstrap>", "", "importlib._bootstrap"},
        {"<string>", "", "<string>"},
        {"<frozen ", "", "<frozen "},
        {"lib-dynload/_json.cpython-311-x86_64-linux-gnu.so", "", "lib-dynload._json"},
        {"script", "", "script"},
        {".hidden", "", ".hidden"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lt_buf out = {0};
        CU_ASSERT_EQUAL_FATAL(lt_path_module(cases[i].path, &out), 0);
        if (out.len != strlen(cases[i].wanted) || memcmp(out.data, cases[i].wanted, out.len) != 0) {
            printf("\n    %s: %.*s\n", cases[i].path, (int)out.len, (char *)out.data);
            CU_FAIL("wrong module");
        }
        lt_buf_release(&out);
    }
}

static void process_names(void)
{
    static const struct path_case cases[] = {
        {"python3 app.py", "", "app.py"},
        {"/usr/bin/python3.11 -X dev -W error /srv/manage.py runserver -v", "", "manage.py"},
        {"python3 -m http.server 80", "", "http.server"},
        {"python3 -Im pip list", "", "pip"},
        {"python3 -c import\\ x", "", "python3 -c"},
        {"/usr/bin/python3 /usr/bin/gunicorn app:x", "", "gunicorn"},
        {"gunicorn: worker [app]", "", "gunicorn: worker [app]"},
        {"/usr/sbin/uwsgi --ini x", "", "uwsgi"},
        {"python3", "", "python3"},
        {"python3 -m", "", ""},
        {"python3 -X", "", "python3"},
        {"  python3   x.py ", "", "x.py"},
        {"", "", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lt_str command = {cases[i].path, strlen(cases[i].path)};
        struct lt_str name = lt_process_name(command);
        if (name.len != strlen(cases[i].wanted) ||
            memcmp(name.data, cases[i].wanted, name.len) != 0) {
            printf("\n    %s: %.*s\n", cases[i].path, (int)name.len, name.data);
            CU_FAIL("wrong name");
        }
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"shortened paths", shortened},
        {"modules", modules},
        {"process names", process_names},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("path_view", tests);
}
