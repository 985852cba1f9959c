/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may see the page. Any program of this machine can connect to a port of 127.0.0.1, and any web
 * site can make a browser do it. So there is a token in the address that nobody can guess; a request
 * must have been sent to this address by name (a site whose own name was turned to 127.0.0.1 sends
 * that name), and must not come from another site.
 *
 * The address that a browser is started with can be read by all users of the machine, in the list
 * of processes. So it is another one, which leads to the page once. */
#ifndef LT_PAGE_ACCESS_H
#define LT_PAGE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/http_request.h"

enum { LT_PAGE_TOKEN = 32 }; /* hexadecimal digits: 128 bits */

struct lt_page_access {
    uint16_t port;
    char token[LT_PAGE_TOKEN + 1];
    char once[LT_PAGE_TOKEN + 1]; /* another token, which works once */
    bool once_used;
};

/* With new tokens. 0 or LT_ERR_IO. */
int lt_page_access_init(struct lt_page_access *access, uint16_t port);

enum lt_page_wanted {
    LT_PAGE_ITSELF,  /* /TOKEN/ */
    LT_PAGE_PROFILE, /* /TOKEN/profile */
    LT_PAGE_MOVED,   /* /ONCE: go to /TOKEN/ */
    LT_PAGE_REFUSED  /* by the status and the reason, a line of text */
};

struct lt_page_refusal {
    unsigned status;
    const char *reason;
};

enum lt_page_wanted lt_page_admit(struct lt_page_access *access,
                                  const struct lt_http_request *request,
                                  struct lt_page_refusal *refusal);

#endif
