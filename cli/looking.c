/* SPDX-License-Identifier: Apache-2.0
 *
 * Running an export for a user. */
#include "config.h"

#include "cli/looking.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/progress.h"
#include "cli/say.h"
#include "formats/lt_error.h"

enum { FOLLOW_SECONDS = 2 };

static void show_note(void *ctx, const char *message)
{
    lt_progress_end(ctx);
    lt_say("%s", message);
}

static void show_progress(void *ctx, uint64_t done, uint64_t all)
{
    lt_progress_show(ctx, done, all);
}

/* A device or a pipe is written as it is; a file gets its name when it is complete. */
static int open_output(const char *file, struct lt_output *output, bool *atomic)
{
    struct stat st;
    *atomic = false;
    if (!file || strcmp(file, "-") == 0)
        return lt_output_fd(output, STDOUT_FILENO, 0);
    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode)) {
        int fd = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? LT_ERR_IO : lt_output_fd(output, fd, 1);
    }
    *atomic = true;
    return lt_output_atomic(output, file);
}

static int close_output(struct lt_output *output, bool atomic, int failed)
{
    if (failed && atomic) {
        lt_output_abandon(output);
        return 0;
    }
    return output->close(output->ctx);
}

/* Somebody who closes the pipe has seen enough. */
static int output_failed(const char *file, int error)
{
    if (errno == EPIPE)
        return LT_EXIT_FAILURE;
    return lt_say_failure("cannot write %s: %s: nothing was kept",
                          file && strcmp(file, "-") ? file : "standard output",
                          lt_error_text(error));
}

/* *result says what was seen; that nothing was recorded is left to the caller. */
static int look_once(const struct lt_looking *l, struct lt_export_result *result)
{
    struct lt_progress progress;
    struct lt_output output;
    bool atomic;
    int error = open_output(l->file, &output, &atomic);
    if (error)
        return output_failed(l->file, error);

    lt_progress_begin(&progress);
    const struct lt_export_request request = {
        .exporter = l->exporter,
        .selection = l->selection,
        .logs = (const char *const *)l->logs->at,
        .n_logs = l->logs->n,
        .output = &output,
        .options = l->options,
        .n_options = l->n_options,
        .color = !l->file && lt_color_wanted(STDOUT_FILENO),
        .note = show_note,
        .progress = show_progress,
        .ctx = &progress,
    };
    error = lt_export_run(&request, result);
    int saved = errno;
    lt_progress_end(&progress);
    int closed = close_output(&output, atomic, error);
    if (error == LT_ERR_IO && saved == EPIPE)
        return LT_EXIT_FAILURE;
    if (error)
        return error == LT_ERR_USAGE ? lt_say_usage("%s", result->message)
                                     : lt_say_failure("%s", result->message);
    return closed ? output_failed(l->file, closed) : LT_EXIT_OK;
}

int lt_look(const struct lt_looking *l)
{
    struct lt_export_result result = {0};
    int status = look_once(l, &result);
    if (status == LT_EXIT_OK && result.message[0])
        return lt_say_failure("%s", result.message);
    return status;
}

/* A terminal shows one report at a time; in a pipe a blank line parts them. */
static void begin_report(bool first)
{
    if (lt_color_wanted(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
    else if (!first)
        putchar('\n');
    fflush(stdout);
}

int lt_look_follow(const struct lt_looking *l)
{
    struct lt_export_result result = {0};
    int status = LT_EXIT_OK;
    for (size_t i = 0; i < l->logs->n; i++) {
        if (strcmp(l->logs->at[i], "-") == 0)
            return lt_say_usage("standard input cannot be read again: give --follow a file");
    }
    for (bool first = true; status == LT_EXIT_OK && !result.read.complete; first = false) {
        if (!first)
            sleep(FOLLOW_SECONDS);
        begin_report(first);
        status = look_once(l, &result);
    }
    return status;
}
