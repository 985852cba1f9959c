/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/http_request.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "formats/text_scan.h"

/* tchar of RFC 9110: what methods and field names are made of. */
static bool is_token(struct lt_str text)
{
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < text.len; i++) {
        if (!memchr(tchars, text.data[i], sizeof(tchars) - 1))
            return false;
    }
    return text.len > 0;
}

static bool is_path(struct lt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0 && text.data[0] == '/';
}

static bool is_field_text(struct lt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* "GET /path HTTP/1.1" */
static bool parse_request_line(struct lt_http_request *r, struct lt_str line)
{
    size_t at;
    if (!lt_text_find(line, " ", &at))
        return false;
    r->method = lt_text_until(line, at);
    line = lt_text_from(line, at + 1);
    if (!lt_text_find(line, " ", &at))
        return false;
    r->target = lt_text_until(line, at);
    line = lt_text_from(line, at + 1);
    return is_token(r->method) && is_path(r->target) && line.len == 8 &&
           lt_text_starts(line, "HTTP/1.") && (line.data[7] == '0' || line.data[7] == '1');
}

static bool is_named(struct lt_str name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.data, wanted, name.len) == 0;
}

/* Keeps a field that matters. Of one that comes twice, which would be meant? */
static bool keep_field(struct lt_http_request *r, struct lt_str name, struct lt_str value)
{
    const struct {
        const char *name;
        struct lt_str *value;
    } fields[] = {
        {"Host", &r->host},
        {"Origin", &r->origin},
        {"Sec-Fetch-Site", &r->fetch_site},
        {"If-None-Match", &r->if_none_match},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (!is_named(name, fields[i].name))
            continue;
        if (fields[i].value->data)
            return false;
        *fields[i].value = value;
    }
    return true;
}

/* "Name: value"; blanks around the value are no part of it. */
static bool parse_field(struct lt_http_request *r, struct lt_str line)
{
    size_t colon;
    if (!lt_text_find(line, ":", &colon) || !is_token(lt_text_until(line, colon)))
        return false;
    struct lt_str value = lt_text_trim_end(lt_text_from(line, colon + 1));
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
        value = lt_text_from(value, 1);
    return is_field_text(value) && keep_field(r, lt_text_until(line, colon), value);
}

enum lt_http_parsed lt_http_parse(struct lt_http_request *request, const char *data, size_t len)
{
    struct lt_str rest = {data, len};
    struct lt_http_request r = {0};
    size_t end, at;
    if (!lt_text_find(rest, "\r\n\r\n", &end))
        return LT_HTTP_MORE;
    rest = lt_text_until(rest, end + 2);
    for (bool first = true; lt_text_find(rest, "\r\n", &at); first = false) {
        struct lt_str line = lt_text_until(rest, at);
        if (!(first ? parse_request_line(&r, line) : parse_field(&r, line)))
            return LT_HTTP_BAD;
        rest = lt_text_from(rest, at + 2);
    }
    if (!r.host.data)
        return LT_HTTP_BAD;
    *request = r;
    return LT_HTTP_WHOLE;
}
