/* SPDX-License-Identifier: Apache-2.0
 *
 * How file names are shown and what they say: the place of installation in front
 * (".../site-packages/", ".../lib/python3.11/", the program's working folder) is told apart from
 * the part that an import statement would name. Paths are text here: they come from another
 * machine or another time, so nothing looks at this machine's disk. */
#ifndef LT_PATH_VIEW_H
#define LT_PATH_VIEW_H

#include <stdbool.h>
#include <stddef.h>

struct lt_buf;

enum lt_lib_kind {
    LT_LIB_NONE,
    LT_LIB_STDLIB,  /* .../lib/pythonX.Y/ */
    LT_LIB_PACKAGES /* .../site-packages/, .../dist-packages/ */
};

/* The installed place that a path is in. *prefix is the length up to and including the slash behind
 * it (0 for none). Packages win over a standard library further out or in; a folder that is merely
 * called python3.11 is none. */
enum lt_lib_kind lt_path_lib(const char *path, size_t *prefix);

/* Length of `folder` (without slashes at its end) if `path` is in it, otherwise 0. */
size_t lt_path_under(const char *path, const char *folder);

/* The part of path worth showing: a pointer into it. `folder` is the working folder, "" for none;
 * the root folder shortens nothing. */
const char *lt_path_short(const char *path, const char *folder);

/* "django/http/request.py" -> "django.http.request", "pkg/__init__.py" -> "pkg",
 * "<frozen zipimport>" -> "zipimport". Of an absolute path, whose import root is not known, the
 * last part only. Appends to `out`; 0 or LT_ERR_NOMEM. */
int lt_path_module(const char *shown, struct lt_buf *out);

#endif
