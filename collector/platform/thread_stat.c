/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading /proc/PID/task/TID files and process CPU clocks. */
#include "config.h"

#include "collector/platform/thread_stat.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "formats/lt_error.h"

enum {
    /* proc(5): fields are counted from 1; the second is the name in parentheses. */
    FIELD_STATE = 3,
    FIELD_PROCESSOR = 39,

    KEPT_SHARE =
        4 /* of the descriptors that this process may have; the others are a program's own */
};

static atomic_uint n_kept; /* descriptors of files that stay open */

static int open_file(pid_t pid, pid_t tid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool lt_thread_exists(pid_t pid, pid_t tid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
    return access(path, F_OK) == 0;
}

void lt_thread_files_init(struct lt_thread_files *f, pid_t pid, pid_t tid)
{
    *f = (struct lt_thread_files){.pid = pid, .tid = tid};
    for (int i = 0; i < LT_N_THREAD_FILES; i++)
        f->fd[i] = -1;
}

void lt_thread_files_close(struct lt_thread_files *f)
{
    for (int i = 0; i < LT_N_THREAD_FILES; i++) {
        if (f->fd[i] >= 0) {
            close(f->fd[i]);
            atomic_fetch_sub(&n_kept, 1);
        }
        f->fd[i] = -1;
    }
}

static void keep_or_close(struct lt_thread_files *f, enum lt_thread_file file, int fd)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (atomic_load(&n_kept) >= limit.rlim_cur / KEPT_SHARE) {
        close(fd);
        return;
    }
    atomic_fetch_add(&n_kept, 1);
    f->fd[file] = fd;
}

/* Reads the whole of a file as a string. */
static int read_file(struct lt_thread_files *f, enum lt_thread_file file, char *buf, size_t size)
{
    static const char *const names[LT_N_THREAD_FILES] = {
        [LT_THREAD_SYSCALL] = "syscall",
        [LT_THREAD_STAT] = "stat",
        [LT_THREAD_SCHEDSTAT] = "schedstat",
    };
    int fd = f->fd[file];
    if (fd < 0 && f->tid)
        fd = open_file(f->pid, f->tid, names[file]);
    ssize_t n = pread(fd, buf, size - 1, 0);
    if (fd >= 0 && f->fd[file] < 0)
        keep_or_close(f, file, fd);
    if (n <= 0)
        return LT_ERR_NO_PROCESS;
    buf[n] = '\0';
    return 0;
}

/* Field n of a stat file, n > 2. NULL: there is none. */
static const char *stat_field(const char *stat, int n)
{
    /* The name may hold anything, blanks and parentheses too: look for its end from behind. */
    const char *at = strrchr(stat, ')');
    for (int field = 2; at && field < n; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at;
}

static int read_stat_field(struct lt_thread_files *f, int n, long *number, char *letter)
{
    char buf[1024];
    int err = read_file(f, LT_THREAD_STAT, buf, sizeof(buf));
    const char *field = err ? NULL : stat_field(buf, n);
    if (!field)
        return LT_ERR_NO_PROCESS;
    *letter = *field;
    *number = strtol(field, NULL, 10);
    return 0;
}

/* proc(5): "running", or the number of the system call that it sleeps in and its arguments. A kernel
 * may be built without that file. */
int lt_thread_doing(struct lt_thread_files *f, struct lt_thread_doing *doing)
{
    char buf[256], letter, *at;
    long unused;
    *doing = (struct lt_thread_doing){0};
    if (read_file(f, LT_THREAD_SYSCALL, buf, sizeof(buf)) == 0) {
        doing->runnable = buf[0] == 'r';
        if (!doing->runnable && strtol(buf, &at, 10) == SYS_futex)
            doing->futex = strtoull(at, NULL, 16);
        return 0;
    }
    int err = read_stat_field(f, FIELD_STATE, &unused, &letter);
    doing->runnable = !err && letter == 'R';
    return err;
}

int lt_thread_last_cpu(struct lt_thread_files *f)
{
    long cpu;
    char unused;
    return read_stat_field(f, FIELD_PROCESSOR, &cpu, &unused) == 0 ? (int)cpu : -1;
}

int lt_process_cpu_ns(pid_t pid, int64_t *ns)
{
    /* Linux UAPI: the clock id of a process is its inverted pid above three bits, of which
     * 2 (CPUCLOCK_SCHED) asks for the scheduler's own, exact count. */
    clockid_t clock = (clockid_t)((~(unsigned)pid << 3) | 2u);
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        return LT_ERR_NO_PROCESS;
    *ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    return 0;
}

int lt_thread_slices(struct lt_thread_files *f, uint64_t *slices)
{
    char buf[128], *at;
    int err = read_file(f, LT_THREAD_SCHEDSTAT, buf, sizeof(buf));
    if (err)
        return err;
    /* Time on a processor, time of waiting for one, number of slices. */
    strtoll(buf, &at, 10);
    strtoll(at, &at, 10);
    *slices = strtoull(at, NULL, 10);
    return 0;
}

int lt_thread_comm(pid_t pid, pid_t tid, char *buf, size_t size)
{
    int fd = open_file(pid, tid, "comm");
    if (fd < 0)
        return LT_ERR_NO_PROCESS;
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    if (n <= 0)
        return LT_ERR_NO_PROCESS;
    if (buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    return 0;
}
