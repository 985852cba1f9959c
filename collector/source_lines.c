/* SPDX-License-Identifier: Apache-2.0
 *
 * A small cache of whole source files with an index of their lines. */
#include "config.h"

#include "collector/source_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    FILES = 16,               /* kept at a time */
    FILE_MAX_BYTES = 4 << 20, /* a larger one is generated code that nobody reads */
    KEPT_MAX_BYTES = 8 << 20,
    PATH_MAX_BYTES = 4096
};

struct source_file {
    char *path;             /* NULL: free */
    uint64_t device, inode; /* 0: not to be had */
    char *text;             /* NULL: could not be read */
    size_t len;
    size_t *lines; /* where each line begins */
    size_t n_lines, lines_alloc;
    uint64_t used; /* when, for choosing the one to drop */
};

struct lt_source_lines {
    struct source_file files[FILES];
    uint64_t clock;
    size_t kept;
};

int lt_source_lines_new(struct lt_source_lines **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : LT_ERR_NOMEM;
}

static void drop(struct lt_source_lines *s, struct source_file *f)
{
    s->kept -= f->len;
    free(f->path);
    free(f->text);
    free(f->lines);
    memset(f, 0, sizeof(*f));
}

void lt_source_lines_free(struct lt_source_lines *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < FILES; i++)
        drop(s, &s->files[i]);
    free(s);
}

/* The whole file, if it is a regular one of a bearable size. */
static int read_file(const char *path, char **text, size_t *len)
{
    struct stat st;
    char *data = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return LT_ERR_IO;
    int err =
        fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES ? LT_ERR_IO : 0;
    if (!err)
        data = malloc((size_t)st.st_size + 1);
    if (!err && !data)
        err = LT_ERR_NOMEM;
    size_t got = 0;
    while (!err && got < (size_t)st.st_size) {
        ssize_t n = read(fd, data + got, (size_t)st.st_size - got);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            err = LT_ERR_IO;
        if (n > 0)
            got += (size_t)n;
    }
    close(fd);
    if (err) {
        free(data);
        return err;
    }
    *text = data;
    *len = got;
    return 0;
}

static int index_lines(struct source_file *f)
{
    size_t at = 0;
    while (at < f->len) {
        if (lt_array_grow(&f->lines, &f->lines_alloc, f->n_lines + 1, sizeof(f->lines[0]),
                          FILE_MAX_BYTES))
            return LT_ERR_NOMEM;
        f->lines[f->n_lines++] = at;
        const char *end = memchr(f->text + at, '\n', f->len - at);
        at = end ? (size_t)(end - f->text) + 1 : f->len;
    }
    return 0;
}

/* The file as the process sees it: through its root, so that containers are no obstacle. When the
 * process is gone already, as we do, if that is the same. */
static void through_root(char *out, size_t size, pid_t pid, const char *path, bool own_root)
{
    char root[32];
    snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
    bool gone = own_root && access(root, X_OK) != 0;
    snprintf(out, size, "%s%s", gone ? "" : root, path);
}

static int load(struct source_file *f, const char *path)
{
    int err = read_file(path, &f->text, &f->len);
    return err ? err : index_lines(f);
}

/* The one that was not used for longest: a free slot, unless only kept ones are wanted. NULL:
 * none. */
static struct source_file *oldest(struct lt_source_lines *s, bool kept_only)
{
    struct source_file *found = NULL;
    for (size_t i = 0; i < FILES; i++) {
        struct source_file *f = &s->files[i];
        if (kept_only && !f->path)
            continue;
        if (!found || f->used < found->used)
            found = f;
    }
    return found;
}

static struct source_file *open_file(struct lt_source_lines *s, pid_t pid, const char *path,
                                     bool own_root)
{
    char seen_path[PATH_MAX_BYTES + 32];
    struct stat st = {0};
    through_root(seen_path, sizeof(seen_path), pid, path, own_root);
    if (stat(seen_path, &st) != 0)
        st.st_dev = st.st_ino = 0;
    for (size_t i = 0; i < FILES; i++) {
        struct source_file *f = &s->files[i];
        if (f->path && f->device == st.st_dev && f->inode == st.st_ino &&
            strcmp(f->path, path) == 0) {
            f->used = ++s->clock;
            return f;
        }
    }
    struct source_file *f = oldest(s, false);
    drop(s, f);
    f->path = strdup(path);
    if (!f->path)
        return NULL;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    f->used = ++s->clock;
    if (load(f, seen_path) != 0 && f->text) {
        free(f->text);
        f->text = NULL;
        f->len = f->n_lines = 0;
    }
    s->kept += f->len;
    for (struct source_file *old; s->kept > KEPT_MAX_BYTES && (old = oldest(s, true)) != f;)
        drop(s, old);
    return f;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static struct lt_str cut(const char *text, size_t len)
{
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    if (len > LT_SOURCE_LINE_MAX) {
        len = LT_SOURCE_LINE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--; /* not inside a UTF-8 sequence */
    }
    return (struct lt_str){text, len};
}

static bool absolute_path(struct lt_str cwd, struct lt_str file, char *path, size_t size)
{
    int n;
    if (file.len == 0 || memchr(file.data, '\0', file.len) || file.data[0] == '<')
        return false; /* "<string>", "<frozen importlib._bootstrap>" have no file */
    if (file.data[0] == '/')
        n = snprintf(path, size, "%.*s", (int)file.len, file.data);
    else
        n = snprintf(path, size, "%.*s/%.*s", (int)cwd.len, cwd.len ? cwd.data : "", (int)file.len,
                     file.data);
    return n > 0 && (size_t)n < size && path[0] == '/';
}

int lt_source_lines_get(struct lt_source_lines *s, pid_t pid, bool own_root, struct lt_str cwd,
                        struct lt_str file, uint32_t line, struct lt_str *text)
{
    char path[PATH_MAX_BYTES];
    if (file.len >= sizeof(path) || cwd.len >= sizeof(path) ||
        !absolute_path(cwd, file, path, sizeof(path)))
        return LT_ERR_IO;
    const struct source_file *f = open_file(s, pid, path, own_root);
    if (!f || line == 0 || line > f->n_lines)
        return LT_ERR_IO;
    size_t from = f->lines[line - 1];
    size_t to = line < f->n_lines ? f->lines[line] : f->len;
    *text = cut(f->text + from, to - from);
    return text->len ? 0 : LT_ERR_IO;
}
