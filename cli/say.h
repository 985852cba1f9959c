/* SPDX-License-Identifier: Apache-2.0
 *
 * What the user is told on standard error: one line each, "live-trace: what happened: what to
 * do". */
#ifndef LT_SAY_H
#define LT_SAY_H

enum lt_exit { LT_EXIT_OK = 0, LT_EXIT_FAILURE = 1, LT_EXIT_USAGE = 2, LT_EXIT_DIFFERS = 3 };

void lt_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the exit status to return. */
int lt_say_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
int lt_say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
