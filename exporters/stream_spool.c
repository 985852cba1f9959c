/* SPDX-License-Identifier: Apache-2.0
 *
 * The file is an array of slots of LT_SPOOL_BLOCK bytes. A slot begins with the number of the slot
 * that continues its stream, which is set aside before it is written, so nothing is patched later
 * and no list of slots is kept. */
#include "config.h"

#include "exporters/stream_spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define HEADER 8 /* next slot, bytes used: both u32 */

struct stream {
    bool on_disk;
    uint32_t first, slot; /* where it begins, where the buffer will go; with on_disk */
    struct lt_buf block;
};

struct lt_spool {
    int fd; /* -1 until it is needed */
    uint32_t n_slots;
    struct stream *streams;
    size_t n_streams, alloc;
};

int lt_spool_new(struct lt_spool **out)
{
    struct lt_spool *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->fd = -1;
    *out = s;
    return 0;
}

void lt_spool_free(struct lt_spool *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->n_streams; i++) {
        lt_buf_release(&s->streams[i].block);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->streams);
    free(s);
}

static int open_file(struct lt_spool *s)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];

    if (folder == NULL || folder[0] == '\0') {
        folder = "/tmp";
    }
    s->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) { /* not every file system can */
        snprintf(path, sizeof path, "%s/live-trace-XXXXXX", folder);
        s->fd = mkostemp(path, O_CLOEXEC);
        if (s->fd >= 0) {
            unlink(path);
        }
    }
    return s->fd >= 0 ? 0 : LT_ERR_IO;
}

static int write_slot(struct lt_spool *s, uint32_t slot, const uint8_t *data, size_t len)
{
    off_t at = (off_t)slot * LT_SPOOL_BLOCK;

    while (len > 0) {
        ssize_t n = pwrite(s->fd, data, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return LT_ERR_IO;
        }
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
}

/* Writes the stream's full block and begins the next one. */
static int spill(struct lt_spool *s, struct stream *stream)
{
    int error = s->fd < 0 ? open_file(s) : 0;

    if (error < 0) {
        return error;
    }
    if (s->n_slots > UINT32_MAX - 2) {
        return LT_ERR_LIMIT;
    }
    if (!stream->on_disk) {
        stream->on_disk = true;
        stream->first = stream->slot = s->n_slots++;
    }
    put_u32(stream->block.data, s->n_slots);
    put_u32(stream->block.data + 4, (uint32_t)stream->block.len);
    error = write_slot(s, stream->slot, stream->block.data, stream->block.len);
    stream->slot = s->n_slots++;
    lt_buf_clear(&stream->block);
    return error;
}

int lt_spool_add(struct lt_spool *s, uint32_t id, const void *record, size_t len)
{
    static const uint8_t header[HEADER];
    struct stream *stream;
    int error = lt_array_reach(&s->streams, &s->n_streams, &s->alloc, id, sizeof *s->streams,
                               LT_SPOOL_STREAMS);

    assert(len <= LT_SPOOL_RECORD);
    if (error < 0) {
        return error;
    }
    stream = &s->streams[id];
    if (stream->block.len + len > LT_SPOOL_BLOCK) {
        error = spill(s, stream);
    }
    if (error == 0 && stream->block.len == 0) {
        error = lt_buf_put(&stream->block, header, sizeof header);
    }
    return error < 0 ? error : lt_buf_put(&stream->block, record, len);
}

static int read_slot(const struct lt_spool *s, uint32_t slot, uint8_t *data, size_t *len)
{
    *len = 0;
    while (*len < LT_SPOOL_BLOCK) {
        ssize_t n = pread(s->fd, data + *len, LT_SPOOL_BLOCK - *len,
                          (off_t)slot * LT_SPOOL_BLOCK + (off_t)*len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return LT_ERR_IO;
        }
        if (n == 0) { /* the file ends within the slot that was written last */
            break;
        }
        *len += (size_t)n;
    }
    return *len >= HEADER ? 0 : LT_ERR_IO;
}

/* Loads the reader's slot, or what is still in memory. */
static int load(struct lt_spool_reader *r)
{
    const struct stream *stream = &r->spool->streams[r->stream];
    struct lt_cursor c;
    size_t len, used;
    int error;

    if (!stream->on_disk || r->slot == stream->slot) {
        r->last_block = true;
        r->at = lt_cursor_over(stream->block.data, stream->block.len);
        r->at.at += stream->block.len > 0 ? HEADER : 0;
        return 0;
    }
    error = read_slot(r->spool, r->slot, r->block, &len);
    if (error < 0) {
        return error;
    }
    c = lt_cursor_over(r->block, HEADER);
    r->slot = lt_cursor_u32(&c);
    used = lt_cursor_u32(&c);
    if (used < HEADER || used > len) {
        return LT_ERR_IO;
    }
    r->at = lt_cursor_over(r->block + HEADER, used - HEADER);
    return 0;
}

int lt_spool_reader_init(struct lt_spool_reader *r, const struct lt_spool *s, uint32_t stream)
{
    r->spool = s;
    r->stream = stream;
    r->last_block = stream >= s->n_streams;
    r->at = lt_cursor_over(NULL, 0);
    if (r->last_block) {
        return 0;
    }
    r->slot = s->streams[stream].first;
    return load(r);
}

int lt_spool_reader_more(struct lt_spool_reader *r)
{
    while (lt_cursor_left(&r->at) == 0 && !r->last_block) {
        int error = load(r);
        if (error < 0) {
            return error;
        }
    }
    return lt_cursor_left(&r->at) > 0;
}
