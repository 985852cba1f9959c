/* SPDX-License-Identifier: Apache-2.0
 *
 * One gzip member as a stream, to a function. Its header has no time and no name, so equal input
 * gives equal output. */
#ifndef LT_GZIP_WRITER_H
#define LT_GZIP_WRITER_H

#include <stddef.h>

/* Bytes out; 0 or a negative enum lt_error. */
typedef int lt_gzip_sink(void *ctx, const void *data, size_t len);

struct lt_gzip_writer; /* opaque */

int lt_gzip_writer_new(struct lt_gzip_writer **out, lt_gzip_sink *sink, void *ctx);
void lt_gzip_writer_free(struct lt_gzip_writer *g);
/* 0, or what the sink returned. */
int lt_gzip_writer_write(struct lt_gzip_writer *g, const void *data, size_t len);
/* The end of the member. Nothing may be written after it. */
int lt_gzip_writer_finish(struct lt_gzip_writer *g);

#endif
