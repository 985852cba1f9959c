/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in its interval a tick is due: at a random point, which a seed and the number of the interval
 * say, so that a trace need not. */
#ifndef LT_TICK_JITTER_H
#define LT_TICK_JITTER_H

#include <stdint.h>

/* From 0 to interval_ns - 1, interval_ns > 0. Seed 0: always 0. */
int64_t lt_tick_jitter_ns(uint64_t seed, int64_t step, int64_t interval_ns);

#endif
