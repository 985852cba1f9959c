/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes and their children by /proc. */
#include "config.h"

#include "collector/platform/process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    CHILDREN_MAX_BYTES = 1 << 16,
    FIELD_PPID = 4, /* of /proc/PID/stat, counted from 1 as in proc(5) */
    FIELD_START = 22,
    FIELD_STACK = 28 /* 0 without the right to read the process */
};

static int proc_error(void)
{
    return errno == EACCES || errno == EPERM ? LT_ERR_PERMISSION : LT_ERR_NO_PROCESS;
}

/* The first bytes of a small file, NUL-terminated. */
static ssize_t read_small(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, buf, size - 1);
    int saved = errno;
    close(fd);
    errno = saved;
    if (n >= 0)
        buf[n] = '\0';
    return n;
}

static int each_number(const char *text, int (*each)(void *ctx, pid_t child), void *ctx)
{
    char *end;
    for (long pid = strtol(text, &end, 10); end != text; pid = strtol(text, &end, 10)) {
        int err = each(ctx, (pid_t)pid);
        if (err)
            return err;
        text = end;
    }
    return 0;
}

int lt_process_children(pid_t pid, int (*each)(void *ctx, pid_t child), void *ctx)
{
    char path[96], *text;
    int err = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return LT_ERR_NO_PROCESS;
    text = malloc(CHILDREN_MAX_BYTES);
    if (!text)
        err = LT_ERR_NOMEM;
    for (struct dirent *entry; !err && (entry = readdir(tasks));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%.12s/children", (int)pid, entry->d_name);
        if (read_small(path, text, CHILDREN_MAX_BYTES) > 0)
            err = each_number(text, each, ctx);
    }
    free(text);
    closedir(tasks);
    return err;
}

int lt_newest_pid_open(void)
{
    return open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
}

uint64_t lt_newest_pid(int fd)
{
    char buf[128];
    ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
    if (n <= 0)
        return 0;
    buf[n] = '\0';
    const char *last = strrchr(buf, ' ');
    return last ? strtoull(last + 1, NULL, 10) : 0;
}

/* A number of /proc/PID/status, behind "\nNAME:\t". */
static bool status_number(const char *status, const char *field, long *value)
{
    const char *at = strstr(status, field);
    if (!at)
        return false;
    *value = strtol(at + strlen(field), NULL, 10);
    return true;
}

int lt_newborn_parent(pid_t pid, pid_t *parent)
{
    char path[64], status[512];
    long group, above;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (read_small(path, status, sizeof(status)) <= 0 ||
        !status_number(status, "\nTgid:\t", &group) || !status_number(status, "\nPPid:\t", &above))
        return LT_ERR_NO_PROCESS;
    *parent = group == pid ? (pid_t)above : 0;
    return 0;
}

/* A number of /proc/PID/stat, behind the name, which may hold anything. */
static int stat_field(pid_t pid, int field, unsigned long long *value, char *state)
{
    char path[64], buf[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_small(path, buf, sizeof(buf)) <= 0)
        return proc_error();
    const char *at = strrchr(buf, ')');
    if (!at || at[1] != ' ')
        return LT_ERR_NO_PROCESS;
    at += 2;
    if (state)
        *state = *at;
    for (int i = 3; i < field; i++) {
        at = strchr(at, ' ');
        if (!at)
            return LT_ERR_NO_PROCESS;
        at++;
    }
    *value = strtoull(at, NULL, 10);
    return 0;
}

int lt_process_program(pid_t pid, struct lt_program *program)
{
    char path[64];
    struct stat st;
    unsigned long long start, stack = 0;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    if (stat(path, &st) != 0)
        return proc_error();
    int err = stat_field(pid, FIELD_START, &start, NULL);
    if (!err)
        err = stat_field(pid, FIELD_STACK, &stack, NULL);
    if (err)
        return err;
    *program = (struct lt_program){st.st_dev, st.st_ino, start, stack};
    return 0;
}

bool lt_same_program(const struct lt_program *a, const struct lt_program *b)
{
    return a->device == b->device && a->inode == b->inode && a->start == b->start &&
           a->stack == b->stack;
}

bool lt_borrows_memory(pid_t pid, pid_t parent)
{
    return parent > 0 && syscall(SYS_kcmp, pid, parent, KCMP_VM, 0, 0) == 0;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool lt_shares_root(pid_t pid)
{
    char root[64], mounts[64];
    snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
    snprintf(mounts, sizeof(mounts), "/proc/%d/ns/mnt", (int)pid);
    return same_file(root, "/") && same_file(mounts, "/proc/self/ns/mnt");
}

bool lt_adopts_orphans(void)
{
    int adopts = 0;
    return prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0) == 0 && adopts;
}

pid_t lt_process_parent(pid_t pid)
{
    unsigned long long parent;
    return stat_field(pid, FIELD_PPID, &parent, NULL) == 0 ? (pid_t)parent : 0;
}

uint64_t lt_process_pages(pid_t pid)
{
    char path[64], text[128];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    return read_small(path, text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

bool lt_process_alive(pid_t pid)
{
    unsigned long long ignored;
    char state;
    return stat_field(pid, 3, &ignored, &state) == 0 && state != 'Z' && state != 'X';
}

int lt_process_command(pid_t pid, size_t max, struct lt_buf *out)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    if (lt_buf_reserve(out, max + 1))
        return LT_ERR_NOMEM;
    char *text = (char *)out->data + out->len;
    ssize_t n = read_small(path, text, max + 1);
    if (n < 0)
        return proc_error();
    while (n > 0 && text[n - 1] == '\0')
        n--;
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] == '\0')
            text[i] = ' ';
    }
    out->len += (size_t)n;
    return 0;
}

int lt_process_cwd(pid_t pid, struct lt_buf *out)
{
    char path[64], target[4096];
    snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, target, sizeof(target));
    if (n < 0)
        return proc_error();
    return lt_buf_put(out, target, (size_t)n);
}
