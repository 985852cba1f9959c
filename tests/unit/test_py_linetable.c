/* SPDX-License-Identifier: Apache-2.0
 *
 * Line tables that interpreters made, beside the lines that they give for them (co_lines()), and tables
 * that none makes. tests/e2e/test_linetable.py does the same over the standard libraries. */
#include "config.h"

#include "collector/py_linetable.h"

#include <string.h>

#include "formats/lt_error.h"
#include "tests/support/unit_main.h"

/* A range of instruction bytes and its line. */
struct range {
    uint32_t from, to, line;
};

static void expect(enum lt_linetable_kind kind, const uint8_t *table, size_t len, int first_line,
                   const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (uint32_t at = ranges[i].from; at < ranges[i].to; at++) {
            uint32_t line = UINT32_MAX;
            CU_ASSERT_EQUAL(lt_py_linetable_line(kind, table, len, first_line, at, &line), 0);
            CU_ASSERT_EQUAL(line, ranges[i].line);
        }
    }
}

static void refuse(enum lt_linetable_kind kind, const uint8_t *table, size_t len, uint32_t at)
{
    uint32_t line;
    CU_ASSERT_EQUAL(lt_py_linetable_line(kind, table, len, 1, at, &line), LT_ERR_CORRUPT);
}

/* x = a; y = (b,<newline>x); return y */
static const uint8_t lnotab[] = {0x00, 0x01, 0x04, 0x01, 0x02, 0x01, 0x02, 0xff, 0x04, 0x02};
static const uint8_t ranges310[] = {0x08, 0x01, 0x02, 0x01, 0x02, 0x01, 0x06, 0xff, 0x04, 0xff};
static const uint8_t locations[] = {0x80, 0x00, 0xd8, 0x07, 0x08, 0x80, 0x41, 0xd8, 0x07,
                                    0x08, 0xd8, 0x07, 0x08, 0xf0, 0x03, 0x01, 0x07, 0x0a,
                                    0x80, 0x41, 0xe0, 0x0b, 0x0c, 0x80, 0x48};

static void a_line_may_go_back(void)
{
    const struct range of_lnotab[] = {{0, 4, 3}, {4, 6, 4}, {6, 8, 5}, {8, 12, 4}, {12, 16, 6}};
    const struct range of_310[] = {{0, 8, 3}, {8, 10, 4}, {10, 12, 5}, {12, 18, 4}, {18, 22, 3}};
    const struct range of_locations[] = {{0, 2, 2},  {2, 6, 3},   {6, 8, 4},
                                         {8, 10, 5}, {10, 14, 4}, {14, 18, 6}};
    expect(LT_LINETABLE_LNOTAB, lnotab, sizeof(lnotab), 2, of_lnotab, 5);
    expect(LT_LINETABLE_310, ranges310, sizeof(ranges310), 2, of_310, 5);
    expect(LT_LINETABLE_LOCATIONS, locations, sizeof(locations), 2, of_locations, 6);
}

/* Deltas beyond a byte take several pairs; the address stands still meanwhile. */
static void far_lines(void)
{
    const uint8_t far_lnotab[] = {6, 127, 0, 127, 0, 46, 2, 0x80, 0, 0x80};
    const struct range of_lnotab[] = {{0, 6, 1}, {6, 8, 301}, {8, 10, 45}};
    const uint8_t far_310[] = {4, 0, 0, 127, 6, 73};
    const struct range of_310[] = {{0, 4, 1}, {4, 10, 201}};
    const uint8_t far_locations[] = {0xf0, 0x68, 0x12, 0x00, 0x01, 0x02}; /* long form: 2 * 596 */
    const struct range of_locations[] = {{0, 2, 597}};
    expect(LT_LINETABLE_LNOTAB, far_lnotab, sizeof(far_lnotab), 1, of_lnotab, 3);
    expect(LT_LINETABLE_310, far_310, sizeof(far_310), 1, of_310, 2);
    expect(LT_LINETABLE_LOCATIONS, far_locations, sizeof(far_locations), 1, of_locations, 1);
}

/* Instructions that the compiler added have none; the lines after them count on from before. */
static void no_line(void)
{
    const uint8_t of_310[] = {2, 1, 4, 0x80, 2, 1};
    const struct range ranges_310[] = {{0, 2, 11}, {2, 6, 0}, {6, 8, 12}};
    const uint8_t of_locations[] = {0xe8, 0x02, 0xf9, 0xe8, 0x02}; /* +1, none for two units, +1 */
    const struct range ranges_locations[] = {{0, 2, 11}, {2, 6, 0}, {6, 8, 12}};
    expect(LT_LINETABLE_310, of_310, sizeof(of_310), 10, ranges_310, 3);
    expect(LT_LINETABLE_LOCATIONS, of_locations, sizeof(of_locations), 10, ranges_locations, 3);
}

/* The oldest kind knows no end: its last line holds. */
static void behind_the_end(void)
{
    const struct range last[] = {{16, 1000, 6}};
    const struct range only[] = {{0, 1000, 2}};
    expect(LT_LINETABLE_LNOTAB, lnotab, sizeof(lnotab), 2, last, 1);
    expect(LT_LINETABLE_LNOTAB, lnotab, 0, 2, only, 1);
    refuse(LT_LINETABLE_310, ranges310, sizeof(ranges310), 22);
    refuse(LT_LINETABLE_LOCATIONS, locations, sizeof(locations), 18);
    refuse(LT_LINETABLE_310, ranges310, 0, 0);
    refuse(LT_LINETABLE_LOCATIONS, locations, 0, 0);
}

static void nonsense(void)
{
    const uint8_t headless[] = {0x08, 0x00};
    const uint8_t endless[] = {0xe8, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x00};
    const uint8_t above_the_file[] = {0xe8, 0x05}; /* -2 of line 1 */
    refuse(LT_LINETABLE_LOCATIONS, headless, sizeof(headless), 0);
    refuse(LT_LINETABLE_LOCATIONS, endless, sizeof(endless), 0);
    refuse(LT_LINETABLE_LOCATIONS, above_the_file, sizeof(above_the_file), 0);
    for (size_t len = 0; len < sizeof(locations); len++) /* cut anywhere */
        refuse(LT_LINETABLE_LOCATIONS, locations, len, 17);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a line may go back", a_line_may_go_back}, {"far lines", far_lines}, {"no line", no_line},
        {"behind the end", behind_the_end},         {"nonsense", nonsense},   CU_TEST_INFO_NULL};
    return lt_unit_main("py_linetable", tests);
}
