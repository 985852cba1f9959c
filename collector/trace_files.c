/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotation, and the cap.
 *
 * Files in use cannot be removed, so each of n writers goes on to the next file when its own is larger
 * than 1/(2n) of the cap: together they hold at most half of it. Between two looks each
 * writes at most 1/(8n), so a look leaves an eighth free. */
#include "config.h"

#include "collector/trace_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/platform/tick_timer.h"
#include "collector/trace_name.h"
#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"

#define SECOND INT64_C(1000000000)

static const int64_t SHORTEST_NS = SECOND;        /* of a file that is too large */
static const int64_t HALF_A_LOOK_NS = SECOND / 2; /* files end at the look nearest to their age */
static const int64_t LOOK_EVERY_NS = 60 * SECOND; /* children that live shortly may not look */
/* A file that was not written for so long is not in use: 100 s is the longest interval. */
static const time_t QUIET_SECONDS = 300;

enum {
    WRITERS_PART = 2, /* of the cap is for files in use */
    FREE_PART = 8,    /* is free after a look */
    MAX_FILES = 10000 /* a file counts as no less than this part of the cap */
};

struct lt_trace_files {
    struct lt_trace_files_config config;
    char *template;
    struct lt_buf path;
    bool is_file;
    int64_t opened_ns, look_ns; /* look_ns: the next look is due */
    uint64_t look_bytes;        /* or when the present file is so large */
    uint64_t largest;           /* the next file is due then */
};

int lt_trace_files_new(struct lt_trace_files **out, const struct lt_trace_files_config *config)
{
    struct lt_trace_files *f = calloc(1, sizeof(*f));
    if (!f)
        return LT_ERR_NOMEM;
    f->config = *config;
    f->template = strdup(config->template);
    if (!f->template) {
        free(f);
        return LT_ERR_NOMEM;
    }
    *out = f;
    return 0;
}

void lt_trace_files_free(struct lt_trace_files *f)
{
    if (!f)
        return;
    free(f->template);
    lt_buf_release(&f->path);
    free(f);
}

static void begin_period(struct lt_trace_files *f)
{
    f->opened_ns = f->look_ns = lt_monotonic_ns();
}

int lt_trace_files_open(struct lt_trace_files *f, struct lt_output *output)
{
    struct lt_buf path = {0};
    bool is_file;
    int fd = -1;
    begin_period(f);
    int err = lt_trace_file_create(f->template, f->config.mode, &fd, &path, &is_file);
    if (!err)
        err = lt_output_fd(output, fd, 1);
    if (err) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        lt_buf_release(&path);
        errno = saved;
        return err;
    }
    lt_buf_release(&f->path);
    f->path = path;
    f->is_file = is_file;
    return 0;
}

int lt_trace_files_next(struct lt_trace_files *f, struct lt_output *output, bool *replaced)
{
    struct lt_output next;
    int err = lt_trace_files_open(f, &next);
    *replaced = !err;
    if (err)
        return err;
    err = output->close(output->ctx);
    *output = next;
    return err;
}

bool lt_trace_files_rotate(const struct lt_trace_files *f)
{
    return f->is_file;
}

void lt_trace_files_discard(struct lt_trace_files *f)
{
    if (f->is_file)
        unlink(lt_trace_files_path(f));
}

const char *lt_trace_files_path(const struct lt_trace_files *f)
{
    return (const char *)f->path.data;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

bool lt_trace_files_due(const struct lt_trace_files *f, uint64_t bytes)
{
    int64_t age_ns = lt_monotonic_ns() - f->opened_ns;
    uint64_t largest = smaller(f->config.rotate_bytes, f->largest);
    if (!f->is_file)
        return false;
    return (f->config.rotate_ns && age_ns + HALF_A_LOOK_NS >= f->config.rotate_ns) ||
           (largest && bytes >= largest && age_ns >= SHORTEST_NS);
}

/* ---- the cap ---- */

struct found {
    const char *path; /* of the glob's */
    struct timespec changed;
    uint64_t size;
};

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const struct found *)a)->changed;
    const struct timespec *y = &((const struct found *)b)->changed;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

static bool find_names(const struct lt_trace_files *f, glob_t *names)
{
    struct lt_buf pattern = {0};
    bool found = false;
    *names = (glob_t){0};
    for (int numbered = 0; numbered < 2; numbered++) {
        lt_buf_clear(&pattern);
        if (lt_trace_pattern(f->template, numbered, &pattern))
            break;
        int flags = GLOB_NOSORT | (found ? GLOB_APPEND : 0);
        found = glob((const char *)pattern.data, flags, NULL, names) == 0 || found;
    }
    lt_buf_release(&pattern);
    return found;
}

/* What it takes on the disk: of a small file more than its length. */
static uint64_t size_of(const struct lt_trace_files *f, const struct stat *st)
{
    uint64_t least = f->config.max_bytes / MAX_FILES;
    uint64_t length = (uint64_t)st->st_size, blocks = (uint64_t)st->st_blocks * 512;
    uint64_t size = length > blocks ? length : blocks;
    return size > least ? size : least;
}

/* A name can fit both patterns. */
static bool is_known(const struct found *files, size_t n, const char *path)
{
    return n && strcmp(files[n - 1].path, path) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t look_at(const struct lt_trace_files *f, const glob_t *names, struct found *files)
{
    size_t n = 0;
    struct stat st;
    qsort(names->gl_pathv, names->gl_pathc, sizeof(names->gl_pathv[0]), by_name);
    for (size_t i = 0; i < names->gl_pathc; i++) {
        const char *path = names->gl_pathv[i];
        if (is_known(files, n, path) || lstat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
            st.st_uid != geteuid())
            continue;
        files[n++] = (struct found){path, st.st_mtim, size_of(f, &st)};
    }
    return n;
}

static int open_idle(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static bool in_use(const struct found *file)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (file->changed.tv_sec < now.tv_sec - QUIET_SECONDS)
        return false;
    int fd = open_idle(file->path);
    if (fd < 0)
        return errno == EWOULDBLOCK;
    close(fd);
    return false;
}

/* Empty: its recorder was killed before it wrote anything. */
static bool is_trace(int fd)
{
    char magic[LT_TRACE_MAGIC_SIZE];
    ssize_t n = read(fd, magic, sizeof(magic));
    return n == 0 || (n == sizeof(magic) && memcmp(magic, LT_TRACE_MAGIC, sizeof(magic)) == 0);
}

static bool remove_idle(const char *path)
{
    int fd = open_idle(path);
    if (fd < 0)
        return errno == ENOENT; /* somebody else made room, too */
    bool removed = is_trace(fd) && unlink(path) == 0;
    close(fd);
    return removed;
}

static void remove_oldest(const struct lt_trace_files *f, struct found *files, size_t n,
                          uint64_t coming)
{
    uint64_t all = coming, most = f->config.max_bytes - f->config.max_bytes / FREE_PART;
    for (size_t i = 0; i < n; i++)
        all += files[i].size;
    qsort(files, n, sizeof(files[0]), by_age);
    for (size_t i = 0; i < n && all > most; i++) {
        if (remove_idle(files[i].path))
            all -= files[i].size;
    }
}

static unsigned count_writers(const struct found *files, size_t n)
{
    unsigned writers = 0;
    for (size_t i = 0; i < n; i++)
        writers += in_use(&files[i]);
    return writers ? writers : 1;
}

void lt_trace_files_make_room(struct lt_trace_files *f, uint64_t bytes, uint64_t coming)
{
    int64_t now_ns = lt_monotonic_ns();
    glob_t names;
    unsigned writers = 1;
    if (!f->config.max_bytes || !f->is_file ||
        (now_ns < f->look_ns && bytes + coming < f->look_bytes))
        return;
    if (find_names(f, &names)) {
        struct found *files = calloc(names.gl_pathc, sizeof(files[0]));
        size_t n = files ? look_at(f, &names, files) : 0;
        writers = count_writers(files, n);
        remove_oldest(f, files, n, coming);
        free(files);
    }
    globfree(&names);
    f->largest = f->config.max_bytes / (WRITERS_PART * writers);
    f->look_ns = now_ns + LOOK_EVERY_NS;
    f->look_bytes = bytes + coming + f->config.max_bytes / (FREE_PART * writers);
}
