/* SPDX-License-Identifier: Apache-2.0
 *
 * zlib, with a small buffer between it and the sink. */
#include "config.h"

#include "formats/gzip_writer.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "formats/lt_error.h"

/* Level 1 makes a profile a fourteenth of its size; level 6 takes three times as long for a fifth less. */
enum { LEVEL = 1, GZIP_WINDOW = 15 + 16, MEMORY = 8, MAX_CHUNK = 1 << 30 };

struct lt_gzip_writer {
    lt_gzip_sink *sink;
    void *ctx;
    z_stream stream;
    uint8_t buffer[1 << 14];
};

int lt_gzip_writer_new(struct lt_gzip_writer **out, lt_gzip_sink *sink, void *ctx)
{
    struct lt_gzip_writer *g = calloc(1, sizeof(*g));
    if (!g)
        return LT_ERR_NOMEM;
    if (deflateInit2(&g->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        free(g);
        return LT_ERR_NOMEM;
    }
    g->sink = sink;
    g->ctx = ctx;
    *out = g;
    return 0;
}

void lt_gzip_writer_free(struct lt_gzip_writer *g)
{
    if (!g)
        return;
    deflateEnd(&g->stream);
    free(g);
}

/* Deflates what is there, and hands out the buffer until zlib has no more to say. */
static int deflate_all(struct lt_gzip_writer *g, int flush)
{
    do {
        g->stream.next_out = g->buffer;
        g->stream.avail_out = sizeof(g->buffer);
        if (deflate(&g->stream, flush) == Z_STREAM_ERROR)
            return LT_ERR_USAGE;
        int err = g->sink(g->ctx, g->buffer, sizeof(g->buffer) - g->stream.avail_out);
        if (err)
            return err;
    } while (g->stream.avail_out == 0);
    return 0;
}

int lt_gzip_writer_write(struct lt_gzip_writer *g, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        size_t chunk = len < MAX_CHUNK ? len : MAX_CHUNK;
        g->stream.next_in = (Bytef *)at;
        g->stream.avail_in = (uInt)chunk;
        int err = deflate_all(g, Z_NO_FLUSH);
        if (err)
            return err;
        at += chunk;
        len -= chunk;
    }
    return 0;
}

int lt_gzip_writer_finish(struct lt_gzip_writer *g)
{
    g->stream.next_in = NULL;
    g->stream.avail_in = 0;
    return deflate_all(g, Z_FINISH);
}
