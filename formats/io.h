/* SPDX-License-Identifier: Apache-2.0
 *
 * Where bytes come from and go to: two small tables of functions, so that
 * readers and writers work the same on files, pipes, gzip and memory. */
#ifndef LT_IO_H
#define LT_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lt_buf;

struct lt_input {
    void *ctx;
    /* Up to len bytes into buf. Returns how many (0 at the end), or a negative
     * enum lt_error. Short reads are allowed at any time. */
    int64_t (*read)(void *ctx, void *buf, size_t len);
    /* Optional (NULL where it cannot work: pipes, gzip). Absolute position. */
    int (*seek)(void *ctx, uint64_t pos);
    /* Optional. Total bytes, or 0 if unknown: for progress only. */
    uint64_t (*size)(void *ctx);
    void (*close)(void *ctx);
};

struct lt_output {
    void *ctx;
    /* All of it or an error: 0 or a negative enum lt_error. */
    int (*write)(void *ctx, const void *buf, size_t len);
    /* Optional: to the operating system. LT_ERR_IO with ENOENT where the file was removed. */
    int (*flush)(void *ctx);
    int (*sync)(void *ctx);  /* optional: to the disk */
    int (*close)(void *ctx); /* checked: flushes, then closes */
    /* Optional, both or none (NULL where what is written stays: pipes, files of several writers):
     * where the next byte goes, or a negative enum lt_error; and that it goes there, over what is. */
    int64_t (*tell)(void *ctx);
    int (*seek)(void *ctx, uint64_t pos);
};

/* A file, or "-" for standard input, as it is when its last byte is read: what a writer adds later is not seen.
 * gzip is seen by content and undone (a gzip input has no seek, and where it is damaged or cut off its read gives LT_ERR_CORRUPT). LT_ERR_IO with
 * errno. Close with in->close(in->ctx). */
int lt_input_open(struct lt_input *in, const char *path);

/* Memory, borrowed until close. */
int lt_input_memory(struct lt_input *in, const void *data, size_t len);

/* A file descriptor; owned (closed by close) when `own`. Handles short writes
 * and EINTR. SIGPIPE is the caller's business: EPIPE comes back as LT_ERR_IO. */
int lt_output_fd(struct lt_output *out, int fd, int own);

/* Appends to a buffer, borrowed until close. */
int lt_output_buf(struct lt_output *out, struct lt_buf *buf);

/* All folders above the last slash of a path, those that are missing. LT_ERR_IO, LT_ERR_NOMEM. */
int lt_make_folders(const char *path, mode_t mode);

/* A file that has its name only when it is complete: written under a temporary
 * name in the same folder (folders are made), renamed by close; abandon()
 * removes it instead and releases the output. */
int lt_output_atomic(struct lt_output *out, const char *path);
/* The temporary name of an atomic output, until close: for a library that writes by name. */
const char *lt_output_atomic_name(const struct lt_output *out);
void lt_output_abandon(struct lt_output *out);

#endif
