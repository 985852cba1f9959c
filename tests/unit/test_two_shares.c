/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "analysis/two_shares.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/unit_main.h"

/* Standard deviations apart: 2.19 and 1.63, for which tables of the normal distribution say 0.0285
 * and 0.103. */
static void known_values(void)
{
    CU_ASSERT_DOUBLE_EQUAL(lt_two_shares(0.45, 100, 0.30, 100), 0.02846, 1e-5);
    CU_ASSERT_DOUBLE_EQUAL(lt_two_shares(0.10, 1000, 0.12, 2000), 0.10331, 1e-5);
    CU_ASSERT_DOUBLE_EQUAL(lt_two_shares(0.30, 100, 0.45, 100), 0.02846, 1e-5);
}

static void nothing_to_tell(void)
{
    CU_ASSERT_EQUAL(lt_two_shares(0.5, 0, 0.5, 100), -1);
    CU_ASSERT_EQUAL(lt_two_shares(0, 100, 0.05, 100), -1); /* 2.5 expected */
    CU_ASSERT_EQUAL(lt_two_shares(0, 100, 0, 100), -1);
    CU_ASSERT_EQUAL(lt_two_shares(1, 100, 1, 50), 1);
    CU_ASSERT_DOUBLE_EQUAL(lt_two_shares(0.2, 100, 0.2, 1000), 1, 1e-12);
}

static void more_samples_tell_more(void)
{
    CU_ASSERT(lt_two_shares(0.30, 100, 0.33, 100) > 0.05);
    CU_ASSERT(lt_two_shares(0.30, 100000, 0.33, 100000) < 1e-9);
}

/* By hand: 4 * 0.005, 3 * 0.01, 2 * 0.03, and no less than that for 0.04. */
static void corrected(void)
{
    double p[] = {0.01, 0.04, 0.03, 0.005}, many[] = {0.5, 0.9};

    CU_ASSERT_EQUAL(lt_holm(p, 4), 0);
    CU_ASSERT_DOUBLE_EQUAL(p[0], 0.03, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(p[1], 0.06, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(p[2], 0.06, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(p[3], 0.02, 1e-12);
    CU_ASSERT_EQUAL(lt_holm(many, 2), 0);
    CU_ASSERT_EQUAL(many[0], 1);
    CU_ASSERT_EQUAL(many[1], 1);
    CU_ASSERT_EQUAL(lt_holm(p, 0), 0);
}

/* A thousand pairs of recordings of the same 40 rows: at most about one in twenty may show any
 * difference. */
static void chance_is_called_chance(void)
{
    enum { ROWS = 40, SAMPLES = 2000, PAIRS = 1000 };
    unsigned seed = 1, wrong = 0;

    for (int pair = 0; pair < PAIRS; pair++) {
        uint64_t count[2][ROWS] = {{0}};
        double p[ROWS];
        size_t n = 0;
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < SAMPLES; i++) {
                count[side][rand_r(&seed) % ROWS]++;
            }
        }
        for (int row = 0; row < ROWS; row++) {
            double value = lt_two_shares((double)count[0][row] / SAMPLES, SAMPLES,
                                         (double)count[1][row] / SAMPLES, SAMPLES);
            if (value >= 0) {
                p[n++] = value;
            }
        }
        CU_ASSERT_EQUAL_FATAL(lt_holm(p, n), 0);
        for (size_t i = 0; i < n; i++) {
            if (p[i] < LT_REAL_BELOW) {
                wrong++;
                break;
            }
        }
    }
    CU_ASSERT(wrong < PAIRS * 8 / 100);
    CU_ASSERT(wrong > PAIRS / 100); /* it would find something */
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"known values", known_values},
        {"nothing to tell", nothing_to_tell},
        {"more samples tell more", more_samples_tell_more},
        {"corrected for their number", corrected},
        {"chance is called chance", chance_is_called_chance},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("two_shares", tests);
}
