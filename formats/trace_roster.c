/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes and threads of a recording, by id. */
#include "config.h"

#include "formats/trace_roster.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "formats/trace_dictionary.h"

/* So many threads still fit into one TICKS block if all of them change at once. */
enum { MAX_PROCESSES = 1 << 15, MAX_THREADS = 1 << 15 };

void lt_roster_release(struct lt_roster *r)
{
    for (size_t i = 0; i < r->n_processes; i++)
        free(r->processes[i].strings);
    for (size_t i = 0; i < r->n_threads; i++)
        free(r->threads[i].name);
    free(r->processes);
    free(r->threads);
    memset(r, 0, sizeof(*r));
}

/* The given strings in a row, or NULL. Never a NULL for an empty row. */
static char *joined(const struct lt_str *strings, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += strings[i].len;
    char *copy = malloc(len + 1);
    if (!copy)
        return NULL;
    char *at = copy;
    for (size_t i = 0; i < n; i++) {
        if (strings[i].len)
            memcpy(at, strings[i].data, strings[i].len);
        at += strings[i].len;
    }
    return copy;
}

static int free_process_id(struct lt_roster *r, uint32_t *id)
{
    uint32_t i = r->first_free_process;
    while (i < r->n_processes && r->processes[i].use != LT_ROSTER_FREE)
        i++;
    if (i >= MAX_PROCESSES)
        return LT_ERR_LIMIT;
    int err = lt_array_grow(&r->processes, &r->processes_alloc, (size_t)i + 1,
                            sizeof(r->processes[0]), MAX_PROCESSES);
    if (err)
        return err;
    if (i == r->n_processes)
        r->n_processes++;
    r->first_free_process = i + 1;
    *id = i;
    return 0;
}

static int free_thread_id(struct lt_roster *r, uint32_t *id)
{
    uint32_t i = r->first_free_thread;
    while (i < r->n_threads && r->threads[i].use != LT_ROSTER_FREE)
        i++;
    if (i >= MAX_THREADS)
        return LT_ERR_LIMIT;
    int err = lt_array_grow(&r->threads, &r->threads_alloc, (size_t)i + 1, sizeof(r->threads[0]),
                            MAX_THREADS);
    if (err)
        return err;
    if (i == r->n_threads)
        r->n_threads++;
    r->first_free_thread = i + 1;
    *id = i;
    return 0;
}

int lt_roster_add_process(struct lt_roster *r, const struct lt_process_info *info, uint32_t *id)
{
    const struct lt_str strings[] = {info->command, info->python, info->cwd, info->host};
    char *copy = joined(strings, 4);
    int err = copy ? free_process_id(r, id) : LT_ERR_NOMEM;
    if (err) {
        free(copy);
        return err;
    }
    r->processes[*id] = (struct lt_roster_process){
        .use = LT_ROSTER_IN_USE,
        .pid = info->pid,
        .ppid = info->ppid,
        .strings = copy,
        .command_len = info->command.len,
        .python_len = info->python.len,
        .cwd_len = info->cwd.len,
        .host_len = info->host.len,
    };
    return 0;
}

int lt_roster_add_thread(struct lt_roster *r, const struct lt_thread_info *info, uint32_t *id)
{
    if (!lt_roster_process(r, info->process))
        return LT_ERR_USAGE;
    char *name = joined(&info->name, 1);
    int err = name ? free_thread_id(r, id) : LT_ERR_NOMEM;
    if (err) {
        free(name);
        return err;
    }
    r->threads[*id] = (struct lt_roster_thread){
        .use = LT_ROSTER_IN_USE,
        .process = info->process,
        .tid = info->tid,
        .ident = info->ident,
        .name = name,
        .name_len = info->name.len,
        .slot = LT_NO_SLOT,
    };
    return 0;
}

int lt_roster_name_thread(struct lt_roster *r, uint32_t id, struct lt_str name)
{
    struct lt_roster_thread *thread = lt_roster_thread(r, id);
    if (!thread)
        return LT_ERR_USAGE;
    char *copy = joined(&name, 1);
    if (!copy)
        return LT_ERR_NOMEM;
    free(thread->name);
    thread->name = copy;
    thread->name_len = name.len;
    return 0;
}

void lt_roster_end_process(struct lt_roster *r, uint32_t id)
{
    free(r->processes[id].strings);
    r->processes[id] = (struct lt_roster_process){.use = LT_ROSTER_ENDED};
}

void lt_roster_end_thread(struct lt_roster *r, uint32_t id)
{
    free(r->threads[id].name);
    r->threads[id] = (struct lt_roster_thread){.use = LT_ROSTER_ENDED, .slot = LT_NO_SLOT};
}

struct lt_roster_process *lt_roster_process(const struct lt_roster *r, uint32_t id)
{
    bool used = id < r->n_processes && r->processes[id].use == LT_ROSTER_IN_USE;
    return used ? &r->processes[id] : NULL;
}

struct lt_roster_thread *lt_roster_thread(const struct lt_roster *r, uint32_t id)
{
    bool used = id < r->n_threads && r->threads[id].use == LT_ROSTER_IN_USE;
    return used ? &r->threads[id] : NULL;
}

int lt_roster_renew_processes(struct lt_roster *r, struct lt_dictionary *d)
{
    for (uint32_t i = 0; i < r->n_processes; i++) {
        struct lt_roster_process *p = &r->processes[i];
        if (p->use == LT_ROSTER_ENDED)
            p->use = LT_ROSTER_FREE;
        if (p->use == LT_ROSTER_FREE)
            continue;
        const struct lt_process_info info = lt_roster_process_info(p);
        int err = lt_dictionary_process(d, i, &info);
        if (err)
            return err;
    }
    r->first_free_process = 0;
    return 0;
}

int lt_roster_renew_threads(struct lt_roster *r, struct lt_dictionary *d)
{
    int err = 0;
    for (uint32_t i = 0; !err && i < r->n_threads; i++) {
        struct lt_roster_thread *t = &r->threads[i];
        if (t->use == LT_ROSTER_ENDED)
            t->use = LT_ROSTER_FREE;
        if (t->use == LT_ROSTER_FREE)
            continue;
        t->live = false;
        t->slot = LT_NO_SLOT;
        const struct lt_thread_info info = lt_roster_thread_info(t);
        err = lt_dictionary_thread(d, i, &info);
    }
    r->first_free_thread = 0;
    return err;
}

struct lt_process_info lt_roster_process_info(const struct lt_roster_process *process)
{
    const char *python = process->strings + process->command_len;
    const char *cwd = python + process->python_len;
    return (struct lt_process_info){
        .pid = process->pid,
        .ppid = process->ppid,
        .command = {process->strings, process->command_len},
        .python = {python, process->python_len},
        .cwd = {cwd, process->cwd_len},
        .host = {cwd + process->cwd_len, process->host_len},
    };
}

struct lt_thread_info lt_roster_thread_info(const struct lt_roster_thread *thread)
{
    return (struct lt_thread_info){
        .process = thread->process,
        .tid = thread->tid,
        .ident = thread->ident,
        .name = {thread->name, thread->name_len},
    };
}
