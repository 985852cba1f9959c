/* SPDX-License-Identifier: Apache-2.0
 *
 * A line is a count, taken off its end, and frames between ';'. */
#include "config.h"

#include "formats/folded_reader.h"

#include <string.h>

#include "formats/definer.h"
#include "formats/frame_text.h"
#include "formats/lt_error.h"
#include "formats/text_lines.h"
#include "formats/text_scan.h"

/* Of one line. No recording has more, and sums of this stay within 64 bits. */
#define MAX_COUNT UINT64_C(1000000000000000)

struct folded_reader {
    const struct lt_profile_handler *handler;
    struct lt_read_stats *stats;
    struct lt_text_lines lines;
    struct lt_definer definer;
    bool place_first; /* this line's frames are "file:name:line" */
};

/* ---- lines ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes a number that is the last word off the text: digits, which may have a fraction after them.
 * False, and nothing taken, where there is none. */
static bool take_last_number(struct lt_str *text, struct lt_str *number)
{
    struct lt_str line = lt_text_trim_end(*text);
    size_t at = line.len;
    bool point = false;
    while (at > 0 && (is_digit(line.data[at - 1]) || (line.data[at - 1] == '.' && !point))) {
        point = point || line.data[at - 1] == '.';
        at--;
    }
    if (at == line.len || at == 0 || !is_digit(line.data[at]))
        return false;
    if (line.data[at - 1] != ' ' && line.data[at - 1] != '\t')
        return false;
    *number = lt_text_from(line, at);
    *text = lt_text_trim_end(lt_text_until(line, at));
    return true;
}

/* Rounded to whole stack samples. False when it is too large, or a fraction of which nothing would
 * be left. */
static bool parse_count(struct lt_str text, uint64_t *count)
{
    size_t point = text.len;
    bool has_fraction = false;
    if (lt_text_find(text, ".", &point)) {
        for (size_t i = point + 1; i < text.len; i++)
            has_fraction = has_fraction || text.data[i] != '0';
    }
    if (!lt_text_number(lt_text_until(text, point), MAX_COUNT, count))
        return false;
    if (point + 1 < text.len && text.data[point + 1] >= '5')
        (*count)++;
    return *count > 0 || !has_fraction;
}

static bool is_remark(struct lt_str line)
{
    return lt_text_trim_end(line).len == 0 || lt_text_starts(line, "# ");
}

/* ---- frames ---- */

/* The next part between ';'. Empty ones are passed over: they name nothing. */
static bool next_frame(struct lt_str *rest, struct lt_str *frame)
{
    do {
        if (!lt_text_take(rest, ';', frame))
            return false;
    } while (lt_text_trim_end(*frame).len == 0);
    return true;
}

/* py-spy's `process 12:"python3 app.py"`; the quotes may be empty. */
static bool parse_spy_process(struct lt_str frame, struct lt_process_info *process)
{
    static const char mark[] = "process ";
    size_t colon;
    uint64_t pid;
    if (!lt_text_starts(frame, mark) || !lt_text_find(frame, ":\"", &colon) ||
        colon + 3 > frame.len || frame.data[frame.len - 1] != '"')
        return false;
    if (!lt_text_number(lt_text_from(lt_text_until(frame, colon), strlen(mark)), UINT32_MAX, &pid))
        return false;
    process->pid = (uint32_t)pid;
    process->command = lt_text_from(lt_text_until(frame, frame.len - 1), colon + 2);
    return true;
}

/* py-spy's `thread (13): NAME`. */
static bool parse_spy_thread(struct lt_str frame, struct lt_thread_info *thread)
{
    static const char mark[] = "thread (";
    size_t end;
    if (!lt_text_starts(frame, mark) || !lt_text_find(frame, "): ", &end))
        return false;
    if (!lt_text_number(lt_text_from(lt_text_until(frame, end), strlen(mark)), UINT64_MAX,
                        &thread->tid))
        return false;
    thread->name = lt_text_from(frame, end + strlen("): "));
    return true;
}

/* The `tid:13` of Python's own profiling.sampling. */
static bool parse_tid(struct lt_str frame, struct lt_thread_info *thread)
{
    static const char mark[] = "tid:";
    return lt_text_starts(frame, mark) &&
           lt_text_number(lt_text_from(frame, strlen(mark)), UINT64_MAX, &thread->tid);
}

/* "name (file:line)". Files have brackets more often than functions: the first ones count. */
static void parse_frame(struct lt_str text, struct lt_frame_info *info)
{
    size_t at;
    uint64_t number;
    *info = (struct lt_frame_info){.name = text};
    if (text.data[text.len - 1] != ')' || !lt_text_find(text, " (", &at) || at == 0)
        return;
    struct lt_str place = lt_text_from(lt_text_until(text, text.len - 1), at + 2);
    /* "worker (12)" is how a name that ends in a number is written. */
    if (place.len == 0 || lt_text_number(place, UINT64_MAX, &number))
        return;
    info->name = lt_text_until(text, at);
    lt_frame_text_place(place, info);
}

/* ---- stacks ---- */

static bool parse_process(struct lt_str frame, struct lt_process_info *process)
{
    uint64_t pid;
    if (lt_frame_text_root(frame, "process", UINT32_MAX, &process->command, &pid)) {
        process->pid = (uint32_t)pid;
        return true;
    }
    return parse_spy_process(frame, process);
}

static bool parse_thread(struct lt_str frame, struct lt_thread_info *thread)
{
    return lt_frame_text_root(frame, "thread", UINT64_MAX, &thread->name, &thread->tid) ||
           parse_spy_thread(frame, thread);
}

/* The process and the thread that the line begins with; what follows them stays in `stack`. */
static int take_thread(struct folded_reader *r, struct lt_str *stack, uint32_t *id)
{
    struct lt_process_info process = {0};
    struct lt_thread_info thread = {0};
    struct lt_str rest = *stack, frame;
    if (next_frame(&rest, &frame) && parse_process(frame, &process))
        *stack = rest;
    rest = *stack;
    r->place_first = false;
    if (next_frame(&rest, &frame)) {
        r->place_first = parse_tid(frame, &thread);
        if (r->place_first || parse_thread(frame, &thread))
            *stack = rest;
    }
    return lt_definer_thread(&r->definer, &process, &thread, id);
}

/* A stack that is no more than "<unknown>" is one that could not be read. */
static bool is_unknown(struct lt_str stack)
{
    return lt_text_is(stack, "<unknown>");
}

static int define_stack(struct folded_reader *r, struct lt_str rest, uint32_t *stack)
{
    struct lt_str text;
    int err = 0;
    *stack = 0;
    if (is_unknown(rest))
        return 0;
    for (unsigned depth = 0; !err && next_frame(&rest, &text); depth++) {
        struct lt_frame_info info;
        uint32_t frame;
        if (depth == LT_DEFINER_MAX_DEPTH)
            return LT_ERR_CORRUPT;
        if (r->place_first)
            lt_frame_text_place_first(text, &info);
        else
            parse_frame(text, &info);
        err = lt_definer_frame(&r->definer, &info, &frame, NULL);
        if (!err)
            err = lt_definer_stack(&r->definer, *stack, frame, stack);
    }
    return err;
}

/* LT_ERR_CORRUPT: the line says nothing that could be believed. */
static int read_stack(struct folded_reader *r, struct lt_str stack, uint64_t count)
{
    struct lt_sample sample = {.time_ns = -1, .state = LT_STATE_UNKNOWN, .count = count};
    if (count == 0)
        return 0;
    int err = lt_definer_begin_sample(&r->definer);
    if (!err)
        err = take_thread(r, &stack, &sample.thread);
    if (!err)
        err = define_stack(r, stack, &sample.stack);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &sample);
    return err;
}

static int read_line(void *ctx, struct lt_str line, bool cut)
{
    struct folded_reader *r = ctx;
    struct lt_str number, second, before;
    uint64_t count;
    if (is_remark(line))
        return 0;
    if (cut || !take_last_number(&line, &number))
        return LT_ERR_CORRUPT;
    before = line;
    if (take_last_number(&before, &second)) {
        if (r->stats->blocks > 0)
            return LT_ERR_CORRUPT;
        r->stats->why =
            "it has two counts a line, so it is a difference and no recording: read the "
            "two recordings that it was made of";
        return LT_ERR_NOT_OURS;
    }
    if (!parse_count(number, &count))
        return LT_ERR_CORRUPT;
    r->stats->blocks++;
    return read_stack(r, line, count);
}

static int read_all(struct folded_reader *r)
{
    const struct lt_meta meta = {.format = lt_folded_input_format.name, .version_major = 1};
    int err = r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
    if (!err)
        err = lt_text_lines_each(&r->lines, r->stats, read_line, r);
    r->stats->complete = !err;
    return err;
}

static int read_folded(struct lt_input *in, const struct lt_profile_handler *handler,
                       const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct folded_reader r = {.handler = handler, .stats = stats ? stats : &unasked};
    int err = lt_definer_init(&r.definer, handler);
    if (!err)
        err = lt_text_lines_init(&r.lines, in, options);
    if (!err)
        err = read_all(&r);
    lt_text_lines_release(&r.lines);
    lt_definer_release(&r.definer);
    return err;
}

/* ---- looks ---- */

static bool is_text(const uint8_t *head, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (head[i] < 0x20 && head[i] != '\n' && head[i] != '\r' && head[i] != '\t')
            return false;
    }
    return true;
}

/* Every line that can be seen to its end is a stack with a count. Where a first line is longer than
 * what can be seen, one ';' has to do. */
static bool probe(const uint8_t *head, size_t len)
{
    struct lt_str text = {(const char *)head, len}, line, number;
    size_t stacks = 0, at;
    bool semicolon = lt_text_find(text, ";", &at);
    if (!is_text(head, len))
        return false;
    while (lt_text_first_line(&text, &line)) {
        bool to_the_end = text.len > 0 || head[len - 1] == '\n' || len < LT_PROBE_BYTES;
        if (!to_the_end)
            return stacks > 0 || semicolon;
        if (is_remark(line))
            continue;
        if (!take_last_number(&line, &number))
            return false;
        stacks++;
    }
    return stacks > 0;
}

const struct lt_input_format lt_folded_input_format = {
    .name = "folded",
    .extension = "folded",
    .description = "folded stacks, one line a stack with its count; also of py-spy and Python 3.15",
    .probe = probe,
    .read = read_folded,
};
