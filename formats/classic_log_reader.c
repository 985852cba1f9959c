/* SPDX-License-Identifier: Apache-2.0
 *
 * The classic log, a line at a time. A record counts when its #END was met: the stack of one that
 * was cut off would blame a caller. */
#include "config.h"

#include "formats/classic_log_reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "formats/definer.h"
#include "formats/lt_error.h"
#include "formats/text_lines.h"
#include "formats/text_scan.h"

#define NS_PER_SECOND INT64_C(1000000000)
enum { MAX_GAPS = 1024 }; /* between ticks, looked at for the interval */

static const char start_mark[] = "#START date: ";
static const char process_mark[] = "# ProcessId: ";
static const char thread_mark[] = "# ThreadID: ";
static const char frame_mark[] = "File: \"";
static const char source_mark[] = "  ";
static const char end_mark[] = "#END"; /* a program's text may follow at once */

struct classic_reader {
    const struct lt_profile_handler *handler;
    struct lt_read_stats *stats;
    struct lt_text_lines lines;
    struct lt_definer definer;
    bool has_time;
    int64_t start_ns,
        interval_ns; /* the first date, since the epoch; time between ticks, 0 unknown */
    int64_t last_ns; /* since start_ns */

    bool in_record;
    bool damaged; /* the record is of no use */
    int64_t time_ns;
    uint64_t pid, tid;
    uint32_t stack;
    unsigned depth;
    bool wants_source;  /* the last frame is new: its source line may follow */
    struct lt_buf file; /* of the last frame */
    uint32_t line;
};

/* ---- dates ---- */

/* "2017-06-01 12:00:00.123456", the fraction only where it is not 0. */
static bool parse_date(struct lt_str text, int64_t *ns)
{
    static const struct {
        uint8_t at, digits;
        char after;
    } fields[] = {{0, 4, '-'}, {5, 2, '-'}, {8, 2, ' '}, {11, 2, ':'}, {14, 2, ':'}, {17, 2, '.'}};
    uint64_t value[6], fraction = 0;
    text = lt_text_trim_end(text);
    if (text.len != 19 && text.len != 26)
        return false;
    for (size_t i = 0; i < 6; i++) {
        size_t end = (size_t)fields[i].at + fields[i].digits;
        if (!lt_text_number(lt_text_from(lt_text_until(text, end), fields[i].at), 9999, &value[i]))
            return false;
        if (end < text.len && text.data[end] != fields[i].after)
            return false;
    }
    if (text.len == 26 && !lt_text_number(lt_text_from(text, 20), 999999, &fraction))
        return false;
    struct tm tm = {
        .tm_year = (int)value[0] - 1900,
        .tm_mon = (int)value[1] - 1,
        .tm_mday = (int)value[2],
        .tm_hour = (int)value[3],
        .tm_min = (int)value[4],
        .tm_sec = (int)value[5],
        .tm_isdst = -1,
    };
    int64_t seconds = mktime(&tm);
    if (seconds < 0 || seconds > INT64_MAX / NS_PER_SECOND - 1)
        return false;
    *ns = seconds * NS_PER_SECOND + (int64_t)fraction * 1000;
    return true;
}

static int compare_gaps(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Start and interval from what lies ahead: the first date, and the median time between two ticks of
 * the first process. A log does not say at what interval it was made. */
static void learn_clock(struct classic_reader *r, struct lt_str ahead)
{
    int64_t gaps[MAX_GAPS];
    size_t n = 0;
    struct lt_str line, first_pid = {0};
    int64_t now_ns = 0, before_ns = 0;
    bool dated = false;
    while (n < MAX_GAPS && lt_text_first_line(&ahead, &line)) {
        if (lt_text_starts(line, start_mark)) {
            dated = parse_date(lt_text_from(line, strlen(start_mark)), &now_ns);
            if (dated && !r->has_time) {
                r->has_time = true;
                r->start_ns = before_ns = now_ns;
            }
        } else if (dated && lt_text_starts(line, process_mark)) {
            struct lt_str pid = lt_text_from(line, strlen(process_mark));
            if (!first_pid.data)
                first_pid = pid;
            if (pid.len != first_pid.len || memcmp(pid.data, first_pid.data, pid.len) != 0)
                continue;
            if (now_ns > before_ns)
                gaps[n++] = now_ns - before_ns;
            before_ns = now_ns;
        }
    }
    qsort(gaps, n, sizeof(gaps[0]), compare_gaps);
    r->interval_ns = n ? gaps[n / 2] : 0;
}

/* ---- records ---- */

static int begin_record(struct classic_reader *r, struct lt_str date)
{
    int64_t ns;
    r->stats->damaged_blocks += r->in_record; /* the one before did not end */
    r->in_record = true;
    r->damaged = false;
    r->pid = r->tid = 0;
    r->stack = 0;
    r->depth = 0;
    r->wants_source = false;
    /* A clock that was set back, or a date that cannot be read: as late as the record before. */
    r->time_ns = r->last_ns;
    if (r->has_time && parse_date(date, &ns) && ns - r->start_ns > r->last_ns)
        r->time_ns = ns - r->start_ns;
    return lt_definer_begin_sample(&r->definer);
}

/* File: "F", line N, in NAME */
static bool parse_frame(struct lt_str line, struct lt_frame_info *info)
{
    static const char line_mark[] = "\", line ", name_mark[] = ", in ";
    struct lt_str text = lt_text_from(line, strlen(frame_mark)), number;
    size_t at;
    uint64_t n;
    /* A file may be called anything, a function may not: the last mark is the right one. */
    if (!lt_text_find_last(text, line_mark, &at))
        return false;
    *info = (struct lt_frame_info){.file = lt_text_until(text, at)};
    text = lt_text_from(text, at + strlen(line_mark));
    if (!lt_text_find(text, name_mark, &at))
        return false;
    number = lt_text_until(text, at);
    info->name = lt_text_trim_end(lt_text_from(text, at + strlen(name_mark)));
    if (!lt_text_number(number, UINT32_MAX, &n))
        return false;
    info->line = (uint32_t)n;
    return true;
}

static int add_frame(struct classic_reader *r, struct lt_str line)
{
    struct lt_frame_info info;
    uint32_t frame;
    r->wants_source = false;
    if (r->depth == LT_DEFINER_MAX_DEPTH || !parse_frame(line, &info)) {
        r->damaged = true;
        return 0;
    }
    r->depth++;
    r->line = info.line;
    lt_buf_clear(&r->file);
    int err = lt_buf_put(&r->file, info.file.data, info.file.len);
    if (!err)
        err = lt_definer_frame(&r->definer, &info, &frame, &r->wants_source);
    if (!err)
        err = lt_definer_stack(&r->definer, r->stack, frame, &r->stack);
    return err;
}

static int add_source(struct classic_reader *r, struct lt_str text)
{
    const struct lt_str file = {(const char *)r->file.data, r->file.len};
    if (!r->wants_source)
        return 0;
    r->wants_source = false;
    return r->handler->source ? r->handler->source(r->handler->ctx, file, r->line, text) : 0;
}

static int deliver(struct classic_reader *r)
{
    struct lt_process_info process = {.pid = (uint32_t)r->pid};
    struct lt_thread_info thread = {.tid = r->tid, .ident = r->tid};
    struct lt_sample sample = {
        .time_ns = r->has_time ? r->time_ns : -1,
        .stack = r->stack,
        .state = LT_STATE_UNKNOWN,
        .count = 1,
        .weight_ns = r->interval_ns,
    };
    int err = lt_definer_thread(&r->definer, &process, &thread, &sample.thread);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &sample);
    return err;
}

static int end_record(struct classic_reader *r)
{
    r->in_record = false;
    r->stats->blocks++;
    if (r->damaged) {
        r->stats->damaged_blocks++;
        return 0;
    }
    r->last_ns = r->time_ns;
    /* Dates may be centuries apart. */
    if (r->has_time && __builtin_add_overflow(r->time_ns, r->interval_ns, &r->stats->duration_ns))
        r->stats->duration_ns = INT64_MAX;
    /* The recorder left its own frames out: of its own thread nothing may be left. */
    return r->depth > 0 ? deliver(r) : 0;
}

static void take_number(struct classic_reader *r, struct lt_str text, uint64_t max,
                        uint64_t *number)
{
    if (!lt_text_number(lt_text_trim_end(text), max, number))
        r->damaged = true;
}

/* What is of no record, and what has no meaning in one, is the program's own output. */
static int read_line(void *ctx, struct lt_str line, bool cut)
{
    struct classic_reader *r = ctx;
    /* Half a frame is none. */
    r->damaged = r->damaged || cut;
    if (lt_text_starts(line, start_mark))
        return begin_record(r, lt_text_from(line, strlen(start_mark)));
    if (!r->in_record)
        return 0;
    if (lt_text_starts(line, frame_mark))
        return add_frame(r, line);
    if (lt_text_starts(line, source_mark))
        return add_source(r, lt_text_from(line, strlen(source_mark)));
    if (lt_text_starts(line, end_mark))
        return end_record(r);
    if (lt_text_starts(line, process_mark))
        take_number(r, lt_text_from(line, strlen(process_mark)), UINT32_MAX, &r->pid);
    else if (lt_text_starts(line, thread_mark))
        take_number(r, lt_text_from(line, strlen(thread_mark)), UINT64_MAX, &r->tid);
    return 0;
}

static int deliver_meta(struct classic_reader *r)
{
    const struct lt_meta meta = {
        .format = lt_classic_log_input_format.name,
        .version_major = 1,
        .start_realtime_ns = r->start_ns,
        .interval_ns = r->interval_ns,
        .has_time = r->has_time,
        .has_weight = r->interval_ns > 0,
    };
    return r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
}

static int read_log(struct classic_reader *r)
{
    struct lt_str ahead;
    int err = lt_text_lines_peek(&r->lines, &ahead);
    if (err)
        return err;
    learn_clock(r, ahead);
    err = deliver_meta(r);
    if (!err)
        err = lt_text_lines_each(&r->lines, r->stats, read_line, r);
    r->stats->complete = !err && !r->in_record;
    r->stats->damaged_blocks += r->in_record;
    return err;
}

static int read_classic_log(struct lt_input *in, const struct lt_profile_handler *handler,
                            const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct classic_reader r = {.handler = handler, .stats = stats ? stats : &unasked};
    int err = lt_definer_init(&r.definer, handler);
    if (!err)
        err = lt_text_lines_init(&r.lines, in, options);
    if (!err)
        err = read_log(&r);
    lt_buf_release(&r.file);
    lt_text_lines_release(&r.lines);
    lt_definer_release(&r.definer);
    return err;
}

static bool probe(const uint8_t *head, size_t len)
{
    struct lt_str text = {(const char *)head, len}, line;
    while (lt_text_first_line(&text, &line)) {
        if (lt_text_starts(line, start_mark))
            return true;
    }
    return false;
}

const struct lt_input_format lt_classic_log_input_format = {
    .name = "classic-log",
    .extension = "log",
    .description = "text log of the first live-trace (2017)",
    .probe = probe,
    .read = read_classic_log,
};
