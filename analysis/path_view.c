/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths by their parts: what is installation, what is module. */
#include "config.h"

#include "analysis/path_view.h"

#include <ctype.h>
#include <string.h>

#include "formats/byte_buffer.h"

static bool part_is(const char *part, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(part, name, len) == 0;
}

static size_t digits(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && isdigit((unsigned char)text[n])) {
        n++;
    }
    return n;
}

/* python3.11, python3.13t (free-threaded), pypy3.10 */
static bool part_is_version(const char *part, size_t len)
{
    size_t at = 0, n;

    if (len > 6 && memcmp(part, "python", 6) == 0) {
        at = 6;
    } else if (len > 4 && memcmp(part, "pypy", 4) == 0) {
        at = 4;
    } else {
        return false;
    }
    n = digits(part + at, len - at);
    at += n;
    if (n == 0 || at == len || part[at] != '.') {
        return false;
    }
    at++;
    n = digits(part + at, len - at);
    at += n;
    return n > 0 && (at == len || (at + 1 == len && part[at] == 't'));
}

enum lt_lib_kind lt_path_lib(const char *path, size_t *prefix)
{
    enum lt_lib_kind kind = LT_LIB_NONE;
    bool after_lib = false;
    const char *part = path, *slash;

    *prefix = 0;
    for (; (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        size_t len = (size_t)(slash - part);
        size_t end = (size_t)(slash + 1 - path);

        if (part_is(part, len, "site-packages") || part_is(part, len, "dist-packages")) {
            kind = LT_LIB_PACKAGES;
            *prefix = end;
        } else if (after_lib && kind != LT_LIB_PACKAGES && part_is_version(part, len)) {
            kind = LT_LIB_STDLIB;
            *prefix = end;
        }
        after_lib = part_is(part, len, "lib") || part_is(part, len, "lib64");
    }
    return kind;
}

size_t lt_path_under(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    while (len > 1 && folder[len - 1] == '/') {
        len--;
    }
    if (len == 0 || strncmp(path, folder, len) != 0) {
        return 0;
    }
    return folder[len - 1] == '/' || path[len] == '/' ? len : 0;
}

const char *lt_path_short(const char *path, const char *folder)
{
    size_t prefix, under;

    if (lt_path_lib(path, &prefix) != LT_LIB_NONE && path[prefix] != '\0') {
        return path + prefix;
    }
    under = lt_path_under(path, folder);
    if (under <= 1) {
        return path;
    }
    while (path[under] == '/') {
        under++;
    }
    return path[under] != '\0' ? path + under : path;
}

/* The ends that are no part of a module's name: "x.py", "x.cpython-311-x86_64-linux-gnu.so". */
static size_t stem_length(const char *text, size_t len)
{
    const char *base = memrchr(text, '/', len);
    const char *dot;

    base = base != NULL ? base + 1 : text;
    dot = memchr(base, '.', len - (size_t)(base - text));
    return dot != NULL && dot != base ? (size_t)(dot - text) : len;
}

int lt_path_module(const char *shown, struct lt_buf *out)
{
    static const char frozen[] = "<frozen ", init[] = "/__init__";
    size_t len = strlen(shown);

    if (strncmp(shown, frozen, sizeof frozen - 1) == 0 && shown[len - 1] == '>') {
        return lt_buf_put(out, shown + sizeof frozen - 1, len - sizeof frozen);
    }
    if (shown[0] == '<') {
        return lt_buf_put(out, shown, len);
    }
    len = stem_length(shown, len);
    if (len >= sizeof init && memcmp(shown + len - (sizeof init - 1), init, sizeof init - 1) == 0) {
        len -= sizeof init - 1;
    }
    if (shown[0] == '/') {
        const char *base = memrchr(shown, '/', len);
        len -= (size_t)(base + 1 - shown);
        shown = base + 1;
    }
    for (size_t i = 0; i < len; i++) {
        int error = lt_buf_put_u8(out, (uint8_t)(shown[i] == '/' ? '.' : shown[i]));
        if (error < 0) {
            return error;
        }
    }
    return 0;
}
