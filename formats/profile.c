/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the causes for which a stack sample fails. */
#include "config.h"

#include "formats/profile.h"

const char *lt_fail_name(unsigned cause)
{
    static const char *const names[LT_FAIL_CAUSES] = {
        [LT_FAIL_TORN] = "torn",   [LT_FAIL_MEMORY] = "memory", [LT_FAIL_FRAME] = "frame",
        [LT_FAIL_CODE] = "code",   [LT_FAIL_DEPTH] = "depth",   [LT_FAIL_PROCESS] = "process",
        [LT_FAIL_LIMIT] = "limit", [LT_FAIL_AWAY] = "away",
    };
    return cause < LT_FAIL_CAUSES ? names[cause] : "other";
}

void lt_health_add(struct lt_health *sum, const struct lt_health *h)
{
    sum->asked += h->asked;
    sum->taken += h->taken;
    sum->late += h->late;
    sum->retried += h->retried;
    for (size_t i = 0; i < LT_FAIL_CAUSES; i++)
        sum->failed[i] += h->failed[i];
    sum->sampler_cpu_ns += h->sampler_cpu_ns;
    if (h->max_lateness_ns > sum->max_lateness_ns)
        sum->max_lateness_ns = h->max_lateness_ns;
}
