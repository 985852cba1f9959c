/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense ids, lasting structs, and what an exporter may call back. */
#include "config.h"

#include "exporters/delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/text_pool.h"
#include "exporters/export_options.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_ITEMS ((size_t)1 << 28)

/* One call of the exporter gets at most these; more tags than that are no tags. */
#define MAX_TAGS 256

/* A view's frames and threads by the view's id; NULL until they are first delivered. */
struct lasting {
    void **at;
    size_t n, alloc;
    uint32_t delivered;
};

struct lt_delivery {
    const struct lt_export_request *request;
    struct lt_view *view;
    struct lt_message *message;
    struct live_trace_host host;
    void *state;
    bool is_open, roots, process_roots;
    int write_errno;

    struct lasting frames, threads;
    struct lt_intern *stacks; /* (roots of this thread + 1 or 0, node) -> id */

    const struct live_trace_frame **path; /* of the stack that was delivered last */
    size_t path_alloc;
    uint32_t path_depth;
    uint32_t path_key[2];
    struct live_trace_tag tags[MAX_TAGS];
};

/* What the exporter calls. */

static int host_write(void *ctx, const void *data, size_t len)
{
    struct lt_delivery *d = ctx;
    int error = d->request->output->write(d->request->output->ctx, data, len);

    if (error < 0 && d->write_errno == 0) {
        d->write_errno = errno;
    }
    return error;
}

static void host_fail(void *ctx, const char *message)
{
    struct lt_delivery *d = ctx;

    if (d->message->text[0] == '\0') {
        snprintf(d->message->text, sizeof d->message->text, "%s", message);
    }
}

static void host_note(void *ctx, const char *message)
{
    const struct lt_export_request *request = ((struct lt_delivery *)ctx)->request;

    if (request->note != NULL) {
        request->note(request->ctx, message);
    }
}

/* What a call of the exporter returned, as an error of ours with a message. */
static int answer(struct lt_delivery *d, int returned)
{
    const char *name = d->request->exporter->name;

    if (returned >= 0) {
        return 0;
    }
    if (d->write_errno != 0) {
        errno = d->write_errno;
        snprintf(d->message->text, sizeof d->message->text,
                 "the output cannot be written (%s): make room or choose another place",
                 strerror(errno));
        return LT_ERR_IO;
    }
    if (d->message->text[0] == '\0') {
        snprintf(d->message->text, sizeof d->message->text,
                 "the %s exporter failed (%s): try another format or select less", name,
                 lt_error_text(returned));
    }
    /* A plug-in returns any negative number. */
    return returned >= LT_ERR_LIMIT ? returned : LT_ERR_UNSUPPORTED;
}

int lt_delivery_new(struct lt_delivery **out, const struct lt_export_request *request,
                    struct lt_view *view, struct lt_message *message)
{
    struct lt_delivery *d = calloc(1, sizeof *d);
    int error;

    if (d == NULL) {
        return LT_ERR_NOMEM;
    }
    d->request = request;
    d->view = view;
    d->message = message;
    d->host = (struct live_trace_host){
        .abi_version = LIVE_TRACE_EXPORTER_ABI,
        .abi_minor = LIVE_TRACE_EXPORTER_MINOR,
        .struct_size = sizeof d->host,
        .ctx = d,
        .write = host_write,
        .fail = host_fail,
        .note = host_note,
        .n_options = (uint32_t)request->n_options,
        .options = request->options,
        .color = request->color,
        .version = PACKAGE_VERSION,
        .file = request->output_file,
    };
    error = lt_intern_new_sized(&d->stacks, sizeof d->path_key, (uint32_t)MAX_ITEMS);
    if (error == 0) {
        error = lt_options_check(request->exporter, &d->host);
    }
    if (error == 0) {
        d->state = request->exporter_state;
        error = answer(d, request->exporter->open(&d->host, &d->state));
        d->is_open = error == 0;
    }
    if (error < 0) {
        lt_delivery_free(d);
        return error;
    }
    *out = d;
    return 0;
}

static void lasting_release(struct lasting *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->at[i]);
    }
    free(l->at);
}

void lt_delivery_free(struct lt_delivery *d)
{
    if (d == NULL) {
        return;
    }
    lt_delivery_close(d, true);
    lasting_release(&d->frames);
    lasting_release(&d->threads);
    lt_intern_free(d->stacks);
    free(d->path);
    free(d);
}

int lt_delivery_close(struct lt_delivery *d, bool failed)
{
    if (!d->is_open) {
        return 0;
    }
    d->is_open = false;
    return answer(d, d->request->exporter->close(d->state, failed));
}

void lt_delivery_add_roots(struct lt_delivery *d, bool processes)
{
    d->roots = true;
    d->process_roots = processes;
}

/* The struct for a view's id, made zero at first use (then *is_new). */
static int lasting_get(struct lasting *l, uint32_t id, size_t size, void **item, bool *is_new)
{
    int error = lt_array_reach(&l->at, &l->n, &l->alloc, id, sizeof *l->at, MAX_ITEMS);

    if (error < 0) {
        return error;
    }
    *is_new = l->at[id] == NULL;
    if (*is_new) {
        l->at[id] = calloc(1, size);
        if (l->at[id] == NULL) {
            return LT_ERR_NOMEM;
        }
    }
    *item = l->at[id];
    return 0;
}

/* The flags of the view are those of the interface. */
_Static_assert((int)LT_FRAME_MINE == (int)LIVE_TRACE_FRAME_MINE &&
                   (int)LT_FRAME_LIBRARY == (int)LIVE_TRACE_FRAME_LIBRARY &&
                   (int)LT_FRAME_STDLIB == (int)LIVE_TRACE_FRAME_STDLIB &&
                   (int)LT_FRAME_THREAD == (int)LIVE_TRACE_FRAME_THREAD &&
                   (int)LT_FRAME_PROCESS == (int)LIVE_TRACE_FRAME_PROCESS &&
                   (int)LT_FRAME_UNKNOWN == (int)LIVE_TRACE_FRAME_UNKNOWN,
               "frame flags differ");
_Static_assert((int)LT_STATE_CPU == (int)LIVE_TRACE_STATE_CPU &&
                   (int)LT_STATE_GIL == (int)LIVE_TRACE_STATE_GIL &&
                   (int)LT_STATE_GC == (int)LIVE_TRACE_STATE_GC &&
                   (int)LT_STATE_GIL_WAIT == (int)LIVE_TRACE_STATE_GIL_WAIT &&
                   (int)LT_STATE_UNKNOWN == (int)LIVE_TRACE_STATE_UNKNOWN,
               "state flags differ");

static int frame_for(struct lt_delivery *d, uint32_t id, const struct live_trace_frame **out)
{
    struct live_trace_frame *frame;
    void *item;
    bool is_new;
    int error = lasting_get(&d->frames, id, sizeof *frame, &item, &is_new);

    if (error < 0) {
        return error;
    }
    frame = item;
    if (is_new) {
        struct lt_view_frame f = lt_frame_table_get(lt_view_frames(d->view), id);
        *frame = (struct live_trace_frame){
            .id = d->frames.delivered++,
            .flags = f.flags,
            .name = f.name,
            .file = f.file,
            .line = f.line,
            .first_line = f.first_line,
        };
        frame->source = lt_frame_table_source(lt_view_frames(d->view), id, &frame->indent);
    }
    *out = frame;
    return 0;
}

static int thread_for(struct lt_delivery *d, uint32_t id, const struct live_trace_thread **out)
{
    struct lt_view_thread t = lt_thread_table_get(lt_view_threads(d->view), id);
    struct live_trace_thread *thread;
    void *item;
    bool is_new;
    int error = lasting_get(&d->threads, id, sizeof *thread, &item, &is_new);

    if (error < 0) {
        return error;
    }
    thread = item;
    if (is_new) {
        thread->id = d->threads.delivered++;
        thread->pid = t.pid;
        thread->tid = t.tid;
        thread->process = t.process;
    }
    thread->name = t.name;
    thread->process_name = t.process_name;
    *out = thread;
    return 0;
}

/* "thread NAME (TID)", or without what is not known. */
static int root_frame(struct lt_delivery *d, const char *what, const char *name, uint64_t number,
                      uint32_t flags, const struct live_trace_frame **out)
{
    struct lt_buf text = {0};
    uint32_t id;
    int error = lt_buf_printf(&text, "%s%s%s", what, name[0] != '\0' ? " " : "", name);

    if (error == 0 && number != 0) {
        error = lt_buf_printf(&text, " (%" PRIu64 ")", number);
    }
    if (error == 0) {
        error = lt_frame_table_named(lt_view_frames(d->view),
                                     (struct lt_str){(char *)text.data, text.len}, flags, &id);
    }
    lt_buf_release(&text);
    return error < 0 ? error : frame_for(d, id, out);
}

/* Fills d->path with the frames, root first. */
static int fill_path(struct lt_delivery *d, const struct live_trace_thread *thread, uint32_t node)
{
    const struct lt_stack_tree *tree = lt_view_stacks(d->view);
    uint32_t n_roots = d->roots ? 1 + d->process_roots : 0;
    uint32_t depth = lt_stack_tree_depth(tree, node) + n_roots, at = 0;
    int error =
        lt_array_grow(&d->path, &d->path_alloc, depth, sizeof *d->path, LT_VIEW_MAX_DEPTH + 2);

    if (error == 0 && d->process_roots) {
        error = root_frame(d, "process", thread->process_name, thread->pid, LT_FRAME_PROCESS,
                           &d->path[at++]);
    }
    if (error == 0 && d->roots) {
        error = root_frame(d, "thread", thread->name, thread->tid, LT_FRAME_THREAD, &d->path[at++]);
    }
    for (at = depth; error == 0 && node != 0; node = lt_stack_tree_parent(tree, node)) {
        error = frame_for(d, lt_stack_tree_frame(tree, node), &d->path[--at]);
    }
    d->path_depth = depth;
    return error;
}

/* Fills what a stack has in totals and samples alike. */
static int fill_stack(struct lt_delivery *d, uint32_t thread, uint32_t node,
                      struct live_trace_stack *stack)
{
    const uint32_t key[2] = {d->roots ? thread + 1 : 0, node};
    int error = thread_for(d, thread, &stack->thread);

    if (error == 0) {
        error = lt_intern_id(d->stacks, key, sizeof key, &stack->id, NULL);
    }
    /* A thread mostly has the stack that it had: node 0 is never delivered. */
    if (error == 0 && (d->path_key[0] != key[0] || d->path_key[1] != node)) {
        d->path_key[1] = 0;
        error = fill_path(d, stack->thread, node);
        if (error == 0) {
            memcpy(d->path_key, key, sizeof key);
        }
    }
    stack->depth = d->path_depth;
    stack->frames = d->path;
    return error;
}

int lt_delivery_meta(struct lt_delivery *d, const struct live_trace_meta *meta)
{
    const struct live_trace_exporter *e = d->request->exporter;
    return e->meta != NULL ? answer(d, e->meta(d->state, meta)) : 0;
}

int lt_delivery_sample(struct lt_delivery *d, const struct lt_view_sample *sample)
{
    struct live_trace_stack stack = {
        .time_ns = sample->time_ns,
        .count = sample->count,
        .weight_ns = sample->weight_ns,
        .state = sample->state,
        .n_tags = sample->n_tags <= MAX_TAGS ? sample->n_tags : 0,
        .tags = d->tags,
    };
    int error = fill_stack(d, sample->thread, sample->node, &stack);

    if (error < 0) {
        return error;
    }
    for (uint32_t i = 0; i < stack.n_tags; i++) {
        d->tags[i] = (struct live_trace_tag){sample->tags[i].key, sample->tags[i].value};
    }
    return answer(d, d->request->exporter->sample(d->state, &stack));
}

int lt_delivery_total(struct lt_delivery *d, const struct lt_total *total)
{
    struct live_trace_stack stack = {
        .time_ns = -1,
        .count = total->count,
        .weight_ns = total->weight_ns,
    };
    int error = fill_stack(d, total->thread, total->node, &stack);

    return error < 0 ? error : answer(d, d->request->exporter->stack(d->state, &stack));
}

int lt_delivery_health(struct lt_delivery *d, const struct live_trace_health *health)
{
    const struct live_trace_exporter *e = d->request->exporter;
    return e->health != NULL ? answer(d, e->health(d->state, health)) : 0;
}
