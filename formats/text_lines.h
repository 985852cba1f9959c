/* SPDX-License-Identifier: Apache-2.0
 *
 * An input as lines, for readers of text formats. The memory is one buffer, whatever comes. */
#ifndef LT_TEXT_LINES_H
#define LT_TEXT_LINES_H

#include "formats/profile_reader.h"

#define LT_TEXT_LINE_MAX ((size_t)1 << 20)

struct lt_text_lines {
    struct lt_input *in;
    const struct lt_read_options *options;
    char *buf;
    size_t at, scanned, len; /* the next line; up to where there is no line end; what is there */
    bool ended;              /* the input has no more */
    bool in_cut_line;        /* the rest of a line that was cut off comes next */
    uint64_t bytes, reported;
};

/* Input and options are borrowed; options may be NULL. Progress is reported while reading.
 * LT_ERR_NOMEM. */
int lt_text_lines_init(struct lt_text_lines *t, struct lt_input *in,
                       const struct lt_read_options *options);
void lt_text_lines_release(struct lt_text_lines *t);

/* 1 and the next line without its "\n" or "\r\n", 0 at the end, or a negative enum lt_error of the
 * input. Of a line over LT_TEXT_LINE_MAX bytes the first ones are given, and *cut is set. The line
 * is valid until the next call. */
int lt_text_lines_next(struct lt_text_lines *t, struct lt_str *line, bool *cut);

/* Hands each line to `line`, which returns 0, LT_ERR_CORRUPT for one that says nothing that could be
 * believed, which is counted, or another negative enum lt_error, which ends it. Fills stats->bytes. */
int lt_text_lines_each(struct lt_text_lines *t, struct lt_read_stats *stats,
                       int (*line)(void *ctx, struct lt_str text, bool cut), void *ctx);

/* What comes next, as far as the input has it and the buffer holds it; nothing is taken. 0 or a
 * negative enum lt_error. */
int lt_text_lines_peek(struct lt_text_lines *t, struct lt_str *text);

/* Takes the first line out of `text`: false when there is none. */
bool lt_text_first_line(struct lt_str *text, struct lt_str *line);

#endif
