/* SPDX-License-Identifier: Apache-2.0
 *
 * The user's browser: $BROWSER, or what xdg-open chooses where there is a screen. */
#ifndef LT_BROWSER_H
#define LT_BROWSER_H

#include <sys/types.h>

/* Opens an address, without waiting. Returns the process, which the caller reaps; 0 where there is
 * no screen, or, after a message, where it cannot be started. */
pid_t lt_browser_open(const char *address);
/* Says so where the reaped process failed. */
void lt_browser_ended(int wait_status);

#endif
