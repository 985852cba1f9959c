/* SPDX-License-Identifier: Apache-2.0
 *
 * Interned processes and threads, and which of them the selection wants. */
#include "config.h"

#include "analysis/thread_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/process_name.h"
#include "analysis/text_pool.h"
#include "formats/byte_buffer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"

#define MAX_THREADS (UINT32_C(1) << 24)

struct process {
    uint32_t pid, name;
    bool selected;
};

struct thread {
    uint32_t process, name;
    uint64_t tid;
    bool selected;
};

struct lt_thread_table {
    const struct lt_selection *selection;
    struct lt_text_pool *texts;
    struct lt_intern *process_keys, *thread_keys;
    struct process *processes;
    struct thread *threads;
    size_t processes_alloc, threads_alloc;
    uint32_t selected_processes;
    bool keep_names, show_hosts;
};

int lt_thread_table_new(struct lt_thread_table **out, const struct lt_selection *selection)
{
    struct lt_thread_table *t = calloc(1, sizeof *t);
    int error;

    if (t == NULL) {
        return LT_ERR_NOMEM;
    }
    t->selection = selection;
    error = lt_text_pool_new(&t->texts);
    if (error == 0) {
        error = lt_intern_new(&t->process_keys, MAX_THREADS, 0);
    }
    if (error == 0) {
        error = lt_intern_new(&t->thread_keys, MAX_THREADS, 0);
    }
    if (error < 0) {
        lt_thread_table_free(t);
        return error;
    }
    *out = t;
    return 0;
}

void lt_thread_table_free(struct lt_thread_table *t)
{
    if (t == NULL) {
        return;
    }
    lt_intern_free(t->thread_keys);
    lt_intern_free(t->process_keys);
    lt_text_pool_free(t->texts);
    free(t->processes);
    free(t->threads);
    free(t);
}

static bool is_number(const char *word, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    return strcmp(word, text) == 0;
}

static bool process_selected(const struct lt_thread_table *t, uint32_t pid)
{
    const struct lt_words *words = &t->selection->processes;

    for (size_t i = 0; i < words->n; i++) {
        if (pid != 0 && is_number(words->at[i], pid)) {
            return true;
        }
    }
    return words->n == 0;
}

static bool thread_selected(const struct lt_thread_table *t, const struct thread *thread)
{
    const struct lt_words *words = &t->selection->threads;
    const char *name = lt_text_pool_get(t->texts, thread->name);

    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->at[i], name) == 0 || is_number(words->at[i], thread->tid)) {
            return true;
        }
    }
    return words->n == 0;
}

/* The place that ids are unique in: a known host, else the one input. */
static int space_of(struct lt_thread_table *t, const struct lt_thread_origin *origin, bool anywhere,
                    uint32_t key[2])
{
    key[0] = 0;
    key[1] = origin->input;
    if (!anywhere || origin->host.len == 0) {
        return 0;
    }
    key[0] = 1;
    return lt_text_pool_id(t->texts, origin->host, &key[1]);
}

static int process_name(struct lt_thread_table *t, const struct lt_thread_origin *origin,
                        const struct lt_process_info *info, uint32_t *name)
{
    struct lt_str plain = lt_process_name(info->command);
    bool show_host = t->show_hosts || info->host.len > 0;
    struct lt_buf full = {0};
    int error;

    if (!show_host || origin->host.len == 0) {
        return lt_text_pool_id(t->texts, plain, name);
    }
    error = lt_buf_put(&full, plain.data, plain.len);
    if (error == 0) {
        error = lt_buf_put_u8(&full, '@');
    }
    if (error == 0) {
        error = lt_buf_put(&full, origin->host.data, origin->host.len);
    }
    if (error == 0) {
        error = lt_text_pool_id(t->texts, (struct lt_str){(char *)full.data, full.len}, name);
    }
    lt_buf_release(&full);
    return error;
}

int lt_thread_table_process(struct lt_thread_table *t, const struct lt_thread_origin *origin,
                            uint32_t local, const struct lt_process_info *info, uint32_t *id)
{
    uint32_t key[4] = {0, 0, info->pid != 0, info->pid != 0 ? info->pid : local};
    uint32_t name;
    bool is_new;
    int error;

    error = space_of(t, origin, info->pid != 0, key);
    if (error == 0) {
        error = process_name(t, origin, info, &name);
    }
    if (error == 0) {
        error = lt_array_grow(&t->processes, &t->processes_alloc,
                              (size_t)lt_intern_count(t->process_keys) + 1, sizeof *t->processes,
                              MAX_THREADS);
    }
    if (error == 0) {
        error = lt_intern_id(t->process_keys, key, sizeof key, id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    if (is_new) {
        t->processes[*id] =
            (struct process){.pid = info->pid, .selected = process_selected(t, info->pid)};
        t->selected_processes += t->processes[*id].selected;
    }
    if (is_new || (!t->keep_names && name != 0)) {
        t->processes[*id].name = name;
    }
    return 0;
}

int lt_thread_table_thread(struct lt_thread_table *t, const struct lt_thread_origin *origin,
                           uint32_t local, uint32_t process, const struct lt_thread_info *info,
                           uint32_t *id)
{
    struct {
        uint32_t process, kind;
        uint64_t number;
    } key = {process, info->tid != 0, info->tid};
    struct thread *thread;
    uint32_t name;
    bool is_new;
    int error;

    if (info->tid == 0) {
        key.number = (uint64_t)origin->input << 32 | local;
    }
    error = lt_text_pool_id(t->texts, info->name, &name);
    if (error == 0) {
        error = lt_array_grow(&t->threads, &t->threads_alloc,
                              (size_t)lt_intern_count(t->thread_keys) + 1, sizeof *t->threads,
                              MAX_THREADS);
    }
    if (error == 0) {
        error = lt_intern_id(t->thread_keys, &key, sizeof key, id, &is_new);
    }
    if (error < 0) {
        return error;
    }
    thread = &t->threads[*id];
    if (is_new) {
        *thread = (struct thread){.process = process, .tid = info->tid};
    }
    if (is_new || (!t->keep_names && name != 0)) {
        thread->name = name;
        thread->selected = thread_selected(t, thread);
    }
    return 0;
}

void lt_thread_table_show_hosts(struct lt_thread_table *t)
{
    t->show_hosts = true;
}

void lt_thread_table_keep_names(struct lt_thread_table *t)
{
    t->keep_names = true;
}

uint32_t lt_thread_table_count(const struct lt_thread_table *t)
{
    return lt_intern_count(t->thread_keys);
}

uint32_t lt_thread_table_processes(const struct lt_thread_table *t)
{
    return t->selected_processes;
}

struct lt_view_thread lt_thread_table_get(const struct lt_thread_table *t, uint32_t id)
{
    const struct thread *thread = &t->threads[id];
    const struct process *process = &t->processes[thread->process];

    return (struct lt_view_thread){
        .process = thread->process,
        .pid = process->pid,
        .tid = thread->tid,
        .name = lt_text_pool_get(t->texts, thread->name),
        .process_name = lt_text_pool_get(t->texts, process->name),
        .selected = thread->selected && process->selected,
    };
}
