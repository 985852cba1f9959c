/* SPDX-License-Identifier: Apache-2.0
 *
 * The text log of the first live-trace (2017), so that scripts made for it live on: a record a
 * stack sample, outermost frame first, as it is read. It has no place for tags, states, weights
 * and the names of threads and processes: these are lost. formats/classic_log_reader.c reads it. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exporters/clean_text.h"
#include "exporters/export_options.h"
#include "exporters/exporter_builtins.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)
#define FLUSH_BYTES ((size_t)65536)
#define NS_PER_SECOND INT64_C(1000000000)

struct log_state {
    const struct live_trace_host *host;
    bool has_time;
    int64_t start_ns;        /* since the epoch */
    struct lt_intern *texts; /* of frames */
    uint32_t *text_of_frame; /* by frame id: text + 1, 0 not known yet */
    size_t n_frames, frames_alloc;
    int64_t second; /* that `date` is of */
    char date[32];
    struct lt_buf frame, head, out;
};

static int log_open(const struct live_trace_host *host, void **state)
{
    struct log_state *s = calloc(1, sizeof *s);
    int error;

    if (s == NULL) {
        return LT_ERR_NOMEM;
    }
    s->host = host;
    error = lt_intern_new(&s->texts, (uint32_t)MAX_ITEMS, 0);
    if (error < 0) {
        free(s);
        return error;
    }
    *state = s;
    return 0;
}

static int log_meta(void *state, const struct live_trace_meta *meta)
{
    struct log_state *s = state;

    s->has_time = meta->has_time;
    s->start_ns = meta->start_realtime_ns;
    return 0;
}

/* File: "FILE", line N, in NAME, and the source line below. Its readers find the number by the
 * quote before it, so a name has none. */
static int frame_text(const struct live_trace_frame *f, struct lt_buf *out)
{
    int error = lt_buf_put_text(out, "File: \"");

    if (error == 0) {
        error = lt_clean_text(out, f->file, "", "");
    }
    if (error == 0) {
        error = lt_buf_printf(out, "\", line %" PRIu32 ", in ", f->line);
    }
    if (error == 0) {
        error = lt_clean_text(out, f->name, "\"", "'");
    }
    if (error == 0 && f->source[0] != '\0') {
        error = lt_buf_put_text(out, "\n  ");
    }
    if (error == 0) {
        error = lt_clean_text(out, f->source, "", "");
    }
    return error < 0 ? error : lt_buf_put_u8(out, '\n');
}

static int text_for(struct log_state *s, const struct live_trace_frame *frame, struct lt_str *text)
{
    uint32_t id;
    int error = lt_array_reach(&s->text_of_frame, &s->n_frames, &s->frames_alloc, frame->id,
                               sizeof *s->text_of_frame, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    if (s->text_of_frame[frame->id] == 0) {
        lt_buf_clear(&s->frame);
        error = frame_text(frame, &s->frame);
        if (error == 0) {
            error = lt_intern_id(s->texts, s->frame.data, s->frame.len, &id, NULL);
        }
        if (error < 0) {
            return error;
        }
        s->text_of_frame[frame->id] = id + 1;
    }
    *text = lt_intern_get(s->texts, s->text_of_frame[frame->id] - 1);
    return 0;
}

/* Local time, as the original wrote it: "2017-06-01 12:00:00.123456", the fraction where it is not
 * 0. A recording without times has "unknown". */
static int put_date(struct log_state *s, int64_t time_ns)
{
    int64_t now_ns = s->start_ns, second;
    int fraction, error;
    time_t clock;
    struct tm tm;

    if (!s->has_time || time_ns < 0 || __builtin_add_overflow(now_ns, time_ns, &now_ns)) {
        return lt_buf_put_text(&s->head, "unknown");
    }
    second = now_ns / NS_PER_SECOND;
    fraction = (int)(now_ns % NS_PER_SECOND / 1000);
    if (s->date[0] == '\0' || second != s->second) {
        clock = (time_t)second;
        if (localtime_r(&clock, &tm) == NULL ||
            strftime(s->date, sizeof s->date, "%Y-%m-%d %H:%M:%S", &tm) == 0) {
            s->date[0] = '\0';
            return lt_buf_put_text(&s->head, "unknown");
        }
        s->second = second;
    }
    error = lt_buf_put_text(&s->head, s->date);
    return error < 0 || fraction == 0 ? error : lt_buf_printf(&s->head, ".%06d", fraction);
}

static int put_head(struct log_state *s, const struct live_trace_stack *sample)
{
    int error;

    lt_buf_clear(&s->head);
    error = lt_buf_put_text(&s->head, "#START date: ");
    if (error == 0) {
        error = put_date(s, sample->time_ns);
    }
    return error < 0
               ? error
               : lt_buf_printf(&s->head, "\n# ProcessId: %" PRIu32 "\n# ThreadID: %" PRIu64 "\n",
                               sample->thread->pid, sample->thread->tid);
}

static int flush(struct log_state *s)
{
    int error = s->host->write(s->host->ctx, s->out.data, s->out.len);

    lt_buf_clear(&s->out);
    return error;
}

static int put_record(struct log_state *s, const struct live_trace_stack *sample)
{
    int error = lt_buf_put(&s->out, s->head.data, s->head.len);

    for (uint32_t i = 0; i < sample->depth && error == 0; i++) {
        struct lt_str text;
        error = text_for(s, sample->frames[i], &text);
        if (error == 0) {
            error = lt_buf_put(&s->out, text.data, text.len);
        }
        if (error == 0 && s->out.len >= FLUSH_BYTES) {
            error = flush(s);
        }
    }
    return error < 0 ? error : lt_buf_put_text(&s->out, "#END\n");
}

static int log_sample(void *state, const struct live_trace_stack *sample)
{
    struct log_state *s = state;
    int error = put_head(s, sample);

    for (uint64_t i = 0; i < sample->count && error == 0; i++) {
        error = put_record(s, sample);
    }
    return error;
}

static int log_close(void *state, int failed)
{
    struct log_state *s = state;
    int error = failed ? 0 : flush(s);

    lt_intern_free(s->texts);
    free(s->text_of_frame);
    lt_buf_release(&s->frame);
    lt_buf_release(&s->head);
    lt_buf_release(&s->out);
    free(s);
    return error;
}

const struct live_trace_exporter lt_exporter_log = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "log",
    .description = "the text log of the first live-trace (2017), a record a stack sample",
    .extension = "log",
    .read_by = "what read the first live-trace's log",
    .flags = LIVE_TRACE_EXPORTER_KEEPS_LINES | LIVE_TRACE_EXPORTER_WANTS_SOURCE,
    .open = log_open,
    .meta = log_meta,
    .sample = log_sample,
    .close = log_close,
    .options = lt_no_options,
};
