/* SPDX-License-Identifier: Apache-2.0
 *
 * The line "NSpid:" of /proc/PID/task/TID/status: the ids of a thread from the namespace of that
 * /proc to the thread's own. */
#include "config.h"

#include "collector/platform/thread_ids.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/byte_buffer.h"

enum { STATUS_BYTES = 4096, MAX_THREADS = 1 << 16 };

/* The last number of the line; 0 when there is no such thread, or the kernel has no namespaces. */
static pid_t innermost(pid_t pid, pid_t tid)
{
    char buf[STATUS_BYTES];
    snprintf(buf, sizeof(buf), "/proc/%d/task/%d/status", (int)pid, (int)tid);
    int fd = open(buf, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    buf[n] = '\0';
    char *line = strstr(buf, "\nNSpid:");
    if (!line)
        return 0;
    line++;
    line[strcspn(line, "\n")] = '\0';
    const char *last = strrchr(line, '\t');
    return last ? (pid_t)strtol(last + 1, NULL, 10) : 0;
}

void lt_thread_ids_init(struct lt_thread_ids *ids, pid_t pid)
{
    *ids = (struct lt_thread_ids){.pid = pid, .inside = innermost(pid, pid)};
    if (!ids->inside)
        ids->inside = pid;
}

void lt_thread_ids_release(struct lt_thread_ids *ids)
{
    free(ids->list);
    *ids = (struct lt_thread_ids){0};
}

static struct lt_thread_id *find_outside(struct lt_thread_ids *ids, pid_t outside)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->list[i].outside == outside)
            return &ids->list[i];
    }
    return NULL;
}

static pid_t find_inside(const struct lt_thread_ids *ids, pid_t inside)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->list[i].inside == inside)
            return ids->list[i].outside;
    }
    return 0;
}

static void meet(struct lt_thread_ids *ids, pid_t outside)
{
    struct lt_thread_id *known = find_outside(ids, outside);
    pid_t inside = known ? 0 : innermost(ids->pid, outside);
    if (known)
        known->met = true;
    if (inside &&
        lt_array_grow(&ids->list, &ids->alloc, ids->n + 1, sizeof(ids->list[0]), MAX_THREADS) == 0)
        ids->list[ids->n++] = (struct lt_thread_id){outside, inside, true};
}

static void forget_ended(struct lt_thread_ids *ids)
{
    size_t kept = 0;
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->list[i].met)
            ids->list[kept++] = ids->list[i];
    }
    ids->n = kept;
}

/* Only threads that are new are asked who they are: that is what costs. */
static void look_at_threads(struct lt_thread_ids *ids)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)ids->pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return;
    for (size_t i = 0; i < ids->n; i++)
        ids->list[i].met = false;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (isdigit((unsigned char)entry->d_name[0]))
            meet(ids, (pid_t)strtol(entry->d_name, NULL, 10));
    }
    closedir(tasks);
    forget_ended(ids);
}

pid_t lt_thread_ids_outside(struct lt_thread_ids *ids, pid_t inside)
{
    if (ids->inside == ids->pid)
        return inside;
    pid_t outside = find_inside(ids, inside);
    if (outside)
        return outside;
    look_at_threads(ids);
    return find_inside(ids, inside);
}
