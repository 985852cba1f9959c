/* SPDX-License-Identifier: Apache-2.0
 *
 * The LOG arguments: files, folders of them, `-`; none is the newest trace. */
#ifndef LT_LOGS_H
#define LT_LOGS_H

#include <stdbool.h>
#include <stddef.h>

struct lt_logs {
    char **at; /* owned */
    size_t n, alloc;
};

/* Adds an argument; a folder adds the files in it that look like recordings, by name; what is
 * empty there, or in no known format, is left out with a message. 0 or an exit status after a message. */
int lt_logs_add(struct lt_logs *logs, const char *argument);
/* If there is none yet: the newest trace. */
int lt_logs_default(struct lt_logs *logs);
/* A file without a byte: its recorder has just begun, or was killed as early. */
bool lt_log_is_empty(const char *path);
void lt_logs_release(struct lt_logs *logs);

#endif
