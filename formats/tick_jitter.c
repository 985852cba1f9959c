/* SPDX-License-Identifier: Apache-2.0
 *
 * splitmix64: number n of the sequence needs no state. */
#include "config.h"

#include "formats/tick_jitter.h"

int64_t lt_tick_jitter_ns(uint64_t seed, int64_t step, int64_t interval_ns)
{
    if (seed == 0)
        return 0;
    uint64_t x = seed + (uint64_t)step + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((x ^ (x >> 31)) % (uint64_t)interval_ns);
}
