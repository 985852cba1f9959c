/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel says no more than EPERM: the reason is concluded from what it looks at. */
#include "config.h"

#include "collector/platform/read_rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_BYTES = 4096, YAMA_RESTRICTED = 1 };

static bool read_text(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    buf[n] = '\0';
    return true;
}

/* What follows a name at the beginning of a line of /proc/PID/status. */
static const char *status_field(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    return line ? line + strlen(name) : "";
}

static bool has_capability(int capability)
{
    char status[STATUS_BYTES];
    if (!read_text("/proc/self/status", status, sizeof(status)))
        return false;
    uint64_t effective = strtoull(status_field(status, "\nCapEff:"), NULL, 16);
    return effective >> capability & 1;
}

/* Real, effective and saved: all of them have to be ours. */
static bool is_ours(pid_t pid)
{
    char path[64], status[STATUS_BYTES];
    unsigned real, effective, saved;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (!read_text(path, status, sizeof(status)) ||
        sscanf(status_field(status, "\nUid:"), "%u %u %u", &real, &effective, &saved) != 3)
        return false;
    return real == getuid() && effective == getuid() && saved == getuid();
}

static int yama_scope(void)
{
    char text[16];
    return read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) ? atoi(text) : 0;
}

enum lt_obstacle lt_read_obstacle(pid_t pid, int *scope)
{
    *scope = yama_scope();
    if (has_capability(CAP_SYS_PTRACE))
        return *scope > YAMA_RESTRICTED + 1 ? LT_OBSTACLE_YAMA : LT_OBSTACLE_UNKNOWN;
    if (geteuid() == 0)
        return LT_OBSTACLE_CAPABILITY;
    if (!is_ours(pid))
        return LT_OBSTACLE_USER;
    return *scope >= YAMA_RESTRICTED ? LT_OBSTACLE_YAMA : LT_OBSTACLE_PROTECTED;
}
