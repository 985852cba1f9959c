/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose code a file is: the user's own, an installed library's, or the standard
 * library's. The rules, first match decides:
 *
 *  1. --my-code and --not-my-code folders, the longest that holds the file; at equal length it is
 * not yours. A relative folder is meant from the program's working folder.
 *  2. "<frozen ...>" is the standard library; other names in <> (<string>, <stdin>) are yours.
 *  3. A working folder of the program that lies inside an installed place (somebody develops
 *     in site-packages) makes what is under it yours.
 *  4. .../site-packages/ and .../dist-packages/ are libraries, .../lib/pythonX.Y/ is the standard
 * library; so is a virtual environment inside the project.
 *  5. Everything else is yours, wherever it lies. */
#ifndef LT_CODE_OWNER_H
#define LT_CODE_OWNER_H

#include "analysis/selection.h"
#include "formats/profile.h"

enum lt_owner {
    LT_OWNER_UNKNOWN, /* no file name */
    LT_OWNER_MINE,
    LT_OWNER_LIBRARY,
    LT_OWNER_STDLIB
};

struct lt_code_owner; /* opaque */

/* The words are borrowed until free. */
int lt_code_owner_new(struct lt_code_owner **out, const struct lt_words *my_code,
                      const struct lt_words *not_my_code);
void lt_code_owner_free(struct lt_code_owner *o);

/* One more working folder; "" and known ones change nothing. The first is what relative
 * folders are meant from. *added (may be NULL) says whether answers may be others now. */
int lt_code_owner_add_folder(struct lt_code_owner *o, struct lt_str folder, bool *added);
/* The first working folder, or "". */
const char *lt_code_owner_folder(const struct lt_code_owner *o);

enum lt_owner lt_code_owner_of(const struct lt_code_owner *o, const char *file);

#endif
