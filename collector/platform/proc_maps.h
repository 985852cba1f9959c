/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/PID/maps: what is mapped where. */
#ifndef LT_PROC_MAPS_H
#define LT_PROC_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/mem.h"

struct lt_mapping {
    lt_addr start, end;
    uint64_t offset; /* in the file */
    uint64_t inode;  /* 0: no file */
    bool executable;
    const char *path; /* as the kernel shows it; "" for none. Valid during the call */
};

/* Calls back for each mapping until that returns other than 0, which is returned.
 * LT_ERR_NO_PROCESS, LT_ERR_PERMISSION. */
int lt_proc_maps(pid_t pid, int (*each)(void *ctx, const struct lt_mapping *mapping), void *ctx);

/* Opens the file behind a mapping, also when it has been deleted or lies in another mount
 * namespace; -1. */
int lt_mapping_open(pid_t pid, const struct lt_mapping *mapping);

#endif
