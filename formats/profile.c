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
