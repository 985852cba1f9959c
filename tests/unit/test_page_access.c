/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gets the page and its profile, and who does not. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/page_access.h"
#include "tests/support/unit_main.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define ONCE "fedcba9876543210fedcba9876543210"

static struct lt_page_access access_at(uint16_t port)
{
    return (struct lt_page_access){.port = port, .token = TOKEN, .once = ONCE};
}

static struct lt_str text(const char *value)
{
    return (struct lt_str){value, value ? strlen(value) : 0};
}

struct call {
    const char *target, *host, *origin, *site, *method;
};

/* What it comes to, or the status of the refusal. */
static unsigned admit(struct lt_page_access *access, struct call c)
{
    const struct lt_http_request r = {
        .method = text(c.method ? c.method : "GET"),
        .target = text(c.target),
        .host = text(c.host ? c.host : "127.0.0.1:8000"),
        .origin = text(c.origin),
        .fetch_site = text(c.site),
    };
    struct lt_page_refusal refusal = {0, NULL};
    enum lt_page_wanted wanted = lt_page_admit(access, &r, &refusal);
    return wanted == LT_PAGE_REFUSED ? refusal.status : wanted;
}

static void tokens_are_new(void)
{
    struct lt_page_access a, b;
    CU_ASSERT_EQUAL_FATAL(lt_page_access_init(&a, 1), 0);
    CU_ASSERT_EQUAL_FATAL(lt_page_access_init(&b, 1), 0);
    CU_ASSERT_EQUAL(strspn(a.token, "0123456789abcdef"), LT_PAGE_TOKEN);
    CU_ASSERT_STRING_NOT_EQUAL(a.token, a.once);
    CU_ASSERT_STRING_NOT_EQUAL(a.token, b.token);
}

static void paths(void)
{
    struct lt_page_access a = access_at(8000);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" TOKEN "/"}), LT_PAGE_ITSELF);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" TOKEN "/?a=/b"}), LT_PAGE_ITSELF);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" TOKEN "/profile"}), LT_PAGE_PROFILE);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" TOKEN "/profile?2"}), LT_PAGE_PROFILE);
    static const char *const not_there[] = {
        "Profile", "profile/",  "../profile", "etc/passwd", "..%2f..%2fetc/passwd",
        "/",       "profile%00"};
    for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++) {
        char target[100];
        snprintf(target, sizeof(target), "/" TOKEN "/%s", not_there[i]);
        CU_ASSERT_EQUAL(admit(&a, (struct call){.target = target}), 404);
    }
    static const char *const strange[] = {"/",
                                          "//",
                                          "/favicon.ico",
                                          "/profile",
                                          "/" TOKEN,
                                          "/" TOKEN "0/",
                                          "/0123456789abcdef0123456789abcdee/",
                                          "/0123456789ABCDEF0123456789abcdef/",
                                          "/x/" TOKEN "/",
                                          "/?/" TOKEN "/",
                                          "/" TOKEN "?/",
                                          "/" ONCE "/",
                                          "/" ONCE "/profile"};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        if (admit(&a, (struct call){.target = strange[i]}) != 403)
            CU_FAIL(strange[i]);
    }
}

static void once(void)
{
    struct lt_page_access a = access_at(8000);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" ONCE, .method = "HEAD"}), 405);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" ONCE, .site = "cross-site"}), 403);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" ONCE}), LT_PAGE_MOVED);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" ONCE}), 403);
    CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" TOKEN "/"}), LT_PAGE_ITSELF);
}

static unsigned of_host(uint16_t port, const char *host)
{
    struct lt_page_access a = access_at(port);
    return admit(&a, (struct call){.target = "/" TOKEN "/", .host = host});
}

static void hosts(void)
{
    CU_ASSERT_EQUAL(of_host(8000, "localhost:8000"), LT_PAGE_ITSELF);
    CU_ASSERT_EQUAL(of_host(8000, "LocalHost:8000"), LT_PAGE_ITSELF);
    CU_ASSERT_EQUAL(of_host(80, "127.0.0.1"), LT_PAGE_ITSELF);
    CU_ASSERT_EQUAL(of_host(80, "localhost:80"), LT_PAGE_ITSELF);
    static const char *const others[] = {"",
                                         "127.0.0.1",
                                         "localhost",
                                         "localhost:8001",
                                         "localhost:80000",
                                         "evil:8000",
                                         "localhost.evil:8000",
                                         "127.0.0.2:8000",
                                         "[::1]:8000",
                                         "localhost:8000 ",
                                         "evil@127.0.0.1:8000"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (of_host(8000, others[i]) != 403)
            CU_FAIL(others[i]);
    }
}

static unsigned from(const char *origin, const char *site)
{
    struct lt_page_access a = access_at(8000);
    return admit(&a, (struct call){.target = "/" TOKEN "/profile", .origin = origin, .site = site});
}

static void other_sites(void)
{
    CU_ASSERT_EQUAL(from(NULL, "none"), LT_PAGE_PROFILE);
    CU_ASSERT_EQUAL(from("http://127.0.0.1:8000", "same-origin"), LT_PAGE_PROFILE);
    CU_ASSERT_EQUAL(from("http://localhost:8000", NULL), LT_PAGE_PROFILE);
    CU_ASSERT_EQUAL(from("http://127.0.0.1:8001", NULL), 403);
    CU_ASSERT_EQUAL(from("https://127.0.0.1:8000", NULL), 403);
    CU_ASSERT_EQUAL(from("null", NULL), 403);
    CU_ASSERT_EQUAL(from("", NULL), 403);
    CU_ASSERT_EQUAL(from(NULL, "same-site"), 403);
    CU_ASSERT_EQUAL(from(NULL, "cross-site"), 403);
    CU_ASSERT_EQUAL(from(NULL, ""), 403);
}

static void only_get(void)
{
    struct lt_page_access a = access_at(8000);
    static const char *const others[] = {"HEAD", "POST", "OPTIONS", "get", "GETS"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/" TOKEN "/", .method = others[i]}),
                        405);
        CU_ASSERT_EQUAL(admit(&a, (struct call){.target = "/", .method = others[i]}), 403);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"tokens are new", tokens_are_new},
        {"paths", paths},
        {"an address that works once", once},
        {"hosts", hosts},
        {"other sites", other_sites},
        {"only GET", only_get},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("page_access", tests);
}
