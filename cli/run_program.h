/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting the user's program so that it cannot tell that live-trace is there: same streams,
 * terminal, process group, signal handling and environment; and its exit status back. */
#ifndef LT_RUN_PROGRAM_H
#define LT_RUN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What `live-trace run ARGS...` is to execute: its argv, NULL-terminated, for lt_program_start(). A
 * name that ends in ".py", or a file that is not executable, runs under the Python interpreter; so
 * does `-m MODULE` (module true). */
int lt_program_argv(char *const *args, size_t n_args, bool module, char ***argv);
void lt_program_argv_free(char **argv);

/* The interpreter: $LIVE_TRACE_PYTHON, else $VIRTUAL_ENV/bin/python, else "python3" (on PATH).
 * Static storage. */
const char *lt_program_python(void);

struct lt_program_run {
    pid_t pid;
    int signal_fd; /* readable when there is something for lt_program_events() */
};

/* Starts it and makes this process the reaper of what it leaves behind. 0, or LT_ERR_IO with errno
 * when it cannot be executed (ENOENT, EACCES ...). From here on signals that would end this process
 * are passed on instead. */
int lt_program_start(struct lt_program_run *run, char *const *argv);

/* Handles pending signals: passes them on, reaps children. True once the program itself has ended;
 * *status is then what a shell would show: its exit status, or 128 + N when signal N ended it. */
bool lt_program_events(struct lt_program_run *run, int *status);

void lt_program_end(struct lt_program_run *run);

#endif
