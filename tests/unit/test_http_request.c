/* SPDX-License-Identifier: Apache-2.0
 *
 * What is a request, what is none, and what is none yet. */
#include "config.h"

#include <string.h>

#include "cli/http_request.h"
#include "tests/support/unit_main.h"

static enum lt_http_parsed parse(const char *text, struct lt_http_request *r)
{
    *r = (struct lt_http_request){0};
    return lt_http_parse(r, text, strlen(text));
}

static bool is(struct lt_str text, const char *wanted)
{
    return text.data && text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
}

static const char good[] = "GET /abc/profile?x=1 HTTP/1.1\r\n"
                           "hOsT:127.0.0.1:8000\r\n"
                           "User-Agent: Mozilla/5.0 (\xc3\xa4)\r\n"
                           "Empty:\r\n"
                           "Sec-Fetch-Site: \t same-origin\t \r\n"
                           "If-None-Match: \"7\"\r\n"
                           "\r\n";

static void fields(void)
{
    struct lt_http_request r;
    CU_ASSERT_EQUAL_FATAL(parse(good, &r), LT_HTTP_WHOLE);
    CU_ASSERT(is(r.method, "GET"));
    CU_ASSERT(is(r.target, "/abc/profile?x=1"));
    CU_ASSERT(is(r.host, "127.0.0.1:8000"));
    CU_ASSERT(is(r.fetch_site, "same-origin"));
    CU_ASSERT(is(r.if_none_match, "\"7\""));
    CU_ASSERT_PTR_NULL(r.origin.data);
}

static void part_by_part(void)
{
    struct lt_http_request r;
    for (size_t len = 0; len < sizeof(good) - 1; len++)
        CU_ASSERT_EQUAL(lt_http_parse(&r, good, len), LT_HTTP_MORE);
    CU_ASSERT_EQUAL(lt_http_parse(&r, good, sizeof(good) - 1), LT_HTTP_WHOLE);
}

static void what_is_behind_the_head(void)
{
    struct lt_http_request r;
    CU_ASSERT_EQUAL(parse("POST / HTTP/1.0\r\nHost: a\r\n\r\nHost: b\r\n\r\n\x01", &r),
                    LT_HTTP_WHOLE);
    CU_ASSERT(is(r.host, "a"));
}

static void no_requests(void)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "GET\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.12\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        " / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nAccept: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nOrigin: a\r\norigin: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n\r\n\r\n",
    };
    struct lt_http_request r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(bad[i], &r) != LT_HTTP_BAD)
            CU_FAIL(bad[i]);
    }
    CU_ASSERT_EQUAL(lt_http_parse(&r, "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30), LT_HTTP_BAD);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"fields", fields},
        {"part by part", part_by_part},
        {"what is behind the head", what_is_behind_the_head},
        {"no requests", no_requests},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("http_request", tests);
}
