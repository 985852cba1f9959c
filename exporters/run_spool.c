/* SPDX-License-Identifier: Apache-2.0
 *
 * The last run of a stream is not written before another stack follows: it may become longer. */
#include "config.h"

#include "exporters/run_spool.h"

#include <stdlib.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

struct stream {
    bool has_last;
    struct lt_run last;
};

struct lt_run_spool {
    struct lt_spool *records;
    struct stream *streams;
    size_t n_streams, alloc;
    struct lt_buf record; /* scratch */
};

int lt_run_spool_new(struct lt_run_spool **out)
{
    struct lt_run_spool *s = calloc(1, sizeof *s);
    int error = s != NULL ? lt_spool_new(&s->records) : LT_ERR_NOMEM;

    if (error < 0) {
        free(s);
        return error;
    }
    *out = s;
    return 0;
}

void lt_run_spool_free(struct lt_run_spool *s)
{
    if (s == NULL) {
        return;
    }
    lt_spool_free(s->records);
    lt_buf_release(&s->record);
    free(s->streams);
    free(s);
}

static int write_run(struct lt_run_spool *s, uint32_t stream, const struct lt_run *run)
{
    int error;

    lt_buf_clear(&s->record);
    error = lt_buf_put_varint(&s->record, run->stack);
    if (error == 0) {
        error = lt_buf_put_varint(&s->record, run->weight);
    }
    return error < 0 ? error : lt_spool_add(s->records, stream, s->record.data, s->record.len);
}

int lt_run_spool_add(struct lt_run_spool *s, uint32_t id, struct lt_run run)
{
    struct stream *stream;
    int error = lt_array_reach(&s->streams, &s->n_streams, &s->alloc, id, sizeof *s->streams,
                               LT_SPOOL_STREAMS);

    if (error < 0) {
        return error;
    }
    stream = &s->streams[id];
    if (stream->has_last && stream->last.stack == run.stack) {
        stream->last.weight += run.weight;
        return 0;
    }
    if (stream->has_last) {
        error = write_run(s, id, &stream->last);
    }
    *stream = (struct stream){true, run};
    return error;
}

uint32_t lt_run_spool_streams(const struct lt_run_spool *s)
{
    return (uint32_t)s->n_streams;
}

int lt_run_reader_init(struct lt_run_reader *r, const struct lt_run_spool *s, uint32_t stream)
{
    r->has_last = s->streams[stream].has_last;
    r->last = s->streams[stream].last;
    return lt_spool_reader_init(&r->records, s->records, stream);
}

int lt_run_reader_next(struct lt_run_reader *r, struct lt_run *run)
{
    int more = lt_spool_reader_more(&r->records);

    if (more > 0) {
        run->stack = (uint32_t)lt_cursor_varint(&r->records.at);
        run->weight = lt_cursor_varint(&r->records.at);
        return r->records.at.bad ? LT_ERR_IO : 1;
    }
    if (more < 0 || !r->has_last) {
        return more;
    }
    r->has_last = false;
    *run = r->last;
    return 1;
}
