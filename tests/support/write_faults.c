/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk that fails, for LD_PRELOAD: stands between live-trace and what it writes to files whose
 * names end in .ltrace. Other programs, which inherit the preload, are left alone.
 *
 *     LIVE_TRACE_FAULT=while:FILE  ENOSPC as long as there is FILE
 *     LIVE_TRACE_FAULT=full:N   a file has room for N bytes, then ENOSPC
 *     LIVE_TRACE_FAULT=short:N  at most N bytes at a time, and now and then EINTR
 *     LIVE_TRACE_FAULT=sync     fsync fails with EIO
 *     LIVE_TRACE_FAULT_IN=NAME  in that program, not in live-trace
 *     LIVE_TRACE_SYNCS=FILE     a byte is appended to FILE for each fsync */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *fault(const char *name)
{
    const char *wanted = getenv("LIVE_TRACE_FAULT");
    size_t len = strlen(name);
    return wanted && strncmp(wanted, name, len) == 0 ? wanted + len : NULL;
}

static int is_trace(int fd)
{
    char link[64], path[4096];
    const char *program = getenv("LIVE_TRACE_FAULT_IN");
    if (strcmp(program_invocation_short_name, program ? program : "live-trace") != 0)
        return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    return len > 7 && memcmp(path + len - 7, ".ltrace", 7) == 0;
}

static ssize_t write_full(ssize_t (*real)(int, const void *, size_t), int fd, const void *data,
                          size_t len, size_t room)
{
    size_t at = (size_t)lseek(fd, 0, SEEK_CUR);
    if (at >= room) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, len < room - at ? len : room - at);
}

static ssize_t write_short(ssize_t (*real)(int, const void *, size_t), int fd, const void *data,
                           size_t len, size_t most)
{
    static unsigned calls;
    if (++calls % 5 == 0) {
        errno = EINTR;
        return -1;
    }
    return real(fd, data, len < most ? len : most);
}

/* Half of it finds room. */
static ssize_t write_while(ssize_t (*real)(int, const void *, size_t), int fd, const void *data,
                           size_t len, const char *file)
{
    static unsigned calls;
    if (access(file, F_OK) != 0)
        return real(fd, data, len);
    if (len > 1 && ++calls % 2)
        return real(fd, data, len / 2);
    errno = ENOSPC;
    return -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t (*real)(int, const void *, size_t) =
        (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    const char *room = fault("full:"), *most = fault("short:"), *file = fault("while:");
    if (len == 0 || (!room && !most && !file) || !is_trace(fd))
        return real(fd, data, len);
    if (file)
        return write_while(real, fd, data, len, file);
    if (room)
        return write_full(real, fd, data, len, strtoul(room, NULL, 10));
    return write_short(real, fd, data, len, strtoul(most, NULL, 10));
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    const char *path = getenv("LIVE_TRACE_SYNCS");
    if (!is_trace(fd))
        return real(fd);
    int log = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (log >= 0) {
        dprintf(log, ".");
        close(log);
    }
    if (fault("sync")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
