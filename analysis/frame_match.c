/* SPDX-License-Identifier: Apache-2.0
 *
 * The three lists of regular expressions, compiled once. */
#include "config.h"

#include "analysis/frame_match.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/lt_error.h"

#define MAX_EXPRESSIONS 1000

struct expressions {
    regex_t *at;
    size_t n;
};

struct lt_frame_match {
    struct expressions focus, ignore, hide;
};

static int compile(struct expressions *list, const struct lt_words *words, const char *option,
                   char *message, size_t message_size)
{
    if (words->n > MAX_EXPRESSIONS) {
        snprintf(message, message_size, "more than %d %s expressions: join them with |",
                 MAX_EXPRESSIONS, option);
        return LT_ERR_USAGE;
    }
    list->at = calloc(words->n + 1, sizeof *list->at);
    if (list->at == NULL) {
        return LT_ERR_NOMEM;
    }
    for (; list->n < words->n; list->n++) {
        regex_t *re = &list->at[list->n];
        int error = regcomp(re, words->at[list->n], REG_EXTENDED | REG_NOSUB);
        if (error != 0) {
            char why[128];
            regerror(error, re, why, sizeof why);
            snprintf(message, message_size,
                     "%s %s is no regular expression (%s): put a \\ before signs that are meant "
                     "as such",
                     option, words->at[list->n], why);
            return LT_ERR_USAGE;
        }
    }
    return 0;
}

int lt_frame_match_new(struct lt_frame_match **out, const struct lt_selection *selection,
                       char *message, size_t message_size)
{
    struct lt_frame_match *m = calloc(1, sizeof *m);
    int error;

    if (m == NULL) {
        return LT_ERR_NOMEM;
    }
    error = compile(&m->focus, &selection->focus, "--focus", message, message_size);
    if (error == 0) {
        error = compile(&m->ignore, &selection->ignore, "--ignore", message, message_size);
    }
    if (error == 0) {
        error = compile(&m->hide, &selection->hide, "--hide", message, message_size);
    }
    if (error < 0) {
        lt_frame_match_free(m);
        return error;
    }
    *out = m;
    return 0;
}

static void release(struct expressions *list)
{
    for (size_t i = 0; i < list->n; i++) {
        regfree(&list->at[i]);
    }
    free(list->at);
}

void lt_frame_match_free(struct lt_frame_match *m)
{
    if (m == NULL) {
        return;
    }
    release(&m->focus);
    release(&m->ignore);
    release(&m->hide);
    free(m);
}

static bool any(const struct expressions *list, const char *const *texts)
{
    for (size_t i = 0; i < list->n; i++) {
        for (int t = 0; t < 3; t++) {
            if (regexec(&list->at[i], texts[t], 0, NULL, 0) == 0) {
                return true;
            }
        }
    }
    return false;
}

unsigned lt_frame_match(const struct lt_frame_match *m, const char *name, const char *shown_file,
                        const char *file, uint32_t line)
{
    char by_function[LT_MATCH_TEXT], by_line[LT_MATCH_TEXT], recorded[LT_MATCH_TEXT];
    const char *texts[3] = {by_function, by_function, by_function};
    unsigned flags = 0;

    if (m->focus.n + m->ignore.n + m->hide.n == 0) {
        return 0;
    }
    if (file[0] == '\0') {
        snprintf(by_function, sizeof by_function, "%s", name);
    } else {
        snprintf(by_function, sizeof by_function, "%s (%s)", name, shown_file);
        snprintf(by_line, sizeof by_line, "%s (%s:%u)", name, shown_file, line);
        snprintf(recorded, sizeof recorded, "%s (%s:%u)", name, file, line);
        texts[1] = by_line;
        texts[2] = recorded;
    }
    flags |= any(&m->focus, texts) ? LT_MATCH_FOCUS : 0;
    flags |= any(&m->ignore, texts) ? LT_MATCH_IGNORE : 0;
    flags |= any(&m->hide, texts) ? LT_MATCH_HIDE : 0;
    return flags;
}
