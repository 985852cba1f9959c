/* SPDX-License-Identifier: Apache-2.0
 *
 * What part of a recording is looked at, and how frames are told apart: the
 * selection options of the command line (shared by every command that reads) as
 * data. Filled by cli/, compiled once, then only read. */
#ifndef LT_SELECTION_H
#define LT_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lt_mode { LT_MODE_WALL, LT_MODE_CPU, LT_MODE_GIL };
enum lt_by { LT_BY_DEFAULT, LT_BY_LINE, LT_BY_FUNCTION, LT_BY_FILE, LT_BY_MODULE, LT_BY_TAG };
enum lt_unit { LT_UNIT_DEFAULT, LT_UNIT_SAMPLES, LT_UNIT_TIME };
enum lt_tristate { LT_UNSET, LT_YES, LT_NO };

/* A point in time as the user wrote it. */
struct lt_when {
    enum { LT_WHEN_NONE, LT_WHEN_FROM_START, LT_WHEN_FROM_END, LT_WHEN_WALL_CLOCK } kind;
    int64_t ns; /* since the start, before the end (positive), or since the epoch */
};

struct lt_words { /* a list of borrowed arguments */
    const char **at;
    size_t n;
};

struct lt_selection {
    enum lt_mode mode;
    enum lt_tristate idle;     /* keep stacks that wait; unset: the exporter's default */
    struct lt_words threads;   /* NAME or TID */
    struct lt_words processes; /* PID, decimal */
    struct lt_when from, to;
    struct lt_words tags;                /* K=V; all must match */
    struct lt_words focus, ignore, hide; /* POSIX extended regular expressions */
    bool mine;
    struct lt_words my_code, not_my_code;
    enum lt_by by;
    const char *by_tag;            /* KEY of tag:KEY */
    enum lt_tristate thread_roots; /* unset: on by itself with several processes */
    bool full_paths;
    enum lt_unit unit;
    bool strict; /* damage is a failure */
};

/* "1.5", "90s", "2m", "1h30m", "-10m", "2026-11-23T10:00[:05]" (local time). 0 or
 * LT_ERR_USAGE. */
int lt_when_parse(const char *text, struct lt_when *when);

#endif
