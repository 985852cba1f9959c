/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a command writes to: standard output, a device or pipe as it is, or a file that gets its name
 * when it is complete. */
#ifndef LT_OUT_FILE_H
#define LT_OUT_FILE_H

#include <stdbool.h>

#include "formats/io.h"

struct lt_out_file {
    struct lt_output output;
    const char *name; /* NULL or "-": standard output; borrowed */
    bool atomic;
};

/* 0, or an exit status after a message. */
int lt_out_file_open(struct lt_out_file *file, const char *name);
/* After the work: 0 or its enum lt_error, with errno and its message. Returns the exit status, after
 * a message; what failed is not kept. A reader that has seen enough is no message. */
int lt_out_file_close(struct lt_out_file *file, int error, const char *message);

#endif
