/* SPDX-License-Identifier: Apache-2.0
 *
 * Running an export for a user. */
#include "config.h"

#include "cli/looking.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/progress.h"
#include "cli/say.h"

enum { FOLLOW_SECONDS = 2 };

void lt_show_note(void *ctx, const char *message)
{
    lt_progress_end(ctx);
    lt_say("%s", message);
}

void lt_show_progress(void *ctx, uint64_t done, uint64_t all)
{
    lt_progress_show(ctx, done, all);
}

int lt_look_into(const struct lt_looking *l, struct lt_out_file *file,
                 struct lt_export_result *result)
{
    struct lt_progress progress;
    lt_progress_begin(&progress);
    const struct lt_export_request request = {
        .exporter = l->exporter,
        .selection = l->selection,
        .logs = (const char *const *)l->logs->at,
        .n_logs = l->logs->n,
        .output = &file->output,
        .output_file = file->atomic ? lt_output_atomic_name(&file->output) : NULL,
        .options = l->options,
        .n_options = l->n_options,
        .color = !l->file && lt_color_wanted(STDOUT_FILENO),
        .note = l->quiet ? NULL : lt_show_note,
        .progress = l->quiet ? NULL : lt_show_progress,
        .ctx = &progress,
    };
    int error = lt_export_run(&request, result);
    int saved = errno;
    lt_progress_end(&progress);
    errno = saved;
    return lt_out_file_close(file, error, result->message);
}

/* *result says what was seen; that nothing was recorded is left to the caller. */
static int look_once(const struct lt_looking *l, struct lt_export_result *result)
{
    struct lt_out_file file;
    if (lt_out_file_open(&file, l->file))
        return LT_EXIT_FAILURE;
    return lt_look_into(l, &file, result);
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

/* A recorder that has just begun has its file, and nothing in it. */
static void wait_for_recorders(const struct lt_logs *logs)
{
    bool said = false;
    for (size_t i = 0; i < logs->n; i++) {
        while (lt_log_is_empty(logs->at[i])) {
            if (!said)
                lt_say("%s is empty: waiting for its recorder, end this by ^C", logs->at[i]);
            said = true;
            sleep(FOLLOW_SECONDS);
        }
    }
}

int lt_look_follow(const struct lt_looking *l)
{
    struct lt_export_result result = {0};
    int status = LT_EXIT_OK;
    for (size_t i = 0; i < l->logs->n; i++) {
        if (strcmp(l->logs->at[i], "-") == 0)
            return lt_say_usage("standard input cannot be read again: give --follow a file");
    }
    wait_for_recorders(l->logs);
    for (bool first = true; status == LT_EXIT_OK && !result.read.complete; first = false) {
        if (!first)
            sleep(FOLLOW_SECONDS);
        begin_report(first);
        status = look_once(l, &result);
    }
    return status;
}
