/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, rotation and the cap, in a folder of the test's own. */
#include "config.h"

#include "collector/trace_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/trace_name.h"
#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "tests/support/unit_main.h"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char paths[4][512];
    static unsigned n;
    char *path = paths[n++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static bool exists(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

static void begin(void)
{
    snprintf(folder, sizeof(folder), "/tmp/live-trace-files-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void end(void)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        unlink(in_folder(entry->d_name));
    if (entries)
        closedir(entries);
    rmdir(folder);
}

/* A file of so many bytes that was written so many seconds ago. */
static void make(const char *name, const char *magic, size_t size, time_t age)
{
    const struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    FILE *file = fopen(in_folder(name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(magic, file);
    for (size_t i = strlen(magic); i < size; i++)
        fputc('x', file);
    fclose(file);
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, in_folder(name), times, 0), 0);
}

static void make_trace(const char *name, size_t size, time_t age)
{
    make(name, LT_TRACE_MAGIC, size, age);
}

static struct lt_trace_files *files_of(const char *name, struct lt_trace_files_config config)
{
    struct lt_trace_files *f = NULL;
    config.template = in_folder(name);
    config.mode = 0600;
    CU_ASSERT_EQUAL_FATAL(lt_trace_files_new(&f, &config), 0);
    return f;
}

static bool fits(const char *template, bool numbered, const char *name)
{
    struct lt_buf pattern = {0};
    CU_ASSERT_EQUAL(lt_trace_pattern(template, numbered, &pattern), 0);
    bool fit = fnmatch((const char *)pattern.data, name, FNM_PATHNAME | FNM_PERIOD) == 0;
    lt_buf_release(&pattern);
    return fit;
}

static void patterns(void)
{
    static const char *const dated = "/t/%Y-%m-%d-p%p.ltrace";
    struct lt_buf name = {0};
    const struct tm when = {.tm_year = 126, .tm_mon = 10, .tm_mday = 5};
    CU_ASSERT_EQUAL(lt_trace_name(dated, &when, 77, &name), 0);
    CU_ASSERT_STRING_EQUAL((const char *)name.data, "/t/2026-11-05-p77.ltrace");
    CU_ASSERT_TRUE(fits(dated, false, "/t/2026-11-05-p77.ltrace"));
    CU_ASSERT_TRUE(fits(dated, true, "/t/2026-11-05-p77-12.ltrace"));
    CU_ASSERT_FALSE(fits(dated, false, "/t/2026-11-05.ltrace"));
    CU_ASSERT_FALSE(fits(dated, false, "/t/baseline.ltrace"));
    CU_ASSERT_FALSE(fits(dated, true, "/t/2026-11-05-p77-12.txt"));
    CU_ASSERT_TRUE(fits("a/%Y/%B/x", true, "a/2026/May/x-3"));
    CU_ASSERT_FALSE(fits("web.ltrace", true, "website.ltrace"));
    CU_ASSERT_TRUE(fits("[a]*?\\100%%.ltrace", false, "[a]*?\\100%.ltrace"));
    CU_ASSERT_FALSE(fits("[a]*?\\100%%.ltrace", false, "axy\\100%.ltrace"));
    lt_buf_clear(&name);
    CU_ASSERT_EQUAL(lt_trace_name_literal(&name, "100%Y"), 0);
    CU_ASSERT_EQUAL(name.len, 6);
    CU_ASSERT_EQUAL(memcmp(name.data, "100%%Y", 6), 0);
    lt_buf_release(&name);
}

static void one_after_the_other(void)
{
    struct lt_output output;
    struct stat st;
    bool replaced;
    begin();
    struct lt_trace_files *f = files_of("new/web.ltrace", (struct lt_trace_files_config){0});
    CU_ASSERT_EQUAL_FATAL(lt_trace_files_open(f, &output), 0);
    CU_ASSERT_STRING_EQUAL(lt_trace_files_path(f), in_folder("new/web.ltrace"));
    CU_ASSERT_EQUAL(output.write(output.ctx, "one", 3), 0);
    CU_ASSERT_EQUAL(lt_trace_files_next(f, &output, &replaced), 0);
    CU_ASSERT_TRUE(replaced);
    CU_ASSERT_STRING_EQUAL(lt_trace_files_path(f), in_folder("new/web-1.ltrace"));
    CU_ASSERT_EQUAL(output.write(output.ctx, "2", 1), 0);
    CU_ASSERT_TRUE(stat(in_folder("new/web.ltrace"), &st) == 0 && st.st_size == 3);
    CU_ASSERT_TRUE(stat(in_folder("new/web-1.ltrace"), &st) == 0 && st.st_size == 1);

    /* A folder that cannot be made again: the file that is open is the one to go on with. */
    CU_ASSERT_EQUAL(rename(in_folder("new"), in_folder("old")), 0);
    make("new", "", 1, 0);
    CU_ASSERT_EQUAL(lt_trace_files_next(f, &output, &replaced), LT_ERR_IO);
    CU_ASSERT_FALSE(replaced);
    CU_ASSERT_EQUAL(output.write(output.ctx, "more", 4), 0);
    CU_ASSERT_TRUE(stat(in_folder("old/web-1.ltrace"), &st) == 0 && st.st_size == 5);

    /* A folder that is gone is made. */
    CU_ASSERT_EQUAL(unlink(in_folder("new")), 0);
    CU_ASSERT_EQUAL(lt_trace_files_next(f, &output, &replaced), 0);
    CU_ASSERT_TRUE(exists("new/web.ltrace"));
    output.close(output.ctx);
    lt_trace_files_free(f);
    unlink(in_folder("new/web.ltrace"));
    unlink(in_folder("old/web.ltrace"));
    unlink(in_folder("old/web-1.ltrace"));
    rmdir(in_folder("new"));
    rmdir(in_folder("old"));
    end();
}

static void when_it_is_time(void)
{
    struct lt_output output;
    begin();
    struct lt_trace_files *old = files_of("a", (struct lt_trace_files_config){.rotate_ns = 1});
    struct lt_trace_files *large =
        files_of("b", (struct lt_trace_files_config){.rotate_bytes = 100});
    CU_ASSERT_EQUAL_FATAL(lt_trace_files_open(old, &output), 0);
    output.close(output.ctx);
    CU_ASSERT_TRUE(lt_trace_files_due(old, 0));
    CU_ASSERT_EQUAL_FATAL(lt_trace_files_open(large, &output), 0);
    output.close(output.ctx);
    CU_ASSERT_FALSE(lt_trace_files_due(large, 1000)); /* once a second is enough */
    usleep(1050000);
    CU_ASSERT_TRUE(lt_trace_files_due(large, 100));
    CU_ASSERT_FALSE(lt_trace_files_due(large, 99));
    lt_trace_files_free(old);
    lt_trace_files_free(large);
    end();
}

static void the_oldest_are_removed(void)
{
    struct lt_output output;
    begin();
    make_trace("r-1.ltrace", 20000, 1000); /* the oldest, and held */
    make_trace("r-2.ltrace", 20000, 900);
    make("r-3.ltrace", "no trace", 20000, 800);
    make_trace("r-4.ltrace", 20000, 700);
    make_trace("baseline.ltrace", 20000, 2000);
    make_trace("r-5.ltrace", 20000, 600);
    make_trace("r-6.ltrace", 20000, 10);
    int held = open(in_folder("r-1.ltrace"), O_RDWR);
    CU_ASSERT_TRUE_FATAL(held >= 0);
    lt_trace_file_hold(held);
    struct lt_trace_files *f =
        files_of("r-%p.ltrace", (struct lt_trace_files_config){.max_bytes = 100000});
    CU_ASSERT_EQUAL_FATAL(lt_trace_files_open(f, &output), 0);
    lt_trace_files_make_room(f, 0, 0);
    CU_ASSERT_TRUE(exists("r-1.ltrace"));
    CU_ASSERT_FALSE(exists("r-2.ltrace"));
    CU_ASSERT_TRUE(exists("r-3.ltrace"));
    CU_ASSERT_FALSE(exists("r-4.ltrace"));
    CU_ASSERT_TRUE(exists("r-5.ltrace"));
    CU_ASSERT_TRUE(exists("baseline.ltrace"));
    CU_ASSERT_TRUE(exists("r-6.ltrace"));
    CU_ASSERT_EQUAL(access(lt_trace_files_path(f), F_OK), 0);

    close(held);
    make_trace("r-7.ltrace", 20000, 500);
    lt_trace_files_make_room(f, 0, 0);
    CU_ASSERT_TRUE(exists("r-1.ltrace")); /* not so often */
    lt_trace_files_make_room(f, 30000, 20000);
    CU_ASSERT_FALSE(exists("r-1.ltrace"));
    lt_trace_files_free(f);
    output.close(output.ctx);
    end();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"names and patterns", patterns},
        {"one after the other", one_after_the_other},
        {"when it is time", when_it_is_time},
        {"the oldest are removed", the_oldest_are_removed},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("trace files", tests);
}
