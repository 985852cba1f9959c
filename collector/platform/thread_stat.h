/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel says of a thread: /proc/PID/task/TID/stat, kept open and read again (3 us),
 * and the CPU clock of a whole process (0.4 us), which tells when none of them need be asked. */
#ifndef LT_THREAD_STAT_H
#define LT_THREAD_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lt_thread_stat {
    bool runnable; /* state R: on a processor, or waiting for one */
    int cpu;       /* the processor that it last ran on */
};

/* An open stat file of a thread, or -1. */
int lt_thread_stat_open(pid_t pid, pid_t tid);

/* 0, or LT_ERR_NO_PROCESS when the thread is gone. */
int lt_thread_stat_read(int fd, struct lt_thread_stat *stat);

/* CPU time that all threads of the process have used, to the nanosecond, up to when each of them was
 * last switched out, or to the last tick of its processor. 0, or LT_ERR_NO_PROCESS. */
int lt_process_cpu_ns(pid_t pid, int64_t *ns);

/* An open schedstat file of a thread, or -1 (also on a kernel that does not have it). */
int lt_thread_schedstat_open(pid_t pid, pid_t tid);

/* How often the thread of an open schedstat file was given a processor. 0, or LT_ERR_NO_PROCESS. */
int lt_thread_slices_read(int fd, uint64_t *slices);

/* The kernel's name of a thread into buf, NUL-terminated. 0 or LT_ERR_NO_PROCESS. */
int lt_thread_comm(pid_t pid, pid_t tid, char *buf, size_t size);

#endif
