/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of whatever bytes: what is parsed lies within them, more bytes do not change it, and
 * nobody is let in who has no token and not our name. */
#include "config.h"

#include "tests/support/fuzz_target.h"

#include <stdlib.h>
#include <string.h>

#include "cli/http_request.h"
#include "cli/page_access.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

static void check_within(struct lt_str text, const char *data, size_t size)
{
    MUST(!text.data || (text.data >= data && text.data + text.len <= data + size));
    MUST(!text.data || !memchr(text.data, '\n', text.len));
}

static bool has(struct lt_str text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static void check_admitted(const struct lt_http_request *r)
{
    struct lt_page_access access = {.port = 8000,
                                    .token = "0123456789abcdef0123456789abcdef",
                                    .once = "fedcba9876543210fedcba9876543210"};
    struct lt_page_refusal refusal = {0, NULL};
    switch (lt_page_admit(&access, r, &refusal)) {
    case LT_PAGE_REFUSED:
        MUST(refusal.status >= 400 && refusal.reason);
        return;
    case LT_PAGE_MOVED:
        MUST(has(r->target, access.once) && access.once_used);
        break;
    default:
        MUST(has(r->target, access.token));
    }
    MUST(has(r->host, ":8000") && r->method.len == 3);
    MUST(!r->fetch_site.data || !has(r->fetch_site, "cross"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *data = (const char *)bytes;
    struct lt_http_request r = {0}, less = {0};
    enum lt_http_parsed parsed = lt_http_parse(&r, data, size);
    if (size > 0 && parsed == LT_HTTP_MORE)
        MUST(lt_http_parse(&less, data, size - 1) == LT_HTTP_MORE);
    if (size > 0 && lt_http_parse(&less, data, size - 1) != LT_HTTP_MORE)
        MUST(lt_http_parse(&less, data, size - 1) == parsed);
    if (parsed != LT_HTTP_WHOLE)
        return 0;
    check_within(r.method, data, size);
    check_within(r.target, data, size);
    check_within(r.host, data, size);
    check_within(r.origin, data, size);
    check_within(r.fetch_site, data, size);
    check_within(r.if_none_match, data, size);
    MUST(r.target.len > 0 && r.target.data[0] == '/' && r.host.data);
    check_admitted(&r);
    return 0;
}
