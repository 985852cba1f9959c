/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of traces, and the names of files in it. */
#ifndef LT_TRACE_DIR_H
#define LT_TRACE_DIR_H

#include <sys/types.h>
#include <time.h>

#include "formats/byte_buffer.h"

/* DIR: $LIVE_TRACE_DIR, else "live_trace" under $TMPDIR, $TMP or /tmp. Appended with a NUL. */
int lt_trace_dir(struct lt_buf *dir);

/* Makes it (0700) if it is missing; refused with a message if another user owns it. 0 or an exit
 * status. */
int lt_trace_dir_make(const char *dir);

/* Creates the file of a recording: of the template, in folders that are made; or of the default
 * template in DIR, with -N added while the name is taken. *fd is open for writing, *path is the
 * name (NUL-terminated). "-" is standard output. 0 or an exit status after a message. */
int lt_trace_create(const char *template, int *fd, struct lt_buf *path);

/* The newest trace in DIR, appended with a NUL; 0 or an exit status after a message. */
int lt_trace_newest(struct lt_buf *path);

#endif
