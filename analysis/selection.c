/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in time as users write them: durations with units ("1h30m"), counted from
 * the end with a minus, or dates ("2026-11-23T10:00"). */
#include "config.h"

#include "analysis/selection.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "formats/lt_error.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define MAX_SECONDS (INT64_MAX / NS_PER_SECOND - 1)

struct unit {
    const char *name;
    int64_t ns;
};

/* Largest first: "1h30m" is well formed, "30m1h" is not. */
static const struct unit units[] = {
    {"d", 86400 * NS_PER_SECOND}, {"h", 3600 * NS_PER_SECOND},  {"m", 60 * NS_PER_SECOND},
    {"s", NS_PER_SECOND},         {"ms", NS_PER_SECOND / 1000},
};
#define N_UNITS (sizeof units / sizeof *units)

struct number {
    int64_t whole;
    int64_t nano; /* the fraction, in 1e-9 */
};

static bool parse_number(const char **text, struct number *n)
{
    const char *p = *text;
    int64_t place = NS_PER_SECOND;

    *n = (struct number){0, 0};
    if (!isdigit((unsigned char)*p)) {
        return false;
    }
    for (; isdigit((unsigned char)*p); p++) {
        n->whole = n->whole * 10 + (*p - '0');
        if (n->whole > MAX_SECONDS) {
            return false;
        }
    }
    if (*p == '.' && isdigit((unsigned char)p[1])) {
        for (p++; isdigit((unsigned char)*p); p++) {
            place /= 10;
            n->nano += place * (*p - '0');
        }
    }
    *text = p;
    return true;
}

/* The unit at *text; the longest name wins ("ms" is not "m"). No unit: N_UNITS. */
static size_t parse_unit(const char **text)
{
    size_t len = 0;
    while (isalpha((unsigned char)(*text)[len])) {
        len++;
    }
    for (size_t i = 0; i < N_UNITS; i++) {
        if (strlen(units[i].name) == len && strncmp(*text, units[i].name, len) == 0) {
            *text += len;
            return i;
        }
    }
    return N_UNITS;
}

static bool add_scaled(int64_t *sum, struct number n, int64_t unit_ns)
{
    int64_t ns;

    if (__builtin_mul_overflow(n.whole, unit_ns, &ns) || __builtin_add_overflow(*sum, ns, sum)) {
        return false;
    }
    /* The fraction is below 1, so this cannot pass one unit. */
    ns = (int64_t)((double)n.nano * ((double)unit_ns / (double)NS_PER_SECOND));
    return !__builtin_add_overflow(*sum, ns, sum);
}

static bool parse_duration(const char *text, int64_t *ns)
{
    size_t smallest = 0; /* units before this one would be out of order */

    *ns = 0;
    do {
        struct number n;
        if (!parse_number(&text, &n)) {
            return false;
        }
        if (*text == '\0' && smallest == 0) {
            return add_scaled(ns, n, NS_PER_SECOND);
        }
        size_t unit = parse_unit(&text);
        if (unit == N_UNITS || unit < smallest || (n.nano != 0 && *text != '\0')) {
            return false;
        }
        if (!add_scaled(ns, n, units[unit].ns)) {
            return false;
        }
        smallest = unit + 1;
    } while (*text != '\0');
    return true;
}

/* Exactly `digits` digits with a value from min to max. */
static bool parse_field(const char **text, int digits, int min, int max, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*text)[i])) {
            return false;
        }
        *value = *value * 10 + ((*text)[i] - '0');
    }
    *text += digits;
    return *value >= min && *value <= max;
}

static bool skip(const char **text, char c)
{
    if (**text != c) {
        return false;
    }
    (*text)++;
    return true;
}

static bool parse_date(const char **text, struct tm *tm)
{
    int year, month;

    if (!parse_field(text, 4, 1970, 9999, &year) || !skip(text, '-') ||
        !parse_field(text, 2, 1, 12, &month) || !skip(text, '-') ||
        !parse_field(text, 2, 1, 31, &tm->tm_mday)) {
        return false;
    }
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    /* 30 February: normalising would change the month. */
    struct tm check = *tm;
    return timegm(&check) != (time_t)-1 && check.tm_mon == tm->tm_mon;
}

static bool parse_clock(const char **text, struct tm *tm, int64_t *nano)
{
    struct number seconds = {0, 0};

    if (!parse_field(text, 2, 0, 23, &tm->tm_hour) || !skip(text, ':') ||
        !parse_field(text, 2, 0, 59, &tm->tm_min)) {
        return false;
    }
    if (skip(text, ':')) {
        const char *digits = *text;
        if (!parse_number(text, &seconds) || seconds.whole > 60 ||
            !isdigit((unsigned char)digits[1])) {
            return false;
        }
    }
    tm->tm_sec = (int)seconds.whole;
    *nano = seconds.nano;
    return true;
}

/* What `info` prints after the time: "Z" or "+01:00". None means local time. */
static bool parse_zone(const char **text, bool *local, int *offset)
{
    int hours, minutes, sign = **text == '-' ? -1 : 1;

    *local = false;
    *offset = 0;
    if (skip(text, 'Z')) {
        return true;
    }
    if (!skip(text, '+') && !skip(text, '-')) {
        *local = true;
        return true;
    }
    if (!parse_field(text, 2, 0, 23, &hours) || !skip(text, ':') ||
        !parse_field(text, 2, 0, 59, &minutes)) {
        return false;
    }
    *offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_wall_clock(const char *text, int64_t *ns)
{
    struct tm tm = {.tm_isdst = -1};
    int64_t nano = 0;
    bool local = true;
    int offset = 0;
    time_t seconds;

    if (!parse_date(&text, &tm)) {
        return false;
    }
    if (skip(&text, 'T') || skip(&text, ' ')) {
        if (!parse_clock(&text, &tm, &nano) || !parse_zone(&text, &local, &offset)) {
            return false;
        }
    }
    seconds = local ? mktime(&tm) : timegm(&tm) - offset;
    if (*text != '\0' || seconds == (time_t)-1) {
        return false;
    }
    *ns = (int64_t)seconds * NS_PER_SECOND + nano;
    return true;
}

int lt_when_parse(const char *text, struct lt_when *when)
{
    struct lt_when w = {.kind = LT_WHEN_NONE};

    if (text[0] == '-' && parse_duration(text + 1, &w.ns)) {
        w.kind = LT_WHEN_FROM_END;
    } else if (parse_duration(text, &w.ns)) {
        w.kind = LT_WHEN_FROM_START;
    } else if (parse_wall_clock(text, &w.ns)) {
        w.kind = LT_WHEN_WALL_CLOCK;
    } else {
        return LT_ERR_USAGE;
    }
    *when = w;
    return 0;
}
