/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of perf script, a line at a time. A sample is delivered when what comes after it shows that
 * it has no more frames. */
#include "config.h"

#include "formats/perf_reader.h"

#include <stdlib.h>
#include <string.h>

#include "formats/definer.h"
#include "formats/json_reader.h"
#include "formats/lt_error.h"
#include "formats/text_lines.h"
#include "formats/text_scan.h"

struct perf_reader {
    const struct lt_profile_handler *handler;
    struct lt_read_stats *stats;
    struct lt_text_lines lines;
    struct lt_definer definer;
    struct lt_buf host, command, recorder; /* of the remarks, with --header */
    struct lt_buf event;                   /* that is read */
    bool has_meta, has_weight;
    int64_t first_ns, last_ns; /* on perf's clock */

    bool in_sample;
    struct lt_sample sample;
    uint32_t *frames; /* ids, innermost first */
    size_t n_frames, alloc;
};

/* The line that begins a sample. */
struct head {
    struct lt_str command, event, rest;
    uint64_t pid, tid, period; /* pid and period: 0 where they are not said */
    int64_t time_ns;
};

/* ---- lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct lt_str trim(struct lt_str text)
{
    while (text.len > 0 && is_blank(text.data[0]))
        text = lt_text_from(text, 1);
    return lt_text_trim_end(text);
}

static bool take_word(struct lt_str *text, struct lt_str *word)
{
    *text = trim(*text);
    return lt_text_take(text, ' ', word);
}

static bool take_last_word(struct lt_str *text, struct lt_str *word)
{
    struct lt_str line = trim(*text);
    size_t at = line.len;
    while (at > 0 && !is_blank(line.data[at - 1]))
        at--;
    *word = lt_text_from(line, at);
    *text = lt_text_until(line, at);
    return word->len > 0;
}

/* "27935.817350:" */
static bool parse_time(struct lt_str word, int64_t *ns)
{
    size_t point;
    uint64_t seconds;
    if (word.len < 2 || word.data[word.len - 1] != ':')
        return false;
    word = lt_text_until(word, word.len - 1);
    return lt_text_find(word, ".", &point) &&
           lt_text_number(lt_text_until(word, point), INT64_MAX, &seconds) &&
           lt_json_scaled(word, 9, ns);
}

/* "22771", which is a thread, or "22769/22771". */
static bool parse_ids(struct lt_str word, struct head *h)
{
    size_t slash;
    h->pid = 0;
    if (lt_text_find(word, "/", &slash)) {
        if (!lt_text_number(lt_text_until(word, slash), UINT32_MAX, &h->pid))
            return false;
        word = lt_text_from(word, slash + 1);
    }
    return lt_text_number(word, UINT64_MAX, &h->tid);
}

/* A program may be called anything, also with blanks and numbers: the time is what tells. */
static bool parse_head(struct lt_str line, struct head *h)
{
    struct lt_str rest = line, word;
    *h = (struct head){0};
    do {
        if (!take_word(&rest, &word))
            return false;
    } while (!parse_time(word, &h->time_ns));
    h->command = lt_text_until(line, (size_t)(word.data - line.data));
    if (!take_last_word(&h->command, &word))
        return false;
    if (word.data[0] == '[' && !take_last_word(&h->command, &word)) /* the processor */
        return false;
    h->command = trim(h->command);
    if (!parse_ids(word, h) || !take_word(&rest, &word))
        return false;
    if (lt_text_number(word, UINT64_MAX, &h->period) && !take_word(&rest, &word))
        return false;
    h->event = word;
    h->rest = trim(rest);
    return word.len > 1 && word.data[word.len - 1] == ':';
}

static bool is_hex(struct lt_str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (!memchr("0123456789abcdef", word.data[i], 16))
            return false;
    }
    return word.len > 0;
}

/* Python's "py::NAME:FILE". */
static bool parse_python(struct lt_str symbol, struct lt_frame_info *info)
{
    static const char mark[] = "py::";
    struct lt_str rest;
    if (!lt_text_starts(symbol, mark))
        return false;
    rest = lt_text_from(symbol, strlen(mark));
    if (!lt_text_take(&rest, ':', &info->name) || info->name.len == 0)
        return false;
    info->file = rest;
    return true;
}

/* "PyObject_Malloc+0x5a" */
static bool ends_with_offset(struct lt_str text, size_t *at)
{
    return lt_text_find_last(text, "+0x", at) && is_hex(lt_text_from(text, *at + strlen("+0x")));
}

/* Where the bracket before the file opens. Symbols have brackets, and so may files: the last one
 * after an offset is the right one, or else the last one. */
static bool find_file(struct lt_str text, size_t *at)
{
    struct lt_str before = text;
    size_t open, offset;
    *at = 0;
    while (lt_text_find_last(before, " (", &open)) {
        *at = *at ? *at : open + 1;
        before = lt_text_until(before, open);
        if (ends_with_offset(before, &offset)) {
            *at = open + 1;
            return true;
        }
    }
    return *at > 0 || text.data[0] == '(';
}

/* "109580 PyObject_Malloc+0x5a (/usr/lib/libpython3.12.so.1.0)" */
static bool parse_frame(struct lt_str line, struct lt_frame_info *info)
{
    struct lt_str rest = line, address;
    size_t at;
    *info = (struct lt_frame_info){0};
    if (!take_word(&rest, &address) || !is_hex(address))
        return false;
    rest = trim(rest);
    if (rest.len > 0 && rest.data[rest.len - 1] == ')' && find_file(rest, &at)) {
        info->file = lt_text_from(lt_text_until(rest, rest.len - 1), at + 1);
        rest = trim(lt_text_until(rest, at));
    }
    if (ends_with_offset(rest, &at))
        rest = lt_text_until(rest, at);
    if (lt_text_is(info->file, "inlined"))
        info->file.len = 0;
    if (!parse_python(rest, info))
        info->name = rest.len > 0 ? rest : address;
    return true;
}

/* ---- samples ---- */

static struct lt_str text_of(const struct lt_buf *b)
{
    return (struct lt_str){b->data ? (const char *)b->data : "", b->len};
}

static bool is_clock(struct lt_str event)
{
    return lt_text_starts(event, "cpu-clock:") || lt_text_starts(event, "task-clock:");
}

static int deliver_meta(struct perf_reader *r, uint64_t period)
{
    const struct lt_meta meta = {
        .format = lt_perf_input_format.name,
        .version_major = 1,
        .host = text_of(&r->host),
        .command = text_of(&r->command),
        .recorder = text_of(&r->recorder),
        .interval_ns = r->has_weight ? (int64_t)period : 0,
        .has_time = true,
        .has_weight = r->has_weight,
    };
    if (r->has_meta)
        return 0;
    r->has_meta = true;
    return r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
}

static int end_sample(struct perf_reader *r)
{
    int64_t end_ns;
    int err = 0;
    if (!r->in_sample)
        return 0;
    r->in_sample = false;
    while (!err && r->n_frames > 0)
        err = lt_definer_stack(&r->definer, r->sample.stack, r->frames[--r->n_frames],
                               &r->sample.stack);
    if (__builtin_add_overflow(r->sample.time_ns, r->sample.weight_ns, &end_ns))
        end_ns = INT64_MAX;
    r->stats->duration_ns = end_ns > r->stats->duration_ns ? end_ns : r->stats->duration_ns;
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &r->sample);
    return err;
}

static int add_frame(struct perf_reader *r, struct lt_str line)
{
    struct lt_frame_info info;
    int err = 0;
    if (!parse_frame(line, &info))
        return 0; /* a line of source, with -F +srcline, or registers */
    if (r->n_frames == LT_DEFINER_MAX_DEPTH)
        return LT_ERR_CORRUPT;
    err = lt_array_grow(&r->frames, &r->alloc, r->n_frames + 1, sizeof(*r->frames),
                        LT_DEFINER_MAX_DEPTH);
    if (!err)
        err = lt_definer_frame(&r->definer, &info, &r->frames[r->n_frames], NULL);
    if (!err)
        r->n_frames++;
    return err;
}

/* What the first sample says holds for all. */
static int begin_recording(struct perf_reader *r, const struct head *h)
{
    if (r->has_meta)
        return 0;
    r->first_ns = r->last_ns = h->time_ns;
    r->has_weight = is_clock(h->event) && h->period > 0 && h->period <= INT64_MAX;
    int err = lt_buf_put(&r->event, h->event.data, h->event.len);
    return err ? err : deliver_meta(r, h->period);
}

static bool is_other_event(const struct perf_reader *r, struct lt_str event)
{
    return event.len != r->event.len || memcmp(event.data, r->event.data, event.len) != 0;
}

static int define_thread(struct perf_reader *r, const struct head *h)
{
    const struct lt_process_info process = {.pid = (uint32_t)h->pid};
    struct lt_thread_info thread = {.tid = h->tid, .name = h->command};
    return lt_definer_thread(&r->definer, &process, &thread, &r->sample.thread);
}

static int begin_sample(struct perf_reader *r, const struct head *h)
{
    int err = begin_recording(r, h);
    if (err)
        return err;
    if (is_other_event(r, h->event)) {
        r->stats->outside++;
        return 0;
    }
    r->stats->blocks++;
    r->last_ns = h->time_ns > r->last_ns ? h->time_ns : r->last_ns;
    r->in_sample = true;
    r->n_frames = 0;
    r->sample = (struct lt_sample){
        .time_ns = r->last_ns - r->first_ns,
        .state = LT_STATE_UNKNOWN,
        .count = 1,
        .weight_ns = r->has_weight && h->period <= INT64_MAX ? (int64_t)h->period : 0,
    };
    err = lt_definer_begin_sample(&r->definer);
    if (!err)
        err = define_thread(r, h);
    return !err && h->rest.len > 0 ? add_frame(r, h->rest) : err;
}

/* "# hostname : vm" */
static int read_remark(struct perf_reader *r, struct lt_str line)
{
    struct lt_str key, value = lt_text_from(line, 1);
    struct lt_buf *to = NULL;
    if (r->has_meta || !lt_text_take(&value, ':', &key))
        return 0;
    key = trim(key);
    if (lt_text_is(key, "hostname"))
        to = &r->host;
    else if (lt_text_is(key, "cmdline"))
        to = &r->command;
    else if (lt_text_is(key, "perf version"))
        to = &r->recorder;
    if (!to)
        return 0;
    value = trim(value);
    lt_buf_clear(to);
    int err = to == &r->recorder ? lt_buf_put_text(to, "perf ") : 0;
    return err ? err : lt_buf_put(to, value.data, value.len);
}

static bool is_other_record(struct lt_str line)
{
    size_t at;
    return lt_text_find(line, ": PERF_RECORD_", &at);
}

static int read_line(void *ctx, struct lt_str line, bool cut)
{
    struct perf_reader *r = ctx;
    struct head h;
    if (line.len > 0 && line.data[0] == '#')
        return read_remark(r, line);
    if (cut)
        return LT_ERR_CORRUPT;
    bool is_head = parse_head(line, &h), is_empty = trim(line).len == 0;
    bool indented = !is_empty && is_blank(line.data[0]);
    if (indented && !is_head && r->in_sample)
        return add_frame(r, line);
    int err = end_sample(r);
    if (err || is_empty)
        return err;
    if (is_head)
        return begin_sample(r, &h);
    /* Frames of samples that are passed over, and what is no sample. */
    return indented || is_other_record(line) ? 0 : LT_ERR_CORRUPT;
}

static int read_perf(struct lt_input *in, const struct lt_profile_handler *handler,
                     const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct perf_reader r = {.handler = handler, .stats = stats ? stats : &unasked};
    int err = lt_definer_init(&r.definer, handler);
    if (!err)
        err = lt_text_lines_init(&r.lines, in, options);
    if (!err)
        err = lt_text_lines_each(&r.lines, r.stats, read_line, &r);
    if (!err)
        err = end_sample(&r);
    if (!err)
        err = deliver_meta(&r, 0);
    r.stats->complete = !err;
    lt_buf_release(&r.host);
    lt_buf_release(&r.command);
    lt_buf_release(&r.recorder);
    lt_buf_release(&r.event);
    free(r.frames);
    lt_text_lines_release(&r.lines);
    lt_definer_release(&r.definer);
    return err;
}

/* Remarks, then the head of a sample. */
static bool probe(const uint8_t *head, size_t len)
{
    struct lt_str text = {(const char *)head, len}, line;
    struct head h;
    while (lt_text_first_line(&text, &line)) {
        if (line.len > 0 && line.data[0] != '#' && !is_other_record(line))
            return parse_head(line, &h);
    }
    return false;
}

const struct lt_input_format lt_perf_input_format = {
    .name = "perf",
    .extension = "perf",
    .description = "what perf script prints",
    .probe = probe,
    .read = read_perf,
};
