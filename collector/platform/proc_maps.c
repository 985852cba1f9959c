/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing of /proc/PID/maps, proc(5). */
#include "config.h"

#include "collector/platform/proc_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/lt_error.h"

enum { MAX_LINES = 1 << 17 };

/* "55d0c0a00000-55d0c0a01000 r-xp 00001000 fe:00 73259      /usr/bin/python3" */
static bool parse(char *line, struct lt_mapping *m)
{
    char perms[5];
    int path = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &m->start,
               &m->end, perms, &m->offset, &m->inode, &path) != 5)
        return false;
    m->executable = perms[2] == 'x';
    line[strcspn(line, "\n")] = '\0';
    m->path = line + path;
    return true;
}

int lt_proc_maps(pid_t pid, int (*each)(void *ctx, const struct lt_mapping *mapping), void *ctx)
{
    char path[64], *line = NULL;
    size_t size = 0;
    int err = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return errno == EACCES || errno == EPERM ? LT_ERR_PERMISSION : LT_ERR_NO_PROCESS;
    for (int i = 0; !err && i < MAX_LINES && getline(&line, &size, maps) > 0; i++) {
        struct lt_mapping mapping;
        if (parse(line, &mapping))
            err = each(ctx, &mapping);
    }
    /* Opened is not yet allowed: the read is where the kernel says no. */
    if (!err && ferror(maps))
        err = errno == ESRCH ? LT_ERR_NO_PROCESS : LT_ERR_PERMISSION;
    free(line);
    fclose(maps);
    return err;
}

static int open_if_same(const char *path, uint64_t inode)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_ino != inode)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int lt_mapping_open(pid_t pid, const struct lt_mapping *m)
{
    char path[4096 + 64];
    int fd = -1;
    if (m->path[0] == '/') {
        snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, m->path);
        fd = open_if_same(path, m->inode);
        if (fd < 0) /* of a process that has changed its root, the kernel shows our view */
            fd = open_if_same(m->path, m->inode);
    }
    if (fd < 0) {
        snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
        fd = open_if_same(path, m->inode);
    }
    if (fd < 0) { /* the very file, whatever its name and number; needs CAP_CHECKPOINT_RESTORE */
        snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, m->start,
                 m->end);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    }
    return fd;
}
