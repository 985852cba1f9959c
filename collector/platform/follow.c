/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding the sampler to a processor, and proof that nothing else ran there meanwhile. */
#include "config.h"

#include "collector/platform/follow.h"

#include <sched.h>
#include <sys/resource.h>

#include "collector/platform/thread_stat.h"
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
    lt_follower_undisturbed(f); /* the move itself was a switch */
    return 0;
}

bool lt_follower_undisturbed(struct lt_follower *f)
{
    struct rusage usage;
    uint64_t before = f->switches;
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return false;
    f->switches = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
    return f->switches == before;
}

int lt_thread_last_cpu(int stat_fd)
{
    struct lt_thread_stat stat;
    return lt_thread_stat_read(stat_fd, &stat) == 0 ? stat.cpu : -1;
}
