/* SPDX-License-Identifier: Apache-2.0
 *
 * From words to struct lt_selection. */
#include "config.h"

#include "cli/selection_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/say.h"
#include "formats/byte_buffer.h"

enum {
    OPT_MODE = 100,
    OPT_IDLE,
    OPT_NO_IDLE,
    OPT_THREAD,
    OPT_PROCESS,
    OPT_FROM,
    OPT_TO,
    OPT_TAG,
    OPT_FOCUS,
    OPT_IGNORE,
    OPT_HIDE,
    OPT_MINE,
    OPT_MY_CODE,
    OPT_NOT_MY_CODE,
    OPT_BY,
    OPT_THREADS,
    OPT_FULL_PATHS,
    OPT_UNIT,
    OPT_STRICT
};

enum { MAX_WORDS = 4096 };

const struct lt_option lt_selection_options[] = {
    {"mode", 0, true, OPT_MODE},
    {"idle", 0, false, OPT_IDLE},
    {"no-idle", 0, false, OPT_NO_IDLE},
    {"thread", 0, true, OPT_THREAD},
    {"process", 0, true, OPT_PROCESS},
    {"from", 0, true, OPT_FROM},
    {"to", 0, true, OPT_TO},
    {"tag", 0, true, OPT_TAG},
    {"focus", 0, true, OPT_FOCUS},
    {"ignore", 0, true, OPT_IGNORE},
    {"hide", 0, true, OPT_HIDE},
    {"mine", 0, false, OPT_MINE},
    {"my-code", 0, true, OPT_MY_CODE},
    {"not-my-code", 0, true, OPT_NOT_MY_CODE},
    {"by", 0, true, OPT_BY},
    {"threads", 0, false, OPT_THREADS},
    {"full-paths", 0, false, OPT_FULL_PATHS},
    {"unit", 0, true, OPT_UNIT},
    {"strict", 0, false, OPT_STRICT},
    {0},
};

const char lt_selection_help[] =
    "Selection:\n"
    "  --mode wall|cpu|gil   every stack; on a CPU or ready to run; with the GIL\n"
    "  --idle, --no-idle     with or without stacks that wait\n"
    "  --thread NAME|TID, --process PID, --tag K=V     only these\n"
    "  --from T, --to T      1.5, 2m, 1h30m; -10m from the end; 2026-11-23T10:00\n"
    "  --focus RE, --ignore RE, --hide RE              by frame; --mine: only yours\n"
    "  --my-code DIR, --not-my-code DIR                what counts as yours\n"
    "  --by line|function|file|module|tag:KEY          what frames are told apart by\n"
    "  --threads, --full-paths, --unit samples|time, --strict\n";

static int add_word(struct lt_words *words, const char *value)
{
    size_t alloc = words->n; /* grown one by one: there are few */
    if (lt_array_grow(&words->at, &alloc, words->n + 1, sizeof(words->at[0]), MAX_WORDS)) {
        lt_say_usage("too many options: at most %d of a kind", MAX_WORDS);
        return -2;
    }
    words->at[words->n++] = value;
    return 0;
}

/* One of some words: its index, or -2 after saying which there are. */
static int one_of(const char *option, const char *value, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], value) == 0)
            return (int)i;
    }
    const char *near = lt_nearest(value, words, n);
    if (near)
        lt_say_usage("--%s %s is unknown: did you mean %s?", option, value, near);
    else
        lt_say_usage("--%s %s is unknown: see --help", option, value);
    return -2;
}

static int set_mode(struct lt_selection *s, const char *value)
{
    static const char *const words[] = {
        [LT_MODE_WALL] = "wall", [LT_MODE_CPU] = "cpu", [LT_MODE_GIL] = "gil"};
    int i = one_of("mode", value, words, 3);
    if (i < 0)
        return i;
    s->mode = (enum lt_mode)i;
    return 0;
}

static int set_unit(struct lt_selection *s, const char *value)
{
    static const char *const words[] = {"samples", "time"};
    int i = one_of("unit", value, words, 2);
    if (i < 0)
        return i;
    s->unit = i ? LT_UNIT_TIME : LT_UNIT_SAMPLES;
    return 0;
}

static int set_by(struct lt_selection *s, const char *value)
{
    static const enum lt_by kinds[] = {LT_BY_LINE, LT_BY_FUNCTION, LT_BY_FILE, LT_BY_MODULE};
    static const char *const words[] = {"line", "function", "file", "module"};
    if (strncmp(value, "tag:", 4) == 0 && value[4]) {
        s->by = LT_BY_TAG;
        s->by_tag = value + 4;
        return 0;
    }
    int i = one_of("by", value, words, 4);
    if (i < 0)
        return i;
    s->by = kinds[i];
    return 0;
}

static int set_when(const char *option, const char *value, struct lt_when *when)
{
    if (lt_when_parse(value, when) == 0)
        return 0;
    lt_say_usage("--%s %s is no time: write 1.5, 2m, 1h30m, -10m or 2026-11-23T10:00", option,
                 value);
    return -2;
}

static int set_tag(struct lt_selection *s, const char *value)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value) {
        lt_say_usage("--tag %s is no tag: write --tag KEY=VALUE", value);
        return -2;
    }
    return add_word(&s->tags, value);
}

static int set_process(struct lt_selection *s, const char *value)
{
    if (!*value || strspn(value, "0123456789") != strlen(value)) {
        lt_say_usage("--process %s is no PID: write a number", value);
        return -2;
    }
    return add_word(&s->processes, value);
}

int lt_selection_option(struct lt_selection *s, int id, const char *value)
{
    switch (id) {
    case OPT_MODE:
        return set_mode(s, value);
    case OPT_IDLE:
        s->idle = LT_YES;
        return 0;
    case OPT_NO_IDLE:
        s->idle = LT_NO;
        return 0;
    case OPT_THREAD:
        return add_word(&s->threads, value);
    case OPT_PROCESS:
        return set_process(s, value);
    case OPT_FROM:
        return set_when("from", value, &s->from);
    case OPT_TO:
        return set_when("to", value, &s->to);
    case OPT_TAG:
        return set_tag(s, value);
    case OPT_FOCUS:
        return add_word(&s->focus, value);
    case OPT_IGNORE:
        return add_word(&s->ignore, value);
    case OPT_HIDE:
        return add_word(&s->hide, value);
    case OPT_MINE:
        s->mine = true;
        return 0;
    case OPT_MY_CODE:
        return add_word(&s->my_code, value);
    case OPT_NOT_MY_CODE:
        return add_word(&s->not_my_code, value);
    case OPT_BY:
        return set_by(s, value);
    case OPT_THREADS:
        s->thread_roots = LT_YES;
        return 0;
    case OPT_FULL_PATHS:
        s->full_paths = true;
        return 0;
    case OPT_UNIT:
        return set_unit(s, value);
    case OPT_STRICT:
        s->strict = true;
        return 0;
    default:
        return 1;
    }
}

void lt_selection_release(struct lt_selection *s)
{
    struct lt_words *const lists[] = {&s->threads, &s->processes, &s->tags,    &s->focus,
                                      &s->ignore,  &s->hide,      &s->my_code, &s->not_my_code};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        free(lists[i]->at);
        *lists[i] = (struct lt_words){0};
    }
}
