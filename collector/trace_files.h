/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a recording that is left on: one after the other, each a recording of its own, and all
 * files that the template names together no larger than a cap. The oldest ones go first, whoever
 * wrote them, and never one that is being written: its writer holds it. */
#ifndef LT_TRACE_FILES_H
#define LT_TRACE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lt_output;
struct lt_trace_files;

struct lt_trace_files_config {
    const char *template; /* copied; see trace_name.h */
    mode_t mode;
    int64_t rotate_ns;     /* how long a file is written; 0: for ever */
    uint64_t rotate_bytes; /* how large it grows; 0: as large as max_bytes leaves room for */
    uint64_t max_bytes;    /* of all; 0: no cap */
};

int lt_trace_files_new(struct lt_trace_files **out, const struct lt_trace_files_config *config);
void lt_trace_files_free(struct lt_trace_files *f);

/* The first one. LT_ERR_IO with errno, LT_ERR_NOMEM. */
int lt_trace_files_open(struct lt_trace_files *f, struct lt_output *output);
/* Opens the next one in the place of the output, which is closed. On failure it is as it was, and the
 * recording goes on in it; or the old one could not be closed: LT_ERR_IO with errno, and *replaced. */
int lt_trace_files_next(struct lt_trace_files *f, struct lt_output *output, bool *replaced);
/* May there be a next one? Not where the template names a pipe or a device. */
bool lt_trace_files_rotate(const struct lt_trace_files *f);
/* Removes the present one, to which nothing could be written. */
void lt_trace_files_discard(struct lt_trace_files *f);
/* The name of the present one; until the next one. */
const char *lt_trace_files_path(const struct lt_trace_files *f);

/* Is it time for the next one? bytes: of the present one. */
bool lt_trace_files_due(const struct lt_trace_files *f, uint64_t bytes);

/* Removes the oldest ones if the present one has grown enough, or enough time has gone by, for the
 * sum to be looked at again. coming: bytes that are written next. */
void lt_trace_files_make_room(struct lt_trace_files *f, uint64_t bytes, uint64_t coming);

#endif
