/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads and clocks of several recordings. */
#include "config.h"

#include "analysis/recordings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/io.h"
#include "formats/lt_error.h"
#include "formats/trace_reader.h"

int lt_recordings_init(struct lt_recordings *r, const char *const *paths, size_t n)
{
    *r = (struct lt_recordings){.at = calloc(n + 1, sizeof *r->at), .n = n};
    if (r->at == NULL) {
        r->n = 0;
        return LT_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        struct lt_recording *rec = &r->at[i];
        struct stat st;

        rec->path = paths[i];
        /* A pipe under a name ("/dev/stdin") would lose what a first look takes out. */
        if (strcmp(paths[i], "-") != 0 && stat(paths[i], &st) == 0 && S_ISREG(st.st_mode)) {
            rec->again = true;
            rec->size = (uint64_t)st.st_size;
        }
    }
    return 0;
}

static void forget_head(struct lt_recording *rec)
{
    free(rec->command);
    free(rec->host);
    free(rec->cwd);
    free(rec->recorder);
    rec->command = rec->host = rec->cwd = rec->recorder = NULL;
}

void lt_recordings_release(struct lt_recordings *r)
{
    for (size_t i = 0; i < r->n; i++) {
        forget_head(&r->at[i]);
    }
    free(r->at);
    *r = (struct lt_recordings){0};
}

static char *copy(struct lt_str text)
{
    return strndup(text.len > 0 ? text.data : "", text.len);
}

/* What readers deliver of a trace that ends within its first blocks. */
static bool is_headless(const struct lt_meta *meta)
{
    return meta->format != NULL && strcmp(meta->format, lt_trace_input_format.name) == 0 &&
           !meta->has_weight && meta->start_realtime_ns == 0 && meta->recorder.len == 0;
}

int lt_recording_learn(struct lt_recording *rec, const struct lt_meta *meta)
{
    forget_head(rec);
    rec->has_time = meta->has_time;
    rec->has_weight = meta->has_weight;
    rec->no_counts = meta->no_counts;
    rec->start_realtime_ns = meta->start_realtime_ns > 0 ? meta->start_realtime_ns : 0;
    rec->interval_ns = meta->interval_ns > 0 ? meta->interval_ns : 0;
    rec->jitter = meta->jitter;
    rec->command = copy(meta->command);
    rec->host = copy(meta->host);
    rec->cwd = copy(meta->cwd);
    rec->recorder = copy(meta->recorder);
    if (rec->command == NULL || rec->host == NULL || rec->cwd == NULL || rec->recorder == NULL) {
        forget_head(rec);
        return LT_ERR_NOMEM;
    }
    rec->headless = is_headless(meta);
    rec->known = true;
    return 0;
}

void lt_recording_explain(struct lt_message *message, const char *path, int error)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    char *text = message->text;
    size_t size = sizeof message->text;

    switch (error) {
    case LT_ERR_NOT_OURS:
        snprintf(text, size,
                 "%s is no recording that live-trace can read: see `live-trace formats`", name);
        break;
    case LT_ERR_UNSUPPORTED:
        snprintf(text, size, "%s was written by a newer live-trace: update live-trace to read it",
                 name);
        break;
    case LT_ERR_CORRUPT:
        snprintf(text, size, "%s is damaged beyond reading: record again", name);
        break;
    case LT_ERR_IO:
        snprintf(text, size, "%s cannot be read (%s): check its name and permissions", name,
                 strerror(errno));
        break;
    case LT_ERR_NOMEM:
    case LT_ERR_LIMIT:
        snprintf(text, size,
                 "%s needs more memory than there is (%s): select less, for example by --from and "
                 "--to",
                 name, lt_error_text(error));
        break;
    default:
        snprintf(text, size, "%s cannot be read (%s): check its name and contents", name,
                 lt_error_text(error));
    }
}

static void explain_reading(struct lt_message *message, const struct lt_recording *rec, int error)
{
    if (error == LT_ERR_NOT_OURS && rec->again && rec->size == 0) {
        snprintf(message->text, sizeof message->text,
                 "%s is empty, its recorder has not written yet or was killed before: wait for it, "
                 "or record again",
                 rec->path);
    } else if (rec->stats.why != NULL) {
        snprintf(message->text, sizeof message->text, "%s: %s",
                 strcmp(rec->path, "-") == 0 ? "standard input" : rec->path, rec->stats.why);
    } else {
        lt_recording_explain(message, rec->path, error);
    }
}

int lt_recordings_read(struct lt_recordings *r, size_t i, const struct lt_profile_handler *handler,
                       const struct lt_read_options *options, struct lt_message *message)
{
    struct lt_recording *rec = &r->at[i];
    struct lt_input in;
    int error = lt_input_open(&in, rec->path);

    if (error == 0) {
        rec->stats = (struct lt_read_stats){0};
        error = lt_profile_read(&in, handler, options, &rec->stats);
        int read_errno = errno;
        in.close(in.ctx);
        errno = read_errno;
    }
    if (error == 0) {
        rec->duration_ns = rec->stats.duration_ns;
    }
    if (error < 0 && message->text[0] == '\0') {
        explain_reading(message, rec, error);
    }
    return error;
}

static int learn_and_stop(void *ctx, const struct lt_meta *meta)
{
    int error = lt_recording_learn(ctx, meta);
    return error < 0 ? error : LT_ERR_STOP;
}

int lt_recordings_peek(struct lt_recordings *r, struct lt_message *message)
{
    for (size_t i = 0; i < r->n; i++) {
        struct lt_recording *rec = &r->at[i];
        const struct lt_profile_handler handler = {.ctx = rec, .meta = learn_and_stop};
        struct lt_message complaint = {""};
        int error = 0;

        if (rec->again) {
            error = lt_recordings_read(r, i, &handler, &(struct lt_read_options){0}, &complaint);
        }
        if (error < 0 && error != LT_ERR_STOP) {
            *message = complaint;
            return error;
        }
    }
    return 0;
}

bool lt_recordings_have_hosts(const struct lt_recordings *r)
{
    const char *first = NULL;

    for (size_t i = 0; i < r->n; i++) {
        const char *host = r->at[i].host;
        if (!r->at[i].known && r->n > 1) {
            return true;
        }
        if (host == NULL || host[0] == '\0') {
            continue;
        }
        if (first != NULL && strcmp(first, host) != 0) {
            return true;
        }
        first = host;
    }
    return false;
}

/* Only clocks that all have can be compared. */
static bool share_a_clock(const struct lt_recordings *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct lt_recording *rec = &r->at[i];
        if (rec->known && rec->has_time && rec->start_realtime_ns == 0) {
            return false;
        }
    }
    return true;
}

int64_t lt_recordings_start(const struct lt_recordings *r)
{
    int64_t start = 0;

    for (size_t i = 0; i < r->n; i++) {
        int64_t own = r->at[i].start_realtime_ns;
        if (own > 0 && (start == 0 || own < start)) {
            start = own;
        }
    }
    return start;
}

int64_t lt_recordings_offset(const struct lt_recordings *r, size_t i)
{
    int64_t own = r->at[i].start_realtime_ns;

    return own > 0 && share_a_clock(r) ? own - lt_recordings_start(r) : 0;
}

int64_t lt_recordings_end(const struct lt_recordings *r)
{
    int64_t end = 0;

    for (size_t i = 0; i < r->n; i++) {
        int64_t own;
        if (!__builtin_add_overflow(lt_recordings_offset(r, i), r->at[i].duration_ns, &own) &&
            own > end) {
            end = own;
        }
    }
    return end;
}

int64_t lt_recordings_sum(const struct lt_recordings *r)
{
    int64_t sum = 0;

    for (size_t i = 0; i < r->n; i++) {
        if (__builtin_add_overflow(sum, r->at[i].stats.duration_ns, &sum)) {
            sum = INT64_MAX;
        }
    }
    return sum;
}

struct span {
    int64_t start, end;
};

static int by_start(const void *a, const void *b)
{
    int64_t x = ((const struct span *)a)->start, y = ((const struct span *)b)->start;

    return x < y ? -1 : x > y;
}

/* Without a shared clock, or the memory to sort by it, as if one came after the other. */
static int64_t covered(const struct lt_recordings *r)
{
    struct span *spans = share_a_clock(r) ? calloc(r->n + 1, sizeof *spans) : NULL;
    int64_t sum = 0, end = 0;

    if (spans == NULL) {
        return lt_recordings_sum(r);
    }
    for (size_t i = 0; i < r->n; i++) {
        int64_t start = lt_recordings_offset(r, i);
        bool over = __builtin_add_overflow(start, r->at[i].stats.duration_ns, &spans[i].end);
        spans[i].start = start;
        spans[i].end = over ? INT64_MAX : spans[i].end;
    }
    qsort(spans, r->n, sizeof *spans, by_start);
    for (size_t i = 0; i < r->n; i++) {
        int64_t from = spans[i].start > end ? spans[i].start : end;
        if (spans[i].end > from) {
            sum += spans[i].end - from;
            end = spans[i].end;
        }
    }
    free(spans);
    return sum;
}

void lt_recordings_stats(const struct lt_recordings *r, struct lt_read_stats *sum)
{
    *sum = (struct lt_read_stats){.complete = r->n > 0};
    for (size_t i = 0; i < r->n; i++) {
        const struct lt_read_stats *own = &r->at[i].stats;
        sum->bytes += own->bytes;
        sum->blocks += own->blocks;
        sum->damaged_blocks += own->damaged_blocks;
        sum->lost_samples += own->lost_samples;
        sum->outside += own->outside;
        sum->complete = sum->complete && own->complete;
    }
    sum->duration_ns = covered(r);
}

const char *lt_recordings_common(const struct lt_recordings *r, size_t member)
{
    const char *first = NULL;

    for (size_t i = 0; i < r->n; i++) {
        const char *rec = (const char *)&r->at[i];
        const char *text = *(char *const *)(rec + member);
        if (text == NULL || (first != NULL && strcmp(first, text) != 0)) {
            return "";
        }
        first = text;
    }
    return first != NULL ? first : "";
}

int lt_recording_damage(const struct lt_recording *rec, bool strict, struct lt_message *message)
{
    const char *slash = strrchr(rec->path, '/');
    const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : rec->path;
    uint64_t places = rec->stats.damaged_blocks;

    message->text[0] = '\0';
    if (places == 0) {
        return 0;
    }
    snprintf(message->text, sizeof message->text, "%s is damaged in %" PRIu64 " place%s: %s", name,
             places, places == 1 ? "" : "s",
             strict ? "leave out --strict to see the rest" : "the rest was read");
    return strict ? LT_ERR_CORRUPT : 0;
}

void lt_message_stateless(struct lt_message *message, uint64_t samples)
{
    snprintf(message->text, sizeof message->text,
             "--mode left out %" PRIu64
             " stack samples whose recording does not say what threads did: leave out --mode to "
             "see them",
             samples);
}

bool lt_selection_counts_from_end(const struct lt_selection *s)
{
    return s->from.kind == LT_WHEN_FROM_END || s->to.kind == LT_WHEN_FROM_END;
}

bool lt_selection_has_window(const struct lt_selection *s)
{
    return s->from.kind != LT_WHEN_NONE || s->to.kind != LT_WHEN_NONE;
}

static int64_t shared_time(const struct lt_recordings *r, struct lt_when when, int64_t none)
{
    switch (when.kind) {
    case LT_WHEN_FROM_START:
        return when.ns;
    case LT_WHEN_FROM_END:
        return lt_recordings_end(r) - when.ns;
    case LT_WHEN_WALL_CLOCK:
        return when.ns - lt_recordings_start(r);
    case LT_WHEN_NONE:
        break;
    }
    return none;
}

int lt_recordings_window(const struct lt_recordings *r, const struct lt_selection *s,
                         struct lt_view_window *window, struct lt_message *message)
{
    bool wall = s->from.kind == LT_WHEN_WALL_CLOCK || s->to.kind == LT_WHEN_WALL_CLOCK;

    for (size_t i = 0; i < r->n; i++) {
        const struct lt_recording *rec = &r->at[i];
        if (rec->known && !rec->has_time) {
            snprintf(message->text, sizeof message->text,
                     "%s has no times: leave out --from and --to", rec->path);
            return LT_ERR_USAGE;
        }
        if (rec->known && wall && rec->start_realtime_ns == 0) {
            snprintf(message->text, sizeof message->text,
                     "%s does not say when it began: give --from and --to in seconds from the "
                     "start",
                     rec->path);
            return LT_ERR_USAGE;
        }
    }
    window->from_ns = shared_time(r, s->from, 0);
    window->to_ns = shared_time(r, s->to, INT64_MAX);
    return 0;
}
