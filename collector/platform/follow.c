/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding the sampler to a processor. */
#include "config.h"

#include "collector/platform/follow.h"

#include <sched.h>

#include "formats/lt_error.h"

void lt_follower_init(struct lt_follower *f)
{
    *f = (struct lt_follower){.cpu = -1};
}

int lt_follower_bind(struct lt_follower *f, int cpu)
{
    if (cpu == f->cpu)
        return 0;
    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return LT_ERR_AWAY;

    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    /* The kernel moves the caller before it returns. */
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        return LT_ERR_AWAY;
    f->cpu = cpu;
    f->moves++;
    lt_switch_watch_begin(&f->watch);
    return 0;
}
