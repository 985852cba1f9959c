/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of the little language, one function each, over the encoder that recordings use. */
#include "config.h"

#include "tests/support/trace_script.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "formats/byte_buffer.h"
#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"

enum { MAX_WORDS = 4096, MAX_KEYS = 4096, MAX_TAGS = 64, DEFAULT_LEVEL = 6 };

/* A process or a thread of the script. */
struct owner {
    char *key;
    bool is_thread, ended;
    uint32_t id;
    char *set;  /* its last `set` line; NULL: none yet */
    bool dirty; /* it says something that the trace does not know */
};

struct script {
    /* The current line. */
    unsigned line;
    const char *raw;
    size_t raw_len;
    struct lt_buf text; /* its words, each with a NUL */
    const char *words[MAX_WORDS];
    size_t n_words;
    char *message;
    size_t message_size;

    struct lt_output *output;
    struct lt_output spoiling; /* passes on to it */
    struct lt_trace_config config;
    char *meta[4]; /* host, command, cwd, recorder */
    int level;
    struct lt_trace_writer *writer;
    struct lt_block_writer *blocks;
    enum lt_block_type damage; /* 0: none */
    bool spoil;                /* the block that is being written */
    bool unfinished;

    struct owner *owners;
    size_t n_owners, owners_alloc;
    struct lt_change *changes;
    size_t changes_alloc;
    int64_t next_ns;
    bool has_health;
    struct lt_health health;
};

struct command {
    const char *name;
    int (*run)(struct script *s);
    bool about_recording; /* before the trace begins */
};

static int wrong(struct script *s, const char *what, const char *word)
{
    snprintf(s->message, s->message_size, "line %u: %s: %s", s->line, what, word);
    return LT_ERR_USAGE;
}

/* ---- words ---- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The character after a backslash; *at is left behind it. */
static int unescape(const char **at, char *c)
{
    char letter = *(*at)++;
    switch (letter) {
    case 'n':
        *c = '\n';
        return 0;
    case 't':
        *c = '\t';
        return 0;
    case 'x': {
        int high = hex_digit(**at);
        int low = high < 0 ? -1 : hex_digit((*at)[1]);
        if (low < 0)
            return LT_ERR_USAGE;
        *c = (char)(high << 4 | low);
        *at += 2;
        return 0;
    }
    case '"':
    case '\\':
        *c = letter;
        return 0;
    default:
        return LT_ERR_USAGE;
    }
}

/* Appends a word to s->text; *at is left behind it. A NUL within a word would end it. */
static int read_word(struct script *s, const char **at, const char *end)
{
    bool quoted = false;
    int err = 0;
    while (!err && *at < end && (quoted || **at != ' ')) {
        char c = *(*at)++;
        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && c == '\\')
            err = unescape(at, &c);
        if (!err && c == '\0')
            err = LT_ERR_USAGE;
        if (!err)
            err = lt_buf_put_u8(&s->text, (uint8_t)c);
    }
    if (err || quoted || *at > end)
        return wrong(s, "quotes or escapes", "wrong");
    return lt_buf_put_u8(&s->text, '\0');
}

static int read_line(struct script *s, const char *at, const char *end)
{
    s->n_words = 0;
    lt_buf_clear(&s->text);
    /* Room for all of it, so that words stay where they are. */
    int err = lt_buf_reserve(&s->text, (size_t)(end - at) + MAX_WORDS + 1);
    while (!err) {
        while (at < end && (*at == ' ' || *at == '\r'))
            at++;
        if (at == end || (*at == '#' && s->n_words == 0))
            break;
        if (s->n_words == MAX_WORDS)
            return wrong(s, "too many words", "");
        s->words[s->n_words++] = (const char *)s->text.data + s->text.len;
        err = read_word(s, &at, end);
    }
    return err;
}

static int read_number(struct script *s, const char *word, uint64_t max, uint64_t *value)
{
    char *end;
    *value = strtoull(word, &end, 0);
    return end == word || *end || *word == '-' || *value > max ? wrong(s, "not a number", word) : 0;
}

static int read_duration(struct script *s, const char *word, int64_t *ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    char *end;
    double value = strtod(word, &end);
    for (size_t i = 0; end != word && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0 && value >= 0 && value * units[i].ns < 9e18) {
            *ns = (int64_t)llround(value * units[i].ns);
            return 0;
        }
    }
    return wrong(s, "not a duration", word);
}

/* The value of a word `name=value`, or NULL. */
static const char *value_of(const char *word, const char *name)
{
    size_t len = strlen(name);
    return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static struct lt_str str_of(const char *text)
{
    return (struct lt_str){text, text ? strlen(text) : 0};
}

static int need_words(struct script *s, size_t n)
{
    return s->n_words == n ? 0 : wrong(s, "wrong number of words", s->words[0]);
}

/* ---- the recording ---- */

static int do_meta(struct script *s)
{
    static const char *const names[] = {"host", "command", "cwd", "recorder"};
    struct lt_str *values[] = {&s->config.meta.host, &s->config.meta.command, &s->config.meta.cwd,
                               &s->config.meta.recorder};
    int err = need_words(s, 2);
    for (size_t i = 0; !err && i < 4; i++) {
        if (strcmp(names[i], s->words[0]) != 0)
            continue;
        free(s->meta[i]);
        s->meta[i] = strdup(s->words[1]);
        *values[i] = str_of(s->meta[i]);
    }
    return err;
}

static int read_time(struct script *s, int64_t *realtime_ns)
{
    struct tm tm = {0};
    int err = need_words(s, 2);
    if (err)
        return err;
    const char *rest = strptime(s->words[1], "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest && !*rest) {
        *realtime_ns = (int64_t)timegm(&tm) * 1000000000;
        return 0;
    }
    char *end;
    long double seconds = strtold(s->words[1], &end);
    if (end == s->words[1] || *end || seconds < 0 || seconds > 9e9L)
        return wrong(s, "not a time", s->words[1]);
    *realtime_ns = (int64_t)llroundl(seconds * 1e9L);
    return 0;
}

static int do_start(struct script *s)
{
    return read_time(s, &s->config.meta.start_realtime_ns);
}

static int do_interval(struct script *s)
{
    int err = need_words(s, 2);
    return err ? err : read_duration(s, s->words[1], &s->config.meta.interval_ns);
}

static int do_no_time(struct script *s)
{
    s->config.meta.has_time = false;
    return need_words(s, 1);
}

static int do_segment_bytes(struct script *s)
{
    uint64_t n = 0;
    int err = need_words(s, 2);
    if (!err)
        err = read_number(s, s->words[1], UINT32_MAX, &n);
    s->config.max_segment_bytes = (uint32_t)n;
    return err;
}

static int do_segment_time(struct script *s)
{
    int err = need_words(s, 2);
    return err ? err : read_duration(s, s->words[1], &s->config.max_segment_ns);
}

static int do_level(struct script *s)
{
    uint64_t n = 0;
    int err = need_words(s, 2);
    if (!err)
        err = read_number(s, s->words[1], 9, &n);
    s->level = (int)n;
    return err;
}

static int write_spoilt(void *ctx, const void *data, size_t len)
{
    struct script *s = ctx;
    if (!s->spoil || len == 0)
        return s->output->write(s->output->ctx, data, len);
    uint8_t last = (uint8_t)(((const uint8_t *)data)[len - 1] ^ 0x01);
    int err = s->output->write(s->output->ctx, data, len - 1);
    return err ? err : s->output->write(s->output->ctx, &last, 1);
}

static int on_block(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len)
{
    struct script *s = ctx;
    s->spoil = s->damage == type;
    if (s->spoil)
        s->damage = (enum lt_block_type)0;
    int err = lt_block_writer_block(s->blocks, type, raw, len);
    s->spoil = false;
    return err;
}

static int begin_recording(struct script *s)
{
    if (s->writer)
        return 0;
    int err = lt_block_writer_new(&s->blocks, &s->spoiling, s->level);
    return err ? err : lt_trace_writer_new(&s->writer, &s->config);
}

static void forget_owners(struct script *s)
{
    for (size_t i = 0; i < s->n_owners; i++) {
        free(s->owners[i].key);
        free(s->owners[i].set);
    }
    s->n_owners = 0;
}

static void reset(struct script *s)
{
    for (size_t i = 0; i < 4; i++) {
        free(s->meta[i]);
        s->meta[i] = NULL;
    }
    s->config = (struct lt_trace_config){
        .meta = {.interval_ns = 10000000, .has_time = true},
        .sink = {.ctx = s, .block = on_block},
    };
    s->level = DEFAULT_LEVEL;
    s->next_ns = 0;
    s->has_health = false;
    memset(&s->health, 0, sizeof(s->health));
    lt_trace_writer_free(s->writer);
    lt_block_writer_free(s->blocks);
    s->writer = NULL;
    s->blocks = NULL;
    forget_owners(s);
}

static const struct lt_health *health_of(const struct script *s)
{
    return s->has_health ? &s->health : NULL;
}

static int do_recording(struct script *s)
{
    int err = need_words(s, 1);
    if (!err)
        err = lt_trace_writer_close(s->writer, health_of(s));
    if (!err)
        reset(s);
    return err;
}

static int do_unfinished(struct script *s)
{
    int err = need_words(s, 1);
    s->unfinished = true;
    return err ? err : lt_trace_writer_flush(s->writer, health_of(s));
}

/* ---- processes and threads ---- */

static struct owner *find_owner(struct script *s, const char *key, bool is_thread)
{
    for (size_t i = 0; i < s->n_owners; i++) {
        struct owner *o = &s->owners[i];
        if (o->is_thread == is_thread && !o->ended && strcmp(o->key, key) == 0)
            return o;
    }
    return NULL;
}

static int add_owner(struct script *s, const char *key, bool is_thread, uint32_t id)
{
    int err = lt_array_grow(&s->owners, &s->owners_alloc, s->n_owners + 1, sizeof(s->owners[0]),
                            MAX_KEYS);
    if (err)
        return err;
    char *copy = strdup(key);
    if (!copy)
        return LT_ERR_NOMEM;
    s->owners[s->n_owners++] = (struct owner){.key = copy, .is_thread = is_thread, .id = id};
    return 0;
}

static int check_new_key(struct script *s, bool is_thread)
{
    if (s->n_words < 2)
        return wrong(s, "no key", s->words[0]);
    return find_owner(s, s->words[1], is_thread) ? wrong(s, "known already", s->words[1]) : 0;
}

static int do_process(struct script *s)
{
    struct lt_process_info info = {0};
    uint32_t id;
    int err = check_new_key(s, false);
    for (size_t i = 2; !err && i < s->n_words; i++) {
        const char *value;
        uint64_t n = 0;
        if ((value = value_of(s->words[i], "pid"))) {
            err = read_number(s, value, UINT32_MAX, &n);
            info.pid = (uint32_t)n;
        } else if ((value = value_of(s->words[i], "ppid"))) {
            err = read_number(s, value, UINT32_MAX, &n);
            info.ppid = (uint32_t)n;
        } else if ((value = value_of(s->words[i], "python"))) {
            info.python = str_of(value);
        } else if ((value = value_of(s->words[i], "command"))) {
            info.command = str_of(value);
        } else if ((value = value_of(s->words[i], "cwd"))) {
            info.cwd = str_of(value);
        } else if ((value = value_of(s->words[i], "host"))) {
            info.host = str_of(value);
        } else {
            err = wrong(s, "unknown word", s->words[i]);
        }
    }
    if (!err)
        err = lt_trace_writer_process(s->writer, &info, &id);
    return err ? err : add_owner(s, s->words[1], false, id);
}

static int do_thread(struct script *s)
{
    struct lt_thread_info info = {0};
    const struct owner *process = NULL;
    uint32_t id;
    int err = check_new_key(s, true);
    for (size_t i = 2; !err && i < s->n_words; i++) {
        const char *value;
        if ((value = value_of(s->words[i], "process")))
            process = find_owner(s, value, false);
        else if ((value = value_of(s->words[i], "tid")))
            err = read_number(s, value, UINT64_MAX, &info.tid);
        else if ((value = value_of(s->words[i], "ident")))
            err = read_number(s, value, UINT64_MAX, &info.ident);
        else if ((value = value_of(s->words[i], "name")))
            info.name = str_of(value);
        else
            err = wrong(s, "unknown word", s->words[i]);
    }
    if (!err && !process)
        err = wrong(s, "no process of a thread", s->words[1]);
    if (err)
        return err;
    info.process = process->id;
    err = lt_trace_writer_thread(s->writer, &info, &id);
    return err ? err : add_owner(s, s->words[1], true, id);
}

static int do_name(struct script *s)
{
    int err = need_words(s, 3);
    const struct owner *thread = err ? NULL : find_owner(s, s->words[1], true);
    if (!thread)
        return err ? err : wrong(s, "no such thread", s->words[1]);
    return lt_trace_writer_thread_name(s->writer, thread->id, str_of(s->words[2]));
}

static int do_end(struct script *s)
{
    int err = need_words(s, 2);
    struct owner *o = err ? NULL : find_owner(s, s->words[1], true);
    if (!err && !o)
        o = find_owner(s, s->words[1], false);
    if (!o)
        return err ? err : wrong(s, "no such thread or process", s->words[1]);
    o->ended = true;
    return o->is_thread ? lt_trace_writer_thread_end(s->writer, o->id)
                        : lt_trace_writer_process_end(s->writer, o->id);
}

/* ---- stacks and ticks ---- */

static int read_state(struct script *s, const char *word, uint32_t *state)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } flags[] = {
        {"wait", 0},         {"cpu", LT_STATE_CPU},           {"gil", LT_STATE_GIL},
        {"gc", LT_STATE_GC}, {"gil-wait", LT_STATE_GIL_WAIT}, {"unknown", LT_STATE_UNKNOWN},
    };
    *state = 0;
    while (*word) {
        size_t len = strcspn(word, ",");
        size_t i = 0;
        while (i < sizeof(flags) / sizeof(flags[0]) &&
               (strlen(flags[i].name) != len || strncmp(flags[i].name, word, len) != 0))
            i++;
        if (i == sizeof(flags) / sizeof(flags[0]))
            return wrong(s, "unknown state", word);
        *state |= flags[i].flag;
        word += len + (word[len] == ',');
    }
    return 0;
}

/* name@file:line/first, from behind: takes off `/first` or `:line` if digits follow. */
static int take_line(struct script *s, char *text, char mark, uint32_t *line)
{
    char *at = strrchr(text, mark);
    uint64_t n = 0;
    if (!at || !at[1] || at[1 + strspn(at + 1, "0123456789")])
        return 0;
    int err = read_number(s, at + 1, UINT32_MAX, &n);
    *line = (uint32_t)n;
    *at = '\0';
    return err;
}

static int read_frame(struct script *s, const char *word, uint32_t *id)
{
    struct lt_frame_info info = {0};
    char *text = strdup(word);
    if (!text)
        return LT_ERR_NOMEM;
    char *file = strchr(text, '@');
    int err = 0;
    if (file) {
        *file++ = '\0';
        err = take_line(s, file, '/', &info.first_line);
        if (!err)
            err = take_line(s, file, ':', &info.line);
        info.file = str_of(file);
    }
    info.name = str_of(text);
    if (!err)
        err = lt_trace_writer_frame(s->writer, &info, id);
    free(text);
    return err;
}

static int read_stack(struct script *s, size_t first, uint32_t *stack)
{
    int err = 0;
    *stack = 0;
    if (s->n_words == first + 1 && strcmp(s->words[first], "?") == 0)
        return 0;
    for (size_t i = first; !err && i < s->n_words; i++) {
        uint32_t frame;
        err = read_frame(s, s->words[i], &frame);
        if (!err)
            err = lt_trace_writer_stack(s->writer, *stack, frame, stack);
    }
    return err;
}

static int read_tags(struct script *s, size_t *next, uint32_t *id)
{
    struct lt_tag tags[MAX_TAGS];
    size_t n = 0;
    for (; *next < s->n_words && strncmp(s->words[*next], "tag:", 4) == 0; ++*next) {
        const char *key = s->words[*next] + 4;
        const char *value = strchr(key, '=');
        if (!value || n == MAX_TAGS)
            return wrong(s, "not a tag", s->words[*next]);
        tags[n++] = (struct lt_tag){{key, (size_t)(value - key)}, str_of(value + 1)};
    }
    return lt_trace_writer_tags(s->writer, tags, n, id);
}

/* Reads a `set` line, which is in s->words. */
static int read_set(struct script *s, struct lt_change *change)
{
    size_t next = 3;
    int err = read_state(s, s->words[2], &change->state);
    if (!err)
        err = read_tags(s, &next, &change->tags);
    if (!err && next == s->n_words)
        err = wrong(s, "no stack", s->words[1]);
    return err ? err : read_stack(s, next, &change->stack);
}

/* Kept as text: a segment that begins before the tick, or later, needs it again. */
static int do_set(struct script *s)
{
    struct owner *thread = s->n_words < 4 ? NULL : find_owner(s, s->words[1], true);
    struct lt_change unused;
    if (!thread)
        return wrong(s, "no such thread, or too few words", s->n_words > 1 ? s->words[1] : "set");
    int err = read_set(s, &unused);
    if (err)
        return err;
    char *copy = strndup(s->raw, s->raw_len);
    if (!copy)
        return LT_ERR_NOMEM;
    free(thread->set);
    thread->set = copy;
    thread->dirty = true;
    return 0;
}

static int gather_changes(struct script *s, size_t *n)
{
    int err = 0;
    *n = 0;
    for (size_t i = 0; !err && i < s->n_owners; i++) {
        struct owner *o = &s->owners[i];
        if (!o->dirty || o->ended || !o->set)
            continue;
        err =
            lt_array_grow(&s->changes, &s->changes_alloc, *n + 1, sizeof(s->changes[0]), MAX_KEYS);
        if (err)
            break;
        struct lt_change *change = &s->changes[(*n)++];
        change->thread = o->id;
        o->dirty = false;
        err = read_line(s, o->set, o->set + strlen(o->set));
        if (!err)
            err = read_set(s, change);
    }
    return err;
}

static int new_segment(struct script *s)
{
    int err = lt_trace_writer_new_segment(s->writer);
    for (size_t i = 0; i < s->n_owners; i++)
        s->owners[i].dirty = true;
    return err;
}

static int one_tick(struct script *s, uint32_t covers)
{
    size_t n;
    int64_t weight_ns = (int64_t)covers * s->config.meta.interval_ns;
    int err = lt_trace_writer_segment_due(s->writer) ? new_segment(s) : 0;
    if (!err)
        err = gather_changes(s, &n);
    if (!err)
        err = lt_trace_writer_tick(s->writer, s->next_ns, covers, s->changes, n);
    s->next_ns += weight_ns;
    return err;
}

static int do_tick(struct script *s)
{
    uint64_t n = 1, covers = 1;
    int err = 0;
    for (size_t i = 1; !err && i < s->n_words; i++) {
        const char *value;
        if ((value = value_of(s->words[i], "covers")))
            err = read_number(s, value, UINT32_MAX, &covers);
        else if ((value = value_of(s->words[i], "at")))
            err = read_duration(s, value, &s->next_ns);
        else
            err = read_number(s, s->words[i], UINT32_MAX, &n);
    }
    for (uint64_t i = 0; !err && i < n; i++)
        err = one_tick(s, (uint32_t)covers);
    return err;
}

/* ---- the rest ---- */

static int do_source(struct script *s)
{
    const struct lt_block_sink sink = {.ctx = s, .block = on_block};
    uint64_t n = 0;
    int err = need_words(s, 4);
    if (!err)
        err = read_number(s, s->words[2], UINT32_MAX, &n);
    if (err)
        return err;
    const struct lt_source_line line = {str_of(s->words[1]), (uint32_t)n, str_of(s->words[3])};
    return lt_trace_write_sources(&sink, &line, 1);
}

static int read_figure(struct script *s, const char *word)
{
    struct lt_health *h = &s->health;
    const struct {
        const char *name;
        uint64_t *value;
    } counts[] = {
        {"asked", &h->asked}, {"taken", &h->taken}, {"late", &h->late}, {"retried", &h->retried}};
    const char *value;
    int64_t ns = 0;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if ((value = value_of(word, counts[i].name)))
            return read_number(s, value, UINT64_MAX, counts[i].value);
    }
    for (unsigned i = 0; i < LT_FAIL_CAUSES; i++) {
        if ((value = value_of(word, lt_fail_name(i))))
            return read_number(s, value, UINT64_MAX, &h->failed[i]);
    }
    uint64_t *duration = NULL;
    if ((value = value_of(word, "cpu")))
        duration = &h->sampler_cpu_ns;
    else if ((value = value_of(word, "lateness")))
        duration = &h->max_lateness_ns;
    else
        return wrong(s, "unknown figure", word);
    int err = read_duration(s, value, &ns);
    *duration = (uint64_t)ns;
    return err;
}

static int do_health(struct script *s)
{
    int err = 0;
    s->has_health = true;
    for (size_t i = 1; !err && i < s->n_words; i++)
        err = read_figure(s, s->words[i]);
    return err;
}

static int do_flush(struct script *s)
{
    int err = need_words(s, 1);
    return err ? err : lt_trace_writer_flush(s->writer, health_of(s));
}

static int do_segment(struct script *s)
{
    int64_t start_realtime_ns;
    int err = s->n_words == 1 ? 0 : read_time(s, &start_realtime_ns);
    if (!err && s->n_words > 1)
        lt_trace_writer_clock(s->writer, start_realtime_ns);
    return err ? err : new_segment(s);
}

static int do_damage(struct script *s)
{
    static const struct {
        const char *name;
        enum lt_block_type type;
    } types[] = {{"segment", LT_BLOCK_SEGMENT}, {"defs", LT_BLOCK_DEFS},
                 {"ticks", LT_BLOCK_TICKS},     {"totals", LT_BLOCK_TOTALS},
                 {"sources", LT_BLOCK_SOURCES}, {"health", LT_BLOCK_HEALTH},
                 {"end", LT_BLOCK_END}};
    int err = need_words(s, 2);
    if (err)
        return err;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, s->words[1]) == 0) {
            s->damage = types[i].type;
            return 0;
        }
    }
    return wrong(s, "no such type of block", s->words[1]);
}

static int do_block(struct script *s)
{
    uint64_t type = 0;
    int err = need_words(s, 3);
    if (!err)
        err = read_number(s, s->words[1], LT_BLOCK_TYPE_MASK, &type);
    if (err)
        return err;
    return on_block(s, (enum lt_block_type)type, (const uint8_t *)s->words[2], strlen(s->words[2]));
}

static const struct command commands[] = {
    {"host", do_meta, true},
    {"command", do_meta, true},
    {"cwd", do_meta, true},
    {"recorder", do_meta, true},
    {"start", do_start, true},
    {"interval", do_interval, true},
    {"no-time", do_no_time, true},
    {"segment-bytes", do_segment_bytes, true},
    {"segment-time", do_segment_time, true},
    {"level", do_level, true},
    {"process", do_process, false},
    {"thread", do_thread, false},
    {"name", do_name, false},
    {"set", do_set, false},
    {"tick", do_tick, false},
    {"end", do_end, false},
    {"source", do_source, false},
    {"health", do_health, false},
    {"flush", do_flush, false},
    {"segment", do_segment, false},
    {"damage", do_damage, true}, /* also of the SEGMENT block that begins the trace */
    {"block", do_block, false},
    {"recording", do_recording, false},
    {"unfinished", do_unfinished, false},
};

static int run_line(struct script *s)
{
    if (s->unfinished)
        return wrong(s, "after `unfinished`", s->words[0]);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->name, s->words[0]) != 0)
            continue;
        if (c->about_recording && s->writer && c->run != do_damage)
            return wrong(s, "must stand before the first process", s->words[0]);
        int err = c->about_recording ? 0 : begin_recording(s);
        return err ? err : c->run(s);
    }
    return wrong(s, "unknown command", s->words[0]);
}

static int run_text(struct script *s, const char *text)
{
    int err = 0;
    while (!err && *text) {
        size_t len = strcspn(text, "\n");
        s->line++;
        s->raw = text;
        s->raw_len = len;
        err = read_line(s, text, text + len);
        if (!err && s->n_words)
            err = run_line(s);
        text += len + (text[len] == '\n');
    }
    if (!err && !s->unfinished)
        err = begin_recording(s);
    if (!err && !s->unfinished)
        err = lt_trace_writer_close(s->writer, health_of(s));
    return err;
}

int lt_trace_script(const char *text, struct lt_output *output, char *message, size_t size)
{
    struct script *s = calloc(1, sizeof(*s));
    if (!s)
        return LT_ERR_NOMEM;
    s->output = output;
    s->message = message;
    s->message_size = size;
    if (size)
        message[0] = '\0';
    s->spoiling = (struct lt_output){.ctx = s, .write = write_spoilt};
    reset(s);
    int err = run_text(s, text);
    if (err && size && !message[0])
        snprintf(message, size, "line %u: %s", s->line, lt_error_text(err));
    reset(s);
    free(s->owners);
    free(s->changes);
    lt_buf_release(&s->text);
    free(s);
    return err;
}
