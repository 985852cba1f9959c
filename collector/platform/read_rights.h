/* SPDX-License-Identifier: Apache-2.0
 *
 * Why the kernel does not let us read another process: ptrace(2), "Ptrace access mode checking". */
#ifndef LT_READ_RIGHTS_H
#define LT_READ_RIGHTS_H

#include <sys/types.h>

enum lt_obstacle {
    LT_OBSTACLE_UNKNOWN,    /* a security module, a filter of system calls, ... */
    LT_OBSTACLE_USER,       /* it is another user's */
    LT_OBSTACLE_YAMA,       /* kernel.yama.ptrace_scope; *scope has its value */
    LT_OBSTACLE_CAPABILITY, /* we are root, and CAP_SYS_PTRACE was taken from us: a container */
    LT_OBSTACLE_PROTECTED   /* ours, but it has, or had, more rights than we do */
};

/* Of a process that could not be read; while it lives. */
enum lt_obstacle lt_read_obstacle(pid_t pid, int *scope);

#endif
