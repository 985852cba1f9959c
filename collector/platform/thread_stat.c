/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading /proc/PID/task/TID files and process CPU clocks. */
#include "config.h"

#include "collector/platform/thread_stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "formats/lt_error.h"

enum {
    /* proc(5): fields are counted from 1; the second is the name in parentheses. */
    FIELD_STATE = 3,
    FIELD_PROCESSOR = 39
};

static int open_file(pid_t pid, pid_t tid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int lt_thread_stat_open(pid_t pid, pid_t tid)
{
    return open_file(pid, tid, "stat");
}

int lt_thread_schedstat_open(pid_t pid, pid_t tid)
{
    return open_file(pid, tid, "schedstat");
}

int lt_thread_stat_read(int fd, struct lt_thread_stat *stat)
{
    char buf[1024];
    ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
    if (n <= 0)
        return LT_ERR_NO_PROCESS;
    buf[n] = '\0';

    /* The name may hold anything, blanks and parentheses too: look for its end from behind. */
    const char *at = strrchr(buf, ')');
    if (!at || at[1] != ' ')
        return LT_ERR_NO_PROCESS;
    at += 2;
    stat->runnable = *at == 'R';
    for (int field = FIELD_STATE; field < FIELD_PROCESSOR; field++) {
        at = strchr(at, ' ');
        if (!at)
            return LT_ERR_NO_PROCESS;
        at++;
    }
    stat->cpu = (int)strtol(at, NULL, 10);
    return 0;
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

int lt_thread_slices_read(int fd, uint64_t *slices)
{
    char buf[128], *at;
    ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
    if (n <= 0)
        return LT_ERR_NO_PROCESS;
    buf[n] = '\0';
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
