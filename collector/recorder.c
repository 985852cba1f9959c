/* SPDX-License-Identifier: Apache-2.0
 *
 * Two threads and what goes between them. The sampler wakes at each tick, reads stacks, and hands
 * whole blocks of trace to the keeper, which compresses and writes them, reads source lines, and
 * finds processes and names, which it hands back. */
#include "config.h"

#include "collector/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "collector/keeper.h"
#include "collector/platform/process_tree.h"
#include "collector/platform/tick_timer.h"
#include "collector/py_process.h"
#include "collector/py_tags.h"
#include "collector/recorder_messages.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"

#define SECOND INT64_C(1000000000)

enum { MAX_PROCESSES = 1 << 14 };

static const int64_t LONG_SLEEP_NS = SECOND / 50; /* a longer one can be ended by a message */
static const int64_t CLOSING_NS = SECOND / 5;     /* how often to look for more when all is done */
/* A recorder that is killed loses a second at most: the rest of it is for compressing and writing. */
static const int64_t FLUSH_EVERY_NS = SECOND * 9 / 10;
/* The wall clock is what it was when it went no further from the recording's. */
static const int64_t CLOCK_STEP_NS = SECOND / 2;

struct lt_recorder {
    struct lt_recorder_config config;
    struct lt_tick_timer timer;
    pthread_t sampler_thread, keeper_thread;
    bool sampler_runs, keeper_runs;
    int done_fd;
    atomic_bool stop, done, keeper_stop;
    atomic_int error, error_errno;
    atomic_int_fast64_t keeper_cpu_ns;
    struct lt_outbox to_keeper, to_sampler;
    atomic_uint mail; /* messages posted to the sampler: it looks only when there are new ones */

    /* The sampler's; of others while they have `turn`, which it has while it does not sleep. */
    pthread_mutex_t turn;
    clockid_t keeper_clock;
    bool has_keeper_clock;
    struct lt_trace_writer *writer;
    uint64_t n_blocks; /* handed to the keeper */
    struct lt_follower follower;
    struct lt_py_process **processes;
    size_t n_processes, processes_alloc;
    struct lt_tick_context tick;
    struct lt_health health; /* of this file, and of those before it */
    struct lt_health ended;
    int64_t file_start_ns; /* time 0 of this file */
    bool next_file;        /* the next tick begins another one */
    struct lt_buf inbox;
    unsigned mail_taken;
    int births_fd; /* lt_newest_pid(); -1: children are not wanted */
    uint64_t newest_pid;
    int64_t births_ns; /* when to ask for it again */
    int64_t flush_ns;
    int64_t start_wall_ns; /* as the trace has it */
    int64_t end_ns;        /* time of the last tick */
    atomic_uint n_sampled;

    struct lt_keeper *keeper;
};

static struct lt_str bytes_of(const void *data, size_t len)
{
    return (struct lt_str){data, len};
}

static void announce_done(struct lt_recorder *r)
{
    uint64_t one = 1;
    if (atomic_exchange(&r->done, true))
        return;
    /* Cannot fail: the counter is far from its end. */
    if (write(r->done_fd, &one, sizeof(one)) < 0)
        return;
}

static void fail(struct lt_recorder *r, int err)
{
    int expected = 0;
    int saved = errno;
    if (atomic_compare_exchange_strong(&r->error, &expected, err))
        atomic_store(&r->error_errno, saved);
    announce_done(r);
}

/* ---- the sampler ---- */

static int post_block(void *ctx, enum lt_block_type type, const uint8_t *raw, size_t len)
{
    struct lt_recorder *r = ctx;
    uint32_t kind = (uint32_t)type;
    const struct lt_str parts[] = {bytes_of(&kind, sizeof(kind)), bytes_of(raw, len)};
    r->n_blocks++;
    return lt_outbox_post(&r->to_keeper, LT_MSG_BLOCK, parts, 2);
}

static int post_longer(void *ctx, const uint8_t *raw, size_t len)
{
    struct lt_recorder *r = ctx;
    const struct lt_str part = bytes_of(raw, len);
    r->n_blocks++;
    return lt_outbox_post(&r->to_keeper, LT_MSG_LONGER, &part, 1);
}

static size_t room_for_longer(void *ctx)
{
    const struct lt_recorder *r = ctx;
    return lt_keeper_room(r->keeper, r->n_blocks);
}

static void wish_source(void *ctx, const struct lt_py_process *process, struct lt_str file,
                        uint32_t line)
{
    struct lt_recorder *r = ctx;
    const char *cwd = process->cwd ? process->cwd : "";
    struct lt_source_wish wish = {process->pid, line, (uint32_t)strlen(cwd), process->own_root};
    const struct lt_str parts[] = {bytes_of(&wish, sizeof(wish)), bytes_of(cwd, wish.cwd_len),
                                   file};
    if (r->config.source_lines)
        lt_outbox_post(&r->to_keeper, LT_MSG_SOURCE, parts,
                       3); /* a full queue costs the line's text */
}

static void tell_keeper(struct lt_recorder *r, uint32_t kind, pid_t pid)
{
    const struct lt_str part = bytes_of(&pid, sizeof(pid));
    lt_outbox_post(&r->to_keeper, kind, &part, 1);
}

static int end_process(struct lt_recorder *r, size_t i)
{
    struct lt_py_process *p = r->processes[i];
    int err = lt_py_process_end(p, r->writer);
    lt_py_process_free(p);
    r->processes[i] = r->processes[--r->n_processes];
    return err;
}

/* It has become another program, and the keeper was first to notice. */
static int end_predecessor(struct lt_recorder *r, pid_t pid)
{
    for (size_t i = 0; i < r->n_processes; i++) {
        if (r->processes[i]->pid == pid)
            return end_process(r, i);
    }
    return 0;
}

static int take_process(struct lt_recorder *r, struct lt_py_process *p)
{
    struct lt_process_info info = {
        .pid = (uint32_t)p->pid,
        .ppid = (uint32_t)p->parent,
        .command = bytes_of(p->command, strlen(p->command)),
        .python = bytes_of(p->runtime.version, strlen(p->runtime.version)),
        .cwd = bytes_of(p->cwd, strlen(p->cwd)),
    };
    if (lt_array_grow(&r->processes, &r->processes_alloc, r->n_processes + 1,
                      sizeof(r->processes[0]), MAX_PROCESSES))
        return LT_ERR_NOMEM;
    int err = end_predecessor(r, p->pid);
    if (!err)
        err = lt_trace_writer_process(r->writer, &info, &p->trace_id);
    if (err)
        return err;
    r->processes[r->n_processes++] = p;
    atomic_fetch_add(&r->n_sampled, 1);
    return 0;
}

static struct lt_py_process *find_process(const struct lt_recorder *r, pid_t pid)
{
    for (size_t i = 0; i < r->n_processes; i++) {
        if (r->processes[i]->pid == pid)
            return r->processes[i];
    }
    return NULL;
}

static int take_name(struct lt_recorder *r, const struct lt_message *m)
{
    struct lt_name_header header;
    char name[128];
    memcpy(&header, m->data, sizeof(header));
    size_t len = m->len - sizeof(header);
    if (len >= sizeof(name))
        len = sizeof(name) - 1;
    memcpy(name, m->data + sizeof(header), len);
    name[len] = '\0';
    struct lt_py_process *p = find_process(r, header.pid);
    return p ? lt_py_process_name(p, r->writer, &header.thread, name) : 0;
}

static void take_asyncio(struct lt_recorder *r, const struct lt_message *m)
{
    struct lt_py_asyncio asyncio;
    pid_t pid;
    memcpy(&pid, m->data, sizeof(pid));
    memcpy(&asyncio, m->data + sizeof(pid), sizeof(asyncio));
    struct lt_py_process *p = find_process(r, pid);
    if (p)
        lt_py_process_tasks(p, &asyncio);
}

static void take_tags(struct lt_recorder *r, const struct lt_message *m)
{
    struct lt_py_tag_var var;
    pid_t pid;
    memcpy(&pid, m->data, sizeof(pid));
    memcpy(&var, m->data + sizeof(pid), sizeof(var));
    struct lt_py_process *p = find_process(r, pid);
    if (p)
        lt_py_tags_use(p, &var);
}

static int take_mail(struct lt_recorder *r)
{
    unsigned mail = atomic_load(&r->mail);
    struct lt_message m;
    size_t at = 0;
    int err = 0;
    if (mail == r->mail_taken)
        return 0;
    r->mail_taken = mail;
    lt_outbox_take(&r->to_sampler, &r->inbox);
    while (lt_outbox_next(&r->inbox, &at, &m)) {
        if (m.kind == LT_MSG_PROCESS) {
            struct lt_py_process *p;
            memcpy(&p, m.data, sizeof(p));
            int taken = err ? err : take_process(r, p);
            if (taken)
                lt_py_process_free(p);
            err = taken;
        } else if (m.kind == LT_MSG_ASYNCIO) {
            take_asyncio(r, &m);
        } else if (m.kind == LT_MSG_TAGS) {
            take_tags(r, &m);
        } else if (m.kind == LT_MSG_NEXT_FILE) {
            r->next_file = true;
        } else if (!err) {
            err = take_name(r, &m);
        }
    }
    return err;
}

static int lose_process(struct lt_recorder *r, size_t i)
{
    tell_keeper(r, LT_MSG_LOST, r->processes[i]->pid);
    return end_process(r, i);
}

static int64_t realtime_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* What the wall clock says now of the time 0 of the file. */
static int64_t start_by_wall_clock(const struct lt_recorder *r)
{
    return realtime_ns() - (lt_monotonic_ns() - r->timer.start_ns - r->file_start_ns);
}

static void account_cpu(struct lt_recorder *r)
{
    r->health.sampler_cpu_ns =
        (uint64_t)(lt_thread_cpu_ns() + atomic_load(&r->keeper_cpu_ns)) - r->ended.sampler_cpu_ns;
}

/* What the sampler and the processes know of the dictionary is void. */
static int renew_ids(struct lt_recorder *r)
{
    int err = lt_trace_writer_tags(r->writer, r->config.tags, r->config.n_tags, &r->tick.tags);
    r->tick.frames_seen = 0;
    lt_outbox_post(&r->to_keeper, LT_MSG_SEGMENT, NULL, 0);
    for (size_t i = 0; !err && i < r->n_processes; i++)
        err = lt_py_process_new_segment(r->processes[i], &r->tick);
    return err;
}

/* It was set, or the machine slept. */
static bool clock_was_set(const struct lt_recorder *r)
{
    int64_t step_ns = start_by_wall_clock(r) - r->start_wall_ns;
    return step_ns > CLOCK_STEP_NS || step_ns < -CLOCK_STEP_NS;
}

static int begin_segment(struct lt_recorder *r)
{
    r->start_wall_ns = start_by_wall_clock(r);
    lt_trace_writer_clock(r->writer, r->start_wall_ns);
    int err = lt_trace_writer_new_segment(r->writer);
    return err ? err : renew_ids(r);
}

/* Between two ticks, so that none is in neither file or in both. Its time 0 is on the grid of ticks, where
 * the time begins that this tick stands for. */
static int begin_file(struct lt_recorder *r, const struct lt_tick *tick)
{
    int64_t step = tick->time_ns / r->config.interval_ns - (int64_t)tick->covers + 1;
    account_cpu(r);
    step = step > 0 ? step : 0;
    r->file_start_ns = step * r->config.interval_ns;
    r->start_wall_ns = start_by_wall_clock(r);
    int err = lt_trace_writer_new_recording(r->writer, &r->health, r->start_wall_ns,
                                            r->timer.jitter + (uint64_t)step);
    lt_health_add(&r->ended, &r->health);
    r->health = (struct lt_health){0};
    r->next_file = false;
    return err ? err : renew_ids(r);
}

static int sample_all(struct lt_recorder *r, const struct lt_tick *tick)
{
    bool anything = false;
    r->tick.n_changes = 0;
    r->tick.covers = tick->covers;
    r->tick.now_ns = tick->time_ns;
    for (size_t i = 0; i < r->n_processes;) {
        struct lt_py_process *p = r->processes[i];
        int err = lt_py_process_tick(p, &r->tick);
        if (err == LT_ERR_NO_PROCESS || err == LT_ERR_PERMISSION) {
            err = lose_process(r, i);
            if (err)
                return err;
            continue;
        }
        if (err)
            return err;
        if (p->new_threads) {
            p->new_threads = false;
            tell_keeper(r, LT_MSG_NAMES, p->pid);
        }
        anything = anything || p->n_threads;
        i++;
    }
    return anything ? lt_trace_writer_tick(r->writer, tick->time_ns - r->file_start_ns,
                                           tick->covers, r->tick.changes, r->tick.n_changes)
                    : 0;
}

static void update_health(struct lt_recorder *r, const struct lt_tick *tick)
{
    if (r->n_processes && (uint64_t)tick->lateness_ns > r->health.max_lateness_ns)
        r->health.max_lateness_ns = (uint64_t)tick->lateness_ns;
}

static int64_t recorder_cpu_ns(const struct lt_recorder *r)
{
    struct timespec keeper = {0};
    if (r->has_keeper_clock)
        clock_gettime(r->keeper_clock, &keeper);
    return lt_thread_cpu_ns() + (int64_t)keeper.tv_sec * SECOND + keeper.tv_nsec;
}

/* The keeper would have to wake up for it, which costs many times as much as the question. */
static void look_for_births(struct lt_recorder *r, int64_t now_ns)
{
    if (r->births_fd < 0 || now_ns < r->births_ns)
        return;
    r->births_ns = now_ns + LT_BIRTHS_EVERY_NS;
    uint64_t newest = lt_newest_pid(r->births_fd);
    if (newest != r->newest_pid)
        lt_outbox_post(&r->to_keeper, LT_MSG_BIRTHS, NULL, 0);
    r->newest_pid = newest;
}

static int one_tick(struct lt_recorder *r)
{
    struct lt_tick tick;
    int err = 0;
    lt_tick_timer_take(&r->timer, &tick);
    if (r->config.inside)
        r->tick.recorder_cpu_ns = recorder_cpu_ns(r);
    /* The next one may be too late for the flush. */
    bool flush = tick.time_ns + r->config.interval_ns > r->flush_ns;
    if (r->next_file)
        err = begin_file(r, &tick);
    else if (lt_trace_writer_segment_due(r->writer) || (flush && clock_was_set(r)))
        err = begin_segment(r);
    if (!err)
        err = sample_all(r, &tick);
    if (err)
        return err;
    look_for_births(r, tick.time_ns);
    update_health(r, &tick);
    r->end_ns = tick.time_ns;
    if (flush) {
        r->flush_ns = tick.time_ns + FLUSH_EVERY_NS;
        account_cpu(r);
        err = lt_trace_writer_flush(r->writer, &r->health);
    }
    if (r->config.duration_ns && tick.time_ns >= r->config.duration_ns)
        announce_done(r);
    return err;
}

/* A long sleep can be ended, by a message or a stop. */
static void sleep_until(struct lt_recorder *r, int64_t deadline)
{
    if (deadline - lt_monotonic_ns() > LONG_SLEEP_NS)
        lt_outbox_wait(&r->to_sampler, deadline);
    else
        lt_sleep_until(deadline);
}

static void *sampler_main(void *arg)
{
    struct lt_recorder *r = arg;
    int err = 0;
    lt_be_punctual(!r->config.inside);
    while (!err && !atomic_load(&r->stop) && !atomic_load(&r->done)) {
        int64_t deadline = lt_tick_timer_deadline(&r->timer);
        sleep_until(r, deadline);
        pthread_mutex_lock(&r->turn);
        err = take_mail(r);
        if (!err && lt_monotonic_ns() >= deadline)
            err = one_tick(r);
        pthread_mutex_unlock(&r->turn);
    }
    if (err)
        fail(r, err);
    pthread_mutex_lock(&r->turn);
    account_cpu(r);
    pthread_mutex_unlock(&r->turn);
    return NULL;
}

/* ---- the keeper's thread ---- */

static void *keeper_main(void *arg)
{
    struct lt_recorder *r = arg;
    int64_t next_ns = lt_monotonic_ns();
    int err = 0;
    if (!r->config.inside)
        lt_be_prompt();
    while (!err && !atomic_load(&r->keeper_stop)) {
        lt_outbox_wait(&r->to_keeper, next_ns);
        next_ns = lt_monotonic_ns() + CLOSING_NS;
        err = atomic_load(&r->done) ? lt_keeper_keep(r->keeper)
                                    : lt_keeper_round(r->keeper, &next_ns);
        atomic_store(&r->keeper_cpu_ns, lt_thread_cpu_ns());
        if (lt_keeper_alone(r->keeper))
            announce_done(r);
    }
    if (!err)
        err = lt_keeper_keep(r->keeper);
    if (err)
        fail(r, err);
    return NULL;
}

/* ---- life ---- */

static int make_writer(struct lt_recorder *r)
{
    char host[256] = "";
    static const char recorder[] = "live-trace " PACKAGE_VERSION;
    gethostname(host, sizeof(host) - 1);
    lt_tick_timer_init(&r->timer, r->config.interval_ns);
    r->start_wall_ns = start_by_wall_clock(r);
    struct lt_trace_config config = {
        .meta = {.host = bytes_of(host, strlen(host)),
                 .command = r->config.command,
                 .cwd = r->config.cwd,
                 .recorder = bytes_of(recorder, sizeof(recorder) - 1),
                 .start_realtime_ns = r->start_wall_ns,
                 .interval_ns = r->config.interval_ns,
                 .jitter = r->timer.jitter,
                 .has_time = true},
        .sink = {r, post_block, room_for_longer, post_longer},
    };
    int err = lt_trace_writer_new(&r->writer, &config);
    return err ? err
               : lt_trace_writer_tags(r->writer, r->config.tags, r->config.n_tags, &r->tick.tags);
}

/* Signals are the business of the thread that called start. */
static int start_thread(pthread_t *thread, void *(*body)(void *), struct lt_recorder *r, bool *runs)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(thread, NULL, body, r);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    *runs = !failed;
    return failed ? LT_ERR_NOMEM : 0;
}

int lt_recorder_start(struct lt_recorder **out, const struct lt_recorder_config *config)
{
    if (config->interval_ns <= 0 || !config->output)
        return LT_ERR_USAGE;
    struct lt_recorder *r = calloc(1, sizeof(*r));
    if (!r)
        return LT_ERR_NOMEM;
    r->config = *config;
    r->births_fd = config->follow_children ? lt_newest_pid_open() : -1;
    lt_follower_init(&r->follower);
    pthread_mutex_init(&r->turn, NULL);
    int err = lt_outbox_init(&r->to_keeper) ? LT_ERR_NOMEM : lt_outbox_init(&r->to_sampler);
    r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!err && r->done_fd < 0)
        err = LT_ERR_IO;
    if (!err) {
        const struct lt_keeper_config keeper = {
            .output = config->output,
            .files = config->files,
            .sync_every_ns = config->sync_every_ns,
            .watch = {config->follow_children, config->force_version, config->tasks,
                      config->tag_var},
            .in = &r->to_keeper,
            .out = &r->to_sampler,
            .mail = &r->mail,
        };
        err = lt_keeper_new(&r->keeper, &keeper);
    }
    if (!err)
        err = make_writer(r);
    r->tick.follower = &r->follower;
    r->tick.writer = r->writer;
    r->tick.health = &r->health;
    r->tick.new_frame = wish_source;
    r->tick.ctx = r;
    r->tick.all_tags = config->tags;
    r->tick.n_all_tags = config->n_tags;
    r->tick.interval_ns = config->interval_ns;
    r->tick.max_frames = config->max_frames;
    if (!err)
        err = start_thread(&r->keeper_thread, keeper_main, r, &r->keeper_runs);
    if (!err) { /* a keeper whose output failed at once has ended, and has no clock */
        r->has_keeper_clock = pthread_getcpuclockid(r->keeper_thread, &r->keeper_clock) == 0;
        err = start_thread(&r->sampler_thread, sampler_main, r, &r->sampler_runs);
    }
    if (err) {
        lt_recorder_free(r);
        return err;
    }
    *out = r;
    return 0;
}

int lt_recorder_add(struct lt_recorder *r, pid_t pid)
{
    return lt_keeper_add(r->keeper, pid);
}

bool lt_recorder_done(const struct lt_recorder *r)
{
    return atomic_load(&r->done);
}

bool lt_recorder_failing(const struct lt_recorder *r)
{
    return lt_keeper_failing(r->keeper);
}

unsigned lt_recorder_processes(const struct lt_recorder *r)
{
    return atomic_load(&r->n_sampled);
}

int lt_recorder_error(const struct lt_recorder *r, int *error_errno)
{
    *error_errno = atomic_load(&r->error_errno);
    return atomic_load(&r->error);
}

int lt_recorder_fd(const struct lt_recorder *r)
{
    return r->done_fd;
}

static void end_threads(struct lt_recorder *r)
{
    atomic_store(&r->stop, true);
    lt_outbox_wake(&r->to_sampler);
    if (r->sampler_runs) {
        pthread_join(r->sampler_thread, NULL);
        r->sampler_runs = false;
        int err = atomic_load(&r->error) ? 0 : lt_trace_writer_close(r->writer, &r->health);
        if (err)
            fail(r, err);
    }
    announce_done(r);
    atomic_store(&r->keeper_stop, true);
    lt_outbox_wake(&r->to_keeper);
    if (r->keeper_runs) {
        pthread_join(r->keeper_thread, NULL);
        r->keeper_runs = false;
    }
}

void lt_recorder_look(struct lt_recorder *r, struct lt_recorder_summary *summary)
{
    pthread_mutex_lock(&r->turn);
    *summary = (struct lt_recorder_summary){
        .health = r->health,
        .duration_ns = r->end_ns,
        .processes = atomic_load(&r->n_sampled),
        .error = atomic_load(&r->error),
        .error_errno = atomic_load(&r->error_errno),
    };
    lt_health_add(&summary->health, &r->ended);
    pthread_mutex_unlock(&r->turn);
    lt_keeper_look(r->keeper, summary);
}

int lt_recorder_stop(struct lt_recorder *r, struct lt_recorder_summary *summary)
{
    end_threads(r);
    lt_recorder_look(r, summary);
    return summary->error;
}

int lt_recorder_flush(struct lt_recorder *r)
{
    pthread_mutex_lock(&r->turn);
    int err = lt_trace_writer_flush(r->writer, &r->health);
    pthread_mutex_unlock(&r->turn);
    if (!err)
        err = lt_keeper_keep(r->keeper);
    if (err)
        fail(r, err);
    return err;
}

/* ---- around a fork ---- */

bool lt_recorder_hold(struct lt_recorder *r, int64_t patience_ns)
{
    int64_t until_ns = realtime_ns() + patience_ns;
    const struct timespec until = {.tv_sec = until_ns / SECOND, .tv_nsec = until_ns % SECOND};
    if (pthread_mutex_timedlock(&r->turn, &until) != 0)
        return false;
    if (!lt_keeper_hold(r->keeper, &until)) {
        pthread_mutex_unlock(&r->turn);
        return false;
    }
    lt_outbox_hold(&r->to_keeper);
    lt_outbox_hold(&r->to_sampler);
    return true;
}

void lt_recorder_let_go(struct lt_recorder *r)
{
    lt_outbox_let_go(&r->to_sampler);
    lt_outbox_let_go(&r->to_keeper);
    lt_keeper_let_go(r->keeper);
    pthread_mutex_unlock(&r->turn);
}

void lt_recorder_abandon(struct lt_recorder *r)
{
    r->sampler_runs = r->keeper_runs = false;
    if (lt_outbox_reborn(&r->to_keeper) || lt_outbox_reborn(&r->to_sampler))
        return; /* cannot be, with glibc */
    lt_keeper_let_go(r->keeper);
    pthread_mutex_unlock(&r->turn);
    lt_recorder_free(r);
}

/* ---- the end ---- */

/* Processes that were found too late to be sampled. */
static void drop_mail(struct lt_recorder *r)
{
    struct lt_message m;
    size_t at = 0;
    lt_outbox_take(&r->to_sampler, &r->inbox);
    while (lt_outbox_next(&r->inbox, &at, &m)) {
        struct lt_py_process *p;
        if (m.kind != LT_MSG_PROCESS)
            continue;
        memcpy(&p, m.data, sizeof(p));
        lt_py_process_free(p);
    }
}

void lt_recorder_free(struct lt_recorder *r)
{
    if (!r)
        return;
    end_threads(r);
    drop_mail(r);
    for (size_t i = 0; i < r->n_processes; i++)
        lt_py_process_free(r->processes[i]);
    free(r->processes);
    free(r->tick.changes);
    lt_trace_writer_free(r->writer);
    lt_keeper_free(r->keeper);
    lt_buf_release(&r->inbox);
    lt_outbox_release(&r->to_keeper);
    lt_outbox_release(&r->to_sampler);
    if (r->done_fd >= 0)
        close(r->done_fd);
    if (r->births_fd >= 0)
        close(r->births_fd);
    pthread_mutex_destroy(&r->turn);
    free(r);
}
