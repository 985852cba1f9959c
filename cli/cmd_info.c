/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace info: what a recording is, without its stacks. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/pace.h"
#include "analysis/recordings.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/logs.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/profile_reader.h"

enum { OPT_JSON = 2, OPT_STRICT };
enum { MAX_PROCESSES = 1 << 20 };

static const struct lt_option options[] = {
    {"json", 0, false, OPT_JSON},
    {"strict", 0, false, OPT_STRICT},
    {0},
};

struct process {
    uint32_t pid, ppid;
    char *command, *python;
    char *host; /* "": that of the recording */
};

/* Ids are those of a segment; what is counted is told apart over all of them. */
struct info {
    const char *format;
    unsigned version_major, version_minor;
    char *host, *command, *recorder;
    int64_t start_realtime_ns, interval_ns;
    uint64_t jitter; /* as struct lt_meta says it */
    struct process *processes;
    size_t n_processes, processes_alloc;
    struct lt_intern *threads, *frames, *stacks;
    uint32_t *frame_ids, *stack_ids, *process_ids; /* of this segment */
    size_t frame_alloc, stack_alloc;
    size_t n_process_ids, process_ids_alloc;
    uint64_t stack_samples;
    bool has_time, no_counts, has_health;
    bool nameless_threads; /* samples of nobody knows which threads */
    bool *used;            /* stacks that have samples */
    size_t used_alloc;
    uint64_t unique_stacks;
    struct lt_health health;
    struct lt_pace pace;
    struct lt_read_stats stats;
    struct lt_progress progress;
};

static int copy(char **to, struct lt_str from)
{
    free(*to);
    *to = strndup(from.len ? from.data : "", from.len);
    return *to ? 0 : LT_ERR_NOMEM;
}

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct info *i = ctx;
    i->format = meta->format;
    i->version_major = meta->version_major;
    i->version_minor = meta->version_minor;
    i->start_realtime_ns = meta->start_realtime_ns;
    i->interval_ns = meta->interval_ns;
    i->jitter = meta->jitter;
    i->has_time = meta->has_time;
    i->no_counts = meta->no_counts;
    int err = copy(&i->host, meta->host);
    if (!err)
        err = copy(&i->command, meta->command);
    return err ? err : copy(&i->recorder, meta->recorder);
}

static bool is_text(const char *text, struct lt_str other)
{
    return strlen(text) == other.len &&
           (other.len == 0 || memcmp(text, other.data, other.len) == 0);
}

/* What was not known at first may be told later. */
static bool may_be(const char *text, struct lt_str other)
{
    return !text || !*text || other.len == 0 || is_text(text, other);
}

/* Process ids of other hosts are other processes; so is what a process becomes by exec. */
static bool is_process(const struct process *p, const struct lt_process_info *info)
{
    return p->pid == info->pid && is_text(p->host, info->host) &&
           may_be(p->command, info->command) && may_be(p->python, info->python);
}

static int find_or_add(struct info *i, const struct lt_process_info *info, uint32_t *at)
{
    for (size_t n = 0; n < i->n_processes; n++) {
        if (is_process(&i->processes[n], info)) {
            *at = (uint32_t)n;
            return 0;
        }
    }
    if (lt_array_grow(&i->processes, &i->processes_alloc, i->n_processes + 1,
                      sizeof(i->processes[0]), MAX_PROCESSES))
        return LT_ERR_LIMIT;
    *at = (uint32_t)i->n_processes;
    i->processes[i->n_processes++] = (struct process){.pid = info->pid};
    return copy(&i->processes[*at].host, info->host);
}

static int on_process(void *ctx, uint32_t id, const struct lt_process_info *info)
{
    struct info *i = ctx;
    int err = lt_array_reach(&i->process_ids, &i->n_process_ids, &i->process_ids_alloc, id,
                             sizeof(i->process_ids[0]), MAX_PROCESSES);
    if (!err)
        err = find_or_add(i, info, &i->process_ids[id]);
    if (err)
        return err;
    struct process *p = &i->processes[i->process_ids[id]];
    p->ppid = info->ppid;
    if (info->command.len || !p->command)
        err = copy(&p->command, info->command);
    if (!err && (info->python.len || !p->python))
        err = copy(&p->python, info->python);
    return err;
}

static int on_thread(void *ctx, uint32_t id, const struct lt_thread_info *info)
{
    struct info *i = ctx;
    uint64_t process = info->process < i->n_process_ids ? i->process_ids[info->process] : 0;
    uint64_t key[2] = {process, info->tid};
    uint32_t ignored;
    (void)id;
    if (info->tid == 0 && info->name.len == 0) {
        i->nameless_threads = true;
        return 0;
    }
    return lt_intern_id(i->threads, key, sizeof(key), &ignored, NULL);
}

static int remember(uint32_t **ids, size_t *alloc, uint32_t id, uint32_t lasting)
{
    size_t had = *alloc;
    if (lt_array_grow(ids, alloc, (size_t)id + 1, sizeof(**ids), UINT32_MAX / 8))
        return LT_ERR_LIMIT;
    memset(*ids + had, 0xff, (*alloc - had) * sizeof(**ids));
    (*ids)[id] = lasting;
    return 0;
}

static int on_frame(void *ctx, uint32_t id, const struct lt_frame_info *frame)
{
    struct info *i = ctx;
    struct lt_buf key = {0};
    uint32_t lasting = 0;
    int err = lt_buf_put_u32(&key, frame->line);
    if (!err)
        err = lt_buf_put_u32(&key, frame->first_line);
    if (!err)
        err = lt_buf_put(&key, frame->file.data, frame->file.len);
    if (!err)
        err = lt_buf_put_u8(&key, 0);
    if (!err)
        err = lt_buf_put(&key, frame->name.data, frame->name.len);
    if (!err)
        err = lt_intern_id(i->frames, key.data, key.len, &lasting, NULL);
    lt_buf_release(&key);
    return err ? err : remember(&i->frame_ids, &i->frame_alloc, id, lasting);
}

static uint32_t lasting_stack(const struct info *i, uint32_t id)
{
    return id && id < i->stack_alloc ? i->stack_ids[id] : UINT32_MAX;
}

static int on_stack(void *ctx, uint32_t id, uint32_t parent, uint32_t frame)
{
    struct info *i = ctx;
    uint32_t lasting;
    const uint32_t key[2] = {lasting_stack(i, parent),
                             frame < i->frame_alloc ? i->frame_ids[frame] : UINT32_MAX};
    int err = lt_intern_id(i->stacks, key, sizeof(key), &lasting, NULL);
    return err ? err : remember(&i->stack_ids, &i->stack_alloc, id, lasting);
}

static int on_sample(void *ctx, const struct lt_sample *sample)
{
    struct info *i = ctx;
    size_t had = i->used_alloc;
    uint32_t stack = lasting_stack(i, sample->stack);
    size_t slot = stack == UINT32_MAX ? 0 : (size_t)stack + 1; /* 0: unknown */
    i->stack_samples += sample->count;
    if (lt_array_grow(&i->used, &i->used_alloc, slot + 1, sizeof(i->used[0]), UINT32_MAX))
        return LT_ERR_LIMIT;
    memset(i->used + had, 0, (i->used_alloc - had) * sizeof(i->used[0]));
    i->unique_stacks += !i->used[slot];
    i->used[slot] = true;
    return 0;
}

static int on_health(void *ctx, const struct lt_health *health)
{
    struct info *i = ctx;
    i->health = *health;
    i->has_health = true;
    return 0;
}

static int on_tick(void *ctx, int64_t time_ns, uint32_t covers, int64_t interval_ns)
{
    struct info *i = ctx;
    return lt_pace_tick(&i->pace, time_ns, covers, interval_ns);
}

static int on_clock(void *ctx, const struct lt_clock_anchor *anchor)
{
    struct info *i = ctx;
    return lt_pace_clock(&i->pace, anchor);
}

static void on_progress(void *ctx, uint64_t done, uint64_t all)
{
    struct info *i = ctx;
    lt_progress_show(&i->progress, done, all);
}

static void release(struct info *i)
{
    for (size_t n = 0; n < i->n_processes; n++) {
        free(i->processes[n].command);
        free(i->processes[n].python);
        free(i->processes[n].host);
    }
    free(i->processes);
    free(i->host);
    free(i->command);
    free(i->recorder);
    free(i->frame_ids);
    free(i->stack_ids);
    free(i->process_ids);
    free(i->used);
    lt_intern_free(i->threads);
    lt_intern_free(i->frames);
    lt_intern_free(i->stacks);
}

static int read_recording(struct info *i, struct lt_recordings *recordings,
                          struct lt_message *message)
{
    const struct lt_profile_handler handler = {
        .ctx = i,
        .meta = on_meta,
        .clock = on_clock,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .sample = on_sample,
        .tick = on_tick,
        .health = on_health,
    };
    const struct lt_read_options read = {
        .totals = true, .progress = on_progress, .progress_ctx = i};
    lt_progress_begin(&i->progress);
    int err = lt_recordings_read(recordings, 0, &handler, &read, message);
    int saved = errno;
    lt_progress_end(&i->progress);
    errno = saved;
    i->stats = recordings->at[0].stats;
    return err;
}

/* On failure the message says why. Without one, it says what damage was passed over. */
static int read_log(struct info *i, const char *path, struct lt_message *message)
{
    struct lt_recordings recordings;
    *message = (struct lt_message){""};
    int err = lt_intern_new(&i->threads, 0, 0);
    if (!err)
        err = lt_intern_new(&i->frames, 0, 0);
    if (!err)
        err = lt_intern_new_sized(&i->stacks, 2 * sizeof(uint32_t), 0);
    if (!err)
        err = lt_recordings_init(&recordings, &path, 1);
    if (err) {
        lt_recording_explain(message, path, err);
        return err;
    }
    err = read_recording(i, &recordings, message);
    if (!err)
        lt_recording_damage(&recordings.at[0], false, message);
    lt_recordings_release(&recordings);
    return err;
}

/* RFC 3339, in UTC, to the millisecond. */
static void format_time(int64_t realtime_ns, char *text, size_t size)
{
    time_t seconds = (time_t)(realtime_ns / 1000000000);
    struct tm when;
    char date[32];
    gmtime_r(&seconds, &when);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &when);
    snprintf(text, size, "%s.%03dZ", date, (int)(realtime_ns / 1000000 % 1000));
}

static void json_text(struct lt_json *j, const char *key, const char *value)
{
    lt_json_key(j, key);
    lt_json_text(j, value && *value ? value : NULL);
}

/* What a recording cannot say is null. */
static void json_uint_if(struct lt_json *j, const char *key, bool known, uint64_t value)
{
    lt_json_key(j, key);
    lt_json_uint_or_null(j, known, value);
}

static void json_seconds(struct lt_json *j, const char *key, int64_t ns)
{
    lt_json_key(j, key);
    lt_json_seconds(j, ns);
}

static void json_seconds_if(struct lt_json *j, const char *key, bool known, int64_t ns)
{
    lt_json_key(j, key);
    lt_json_seconds_or_null(j, known, ns);
}

static void json_health(struct lt_json *j, const struct lt_health *h)
{
    lt_json_object(j);
    lt_json_key_uint(j, "asked", h->asked);
    lt_json_key_uint(j, "taken", h->taken);
    lt_json_key_uint(j, "late", h->late);
    lt_json_key_uint(j, "retried", h->retried);
    lt_json_key(j, "failed");
    lt_json_object(j);
    for (unsigned cause = 0; cause < LT_FAIL_CAUSES; cause++) {
        if (h->failed[cause])
            lt_json_key_uint(j, lt_fail_name(cause), h->failed[cause]);
    }
    lt_json_end(j);
    json_seconds(j, "sampler_cpu_seconds", (int64_t)h->sampler_cpu_ns);
    json_seconds(j, "max_lateness_seconds", (int64_t)h->max_lateness_ns);
    lt_json_end(j);
}

/* A process of which nothing is known. */
static bool is_nobody(const struct process *p)
{
    return p->pid == 0 && !*p->command && !*p->python;
}

static bool knows_duration(const struct info *i)
{
    return i->has_time || i->stats.duration_ns > 0;
}

static bool knows_threads(const struct info *i)
{
    return !i->nameless_threads || lt_intern_count(i->threads) > 0;
}

/* A recorder's ticks have jitter, those of joined recordings do not. Where these had different rates, a punctual tick of a
 * slower one stands for several intervals, as a late one of the fastest does. */
static bool is_joined(const struct info *i)
{
    return i->jitter == 0 && i->has_health;
}

/* Whether a recorder was stopped, or a slower one ran alone, is not to be told apart then. */
static bool knows_cause(const struct info *i, const struct lt_gap *gap)
{
    return gap->cause != LT_GAP_MISSED || !is_joined(i);
}

static void json_late_ticks(struct lt_json *j, const struct lt_pace *p)
{
    lt_json_object(j);
    lt_json_key_uint(j, "ticks", p->ticks);
    lt_json_key_uint(j, "count", p->late);
    lt_json_key_uint(j, "missed", p->missed);
    lt_json_key_uint(j, "worst_intervals", p->worst_covers);
    json_seconds(j, "worst_seconds", p->worst_length_ns);
    json_seconds(j, "worst_at", p->worst_ns);
    lt_json_end(j);
}

/* Null where the format has no ticks: nothing is known of them. */
static void json_pace(struct lt_json *j, const struct info *i)
{
    const struct lt_pace *p = &i->pace;
    lt_json_key(j, "late_ticks");
    if (!i->pace.ticks) {
        lt_json_null(j);
        lt_json_key(j, "gaps");
        lt_json_null(j);
        return;
    }
    if (is_joined(i))
        lt_json_null(j);
    else
        json_late_ticks(j, p);
    lt_json_key(j, "gaps");
    lt_json_object(j);
    lt_json_key_uint(j, "count", p->gaps);
    json_seconds(j, "seconds", p->gaps_ns);
    lt_json_key(j, "longest");
    lt_json_array(j);
    for (size_t n = 0; n < p->n_kept; n++) {
        lt_json_object(j);
        json_seconds(j, "at", p->kept[n].start_ns);
        json_seconds(j, "seconds", p->kept[n].length_ns);
        json_text(j, "cause",
                  knows_cause(i, &p->kept[n]) ? lt_gap_cause_name(p->kept[n].cause) : NULL);
        lt_json_end(j);
    }
    lt_json_end(j);
    lt_json_end(j);
}

static void json_processes(struct lt_json *j, const struct info *i)
{
    lt_json_key(j, "processes");
    lt_json_array(j);
    for (size_t n = 0; n < i->n_processes; n++) {
        const struct process *p = &i->processes[n];
        if (is_nobody(p))
            continue;
        lt_json_object(j);
        json_uint_if(j, "pid", p->pid != 0, p->pid);
        json_uint_if(j, "ppid", p->ppid != 0, p->ppid);
        json_text(j, "command", p->command);
        json_text(j, "python", p->python);
        if (*p->host)
            json_text(j, "host", p->host);
        lt_json_end(j);
    }
    lt_json_end(j);
}

static void json_log(struct lt_json *j, const struct info *i, const char *path, int64_t pause_ns)
{
    char start[64], version[32];
    lt_json_object(j);
    json_text(j, "file", path);
    json_text(j, "format", i->format);
    snprintf(version, sizeof(version), "%u.%u", i->version_major, i->version_minor);
    json_text(j, "version", version);
    json_text(j, "host", i->host);
    json_text(j, "command", i->command);
    json_text(j, "recorder", i->recorder);
    format_time(i->start_realtime_ns, start, sizeof(start));
    json_text(j, "start", i->start_realtime_ns ? start : NULL);
    json_seconds_if(j, "duration", knows_duration(i), i->stats.duration_ns);
    json_seconds_if(j, "interval", i->interval_ns > 0, i->interval_ns);
    json_processes(j, i);
    json_uint_if(j, "threads", knows_threads(i), lt_intern_count(i->threads));
    json_uint_if(j, "stack_samples", !i->no_counts, i->stack_samples);
    lt_json_key_uint(j, "unique_stacks", i->unique_stacks);
    lt_json_key_uint(j, "frames", lt_intern_count(i->frames));
    lt_json_key_uint(j, "bytes", i->stats.bytes);
    lt_json_key(j, "complete");
    lt_json_bool(j, i->stats.complete);
    lt_json_key_uint(j, "damaged_blocks", i->stats.damaged_blocks);
    lt_json_key(j, "health");
    if (i->has_health)
        json_health(j, &i->health);
    else
        lt_json_null(j);
    json_pace(j, i);
    if (pause_ns >= 0)
        json_seconds(j, "pause_before", pause_ns);
    lt_json_end(j);
}

static void print_health(const struct lt_health *h)
{
    printf("health          %" PRIu64 " asked, %" PRIu64 " taken, %" PRIu64 " late, %" PRIu64
           " retried",
           h->asked, h->taken, h->late, h->retried);
    for (unsigned cause = 0; cause < LT_FAIL_CAUSES; cause++) {
        if (h->failed[cause])
            printf(", %" PRIu64 " failed (%s)", h->failed[cause], lt_fail_name(cause));
    }
    printf("\nsampler         %.3f s of CPU, at most %.3f ms late\n",
           (double)h->sampler_cpu_ns / 1e9, (double)h->max_lateness_ns / 1e6);
}

static void print_at(const struct info *i, int64_t time_ns)
{
    char when[64];
    int64_t realtime_ns;
    printf("%.3f s", (double)time_ns / 1e9);
    if (i->start_realtime_ns &&
        !__builtin_add_overflow(i->start_realtime_ns, time_ns, &realtime_ns)) {
        format_time(realtime_ns, when, sizeof(when));
        printf(" (%s)", when);
    }
}

static void print_gap(const struct info *i, const struct lt_gap *gap)
{
    static const char *const causes[] = {
        [LT_GAP_MISSED] = "the recorder was stopped, or the machine too busy to let it in",
        [LT_GAP_NOTHING] = "no Python thread to look at, or no recorder",
        [LT_GAP_CLOCK] = "the machine slept, or its clock was set",
    };
    printf("  %.3f s from ", (double)gap->length_ns / 1e9);
    print_at(i, gap->start_ns);
    printf(": %s\n", knows_cause(i, gap) ? causes[gap->cause]
                                         : "a recorder was stopped, or a slower one ran alone");
}

static void print_late_ticks(const struct info *i)
{
    const struct lt_pace *p = &i->pace;
    printf("late ticks      %" PRIu64 " of %" PRIu64, p->late, p->ticks);
    if (p->late) {
        printf(", %" PRIu64 " intervals missed; the worst stands for %" PRIu32 " (%.3f s), at ",
               p->missed, p->worst_covers, (double)p->worst_length_ns / 1e9);
        print_at(i, p->worst_ns);
    }
}

static void print_pace(const struct info *i)
{
    const struct lt_pace *p = &i->pace;
    if (!i->pace.ticks)
        return;
    if (is_joined(i))
        printf("late ticks      unknown of joined recordings, see health");
    else
        print_late_ticks(i);
    printf("\ngaps            %" PRIu64, p->gaps);
    if (p->gaps)
        printf(", %.3f s without a tick", (double)p->gaps_ns / 1e9);
    printf(p->n_kept < p->gaps ? "; the longest:\n" : "\n");
    for (size_t n = 0; n < p->n_kept; n++)
        print_gap(i, &p->kept[n]);
}

static void print_process(const struct process *p)
{
    if (is_nobody(p))
        return;
    printf("process         %u%s%s  Python %s  %s\n", p->pid, *p->host ? "@" : "", p->host,
           *p->python ? p->python : "?", p->command);
}

static void print_duration(const struct info *i)
{
    if (knows_duration(i))
        printf("duration        %.3f s", (double)i->stats.duration_ns / 1e9);
    else
        printf("duration        unknown");
    if (i->interval_ns > 0)
        printf(", a tick every %.6g s", (double)i->interval_ns / 1e9);
    putchar('\n');
}

static void print_counts(const struct info *i)
{
    if (knows_threads(i))
        printf("threads         %u\n", lt_intern_count(i->threads));
    else
        printf("threads         unknown\n");
    if (i->no_counts)
        printf("stack samples   unknown, times alone");
    else
        printf("stack samples   %" PRIu64, i->stack_samples);
    printf(" (%" PRIu64 " different stacks, %u frames)\n", i->unique_stacks,
           lt_intern_count(i->frames));
}

static void print_log(const struct info *i, const char *path, int64_t pause_ns)
{
    char start[64];
    format_time(i->start_realtime_ns, start, sizeof(start));
    printf("%s\n", path);
    printf("format          %s %u.%u%s%s\n", i->format, i->version_major, i->version_minor,
           i->recorder && *i->recorder ? ", by " : "", i->recorder ? i->recorder : "");
    printf("host            %s\n", i->host && *i->host ? i->host : "unknown");
    printf("command         %s\n", i->command && *i->command ? i->command : "unknown");
    printf("start           %s\n", i->start_realtime_ns ? start : "unknown");
    print_duration(i);
    for (size_t n = 0; n < i->n_processes; n++)
        print_process(&i->processes[n]);
    print_counts(i);
    printf("size            %" PRIu64 " bytes%s\n", i->stats.bytes,
           i->stats.complete ? "" : ", the end is missing (killed, or still being written)");
    if (i->stats.damaged_blocks)
        printf("damaged         %" PRIu64 " block%s\n", i->stats.damaged_blocks,
               i->stats.damaged_blocks == 1 ? "" : "s");
    if (i->has_health)
        print_health(&i->health);
    print_pace(i);
    if (pause_ns >= 0)
        printf("pause           %.3f s after the recordings above ended\n", (double)pause_ns / 1e9);
}

/* How long there was no recording before this one, by the wall clock; -1: there was, or that is not known. *end_ns
 * is when the last one ended, 0 unknown. */
static int64_t pause_before(const struct info *i, int64_t *end_ns)
{
    int64_t pause_ns = -1, this_end_ns;
    if (!i->start_realtime_ns ||
        __builtin_add_overflow(i->start_realtime_ns, i->stats.duration_ns, &this_end_ns))
        return -1;
    if (*end_ns && i->start_realtime_ns > *end_ns)
        pause_ns = i->start_realtime_ns - *end_ns;
    if (this_end_ns > *end_ns)
        *end_ns = this_end_ns;
    return pause_ns;
}

struct request {
    struct lt_logs logs;
    bool json, strict;
};

static int take(void *ctx, int id, const char *value)
{
    struct request *r = ctx;
    r->json = r->json || id == OPT_JSON;
    r->strict = r->strict || id == OPT_STRICT;
    return id == 0 ? lt_logs_add(&r->logs, value) : 0;
}

static int show(const struct lt_logs *logs, bool json, bool strict)
{
    struct lt_json j;
    bool array = json && logs->n > 1;
    int64_t end_ns = 0;
    int status = 0;
    if (json)
        lt_json_to_stdout(&j);
    if (array)
        lt_json_array(&j);
    for (size_t n = 0; n < logs->n; n++) {
        struct info i = {.format = "unknown"};
        struct lt_message message;
        int err = read_log(&i, logs->at[n], &message);
        if (message.text[0])
            lt_say("%s", message.text);
        if (err) {
            status = LT_EXIT_FAILURE;
        } else {
            if (i.stats.damaged_blocks && strict)
                status = LT_EXIT_FAILURE;
            int64_t pause_ns = pause_before(&i, &end_ns);
            if (json)
                json_log(&j, &i, logs->at[n], pause_ns);
            else
                print_log(&i, logs->at[n], pause_ns);
        }
        release(&i);
    }
    if (array)
        lt_json_end(&j);
    if (json && (array || !status))
        lt_json_end_stdout(&j);
    return status;
}

static int run(const struct lt_command *self, char **argv)
{
    struct request r = {0};
    struct lt_options o = {.command = self->name, .tables = {options}, .argv = argv};
    int status = lt_options_each(&o, take, &r);
    if (!status)
        status = lt_logs_default(&r.logs);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status)
        status = show(&r.logs, r.json, r.strict);
    lt_logs_release(&r.logs);
    return status;
}

const struct lt_command lt_cmd_info = {
    .name = "info",
    .summary = "what a recording is: host, processes, size, health, gaps",
    .help = "Usage: live-trace info [--json] [--strict] [LOG...]\n"
            "\n"
            "Without LOG: the newest trace. A late tick stands for more than one interval, a\n"
            "gap is more than a second, and more than three intervals, without a tick. Where\n"
            "recordings were joined (merge), a punctual tick of a slower one stands for more,\n"
            "too: how many are late is unknown, and what health says is true.\n"
            "\n"
            "  --json    as JSON: one object, or an array of them for several LOGs\n"
            "  --strict  a damaged file is a failure\n",
    .example = "live-trace info --json | python3 -m json.tool",
    .run = run,
};
