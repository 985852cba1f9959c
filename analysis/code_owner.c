/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of code_owner.h over path_view's places. */
#include "config.h"

#include "analysis/code_owner.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/path_view.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

/* A recording of more processes with more different working folders keeps the first ones. */
#define MAX_FOLDERS 64

struct lt_code_owner {
    const struct lt_words *my_code, *not_my_code;
    char *folders[MAX_FOLDERS];
    size_t n_folders;
};

int lt_code_owner_new(struct lt_code_owner **out, const struct lt_words *my_code,
                      const struct lt_words *not_my_code)
{
    struct lt_code_owner *o = calloc(1, sizeof *o);

    if (o == NULL) {
        return LT_ERR_NOMEM;
    }
    o->my_code = my_code;
    o->not_my_code = not_my_code;
    *out = o;
    return 0;
}

void lt_code_owner_free(struct lt_code_owner *o)
{
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < o->n_folders; i++) {
        free(o->folders[i]);
    }
    free(o);
}

int lt_code_owner_add_folder(struct lt_code_owner *o, struct lt_str folder, bool *added)
{
    if (added != NULL) {
        *added = false;
    }
    if (folder.len == 0 || o->n_folders == MAX_FOLDERS) {
        return 0;
    }
    for (size_t i = 0; i < o->n_folders; i++) {
        if (strlen(o->folders[i]) == folder.len &&
            memcmp(o->folders[i], folder.data, folder.len) == 0) {
            return 0;
        }
    }
    char *copy = strndup(folder.data, folder.len);
    if (copy == NULL) {
        return LT_ERR_NOMEM;
    }
    o->folders[o->n_folders++] = copy;
    if (added != NULL) {
        *added = true;
    }
    return 0;
}

const char *lt_code_owner_folder(const struct lt_code_owner *o)
{
    return o->n_folders > 0 ? o->folders[0] : "";
}

/* Like lt_path_under(), for a folder as the user wrote it. */
static size_t under_word(const struct lt_code_owner *o, const char *file, const char *word)
{
    size_t base;

    if (word[0] == '/') {
        return lt_path_under(file, word);
    }
    while (word[0] == '.' && (word[1] == '/' || word[1] == '\0')) {
        word += word[1] == '/' ? 2 : 1;
    }
    base = 0;
    if (file[0] == '/') {
        base = lt_path_under(file, lt_code_owner_folder(o));
        if (base == 0) {
            return 0;
        }
        for (file += base; *file == '/'; file++) {
            base++;
        }
    }
    if (word[0] == '\0') { /* "." */
        return base + 1;
    }
    size_t inner = lt_path_under(file, word);
    return inner > 0 ? base + inner : 0;
}

static size_t longest(const struct lt_code_owner *o, const char *file, const struct lt_words *words)
{
    size_t best = 0;

    for (size_t i = 0; i < words->n; i++) {
        size_t len = under_word(o, file, words->at[i]);
        if (len > best) {
            best = len;
        }
    }
    return best;
}

/* A shared object, or the kernel's "[kernel.kallsyms]": recordings of perf have such. */
static bool is_binary(const char *file)
{
    size_t len = strlen(file);

    return file[0] == '[' || (len > 3 && strcmp(file + len - 3, ".so") == 0) ||
           strstr(file, ".so.") != NULL;
}

enum lt_owner lt_code_owner_of(const struct lt_code_owner *o, const char *file)
{
    if (file[0] == '\0') {
        return LT_OWNER_UNKNOWN;
    }
    size_t mine = longest(o, file, o->my_code);
    size_t not_mine = longest(o, file, o->not_my_code);
    size_t prefix;
    enum lt_lib_kind kind = lt_path_lib(file, &prefix);
    bool frozen = strncmp(file, "<frozen ", 8) == 0;

    if (mine > not_mine) {
        return LT_OWNER_MINE;
    }
    if (not_mine > 0) {
        return frozen || kind == LT_LIB_STDLIB ? LT_OWNER_STDLIB : LT_OWNER_LIBRARY;
    }
    if (frozen) {
        return LT_OWNER_STDLIB;
    }
    for (size_t i = 0; i < o->n_folders; i++) {
        /* Strictly inside: to stand in site-packages does not make all of it yours. */
        if (lt_path_under(file, o->folders[i]) > prefix) {
            return LT_OWNER_MINE;
        }
    }
    if (is_binary(file)) {
        return LT_OWNER_LIBRARY;
    }
    switch (kind) {
    case LT_LIB_PACKAGES:
        return LT_OWNER_LIBRARY;
    case LT_LIB_STDLIB:
        return LT_OWNER_STDLIB;
    case LT_LIB_NONE:
        break;
    }
    return LT_OWNER_MINE;
}
