/* SPDX-License-Identifier: Apache-2.0
 *
 * Templates. */
#include "config.h"

#include "collector/trace_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/io.h"
#include "formats/lt_error.h"

enum { MAX_SAME_NAME = 10000, FIELD = 256 };

static int end_text(struct lt_buf *text)
{
    return lt_buf_put_u8(text, '\0');
}

int lt_trace_name(const char *template, const struct tm *when, pid_t pid, struct lt_buf *name)
{
    int err = 0;
    for (const char *at = template; !err && *at; at++) {
        char field[FIELD];
        const char format[] = {'%', at[0] == '%' ? at[1] : '\0', '\0'};
        if (at[0] != '%' || at[1] == '\0') {
            err = lt_buf_put_u8(name, (uint8_t)*at);
            continue;
        }
        at++;
        if (*at == 'p')
            err = lt_buf_printf(name, "%d", (int)pid);
        else
            err = lt_buf_put(name, field, strftime(field, sizeof(field), format, when));
    }
    return err ? err : end_text(name);
}

int lt_trace_name_literal(struct lt_buf *template, const char *text)
{
    int err = 0;
    for (; !err && *text; text++)
        err = lt_buf_put_text(template, *text == '%' ? "%%" : (const char[]){*text, '\0'});
    return err;
}

static int put_literal(struct lt_buf *pattern, char c)
{
    int err = strchr("*?[\\", c) ? lt_buf_put_u8(pattern, '\\') : 0;
    return err ? err : lt_buf_put_u8(pattern, (uint8_t)c);
}

/* As narrow as it can be said: names of others must not fit. */
static int put_field(struct lt_buf *pattern, char field)
{
    switch (field) {
    case '%':
        return put_literal(pattern, '%');
    case 'Y':
        return lt_buf_put_text(pattern, "[0-9][0-9][0-9][0-9]");
    case 'd':
    case 'H':
    case 'm':
    case 'M':
    case 'S':
    case 'y':
        return lt_buf_put_text(pattern, "[0-9][0-9]");
    case 'p':
    case 's':
        return lt_buf_put_text(pattern, "[0-9]*");
    default:
        return lt_buf_put_text(pattern, "*");
    }
}

/* Where the ending begins: a number goes in front of it. */
static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot : path + strlen(path);
}

int lt_trace_pattern(const char *template, bool numbered, struct lt_buf *pattern)
{
    const char *ending = numbered ? ending_of(template) : NULL;
    int err = 0;
    for (const char *at = template; !err && *at; at++) {
        if (at == ending)
            err = lt_buf_put_text(pattern, "-[0-9]*");
        if (!err && at[0] == '%' && at[1] != '\0')
            err = put_field(pattern, *++at);
        else if (!err)
            err = put_literal(pattern, *at);
    }
    if (!err && ending && *ending == '\0')
        err = lt_buf_put_text(pattern, "-[0-9]*");
    return err ? err : end_text(pattern);
}

void lt_trace_file_hold(int fd)
{
    while (flock(fd, LOCK_SH) != 0 && errno == EINTR)
        continue;
}

/* Number 0 has none. Whoever makes room may have taken a new file for an old one: then once more. */
static int create_numbered(const char *name, unsigned number, mode_t mode, struct lt_buf *path)
{
    const char *ending = ending_of(name);
    struct stat st;
    int fd;
    lt_buf_clear(path);
    int err = number ? lt_buf_printf(path, "%.*s-%u%s", (int)(ending - name), name, number, ending)
                     : lt_buf_put_text(path, name);
    if (err || end_text(path)) {
        errno = ENOMEM;
        return -1;
    }
    do {
        fd = open((const char *)path->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
                  mode);
        if (fd < 0)
            return -1;
        lt_trace_file_hold(fd);
        if (fstat(fd, &st) != 0 || st.st_nlink > 0)
            return fd;
        close(fd);
    } while (true);
}

static int create_named(const char *name, mode_t mode, struct lt_buf *path, bool *is_file)
{
    struct stat st;
    *is_file = true;
    for (unsigned number = 0; number < MAX_SAME_NAME; number++) {
        int fd = create_numbered(name, number, mode, path);
        if (fd >= 0 || errno != EEXIST)
            return fd;
        if (stat((const char *)path->data, &st) == 0 && !S_ISREG(st.st_mode)) {
            *is_file = false;
            return open((const char *)path->data, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        }
    }
    errno = EEXIST;
    return -1;
}

int lt_trace_file_create(const char *template, mode_t mode, int *fd, struct lt_buf *path,
                         bool *is_file)
{
    struct lt_buf name = {0};
    struct tm when;
    time_t now = time(NULL);
    localtime_r(&now, &when);
    int err = lt_trace_name(template, &when, getpid(), &name);
    if (!err)
        err = lt_make_folders((const char *)name.data, 0777);
    if (!err) {
        *fd = create_named((const char *)name.data, mode, path, is_file);
        err = *fd < 0 ? LT_ERR_IO : 0;
    }
    int saved = errno;
    lt_buf_release(&name);
    errno = saved;
    return err;
}
