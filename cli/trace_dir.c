/* SPDX-License-Identifier: Apache-2.0
 *
 * Where traces go when nobody says. */
#include "config.h"

#include "cli/trace_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "collector/trace_name.h"
#include "formats/io.h"
#include "formats/lt_error.h"

static const char default_name[] = "/%Y-%m-%d-%H-%M-%S.ltrace";

static const char *filled(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int end_text(struct lt_buf *text)
{
    return lt_buf_put_u8(text, '\0');
}

int lt_trace_dir(struct lt_buf *dir)
{
    const char *own = filled("LIVE_TRACE_DIR");
    const char *parent = filled("TMPDIR") ? filled("TMPDIR") : filled("TMP");
    int err = own ? lt_buf_put_text(dir, own)
                  : lt_buf_printf(dir, "%s/live_trace", parent ? parent : "/tmp");
    return err ? err : end_text(dir);
}

static int make_folder(const char *path, mode_t mode)
{
    int err = lt_make_folders(path, mode);
    return !err && mkdir(path, mode) != 0 && errno != EEXIST ? LT_ERR_IO : err;
}

int lt_trace_dir_make(const char *dir)
{
    struct stat st;
    if (make_folder(dir, 0700) != 0)
        return lt_say_failure("cannot make %s: %s: set LIVE_TRACE_DIR to a folder of yours", dir,
                              strerror(errno));
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return lt_say_failure("%s is no folder: set LIVE_TRACE_DIR to one", dir);
    if (st.st_uid != geteuid())
        return lt_say_failure("%s belongs to another user: set LIVE_TRACE_DIR to a folder of yours",
                              dir);
    return 0;
}

/* A file is emptied only once it is known that nobody else writes it. */
static int open_named(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fd;
    if ((flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && ftruncate(fd, 0) == 0) {
        lt_trace_file_hold(fd);
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int create_named(const char *template, int *fd, struct lt_buf *path)
{
    struct tm when;
    time_t now = time(NULL);
    localtime_r(&now, &when);
    if (lt_trace_name(template, &when, getpid(), path) != 0)
        return lt_say_failure("out of memory");
    const char *name = (const char *)path->data;
    if (lt_make_folders(name, 0777) == 0) {
        *fd = open_named(name);
        if (*fd >= 0)
            return 0;
        if (errno == EWOULDBLOCK)
            return lt_say_failure(
                "%s is being written by another recorder: choose another file with -o", name);
    }
    return lt_say_failure("cannot write %s: %s: choose another file with -o", name,
                          strerror(errno));
}

static int create_in(const char *dir, int *fd, struct lt_buf *path)
{
    struct lt_buf template = {0};
    bool is_file;
    int err = lt_trace_name_literal(&template, dir);
    if (!err)
        err = lt_buf_put(&template, default_name, sizeof(default_name));
    if (!err)
        err = lt_trace_file_create((const char *)template.data, 0600, fd, path, &is_file);
    int saved = errno;
    lt_buf_release(&template);
    if (err == LT_ERR_NOMEM)
        return lt_say_failure("out of memory");
    return err ? lt_say_failure("cannot write in %s: %s: set LIVE_TRACE_DIR to another folder", dir,
                                strerror(saved))
               : 0;
}

int lt_trace_create(const char *template, int *fd, struct lt_buf *path)
{
    if (template && strcmp(template, "-") == 0) {
        *fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        if (*fd < 0)
            return lt_say_failure("cannot write to standard output: %s", strerror(errno));
        return lt_buf_put(path, "-", 2) ? lt_say_failure("out of memory") : 0;
    }
    if (template && !*template)
        return lt_say_usage("the file's name is empty: give -o a name");
    if (template)
        return create_named(template, fd, path);

    struct lt_buf dir = {0};
    int status = lt_trace_dir(&dir) ? lt_say_failure("out of memory") : 0;
    if (!status)
        status = lt_trace_dir_make((const char *)dir.data);
    if (!status)
        status = create_in((const char *)dir.data, fd, path);
    lt_buf_release(&dir);
    return status;
}

static bool is_trace(const char *name)
{
    size_t len = strlen(name);
    return len > 7 && strcmp(name + len - 7, ".ltrace") == 0;
}

static bool newer(const struct stat *a, const struct stat *b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

int lt_trace_newest(struct lt_buf *path)
{
    struct lt_buf dir = {0}, name = {0};
    struct stat best = {0};
    if (lt_trace_dir(&dir))
        return lt_say_failure("out of memory");
    const char *folder = (const char *)dir.data;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        struct stat st;
        lt_buf_clear(&name);
        if (!is_trace(entry->d_name) || lt_buf_printf(&name, "%s/%s", folder, entry->d_name) ||
            end_text(&name) || stat((const char *)name.data, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (path->len == 0 || newer(&st, &best)) {
            best = st;
            lt_buf_clear(path);
            if (lt_buf_put(path, name.data, name.len))
                break;
        }
    }
    if (entries)
        closedir(entries);
    int status =
        path->len ? 0
                  : lt_say_failure(
                        "no trace in %s: record one with `live-trace run`, or name a LOG", folder);
    lt_buf_release(&dir);
    lt_buf_release(&name);
    return status;
}
