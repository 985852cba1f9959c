/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of an HTTP/1.0 or 1.1 request (RFC 9112), as strictly as browsers send it: lines end by CR LF,
 * the target is a path, no field is folded, none of those below comes twice, and there is a Host.
 * A body is nothing to us: we answer GET only, and end the connection after each answer. */
#ifndef LT_HTTP_REQUEST_H
#define LT_HTTP_REQUEST_H

#include <stddef.h>

#include "formats/profile.h"

/* Within the bytes that were parsed; .data is NULL for a field that was not sent. */
struct lt_http_request {
    struct lt_str method;
    struct lt_str target; /* begins with '/'; visible ASCII */
    struct lt_str host, origin, fetch_site, if_none_match;
};

enum lt_http_parsed {
    LT_HTTP_MORE, /* the head has no end yet */
    LT_HTTP_WHOLE,
    LT_HTTP_BAD
};

/* What came so far, from the first byte. Only of LT_HTTP_WHOLE the request is filled. */
enum lt_http_parsed lt_http_parse(struct lt_http_request *request, const char *data, size_t len);

#endif
