/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages in, blocks out. */
#include "config.h"

#include "collector/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/platform/tick_timer.h"
#include "collector/recorder_messages.h"
#include "collector/source_lines.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/trace_format.h"
#include "formats/trace_writer.h"

static const int64_t AGAIN_NS = INT64_C(10000000000); /* after a failure */

enum { COMPRESSION = 6, MAX_SEEN = 1 << 18, MAX_SEEN_BYTES = 8 << 20, MAX_BATCH = 1 << 16 };
enum { ROOM_BITS = 16 };

struct lt_keeper {
    struct lt_keeper_config config;
    pthread_mutex_t lock; /* of all of it */
    struct lt_process_watch *watch;
    bool watched; /* something was added, ever */
    struct lt_block_writer *blocks;
    struct lt_buf taken, key;
    int64_t sync_ns; /* when it is due */

    /* The next file: asked for, then the recording in this one ends, then another begins. */
    bool asked, ended;
    uint64_t earlier_bytes; /* of the files before this one */

    /* Why nothing is written until the next file, or 0; that is asked for again then. */
    atomic_int failure;
    int failure_errno;
    int64_t again_ns;

    /* Source lines that wait for the samples of their second: one block, as many short ones would be
     * four times as long. Names and texts lie in `texts`, in turn, at growing offsets. */
    struct lt_source_lines *sources;
    struct lt_intern *seen; /* (line, file) of this segment */
    struct lt_source_line *batch;
    size_t n_batch, batch_alloc;
    struct lt_buf texts;
    bool sources_due;

    uint64_t n_blocks;         /* that were asked for */
    atomic_uint_fast64_t room; /* lt_block_writer_room() after n_blocks of them, both in one */
};

static int post(struct lt_keeper *k, uint32_t kind, const struct lt_str *parts, size_t n)
{
    int err = lt_outbox_post(k->config.out, kind, parts, n);
    atomic_fetch_add(k->config.mail, 1);
    return err;
}

static int post_process(void *ctx, struct lt_py_process *process)
{
    const struct lt_str part = {(const char *)&process, sizeof(process)};
    return post(ctx, LT_MSG_PROCESS, &part, 1);
}

static int post_name(void *ctx, pid_t pid, const struct lt_py_named *thread, struct lt_str name)
{
    struct lt_name_header header = {*thread, pid};
    const struct lt_str parts[] = {{(const char *)&header, sizeof(header)}, name};
    return post(ctx, LT_MSG_NAME, parts, 2);
}

static int post_asyncio(void *ctx, pid_t pid, const struct lt_py_asyncio *asyncio)
{
    const struct lt_str parts[] = {{(const char *)&pid, sizeof(pid)},
                                   {(const char *)asyncio, sizeof(*asyncio)}};
    return post(ctx, LT_MSG_ASYNCIO, parts, 2);
}

static int post_tags(void *ctx, pid_t pid, const struct lt_py_tag_var *var)
{
    const struct lt_str parts[] = {{(const char *)&pid, sizeof(pid)},
                                   {(const char *)var, sizeof(*var)}};
    return post(ctx, LT_MSG_TAGS, parts, 2);
}

/* Of the present file. */
static uint64_t file_bytes(const struct lt_keeper *k)
{
    return lt_block_writer_bytes(k->blocks) - k->earlier_bytes;
}

static void make_room(void *ctx, size_t coming)
{
    struct lt_keeper *k = ctx;
    lt_trace_files_make_room(k->config.files, file_bytes(k), coming);
}

int lt_keeper_new(struct lt_keeper **out, const struct lt_keeper_config *config)
{
    struct lt_keeper *k = calloc(1, sizeof(*k));
    if (!k)
        return LT_ERR_NOMEM;
    const struct lt_process_watch_events events = {k, post_process, post_name, post_asyncio,
                                                   post_tags};
    k->config = *config;
    pthread_mutex_init(&k->lock, NULL);
    int err = lt_block_writer_new(&k->blocks, config->output, COMPRESSION);
    if (!err && config->files)
        lt_block_writer_before(k->blocks, make_room, k);
    if (!err)
        err = lt_source_lines_new(&k->sources);
    if (!err)
        err = lt_intern_new(&k->seen, MAX_SEEN, MAX_SEEN_BYTES);
    if (!err)
        err = lt_process_watch_new(&k->watch, &events, &config->watch);
    if (err) {
        lt_keeper_free(k);
        return err;
    }
    *out = k;
    return 0;
}

void lt_keeper_free(struct lt_keeper *k)
{
    if (!k)
        return;
    lt_process_watch_free(k->watch);
    lt_intern_free(k->seen);
    lt_source_lines_free(k->sources);
    lt_block_writer_free(k->blocks);
    lt_buf_release(&k->taken);
    lt_buf_release(&k->key);
    lt_buf_release(&k->texts);
    free(k->batch);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

int lt_keeper_add(struct lt_keeper *k, pid_t pid)
{
    pthread_mutex_lock(&k->lock);
    int err = lt_process_watch_add(k->watch, pid);
    k->watched = true;
    pthread_mutex_unlock(&k->lock);
    lt_outbox_wake(k->config.in);
    return err;
}

/* Has this line been asked for in this segment? Full tables cost the texts of later lines, nothing
 * else. */
static int first_time(struct lt_keeper *k, const struct lt_source_line *line, bool *is_new)
{
    uint32_t id;
    lt_buf_clear(&k->key);
    *is_new = false;
    int err = lt_buf_put_u32(&k->key, line->line);
    if (!err)
        err = lt_buf_put(&k->key, line->file.data, line->file.len);
    if (!err)
        err = lt_intern_id(k->seen, k->key.data, k->key.len, &id, is_new);
    return err == LT_ERR_LIMIT ? 0 : err;
}

static int keep_source(struct lt_keeper *k, const struct lt_message *m)
{
    struct lt_source_wish wish;
    bool is_new;
    memcpy(&wish, m->data, sizeof(wish));
    const char *at = (const char *)m->data + sizeof(wish);
    struct lt_str cwd = {at, wish.cwd_len};
    struct lt_source_line line = {
        .file = {at + wish.cwd_len, m->len - sizeof(wish) - wish.cwd_len},
        .line = wish.line,
    };
    int err = first_time(k, &line, &is_new);
    if (err || !is_new)
        return err;
    if (lt_source_lines_get(k->sources, wish.pid, wish.own_root, cwd, line.file, line.line,
                            &line.text) != 0)
        return 0; /* made by exec, or gone: a line without a text */
    err = lt_array_grow(&k->batch, &k->batch_alloc, k->n_batch + 1, sizeof(k->batch[0]), MAX_BATCH);
    if (!err)
        err = lt_buf_put(&k->texts, line.file.data, line.file.len);
    if (!err)
        err = lt_buf_put(&k->texts, line.text.data, line.text.len);
    if (!err)
        k->batch[k->n_batch++] = line;
    return err;
}

static const char *take(const struct lt_buf *texts, size_t *at, size_t len)
{
    const char *text = (const char *)texts->data + *at;
    *at += len;
    return text;
}

/* Lines of a file beside each other: its name is written once. */
static int by_place(const void *a, const void *b)
{
    const struct lt_source_line *one = a, *other = b;
    size_t len = one->file.len < other->file.len ? one->file.len : other->file.len;
    int order = len ? memcmp(one->file.data, other->file.data, len) : 0;
    if (order == 0)
        order = (one->file.len > other->file.len) - (one->file.len < other->file.len);
    return order ? order : (one->line > other->line) - (one->line < other->line);
}

static int write_sources(struct lt_keeper *k)
{
    const struct lt_block_sink sink = {.ctx = k->blocks, .block = lt_block_writer_block};
    size_t at = 0;
    k->sources_due = false;
    if (k->n_batch == 0)
        return 0;
    for (size_t i = 0; i < k->n_batch; i++) {
        k->batch[i].file.data = take(&k->texts, &at, k->batch[i].file.len);
        k->batch[i].text.data = take(&k->texts, &at, k->batch[i].text.len);
    }
    qsort(k->batch, k->n_batch, sizeof(k->batch[0]), by_place);
    int err = atomic_load(&k->failure) ? 0 : lt_trace_write_sources(&sink, k->batch, k->n_batch);
    k->n_batch = 0;
    lt_buf_clear(&k->texts);
    return err;
}

static int flush(struct lt_keeper *k)
{
    struct lt_output *out = k->config.output;
    return out->flush ? out->flush(out->ctx) : 0;
}

/* Where there is no next one, the recording goes on in this one, which may hold several; but not where
 * the last block in it may be half of one. */
static int begin_next_file(struct lt_keeper *k)
{
    bool replaced;
    int err = lt_trace_files_next(k->config.files, k->config.output, &replaced);
    k->asked = false;
    k->earlier_bytes = lt_block_writer_bytes(k->blocks);
    lt_block_writer_begin(k->blocks);
    if (replaced)
        atomic_store(&k->failure, 0);
    else
        k->again_ns = lt_monotonic_ns() + AGAIN_NS;
    return err && !replaced ? flush(k) : err;
}

/* Lines that were asked for belong to the recording that asked. */
static int keep_block(struct lt_keeper *k, const struct lt_message *m)
{
    uint32_t type;
    memcpy(&type, m->data, sizeof(type));
    int err = k->ended ? begin_next_file(k) : 0;
    k->sources_due = true;
    k->ended = type == LT_BLOCK_END;
    if (!err && k->ended)
        err = write_sources(k);
    if (err || atomic_load(&k->failure))
        return err;
    return lt_block_writer_block(k->blocks, (enum lt_block_type)type, m->data + sizeof(type),
                                 m->len - sizeof(type));
}

static int keep_longer(struct lt_keeper *k, const struct lt_message *m)
{
    k->sources_due = true;
    return atomic_load(&k->failure) ? 0 : lt_block_writer_replace(k->blocks, m->data, m->len);
}

static int keep(struct lt_keeper *k, const struct lt_message *m)
{
    pid_t pid;
    switch (m->kind) {
    case LT_MSG_BLOCK:
        k->n_blocks++;
        return keep_block(k, m);
    case LT_MSG_LONGER:
        k->n_blocks++;
        return keep_longer(k, m);
    case LT_MSG_SOURCE:
        return keep_source(k, m);
    case LT_MSG_SEGMENT:
        lt_intern_clear(k->seen);
        return 0;
    case LT_MSG_LOST:
        memcpy(&pid, m->data, sizeof(pid));
        lt_process_watch_lost(k->watch, pid);
        return 0;
    case LT_MSG_NAMES:
        memcpy(&pid, m->data, sizeof(pid));
        lt_process_watch_want_names(k->watch, pid);
        return 0;
    case LT_MSG_BIRTHS:
        lt_process_watch_births(k->watch);
        return 0;
    default:
        return LT_ERR_USAGE;
    }
}

/* A write that waits in the system is lost when the power goes. */
static int sync_if_due(struct lt_keeper *k)
{
    struct lt_output *out = k->config.output;
    int64_t now_ns = lt_monotonic_ns();
    if (!k->config.sync_every_ns || !out->sync || now_ns < k->sync_ns)
        return 0;
    k->sync_ns = now_ns + k->config.sync_every_ns;
    return out->sync(out->ctx);
}

static int ask_for_next_file(struct lt_keeper *k)
{
    if (k->asked)
        return 0;
    k->asked = true;
    return post(k, LT_MSG_NEXT_FILE, NULL, 0);
}

/* A file that was removed is another reason for the next one: what is written meanwhile is lost. */
static int look_after_files(struct lt_keeper *k)
{
    if (atomic_load(&k->failure))
        return lt_monotonic_ns() < k->again_ns ? 0 : ask_for_next_file(k);
    int err = flush(k);
    bool removed = err == LT_ERR_IO && errno == ENOENT;
    if (!k->config.files || (err && !removed))
        return err;
    if (removed || lt_trace_files_due(k->config.files, file_bytes(k)))
        return ask_for_next_file(k);
    lt_trace_files_make_room(k->config.files, file_bytes(k), 0);
    return 0;
}

/* Where there may be a next file, a full disk is no end: what is sampled until there is room is lost. */
static int bear(struct lt_keeper *k, int err)
{
    if (err != LT_ERR_IO || !k->config.files || !lt_trace_files_rotate(k->config.files))
        return err;
    k->failure_errno = errno;
    atomic_store(&k->failure, err);
    k->again_ns = lt_monotonic_ns() + AGAIN_NS;
    if (file_bytes(k) == 0)
        lt_trace_files_discard(k->config.files);
    return 0;
}

/* Until the next block, as only those have others written as well. What is on the disk stays as it is. */
static void promise_room(struct lt_keeper *k)
{
    size_t room = k->config.sync_every_ns ? 0 : lt_block_writer_room(k->blocks);
    atomic_store(&k->room, k->n_blocks << ROOM_BITS | room);
}

size_t lt_keeper_room(const struct lt_keeper *k, uint64_t n_blocks)
{
    uint64_t room = atomic_load(&k->room);
    return room >> ROOM_BITS == n_blocks ? (size_t)(room & ((1 << ROOM_BITS) - 1)) : 0;
}

static int keep_all(struct lt_keeper *k)
{
    struct lt_message m;
    size_t at = 0;
    int err = 0;
    while (!err && lt_outbox_next(&k->taken, &at, &m)) {
        err = keep(k, &m);
        if (err)
            err = bear(k, err);
    }
    if (!err && k->sources_due)
        err = write_sources(k);
    if (!err && at)
        err = look_after_files(k);
    if (!err && at)
        err = sync_if_due(k);
    promise_room(k);
    return err ? bear(k, err) : 0;
}

int lt_keeper_keep(struct lt_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    lt_outbox_take(k->config.in, &k->taken);
    int err = keep_all(k);
    pthread_mutex_unlock(&k->lock);
    return err;
}

int lt_keeper_round(struct lt_keeper *k, int64_t *next_ns)
{
    int err = lt_keeper_keep(k);
    if (err)
        return err;
    pthread_mutex_lock(&k->lock);
    err = lt_process_watch_round(k->watch, lt_monotonic_ns(), next_ns);
    pthread_mutex_unlock(&k->lock);
    return err;
}

bool lt_keeper_hold(struct lt_keeper *k, const struct timespec *until)
{
    return pthread_mutex_timedlock(&k->lock, until) == 0;
}

void lt_keeper_let_go(struct lt_keeper *k)
{
    pthread_mutex_unlock(&k->lock);
}

bool lt_keeper_failing(const struct lt_keeper *k)
{
    return atomic_load(&k->failure) != 0;
}

bool lt_keeper_alone(struct lt_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool alone = k->watched && lt_process_watch_alive(k->watch) == 0;
    pthread_mutex_unlock(&k->lock);
    return alone;
}

void lt_keeper_look(struct lt_keeper *k, struct lt_recorder_summary *s)
{
    pthread_mutex_lock(&k->lock);
    s->bytes = lt_block_writer_bytes(k->blocks);
    s->file[0] = '\0';
    if (!s->error) {
        s->error = atomic_load(&k->failure);
        s->error_errno = k->failure_errno;
    }
    if (k->config.files)
        snprintf(s->file, sizeof(s->file), "%s", lt_trace_files_path(k->config.files));
    s->python_error = lt_process_watch_reason(k->watch, s->python_detail, sizeof(s->python_detail));
    pthread_mutex_unlock(&k->lock);
}
