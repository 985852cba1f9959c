/* SPDX-License-Identifier: Apache-2.0
 *
 * The option parser of all commands. */
#include "config.h"

#include "cli/options.h"

#include <inttypes.h>
#include <string.h>

#include "cli/say.h"
#include "formats/text_scan.h"

enum { MAX_WORD = 32, MAX_WORDS = 96, TABLES = 3 };

static const struct lt_option common[] = {
    {"help", 'h', false, LT_OPTION_HELP},
    {0},
};

/* Edit distance, with neighbours swapped as one edit; words of at most MAX_WORD letters. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MAX_WORD + 1];
    size_t la = strlen(a), lb = strlen(b);
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[la % 3][lb];
}

/* Words are compared without their dashes: --sumall is near --sum-all-frames. */
static void without_dashes(const char *word, char out[MAX_WORD + 1])
{
    size_t len = 0;
    for (; *word && len < MAX_WORD; word++) {
        if (*word != '-')
            out[len++] = *word;
    }
    out[len] = '\0';
}

const char *lt_nearest(const char *word, const char *const *words, size_t n)
{
    const char *found = NULL;
    char wrong[MAX_WORD + 1], right[MAX_WORD + 1];
    without_dashes(word, wrong);
    size_t len = strlen(wrong), best = len / 3 + 2; /* farther away is another word */
    for (size_t i = 0; i < n; i++) {
        without_dashes(words[i], right);
        size_t d = distance(wrong, right);
        if (len >= 3 && strncmp(right, wrong, len) == 0)
            d = 1; /* the beginning of it */
        if (d < best) {
            best = d;
            found = words[i];
        }
    }
    return found;
}

static const struct lt_option *table_at(const struct lt_options *o, size_t i)
{
    return i == TABLES ? common : o->tables[i];
}

static size_t all_names(const struct lt_options *o, const char **names)
{
    size_t n = 0;
    for (size_t t = 0; t <= TABLES; t++) {
        for (const struct lt_option *opt = table_at(o, t); opt && opt->name && n < MAX_WORDS; opt++)
            names[n++] = opt->name;
    }
    return n;
}

static int unknown(const struct lt_options *o, const char *word, size_t len)
{
    const char *names[MAX_WORDS];
    char name[MAX_WORD + 1] = "";
    if (len <= MAX_WORD)
        memcpy(name, word, len);
    const char *near = lt_nearest(name, names, all_names(o, names));
    if (near)
        lt_say_usage("unknown option --%.*s: did you mean --%s?", (int)len, word, near);
    else
        lt_say_usage("unknown option --%.*s: see `live-trace %s --help`", (int)len, word,
                     o->command);
    return -2;
}

/* By its whole name, or by a beginning that no other option has. */
static const struct lt_option *find_long(const struct lt_options *o, const char *word, size_t len,
                                         bool *ambiguous)
{
    const struct lt_option *found = NULL;
    *ambiguous = false;
    for (size_t t = 0; t <= TABLES; t++) {
        for (const struct lt_option *opt = table_at(o, t); opt && opt->name; opt++) {
            if (strncmp(opt->name, word, len) != 0)
                continue;
            if (strlen(opt->name) == len) {
                *ambiguous = false;
                return opt;
            }
            *ambiguous = *ambiguous || found;
            found = opt;
        }
    }
    return found;
}

static const struct lt_option *find_letter(const struct lt_options *o, char letter)
{
    for (size_t t = 0; t <= TABLES; t++) {
        for (const struct lt_option *opt = table_at(o, t); opt && opt->name; opt++) {
            if (opt->letter == letter)
                return opt;
        }
    }
    return NULL;
}

static int long_option(struct lt_options *o, const char *word)
{
    size_t len = strcspn(word, "=");
    bool ambiguous;
    const struct lt_option *opt = find_long(o, word, len, &ambiguous);
    if (ambiguous) {
        lt_say_usage("--%.*s may mean several options: write it out", (int)len, word);
        return -2;
    }
    if (!opt)
        return unknown(o, word, len);
    o->value = word[len] == '=' ? word + len + 1 : NULL;
    if (o->value && !opt->value) {
        lt_say_usage("--%s takes no value: leave out `%s`", opt->name, word + len);
        return -2;
    }
    if (opt->value && !o->value) {
        o->value = o->argv[o->at];
        if (!o->value) {
            lt_say_usage("--%s needs a value: --%s VALUE", opt->name, opt->name);
            return -2;
        }
        o->at++;
    }
    return opt->id;
}

static int letter_option(struct lt_options *o)
{
    char letter = *o->bundle++;
    const struct lt_option *opt = find_letter(o, letter);
    if (!opt) {
        lt_say_usage("unknown option -%c: see `live-trace %s --help`", letter, o->command);
        return -2;
    }
    o->value = NULL;
    if (opt->value) {
        o->value = *o->bundle ? o->bundle : o->argv[o->at];
        if (!o->value) {
            lt_say_usage("-%c needs a value: -%c VALUE", letter, letter);
            return -2;
        }
        o->at += *o->bundle == '\0';
        o->bundle = NULL;
    }
    return opt->id;
}

int lt_options_next(struct lt_options *o)
{
    if (o->bundle && *o->bundle)
        return letter_option(o);
    const char *word = o->argv[o->at];
    if (!word)
        return -1;
    o->at++;
    if (!o->only_operands && strcmp(word, "--") == 0) {
        o->only_operands = true;
        return lt_options_next(o);
    }
    if (o->only_operands || word[0] != '-' || word[1] == '\0') {
        o->value = word;
        return 0;
    }
    if (word[1] == '-')
        return long_option(o, word + 2);
    o->bundle = word + 1;
    return letter_option(o);
}

int lt_options_each(struct lt_options *o, int (*take)(void *ctx, int id, const char *value),
                    void *ctx)
{
    int status = 0, id = 0;
    while (!status && (id = lt_options_next(o)) >= 0)
        status = id == LT_OPTION_HELP ? LT_ASKED_FOR_HELP : take(ctx, id, o->value);
    return id == -2 ? LT_EXIT_USAGE : status;
}

int lt_options_whole(const char *option, const char *text, uint32_t max, uint32_t *count)
{
    uint64_t number;
    if (!lt_text_number((struct lt_str){text, strlen(text)}, max, &number) || number == 0) {
        lt_say_usage("--%s %s is out of range: give a whole number from 1 to %" PRIu32, option,
                     text, max);
        return -2;
    }
    *count = (uint32_t)number;
    return 0;
}
