/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines on standard error, without characters that could play with a terminal. */
#include "config.h"

#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 1024 };

static void say(const char *format, va_list args)
{
    char line[LINE];
    vsnprintf(line, sizeof(line), format, args);
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    fprintf(stderr, "live-trace: %s\n", line);
}

void lt_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

int lt_say_failure(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    return LT_EXIT_FAILURE;
}

int lt_say_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    return LT_EXIT_USAGE;
}
