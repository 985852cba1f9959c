/* SPDX-License-Identifier: Apache-2.0
 *
 * austin's text, a line at a time. The head is delivered when the first sample comes: what the file
 * says of itself stands before that. */
#include "config.h"

#include "formats/austin_reader.h"

#include "formats/austin_facts.h"
#include "formats/definer.h"
#include "formats/frame_text.h"
#include "formats/lt_error.h"
#include "formats/text_lines.h"
#include "formats/text_scan.h"

#define NS_PER_US 1000

struct austin_reader {
    const struct lt_profile_handler *handler;
    struct lt_read_stats *stats;
    struct lt_text_lines lines;
    struct lt_definer definer;
    struct lt_austin_facts facts;
    bool has_meta;
};

/* ---- lines ---- */

static bool take_remark(struct lt_str line, struct lt_str *key, struct lt_str *value)
{
    size_t colon;
    if (!lt_text_starts(line, "# ") || !lt_text_find(line, ": ", &colon) || colon < 2)
        return false;
    *key = lt_text_from(lt_text_until(line, colon), 2);
    *value = lt_text_trim_end(lt_text_from(line, colon + 2));
    return true;
}

/* The part after `mark`, up to the next ';' or the blank before the metric. */
static bool take_id(struct lt_str *line, char mark, struct lt_str *id)
{
    struct lt_str rest = *line;
    if (rest.len == 0 || rest.data[0] != mark)
        return false;
    rest = lt_text_from(rest, 1);
    if (!lt_text_take(&rest, ';', id) || id->len == 0)
        return false;
    *line = rest;
    return true;
}

/* "T0:24399" or, before austin 3.5, "T24399"; what is no number is a name. */
static void parse_thread(struct lt_str id, struct lt_thread_info *thread)
{
    size_t colon;
    if (lt_text_find(id, ":", &colon))
        id = lt_text_from(id, colon + 1);
    if (!lt_text_number(id, UINT64_MAX, &thread->tid))
        thread->name = id;
}

/* The last word of a line: "20123", or "20123,1,-4096". Of memory alone there is no time. */
static bool take_metric(const struct austin_reader *r, struct lt_str *line, int64_t *ns)
{
    size_t blank;
    uint64_t us;
    struct lt_str metric, time;
    if (!lt_text_find_last(*line, " ", &blank))
        return false;
    metric = lt_text_from(*line, blank + 1);
    *line = lt_text_until(*line, blank);
    *ns = 0;
    if (!lt_text_take(&metric, ',', &time))
        return false;
    if (r->facts.memory_alone) {
        if (time.data[0] == '-')
            time = lt_text_from(time, 1);
        return lt_text_number(time, UINT64_MAX, &us);
    }
    if (!lt_text_number(time, INT64_MAX / NS_PER_US, &us))
        return false;
    *ns = (int64_t)us * NS_PER_US;
    return true;
}

/* Frames that are no code are ":NAME:". */
static void parse_frame(struct lt_str text, struct lt_frame_info *info)
{
    if (text.len > 2 && text.data[0] == ':' && text.data[text.len - 1] == ':')
        *info = (struct lt_frame_info){.name = lt_text_from(lt_text_until(text, text.len - 1), 1)};
    else
        lt_frame_text_place_first(text, info);
}

/* ---- stacks ---- */

static int deliver_meta(struct austin_reader *r)
{
    struct lt_meta meta = lt_austin_facts_meta(&r->facts, lt_austin_input_format.name);
    if (r->has_meta)
        return 0;
    r->has_meta = true;
    meta.no_counts = meta.has_weight && r->facts.duration_ns > 0;
    return r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
}

static int define_stack(struct austin_reader *r, struct lt_str frames, uint32_t *stack)
{
    struct lt_str text;
    int err = 0;
    *stack = 0;
    for (unsigned depth = 0; !err && lt_text_take(&frames, ';', &text); depth++) {
        struct lt_frame_info info;
        uint32_t frame;
        if (depth == LT_DEFINER_MAX_DEPTH)
            return LT_ERR_CORRUPT;
        if (text.len == 0)
            continue;
        parse_frame(text, &info);
        err = lt_definer_frame(&r->definer, &info, &frame, NULL);
        if (!err)
            err = lt_definer_stack(&r->definer, *stack, frame, stack);
    }
    return err;
}

static int read_sample(struct austin_reader *r, struct lt_str line)
{
    struct lt_sample sample = {.time_ns = -1, .state = LT_STATE_UNKNOWN, .count = 1};
    struct lt_thread_info thread = {0};
    struct lt_process_info process;
    struct lt_str id;
    uint64_t pid;
    if (!take_metric(r, &line, &sample.weight_ns) || !take_id(&line, 'P', &id) ||
        !lt_text_number(id, UINT32_MAX, &pid) || !take_id(&line, 'T', &id))
        return LT_ERR_CORRUPT;
    parse_thread(id, &thread);
    process = lt_austin_facts_process(&r->facts, (uint32_t)pid);
    r->stats->blocks++;

    int err = deliver_meta(r);
    if (!err)
        err = lt_definer_begin_sample(&r->definer);
    if (!err)
        err = lt_definer_thread(&r->definer, &process, &thread, &sample.thread);
    if (!err)
        err = define_stack(r, line, &sample.stack);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &sample);
    return err;
}

static int read_line(void *ctx, struct lt_str line, bool cut)
{
    struct austin_reader *r = ctx;
    struct lt_str key, value;
    if (lt_text_trim_end(line).len == 0)
        return 0;
    if (line.data[0] == '#')
        return take_remark(line, &key, &value) ? lt_austin_facts_add(&r->facts, key, value) : 0;
    return cut ? LT_ERR_CORRUPT : read_sample(r, line);
}

static int read_austin(struct lt_input *in, const struct lt_profile_handler *handler,
                       const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct austin_reader r = {.handler = handler, .stats = stats ? stats : &unasked};
    int err = lt_definer_init(&r.definer, handler);
    if (!err)
        err = lt_text_lines_init(&r.lines, in, options);
    if (!err)
        err = lt_text_lines_each(&r.lines, r.stats, read_line, &r);
    if (!err)
        err = deliver_meta(&r);
    r.stats->complete = !err;
    r.stats->duration_ns = r.facts.duration_ns;
    lt_austin_facts_release(&r.facts);
    lt_text_lines_release(&r.lines);
    lt_definer_release(&r.definer);
    return err;
}

/* Remarks, of which the first may name austin, then a stack sample. */
static bool probe(const uint8_t *head, size_t len)
{
    struct lt_str text = {(const char *)head, len}, line, id, key, value;
    uint64_t pid;
    while (lt_text_first_line(&text, &line)) {
        if (take_remark(line, &key, &value) && lt_text_is(key, "austin"))
            return true;
        if (line.len > 0 && line.data[0] != '#')
            return take_id(&line, 'P', &id) && lt_text_number(id, UINT32_MAX, &pid) &&
                   take_id(&line, 'T', &id);
    }
    return false;
}

const struct lt_input_format lt_austin_input_format = {
    .name = "austin",
    .extension = "austin",
    .description = "text of austin and mojo2austin, one line a stack sample with its time",
    .probe = probe,
    .read = read_austin,
};
