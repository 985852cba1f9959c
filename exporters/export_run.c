/* SPDX-License-Identifier: Apache-2.0
 *
 * One export: heads first, a survey where the selection needs one, then a single
 * pass over the inputs; totals are delivered after it, samples during it. */
#include "config.h"

#include "exporters/export_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/recordings.h"
#include "analysis/selection_words.h"
#include "analysis/text_pool.h"
#include "analysis/totals.h"
#include "analysis/view.h"
#include "exporters/delivery.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

struct run {
    const struct lt_export_request *request;
    struct lt_export_result *result;
    struct lt_message message;
    enum lt_by by;
    bool drop_idle;

    struct lt_recordings recordings;
    size_t input; /* the one that is being read */
    struct lt_view *view;
    struct lt_totals *totals; /* NULL for exporters of samples */
    struct lt_delivery *delivery;
    bool surveying, has_window, meta_delivered;
    bool totals_inside; /* readers keep to the window where they deliver totals */
    struct lt_view_window window;
    struct lt_buf words;
    uint64_t bytes_before, bytes_all; /* for progress */
};

static enum lt_by choose_by(const struct lt_export_request *q)
{
    bool lines = (q->exporter->flags & LIVE_TRACE_EXPORTER_KEEPS_LINES) != 0;

    if (q->selection->by != LT_BY_DEFAULT) {
        return q->selection->by;
    }
    return lines ? LT_BY_LINE : LT_BY_FUNCTION;
}

static bool choose_drop_idle(const struct lt_export_request *q)
{
    if (q->selection->idle != LT_UNSET) {
        return q->selection->idle == LT_NO;
    }
    return (q->exporter->flags & LIVE_TRACE_EXPORTER_NO_IDLE) != 0;
}

/* Inputs that do not say what time samples stand for, as folded stacks, can only be shown as samples. */
static bool all_have_weight(const struct run *r)
{
    for (size_t i = 0; i < r->recordings.n; i++) {
        const struct lt_recording *rec = &r->recordings.at[i];
        if (rec->known && !rec->has_weight) {
            return false;
        }
    }
    return true;
}

/* Others say that time alone. */
static bool all_have_counts(const struct run *r)
{
    for (size_t i = 0; i < r->recordings.n; i++) {
        if (r->recordings.at[i].known && r->recordings.at[i].no_counts) {
            return false;
        }
    }
    return true;
}

static int choose_unit(struct run *r, int *is_time)
{
    const struct lt_export_request *q = r->request;
    enum lt_unit unit = q->selection->unit;

    bool weights = all_have_weight(r), counts = all_have_counts(r);

    if (!weights && !counts) {
        snprintf(
            r->message.text, sizeof r->message.text,
            "one input has no times and another no counts of samples: look at them one by one");
        return LT_ERR_USAGE;
    }
    if (unit == LT_UNIT_TIME && !weights) {
        snprintf(r->message.text, sizeof r->message.text,
                 "an input has no times: leave out --unit time");
        return LT_ERR_USAGE;
    }
    if (unit == LT_UNIT_SAMPLES && !counts) {
        snprintf(r->message.text, sizeof r->message.text,
                 "an input has times alone, and does not say of how many samples: leave out --unit "
                 "samples");
        return LT_ERR_USAGE;
    }
    if (unit == LT_UNIT_DEFAULT) {
        bool samples = (q->exporter->flags & LIVE_TRACE_EXPORTER_UNIT_SAMPLES) != 0;
        unit = counts && (samples || !weights) ? LT_UNIT_SAMPLES : LT_UNIT_TIME;
    }
    *is_time = unit == LT_UNIT_TIME;
    return 0;
}

static int64_t common_interval(const struct run *r)
{
    int64_t interval = r->recordings.n > 0 ? r->recordings.at[0].interval_ns : 0;

    for (size_t i = 1; i < r->recordings.n; i++) {
        if (r->recordings.at[i].interval_ns != interval) {
            return 0;
        }
    }
    return interval;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void make_title(const struct run *r, const char *command, char *title, size_t size)
{
    const char *path = r->recordings.n > 0 ? r->recordings.at[0].path : "-";

    if (r->recordings.n > 1) {
        snprintf(title, size, "%zu recordings", r->recordings.n);
    } else if (strcmp(path, "-") == 0) {
        snprintf(title, size, "%s", command[0] != '\0' ? command : "standard input");
    } else {
        snprintf(title, size, "%s", base_name(path));
    }
}

static const char *by_text(const struct run *r, char *buf, size_t size)
{
    static const char *const names[] = {
        [LT_BY_LINE] = "line",
        [LT_BY_FUNCTION] = "function",
        [LT_BY_FILE] = "file",
        [LT_BY_MODULE] = "module",
    };

    if (r->by != LT_BY_TAG) {
        return names[r->by];
    }
    snprintf(buf, size, "tag:%s", r->request->selection->by_tag);
    return buf;
}

static int deliver_meta(struct run *r)
{
    char title[512], by[256];
    struct live_trace_meta meta = {
        .title = title,
        .command = lt_recordings_common(&r->recordings, offsetof(struct lt_recording, command)),
        .host = lt_recordings_common(&r->recordings, offsetof(struct lt_recording, host)),
        .recorder = lt_recordings_common(&r->recordings, offsetof(struct lt_recording, recorder)),
        .cwd = lt_recordings_common(&r->recordings, offsetof(struct lt_recording, cwd)),
        .start_realtime_ns = lt_recordings_start(&r->recordings),
        .interval_ns = common_interval(r),
        .has_time = all_have_weight(r),
        .by = by_text(r, by, sizeof by),
        .no_counts = !all_have_counts(r),
    };
    int error;

    if (r->meta_delivered) {
        return 0;
    }
    r->meta_delivered = true;
    make_title(r, meta.command, title, sizeof title);
    error = choose_unit(r, &meta.unit_is_time);
    if (error == 0) {
        error = lt_selection_words(&r->words, r->request->selection, r->drop_idle,
                                   r->has_window ? &r->window : NULL);
    }
    if (error == 0) {
        meta.selection = (const char *)r->words.data;
        error = lt_delivery_meta(r->delivery, &meta);
    }
    return error;
}

/* The view's callbacks. */

static int set_window(struct run *r)
{
    int error =
        lt_recordings_window(&r->recordings, r->request->selection, &r->window, &r->message);

    if (error == 0) {
        r->has_window = true;
        lt_view_set_window(r->view, &r->window, r->totals_inside);
    }
    return error;
}

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct run *r = ctx;
    int error = lt_recording_learn(&r->recordings.at[r->input], meta);

    if (error == 0 && !r->surveying && lt_selection_has_window(r->request->selection)) {
        error = set_window(r);
    }
    lt_view_set_offset(r->view, lt_recordings_offset(&r->recordings, r->input));
    return error;
}

static int on_sample(void *ctx, const struct lt_view_sample *sample)
{
    struct run *r = ctx;
    int error;

    if (r->totals != NULL) {
        return lt_totals_add(r->totals, sample);
    }
    error = deliver_meta(r);
    return error < 0 ? error : lt_delivery_sample(r->delivery, sample);
}

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct run *r = ctx;
    const struct lt_export_request *q = r->request;

    (void)all; /* of this pass over this input */
    if (q->progress != NULL) {
        q->progress(q->ctx, r->bytes_before + done, r->bytes_all);
    }
}

/* From shared time to that of an input. */
static int64_t own_time(int64_t time_ns, int64_t offset_ns)
{
    return time_ns == INT64_MAX ? INT64_MAX : time_ns - offset_ns;
}

static int read_input(struct run *r, size_t i, const struct lt_profile_handler *handler,
                      bool totals)
{
    int64_t offset_ns = lt_recordings_offset(&r->recordings, i);
    const struct lt_read_options options = {
        .totals = totals,
        .has_window = r->totals_inside,
        .from_ns = own_time(r->window.from_ns, offset_ns),
        .to_ns = own_time(r->window.to_ns, offset_ns),
        .progress = on_progress,
        .progress_ctx = r,
    };
    int error;

    r->input = i;
    lt_view_begin_input(r->view, (unsigned)i);
    error = lt_recordings_read(&r->recordings, i, handler, &options, &r->message);
    r->bytes_before += r->recordings.at[i].size;
    return error;
}

/* Must names, times or source lines be known before the first sample? */
static bool needs_survey(const struct run *r)
{
    const struct lt_selection *s = r->request->selection;
    bool process_roots = r->totals == NULL && s->thread_roots == LT_YES;

    bool sources = (r->request->exporter->flags & LIVE_TRACE_EXPORTER_WANTS_SOURCE) != 0;

    return lt_selection_counts_from_end(s) || s->threads.n > 0 || process_roots || sources;
}

static int survey(struct run *r)
{
    const struct lt_profile_handler handler = lt_view_survey_handler(r->view);
    int error = 0;

    r->surveying = true;
    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        if (r->recordings.at[i].again) {
            error = read_input(r, i, &handler, true);
        } else if (lt_selection_counts_from_end(r->request->selection)) {
            snprintf(r->message.text, sizeof r->message.text,
                     "times from the end need a file, %s cannot be read twice: save it first",
                     strcmp(r->recordings.at[i].path, "-") == 0 ? "standard input"
                                                                : r->recordings.at[i].path);
            error = LT_ERR_USAGE;
        }
    }
    r->surveying = false;
    lt_view_end_survey(r->view);
    return error;
}

static void note(const struct run *r, const char *text)
{
    if (r->request->note != NULL) {
        r->request->note(r->request->ctx, text);
    }
}

static uint64_t recorded(const struct run *r)
{
    return lt_view_counts(r->view).recorded + r->result->read.outside;
}

/* Says what damage was passed over, where it left something. */
static int account(struct run *r)
{
    struct lt_message m;
    int error = 0;

    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        error = lt_recording_damage(&r->recordings.at[i], r->request->selection->strict, &m);
        if (error < 0) {
            r->message = m;
        } else if (m.text[0] != '\0' && recorded(r) > 0) {
            note(r, m.text);
        }
    }
    return error;
}

/* What the window is in an input's own time is known before it is read if all heads are. */
static bool heads_are_known(const struct run *r)
{
    for (size_t i = 0; i < r->recordings.n; i++) {
        if (!r->recordings.at[i].known) {
            return false;
        }
    }
    return true;
}

static int read_all(struct run *r)
{
    const struct lt_profile_handler handler = lt_view_handler(r->view);
    bool windowed = lt_selection_has_window(r->request->selection);
    bool totals = r->totals != NULL && (!windowed || heads_are_known(r));
    int error = 0;

    r->totals_inside = windowed && totals;
    if (r->totals_inside) {
        error = set_window(r);
    }
    for (size_t i = 0; i < r->recordings.n && error == 0; i++) {
        error = read_input(r, i, &handler, totals);
    }
    lt_recordings_stats(&r->recordings, &r->result->read);
    return error < 0 ? error : account(r);
}

static void add_roots(struct run *r)
{
    enum lt_tristate wish = r->request->selection->thread_roots;
    bool several = lt_thread_table_processes(lt_view_threads(r->view)) > 1;

    /* An exporter of samples is told the thread of each: it gets roots only if they are asked
     * for. */
    if (wish == LT_YES || (wish == LT_UNSET && several && r->totals != NULL)) {
        lt_delivery_add_roots(r->delivery, several);
    }
}

static int deliver_health(struct run *r)
{
    struct lt_health h = lt_view_health(r->view);
    struct live_trace_failure failed[LT_FAIL_CAUSES];
    struct lt_view_counts counts = lt_view_counts(r->view);
    const struct lt_read_stats *read = &r->result->read;
    struct live_trace_health health = {
        .asked = h.asked,
        .taken = h.taken,
        .late = h.late,
        .retried = h.retried,
        .failed = failed,
        .sampler_cpu_ns = h.sampler_cpu_ns < INT64_MAX ? (int64_t)h.sampler_cpu_ns : INT64_MAX,
        .max_lateness_ns = h.max_lateness_ns < INT64_MAX ? (int64_t)h.max_lateness_ns : INT64_MAX,
        .duration_ns = read->duration_ns,
        .damaged_blocks = read->damaged_blocks,
        .complete = read->complete,
        .recorded = recorded(r),
        .selected = counts.selected,
        .sum_ns = lt_recordings_sum(&r->recordings),
    };

    for (unsigned i = 0; i < LT_FAIL_CAUSES; i++) {
        if (h.failed[i] > 0) {
            failed[health.n_failed++] = (struct live_trace_failure){lt_fail_name(i), h.failed[i]};
        }
    }
    return lt_delivery_health(r->delivery, &health);
}

static int deliver_rest(struct run *r)
{
    int error = deliver_meta(r);

    if (r->totals != NULL) {
        add_roots(r);
        for (uint32_t i = 0; i < lt_totals_count(r->totals) && error == 0; i++) {
            error = lt_delivery_total(r->delivery, lt_totals_at(r->totals, i));
        }
    }
    if (error == 0) {
        error = deliver_health(r);
    }
    return error;
}

/* NULL: none is. */
static const char *damaged_path(const struct run *r)
{
    for (size_t i = 0; i < r->recordings.n; i++) {
        if (r->recordings.at[i].stats.damaged_blocks > 0) {
            return r->recordings.at[i].path;
        }
    }
    return NULL;
}

/* A recorder says how it went when it ends; what was cut out of a trace, or comes from elsewhere, has no such word. */
static const char *emptiness(const struct run *r)
{
    if (!r->result->read.complete) {
        return "the recording is empty, it is still written or was killed before the first "
               "sample: wait, or record for longer";
    }
    if (lt_view_has_health(r->view)) {
        return "the recording is empty, it ended before the first sample: record for longer";
    }
    return "the recording is empty, no stack sample was put into it: record for longer, or cut "
           "out more";
}

/* Why there is no stack sample at all. */
static void explain_emptiness(struct run *r)
{
    struct lt_health h = lt_view_health(r->view);
    const char *damaged = damaged_path(r);
    struct lt_message m;

    if (damaged != NULL) {
        lt_recording_explain(&m, damaged, LT_ERR_CORRUPT);
    } else if (h.asked > 0) {
        snprintf(m.text, sizeof m.text,
                 "the recording is empty, none of %" PRIu64
                 " stack samples could be taken: see `live-trace info`",
                 h.asked);
    } else {
        snprintf(m.text, sizeof m.text, "%s", emptiness(r));
    }
    snprintf(r->result->message, sizeof r->result->message, "%s", m.text);
}

/* What is worth saying although nothing failed. */
static void explain_counts(struct run *r)
{
    struct lt_export_result *result = r->result;
    struct lt_view_counts counts = lt_view_counts(r->view);

    result->recorded = recorded(r);
    result->selected = counts.selected;
    result->unstated = counts.unstated;
    if (counts.stateless > 0) {
        struct lt_message m;
        lt_message_stateless(&m, counts.stateless);
        note(r, m.text);
    }
    if (result->recorded == 0) {
        explain_emptiness(r);
    }
}

static int prepare(struct run *r)
{
    const struct lt_export_request *q = r->request;
    const struct lt_view_config config = {
        .selection = q->selection,
        .by = r->by,
        .drop_idle = r->drop_idle,
        .ctx = r,
        .meta = on_meta,
        .sample = on_sample,
    };
    int error = lt_recordings_init(&r->recordings, q->logs, q->n_logs);

    if (error == 0) {
        error = lt_view_new(&r->view, &config, r->message.text, sizeof r->message.text);
    }
    if (error == 0) {
        error = lt_recordings_peek(&r->recordings, &r->message);
    }
    if (error == 0 && lt_recordings_have_hosts(&r->recordings)) {
        lt_thread_table_show_hosts(lt_view_threads(r->view));
    }
    if (error == 0 && q->exporter->stack != NULL) {
        error = lt_totals_new(&r->totals);
    }
    return error;
}

static int run(struct run *r)
{
    bool twice = false;
    int error = prepare(r);

    if (error == 0 && needs_survey(r)) {
        twice = true;
    }
    for (size_t i = 0; i < r->recordings.n; i++) {
        r->bytes_all += r->recordings.at[i].size * (twice ? 2 : 1);
    }
    if (error == 0 && twice) {
        error = survey(r);
    }
    if (error == 0) {
        error = lt_delivery_new(&r->delivery, r->request, r->view, &r->message);
    }
    if (error == 0 && r->totals == NULL) {
        add_roots(r);
    }
    if (error == 0) {
        error = read_all(r);
    }
    if (error == 0) {
        explain_counts(r);
        error = deliver_rest(r);
    }
    if (error == 0) {
        error = lt_delivery_close(r->delivery, false);
    }
    return error;
}

int lt_export_run(const struct lt_export_request *request, struct lt_export_result *result)
{
    struct run r = {
        .request = request,
        .result = result,
        .by = choose_by(request),
        .drop_idle = choose_drop_idle(request),
    };
    int error, run_errno;

    *result = (struct lt_export_result){0};
    error = run(&r);
    run_errno = errno;
    if (error < 0) {
        snprintf(result->message, sizeof result->message, "%s",
                 r.message.text[0] != '\0' ? r.message.text : lt_error_text(error));
    }
    lt_delivery_free(r.delivery);
    lt_totals_free(r.totals);
    lt_view_free(r.view);
    lt_recordings_release(&r.recordings);
    lt_buf_release(&r.words);
    errno = run_errno;
    return error;
}
