/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel says of a thread: files under /proc/PID/task/TID, kept open and read again, as long
 * as that takes no more than a quarter of the descriptors that this process may have, and the CPU
 * clock of a whole process (0.4 us), which tells when none of them need be asked. */
#ifndef LT_THREAD_STAT_H
#define LT_THREAD_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lt_thread_file { LT_THREAD_SYSCALL, LT_THREAD_STAT, LT_THREAD_SCHEDSTAT, LT_N_THREAD_FILES };

/* The files of one thread; each is opened when it is first asked. */
struct lt_thread_files {
    pid_t pid, tid; /* tid 0: not known, nothing can be had */
    int fd[LT_N_THREAD_FILES];
};

struct lt_thread_doing {
    bool runnable; /* on a processor, or waiting for one */
    uint64_t
        futex; /* the address of the futex that it waits on; 0: it does not, or not to be known */
};

void lt_thread_files_init(struct lt_thread_files *f, pid_t pid, pid_t tid);
void lt_thread_files_close(struct lt_thread_files *f);

bool lt_thread_exists(pid_t pid, pid_t tid);

/* 2.6 us, 6 with cold caches. 0, or LT_ERR_NO_PROCESS when the thread is gone. */
int lt_thread_doing(struct lt_thread_files *f, struct lt_thread_doing *doing);

/* The processor that the thread last ran on, or -1. 4 us, 10 with cold caches. */
int lt_thread_last_cpu(struct lt_thread_files *f);

/* How often the thread was given a processor. 1.6 us. 0, or LT_ERR_NO_PROCESS, also on a kernel
 * that does not count. */
int lt_thread_slices(struct lt_thread_files *f, uint64_t *slices);

/* CPU time that all threads of the process have used, to the nanosecond, up to when each of them was
 * last switched out, or to the last tick of its processor. 0, or LT_ERR_NO_PROCESS. */
int lt_process_cpu_ns(pid_t pid, int64_t *ns);

/* The kernel's name of a thread into buf, NUL-terminated. 0 or LT_ERR_NO_PROCESS. */
int lt_thread_comm(pid_t pid, pid_t tid, char *buf, size_t size);

#endif
