/* SPDX-License-Identifier: Apache-2.0
 *
 * What a terminal is shown, and a pipe is not. */
#include "config.h"

#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/platform/tick_timer.h"

static const int64_t QUIET_NS = 1000000000, EVERY_NS = 100000000;

void lt_progress_begin(struct lt_progress *p)
{
    *p = (struct lt_progress){.terminal = isatty(STDERR_FILENO), .begun_ns = lt_monotonic_ns()};
}

void lt_progress_show(struct lt_progress *p, uint64_t done, uint64_t all)
{
    if (!p->terminal)
        return;
    int64_t now = lt_monotonic_ns();
    if (now - p->begun_ns < QUIET_NS || now - p->drawn_ns < EVERY_NS)
        return;
    p->drawn_ns = now;
    p->shown = true;
    if (all && done <= all)
        fprintf(stderr, "\rreading %3.0f%% of %.1f MB", 100.0 * (double)done / (double)all,
                (double)all / 1e6);
    else
        fprintf(stderr, "\rreading %.1f MB", (double)done / 1e6);
}

void lt_progress_end(struct lt_progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}

bool lt_color_wanted(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}
