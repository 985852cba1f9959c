/* SPDX-License-Identifier: Apache-2.0
 *
 * The process that a command is pointed at: its number, and why nothing can be read there. */
#ifndef LT_TARGET_H
#define LT_TARGET_H

#include <sys/types.h>

/* The PID in `text`, of a process that exists. 0, or the exit status once it has been said. */
int lt_target_pid(const char *text, pid_t *pid);

/* The end of a message about a Python that cannot be sampled: what to do. NULL when the error is not
 * about its version or build. */
const char *lt_python_advice(int error);

/* Says in a line why this process cannot be read (LT_ERR_...; python: the version, if it is known)
 * and returns the exit status. */
int lt_target_explain(pid_t pid, int error, const char *python);

#endif
