/* SPDX-License-Identifier: Apache-2.0
 *
 * Restartable sequences (Linux UAPI <linux/rseq.h>), used the other way round: when the kernel switches
 * away from a thread that is not in the critical section that it has announced, it takes the
 * announcement back. So one of a section that nobody is ever in stays until the thread is switched out. */
#include "config.h"

#include "collector/platform/switch_watch.h"

#include <stddef.h>
#include <sys/resource.h>
#ifdef HAVE_RSEQ
#include <sys/rseq.h>

static const struct {
    uint32_t section;   /* no code */
    uint32_t signature; /* the kernel wants it before the address to go on from */
    uint32_t go_on;
} nowhere = {.signature = RSEQ_SIG};

static const struct rseq_cs never_entered = {
    .start_ip = (uintptr_t)&nowhere.section,
    .post_commit_offset = 1,
    .abort_ip = (uintptr_t)&nowhere.go_on,
};

/* NULL: the C library has not registered any. */
static volatile uint64_t *announcement(void)
{
    char *thread = __builtin_thread_pointer();
    return __rseq_size ? (uint64_t *)(thread + __rseq_offset + offsetof(struct rseq, rseq_cs))
                       : NULL;
}
#else
static volatile uint64_t *announcement(void)
{
    return NULL;
}
static const char never_entered;
#endif

static uint64_t switches_so_far(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

void lt_switch_watch_begin(struct lt_switch_watch *w)
{
    volatile uint64_t *announced = announcement();
    if (announced)
        *announced = (uintptr_t)&never_entered;
    else
        w->switches = switches_so_far();
}

bool lt_switch_watch_undisturbed(const struct lt_switch_watch *w)
{
    const volatile uint64_t *announced = announcement();
    return announced ? *announced != 0 : switches_so_far() == w->switches;
}
