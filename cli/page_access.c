/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/page_access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "formats/lt_error.h"
#include "formats/text_scan.h"

static int make_token(char token[LT_PAGE_TOKEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[LT_PAGE_TOKEN / 2];
    ssize_t n;
    do
        n = getrandom(bytes, sizeof(bytes), 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(bytes))
        return LT_ERR_IO;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        token[2 * i] = digits[bytes[i] >> 4];
        token[2 * i + 1] = digits[bytes[i] & 15];
    }
    token[LT_PAGE_TOKEN] = '\0';
    return 0;
}

int lt_page_access_init(struct lt_page_access *access, uint16_t port)
{
    *access = (struct lt_page_access){.port = port};
    int error = make_token(access->token);
    return error ? error : make_token(access->once);
}

/* How long it takes does not tell how much of it is right. */
static bool same_token(struct lt_str text, const char token[LT_PAGE_TOKEN + 1])
{
    unsigned char difference = 0;
    if (text.len != LT_PAGE_TOKEN)
        return false;
    for (size_t i = 0; i < LT_PAGE_TOKEN; i++)
        difference |= (unsigned char)(text.data[i] ^ token[i]);
    return difference == 0;
}

static bool same_text(struct lt_str text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
}

static bool same_host(struct lt_str text, const char *wanted)
{
    return text.len == strlen(wanted) && strncasecmp(text.data, wanted, text.len) == 0;
}

/* Is it one of our two names, behind `before`? Browsers leave port 80 out. */
static bool is_us(const struct lt_page_access *access, struct lt_str text, const char *before)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};
    char wanted[64];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(wanted, sizeof(wanted), "%s%s:%u", before, names[i], (unsigned)access->port);
        if (same_host(text, wanted))
            return true;
        snprintf(wanted, sizeof(wanted), "%s%s", before, names[i]);
        if (access->port == 80 && same_host(text, wanted))
            return true;
    }
    return false;
}

static const struct lt_page_refusal *judge_sender(const struct lt_page_access *access,
                                                  const struct lt_http_request *r)
{
    static const struct lt_page_refusal
        other_name = {403, "This is not the address that live-trace printed, by its name and port; "
                           "forward the port by the same number."},
        other_site = {403, "Another site asks for this: open the address yourself."};
    if (!is_us(access, r->host, ""))
        return &other_name;
    if (r->origin.data && !is_us(access, r->origin, "http://"))
        return &other_site;
    if (r->fetch_site.data && !same_text(r->fetch_site, "none") &&
        !same_text(r->fetch_site, "same-origin"))
        return &other_site;
    return NULL;
}

/* "/TOKEN/what" or "/ONCE", without a query. */
static enum lt_page_wanted judge_path(struct lt_page_access *access, struct lt_str target,
                                      const struct lt_page_refusal **refusal)
{
    static const struct lt_page_refusal
        no_token = {403, "The address is not complete: take all that live-trace printed."},
        used = {403, "This address worked once: take the one that live-trace printed."},
        nothing = {404, "There is nothing here."};
    struct lt_str token = lt_text_from(target, 1);
    size_t at;
    if (lt_text_find(token, "?", &at))
        token = lt_text_until(token, at);
    struct lt_str what = token;
    bool has_slash = lt_text_find(token, "/", &at);
    if (has_slash) {
        what = lt_text_from(token, at + 1);
        token = lt_text_until(token, at);
    }
    if (!has_slash && same_token(token, access->once)) {
        *refusal = &used;
        return access->once_used ? LT_PAGE_REFUSED : LT_PAGE_MOVED;
    }
    if (!has_slash || !same_token(token, access->token)) {
        *refusal = &no_token;
        return LT_PAGE_REFUSED;
    }
    *refusal = &nothing;
    return what.len == 0                ? LT_PAGE_ITSELF
           : same_text(what, "profile") ? LT_PAGE_PROFILE
                                        : LT_PAGE_REFUSED;
}

enum lt_page_wanted lt_page_admit(struct lt_page_access *access,
                                  const struct lt_http_request *request,
                                  struct lt_page_refusal *refusal)
{
    static const struct lt_page_refusal only_get = {405, "Only GET is answered."};
    const struct lt_page_refusal *why = judge_sender(access, request);
    enum lt_page_wanted wanted = LT_PAGE_REFUSED;
    if (!why) {
        wanted = judge_path(access, request->target, &why);
        if (wanted != LT_PAGE_REFUSED && !same_text(request->method, "GET")) {
            wanted = LT_PAGE_REFUSED;
            why = &only_get;
        }
    }
    if (wanted == LT_PAGE_MOVED)
        access->once_used = true;
    if (wanted == LT_PAGE_REFUSED)
        *refusal = *why;
    return wanted;
}
