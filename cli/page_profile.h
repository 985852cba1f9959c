/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile that a served page fetches, and newer ones while the recording grows. Each is made by
 * a process of its own, so that pages are answered meanwhile, and its memory goes away with it. */
#ifndef LT_PAGE_PROFILE_H
#define LT_PAGE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/looking.h"

struct lt_page_profile {
    const struct lt_looking *looking;
    int file; /* in memory; -1: none yet */
    uint64_t size;
    unsigned version; /* from 1; 0: none yet */

    pid_t maker; /* at work; 0 none */
    int next;    /* the file that it fills */
    int64_t begun_ns, not_before_ns;
    uint64_t seen_bytes, seen_change; /* of the recordings, when it was begun */
    struct lt_export_result *result;  /* shared with it */
};

/* Of these recordings; borrowed until release. 0 or an exit status after a message. */
int lt_page_profile_init(struct lt_page_profile *p, const struct lt_looking *looking);
/* Begins to make one: the first, or a newer one where the recordings have changed, none is being made
 * and the last is not too young for what it took. 0 or an exit status after a message. */
int lt_page_profile_renew(struct lt_page_profile *p);
/* The process has been reaped: takes what it made. 0, or the exit status of what it said. */
int lt_page_profile_made(struct lt_page_profile *p, int wait_status);
/* Ends what is being made. */
void lt_page_profile_release(struct lt_page_profile *p);

#endif
