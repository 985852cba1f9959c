/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of traces: a template becomes a name, a file that nobody else has, and a pattern of all names
 * that it ever gives. A template has strftime fields, and %p for a process id. */
#ifndef LT_TRACE_NAME_H
#define LT_TRACE_NAME_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "formats/byte_buffer.h"

/* Appends the name with a NUL. 0 or LT_ERR_NOMEM. */
int lt_trace_name(const char *template, const struct tm *when, pid_t pid, struct lt_buf *name);

/* Appends text that stands for itself in a template. */
int lt_trace_name_literal(struct lt_buf *template, const char *text);

/* Appends, with a NUL, a pattern of glob(3) for the template's names. `numbered`: for those with the
 * number that lt_trace_file_create() adds. */
int lt_trace_pattern(const char *template, bool numbered, struct lt_buf *pattern);

/* Creates a file of the template, as of now, in folders that are made: -1, -2, ... is added to a name that
 * is taken, so that processes may share a template. *path is its name, with a NUL. It is held
 * (lt_trace_file_hold). What is there and is no file (a pipe, a device) is opened as it is, and
 * *is_file false. LT_ERR_IO with errno. */
int lt_trace_file_create(const char *template, mode_t mode, int *fd, struct lt_buf *path,
                         bool *is_file);

/* Until its descriptor is closed, or its process ends, a file that is held is not removed to make
 * room. Nothing happens where there are no locks; nothing is removed there either. */
void lt_trace_file_hold(int fd);

#endif
