/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs that are whole or not there. */
#include "config.h"

#include "cli/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "formats/lt_error.h"

static bool is_stdout(const char *name)
{
    return !name || strcmp(name, "-") == 0;
}

/* Somebody who closes the pipe has seen enough. */
static int output_failed(const char *name, int error)
{
    if (errno == EPIPE)
        return LT_EXIT_FAILURE;
    return lt_say_failure("cannot write %s: %s: nothing was kept",
                          is_stdout(name) ? "standard output" : name, lt_error_text(error));
}

static int open_output(struct lt_out_file *file)
{
    struct stat st;
    if (is_stdout(file->name))
        return lt_output_fd(&file->output, STDOUT_FILENO, 0);
    if (stat(file->name, &st) == 0 && !S_ISREG(st.st_mode)) {
        int fd = open(file->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? LT_ERR_IO : lt_output_fd(&file->output, fd, 1);
    }
    file->atomic = true;
    return lt_output_atomic(&file->output, file->name);
}

int lt_out_file_open(struct lt_out_file *file, const char *name)
{
    *file = (struct lt_out_file){.name = name};
    int error = open_output(file);
    return error ? output_failed(name, error) : 0;
}

int lt_out_file_close(struct lt_out_file *file, int error, const char *message)
{
    int saved = errno, closed = 0;
    if (error && file->atomic)
        lt_output_abandon(&file->output);
    else
        closed = file->output.close(file->output.ctx);
    if (error == LT_ERR_IO && saved == EPIPE)
        return LT_EXIT_FAILURE;
    if (error)
        return error == LT_ERR_USAGE ? lt_say_usage("%s", message) : lt_say_failure("%s", message);
    return closed ? output_failed(file->name, closed) : LT_EXIT_OK;
}
