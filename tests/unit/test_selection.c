/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "analysis/selection.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

#define S INT64_C(1000000000)

struct good_case {
    const char *text;
    int kind;
    int64_t ns;
};

static void check_good(const struct good_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct lt_when w;
        int error = lt_when_parse(cases[i].text, &w);
        if (error != 0 || (int)w.kind != cases[i].kind || w.ns != cases[i].ns) {
            printf("\n    %s: error %d, ns %lld\n", cases[i].text, error, (long long)w.ns);
            CU_FAIL("a good time was misread");
        }
    }
}

static void durations(void)
{
    static const struct good_case cases[] = {
        {"0", LT_WHEN_FROM_START, 0},
        {"1.5", LT_WHEN_FROM_START, 1500 * S / 1000},
        {"90s", LT_WHEN_FROM_START, 90 * S},
        {"2m", LT_WHEN_FROM_START, 120 * S},
        {"1h30m", LT_WHEN_FROM_START, 5400 * S},
        {"1d2h3m4.5s", LT_WHEN_FROM_START, (86400 + 7200 + 180 + 4) * S + S / 2},
        {"250ms", LT_WHEN_FROM_START, S / 4},
        {"1.5h", LT_WHEN_FROM_START, 5400 * S},
        {"-10m", LT_WHEN_FROM_END, 600 * S},
        {"-0.25", LT_WHEN_FROM_END, S / 4},
    };
    check_good(cases, sizeof cases / sizeof *cases);
}

/* TZ is America/New_York here: UTC-5 in November, UTC-4 in July. */
static void wall_clock(void)
{
    static const struct good_case cases[] = {
        {"2026-11-23T10:00", LT_WHEN_WALL_CLOCK, 1795446000 * S},
        {"2026-11-23T10:00:05", LT_WHEN_WALL_CLOCK, 1795446005 * S},
        {"2026-11-23 10:00:05.5", LT_WHEN_WALL_CLOCK, 1795446005 * S + S / 2},
        {"2026-11-23T15:00Z", LT_WHEN_WALL_CLOCK, 1795446000 * S},
        {"2026-11-23T16:00:00+01:00", LT_WHEN_WALL_CLOCK, 1795446000 * S},
        {"2026-11-23T10:00-05:00", LT_WHEN_WALL_CLOCK, 1795446000 * S},
        {"2026-07-23T11:00", LT_WHEN_WALL_CLOCK, 1784818800 * S},
        {"2026-11-23", LT_WHEN_WALL_CLOCK, 1795410000 * S},
    };
    check_good(cases, sizeof cases / sizeof *cases);
}

static void nonsense(void)
{
    static const char *const texts[] = {
        "",
        "-",
        "s",
        "1x",
        "30m1h",
        "1h1h",
        "1h30",
        "1.5h30m",
        "--5",
        "1e3",
        " 1",
        "1 ",
        "5mm",
        "2026-11",
        "2026-13-01",
        "2026-02-30",
        "2026-11-23T",
        "2026-11-23T25:00",
        "2026-11-23T10:60",
        "2026-11-23T10:00:5",
        "2026-11-23T10:00+1",
        "99999999999999999999",
        "99999999999d",
        "2026-11-23T10:00:05 ",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct lt_when w = {.ns = 42};
        int error = lt_when_parse(texts[i], &w);
        if (error != LT_ERR_USAGE || w.ns != 42) {
            printf("\n    '%s': error %d\n", texts[i], error);
            CU_FAIL("nonsense was taken for a time, or changed the output");
        }
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"durations", durations},
        {"wall clock", wall_clock},
        {"nonsense", nonsense},
        CU_TEST_INFO_NULL,
    };

    setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
    tzset();
    return lt_unit_main("selection", tests);
}
