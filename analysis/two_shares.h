/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a share in one recording really another one than in the other, or is that chance? The
 * two-proportion z-test with a pooled share, two-sided; many such tests at once are corrected after
 * Holm, so that among all of them a difference that is none is called real in at most LT_REAL_BELOW
 * of the comparisons.
 *
 * It takes stack samples as drawn independently. They are not quite: a thread that stays in one place
 * has the same stack at successive ticks, most of all one that waits. Shares of such stacks vary more
 * between recordings than the test believes, so a small difference that it calls real deserves a
 * second recording. */
#ifndef LT_TWO_SHARES_H
#define LT_TWO_SHARES_H

#include <stddef.h>
#include <stdint.h>

#define LT_REAL_BELOW 0.05

/* Of fewer samples that are expected on a side, the test has nothing to say. */
#define LT_LEAST_EXPECTED 5

/* Parts of [0, 1] of n stack samples on each side: how probable a difference at least as large is if
 * both shares are the same in truth. -1 where there are too few samples to tell. */
double lt_two_shares(double share_a, uint64_t n_a, double share_b, uint64_t n_b);

/* Corrects p[0..n-1], which are not negative, for their number; each stays at its place. 0 or
 * LT_ERR_NOMEM. */
int lt_holm(double *p, size_t n);

#endif
