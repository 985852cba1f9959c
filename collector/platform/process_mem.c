/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectored reads, IOV_MAX ranges at a time. */
#include "config.h"

#include "collector/platform/process_mem.h"

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>

#include "formats/lt_error.h"

enum { BATCH = 1024 }; /* IOV_MAX of Linux */

static int read_error(void)
{
    switch (errno) {
    case ESRCH:
        return LT_ERR_NO_PROCESS;
    case EPERM:
    case EACCES:
        return LT_ERR_PERMISSION;
    case ENOMEM:
        return LT_ERR_NOMEM;
    default:
        return LT_ERR_IO;
    }
}

/* How many of the ranges `got` bytes fill. */
static size_t whole_ranges(const struct lt_range *ranges, size_t n, size_t got)
{
    size_t i = 0;
    while (i < n && got >= ranges[i].len)
        got -= ranges[i++].len;
    return i;
}

static int read_batch(pid_t pid, const struct lt_range *ranges, size_t n)
{
    struct iovec local[BATCH], remote[BATCH];
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        local[i] = (struct iovec){ranges[i].into, ranges[i].len};
        remote[i] = (struct iovec){(void *)(uintptr_t)ranges[i].addr, ranges[i].len};
        total += ranges[i].len;
    }
    ssize_t got = process_vm_readv(pid, local, n, remote, n, 0);
    if (got < 0)
        return errno == EFAULT || errno == EINVAL ? 0 : read_error();
    return (int)((size_t)got == total ? n : whole_ranges(ranges, n, (size_t)got));
}

static int process_read(void *ctx, const struct lt_range *ranges, size_t n)
{
    pid_t pid = (pid_t)(intptr_t)ctx;
    size_t done = 0;
    while (done < n) {
        size_t batch = n - done < BATCH ? n - done : BATCH;
        int got = read_batch(pid, ranges + done, batch);
        if (got < 0)
            return got;
        done += (size_t)got;
        if ((size_t)got < batch)
            break;
    }
    return (int)done;
}

void lt_process_mem(struct lt_mem *mem, pid_t pid)
{
    mem->ctx = (void *)(intptr_t)pid;
    mem->read = process_read;
}
