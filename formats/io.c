/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs over files, gzip and memory. */
#include "config.h"

#include "formats/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

/* ---- inputs ---- */

/* A plain file. */
struct file_input {
    int fd;
    off_t start;
    uint64_t size;
    bool ended; /* whoever writes it may have changed its last bytes since */
};

static int64_t file_read(void *ctx, void *buf, size_t len)
{
    struct file_input *in = ctx;
    ssize_t n = 0;
    while (!in->ended && (n = read(in->fd, buf, len)) < 0 && errno == EINTR)
        continue;
    in->ended = n >= 0 && (size_t)n < len;
    return n < 0 ? LT_ERR_IO : n;
}

static int file_seek(void *ctx, uint64_t pos)
{
    struct file_input *in = ctx;
    if (pos > INT64_MAX - (uint64_t)in->start)
        return LT_ERR_USAGE;
    in->ended = false;
    return lseek(in->fd, in->start + (off_t)pos, SEEK_SET) < 0 ? LT_ERR_IO : 0;
}

static uint64_t file_size(void *ctx)
{
    return ((struct file_input *)ctx)->size;
}

static void file_close(void *ctx)
{
    struct file_input *in = ctx;
    close(in->fd);
    free(in);
}

/* Gzip, or what may turn out to be: zlib passes the rest through as it is. */
struct gzip_input {
    gzFile file;
    uint64_t size;
};

static int64_t gzip_read(void *ctx, void *buf, size_t len)
{
    struct gzip_input *in = ctx;
    int zerr = Z_OK;
    int n = gzread(in->file, buf, len > INT_MAX ? INT_MAX : (unsigned)len);
    if (n > 0)
        return n;
    /* Of a gzip file that is cut off, all that there is comes first, then what looks like its end. */
    gzerror(in->file, &zerr);
    if (n == 0)
        return zerr == Z_BUF_ERROR ? LT_ERR_CORRUPT : 0;
    if (zerr == Z_ERRNO)
        return LT_ERR_IO;
    return zerr == Z_MEM_ERROR ? LT_ERR_NOMEM : LT_ERR_CORRUPT;
}

static uint64_t gzip_size(void *ctx)
{
    return ((struct gzip_input *)ctx)->size;
}

static void gzip_close(void *ctx)
{
    struct gzip_input *in = ctx;
    gzclose(in->file);
    free(in);
}

static int open_path(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* Nothing is known of a pipe before it is read. */
static bool is_plain_file(int fd, const struct stat *st)
{
    static const uint8_t gzip[] = {0x1f, 0x8b};
    uint8_t head[sizeof(gzip)];
    off_t at = lseek(fd, 0, SEEK_CUR);
    return S_ISREG(st->st_mode) && at >= 0 &&
           !(pread(fd, head, sizeof(head), at) == sizeof(head) &&
             memcmp(head, gzip, sizeof(gzip)) == 0);
}

static int open_plain(struct lt_input *in, int fd, uint64_t size)
{
    struct file_input *file = calloc(1, sizeof(*file));
    if (!file)
        return LT_ERR_NOMEM;
    *file = (struct file_input){.fd = fd, .start = lseek(fd, 0, SEEK_CUR), .size = size};
    *in = (struct lt_input){file, file_read, file_seek, file_size, file_close};
    return 0;
}

static int open_gzip(struct lt_input *in, int fd, uint64_t size)
{
    struct gzip_input *gzip = calloc(1, sizeof(*gzip));
    gzFile file = gzip ? gzdopen(fd, "rb") : NULL;
    if (!file) {
        free(gzip);
        return LT_ERR_NOMEM;
    }
    gzbuffer(file, 1 << 16);
    *gzip = (struct gzip_input){.file = file, .size = size};
    *in = (struct lt_input){.ctx = gzip, .read = gzip_read, .size = gzip_size, .close = gzip_close};
    return 0;
}

int lt_input_open(struct lt_input *in, const char *path)
{
    struct stat st;
    int fd = open_path(path);
    if (fd < 0)
        return LT_ERR_IO;
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        close(fd);
        errno = EISDIR;
        return LT_ERR_IO;
    }
    uint64_t size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    int err = is_plain_file(fd, &st) ? open_plain(in, fd, size) : open_gzip(in, fd, size);
    if (err)
        close(fd);
    return err;
}

struct memory_input {
    const uint8_t *data;
    size_t len, at;
};

static int64_t memory_read(void *ctx, void *buf, size_t len)
{
    struct memory_input *in = ctx;
    size_t n = in->len - in->at < len ? in->len - in->at : len;
    if (n)
        memcpy(buf, in->data + in->at, n);
    in->at += n;
    return (int64_t)n;
}

static int memory_seek(void *ctx, uint64_t pos)
{
    struct memory_input *in = ctx;
    if (pos > in->len)
        return LT_ERR_USAGE;
    in->at = (size_t)pos;
    return 0;
}

static uint64_t memory_size(void *ctx)
{
    return ((struct memory_input *)ctx)->len;
}

int lt_input_memory(struct lt_input *in, const void *data, size_t len)
{
    struct memory_input *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return LT_ERR_NOMEM;
    memory->data = data;
    memory->len = len;
    *in = (struct lt_input){memory, memory_read, memory_seek, memory_size, free};
    return 0;
}

/* ---- outputs ---- */

struct fd_output {
    int fd;
    int own;
    int has_name;           /* a file in a folder */
    char *name, *temporary; /* of an atomic output; NULL otherwise */
};

static int fd_write(void *ctx, const void *buf, size_t len)
{
    const struct fd_output *out = ctx;
    const char *at = buf;
    while (len > 0) {
        ssize_t n = write(out->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return LT_ERR_IO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* What is written to a file that was removed goes nowhere, and no write would say so. */
static int fd_flush(void *ctx)
{
    const struct fd_output *out = ctx;
    struct stat st;
    if (!out->has_name || (fstat(out->fd, &st) == 0 && st.st_nlink > 0))
        return 0;
    errno = ENOENT;
    return LT_ERR_IO;
}

static int fd_sync(void *ctx)
{
    const struct fd_output *out = ctx;
    /* A pipe or a terminal has no disk. */
    return fsync(out->fd) != 0 && errno != EINVAL && errno != EROFS ? LT_ERR_IO : 0;
}

static int fd_close(void *ctx)
{
    struct fd_output *out = ctx;
    int err = out->own && close(out->fd) != 0 ? LT_ERR_IO : 0;
    int saved = errno;
    free(out);
    errno = saved;
    return err;
}

static int64_t fd_tell(void *ctx)
{
    off_t pos = lseek(((struct fd_output *)ctx)->fd, 0, SEEK_CUR);
    return pos < 0 ? LT_ERR_IO : pos;
}

static int fd_seek(void *ctx, uint64_t pos)
{
    return lseek(((struct fd_output *)ctx)->fd, (off_t)pos, SEEK_SET) < 0 ? LT_ERR_IO : 0;
}

int lt_output_fd(struct lt_output *out, int fd, int own)
{
    struct fd_output *file = calloc(1, sizeof(*file));
    struct stat st;
    if (!file)
        return LT_ERR_NOMEM;
    file->fd = fd;
    file->own = own;
    file->has_name = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0;
    *out = (struct lt_output){
        .ctx = file, .write = fd_write, .flush = fd_flush, .sync = fd_sync, .close = fd_close};
    if (file->own && file->has_name && !(fcntl(fd, F_GETFL) & O_APPEND)) {
        out->tell = fd_tell;
        out->seek = fd_seek;
    }
    return 0;
}

static int buf_write(void *ctx, const void *data, size_t len)
{
    return lt_buf_put(ctx, data, len);
}

static int buf_close(void *ctx)
{
    (void)ctx;
    return 0;
}

int lt_output_buf(struct lt_output *out, struct lt_buf *buf)
{
    *out = (struct lt_output){.ctx = buf, .write = buf_write, .close = buf_close};
    return 0;
}

static void free_atomic(struct fd_output *out)
{
    int saved = errno;
    free(out->name);
    free(out->temporary);
    free(out);
    errno = saved;
}

/* On disk before it has its name: a crash leaves the old file or the new one, never half of one. */
static int atomic_close(void *ctx)
{
    struct fd_output *out = ctx;
    int err = fd_sync(out);
    if (close(out->fd) != 0 && !err)
        err = LT_ERR_IO;
    if (!err && rename(out->temporary, out->name) != 0)
        err = LT_ERR_IO;
    int saved = errno;
    if (err)
        unlink(out->temporary);
    errno = saved;
    free_atomic(out);
    return err;
}

const char *lt_output_atomic_name(const struct lt_output *output)
{
    const struct fd_output *out = output->ctx;
    return out->temporary;
}

void lt_output_abandon(struct lt_output *output)
{
    struct fd_output *out = output->ctx;
    close(out->fd);
    unlink(out->temporary);
    free_atomic(out);
    *output = (struct lt_output){0};
}

int lt_make_folders(const char *path, mode_t mode)
{
    char *copy = strdup(path);
    int err = 0;
    if (!copy)
        return LT_ERR_NOMEM;
    for (char *slash = strchr(copy + 1, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            err = LT_ERR_IO;
        *slash = '/';
    }
    int saved = errno;
    free(copy);
    errno = saved;
    return err;
}

static int temporary_name(const char *path, char **name)
{
    struct lt_buf text = {0};
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    int err = lt_buf_printf(&text, "%.*s.%s.XXXXXX", folder, path, path + folder);
    if (!err)
        err = lt_buf_put_u8(&text, '\0');
    if (err)
        lt_buf_release(&text);
    *name = (char *)text.data;
    return err;
}

int lt_output_atomic(struct lt_output *output, const char *path)
{
    struct fd_output *out = NULL;
    int err = path[0] ? lt_make_folders(path, 0777) : LT_ERR_USAGE;
    if (err)
        return err;
    out = calloc(1, sizeof(*out));
    if (!out)
        return LT_ERR_NOMEM;
    out->name = strdup(path);
    err = out->name ? temporary_name(path, &out->temporary) : LT_ERR_NOMEM;
    if (!err) {
        out->fd = mkostemp(out->temporary, O_CLOEXEC);
        if (out->fd < 0)
            err = LT_ERR_IO;
    }
    if (err) {
        free_atomic(out);
        return err;
    }
    /* mkostemp makes it private; the finished file is what open(2) would have made. */
    mode_t mask = umask(0);
    umask(mask);
    fchmod(out->fd, 0666 & ~mask);
    *output = (struct lt_output){.ctx = out,
                                 .write = fd_write,
                                 .sync = fd_sync,
                                 .close = atomic_close,
                                 .tell = fd_tell,
                                 .seek = fd_seek};
    return 0;
}
