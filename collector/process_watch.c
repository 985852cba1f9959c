/* SPDX-License-Identifier: Apache-2.0
 *
 * Candidates and their fates. */
#include "config.h"

#include "collector/process_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/platform/process_mem.h"
#include "collector/platform/process_tree.h"
#include "collector/platform/tick_timer.h"
#include "collector/py_tags.h"
#include "collector/py_thread_names.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

#define MS INT64_C(1000000)

enum {
    MAX_PROCESSES = 1 << 14,
    MAX_COMMAND = 1024,
    MAX_NEWBORN = 32 /* that are looked at one by one; of more, the children of all are */
};

/* An interpreter takes some 10 ms to start: look often at first. What is no Python for long is
 * looked at again when it becomes another program, and now and then (a library can be loaded
 * late). */
static const int64_t FIRST_TRY_NS = 1 * MS;
static const int64_t SLOWEST_TRY_NS = 1000 * MS;
static const int64_t BIRTHS_SOON_NS = 5 * MS;   /* one that has children will have more */
static const int64_t TREE_EVERY_NS = 3000 * MS; /* whether newborns were seen or not */
static const int64_t NAMES_EVERY_NS = 1000 * MS;
static const int64_t FIRST_NAMES_NS = 10 * MS; /* a new thread's name may come a little later */
static const int64_t NAMES_SHARE = 50; /* reading names takes that part of the time at the most */
static const int64_t ASYNCIO_EVERY_NS = 10 * MS;
static const int64_t TAGS_AGAIN_NS = 10 * MS; /* its modules changed during the look */
static const int64_t TAGS_FIRST_NS = 250 * MS;
static const int64_t TAGS_SLOWEST_NS = 8000 * MS; /* it takes half a millisecond */
static const int64_t EXEC_EVERY_NS = 20 * MS;
static const int64_t SAMPLED_EXEC_EVERY_NS = 500 * MS;

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct watched {
    pid_t pid;
    bool sampled; /* handed over, and not lost since */
    bool chosen;  /* given, or the one that was found: the only kind without children */
    bool gone;
    struct lt_program program;
    int64_t try_ns, pause_ns; /* when to look for an interpreter again, and the pause after that */
    int64_t exec_ns;          /* when to look whether it became another program */
    int64_t names_ns, names_pause_ns; /* the same for the names of its threads, */
    int64_t names_rest_ns;            /* but not before */
    /* What names need, from when it was found. */
    struct lt_mem mem;
    struct lt_py_offsets offsets;
    lt_addr runtime;
    struct lt_py_names names[LT_MAX_INTERPRETERS];
    int64_t asyncio_ns;             /* when to look whether it has loaded asyncio, */
    uint64_t pages;                 /* and what it had mapped at the last look */
    int64_t tags_ns, tags_pause_ns; /* when to look whether it keeps tags; then never again */
};

struct lt_process_watch {
    struct lt_process_watch_events events;
    bool children, tasks;
    lt_addr tag_var;
    struct lt_py_finder *finder;
    struct watched *list;
    size_t n, alloc;
    int newest_fd;
    uint64_t newest_pid; /* that was looked at */
    uint64_t unseen_pid; /* the next one, when it was not to be seen yet */
    int64_t births_ns, tree_ns;
    unsigned found; /* interpreters, ever */
    int reason;
    char detail[256];
    struct lt_buf text; /* scratch */
    struct lt_copies copies;
};

int lt_process_watch_new(struct lt_process_watch **out,
                         const struct lt_process_watch_events *events,
                         const struct lt_process_watch_config *config)
{
    struct lt_process_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return LT_ERR_NOMEM;
    int err = lt_py_finder_new(&w->finder);
    if (err) {
        free(w);
        return err;
    }
    if (config->force_version)
        lt_py_finder_force(w->finder);
    if (config->tasks)
        lt_py_finder_need_tasks(w->finder);
    w->events = *events;
    w->children = config->children;
    w->tasks = config->tasks;
    w->tag_var = config->tag_var;
    w->newest_fd = config->children ? lt_newest_pid_open() : -1;
    w->reason = LT_ERR_NOT_PYTHON;
    *out = w;
    return 0;
}

static void release_names(struct watched *p)
{
    for (int i = 0; i < LT_MAX_INTERPRETERS; i++)
        lt_py_names_release(&p->names[i]);
}

void lt_process_watch_free(struct lt_process_watch *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        release_names(&w->list[i]);
    lt_copies_release(&w->copies);
    if (w->newest_fd >= 0)
        close(w->newest_fd);
    lt_py_finder_free(w->finder);
    lt_buf_release(&w->text);
    free(w->list);
    free(w);
}

static struct watched *find(struct lt_process_watch *w, pid_t pid)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->list[i].pid == pid && !w->list[i].gone)
            return &w->list[i];
    }
    return NULL;
}

static int add(struct lt_process_watch *w, pid_t pid, bool given)
{
    if (find(w, pid))
        return 0;
    if (lt_array_grow(&w->list, &w->alloc, w->n + 1, sizeof(w->list[0]), MAX_PROCESSES))
        return LT_ERR_LIMIT;
    w->list[w->n++] = (struct watched){.pid = pid, .chosen = given, .pause_ns = FIRST_TRY_NS};
    return 0;
}

/* It may have children already. */
int lt_process_watch_add(struct lt_process_watch *w, pid_t pid)
{
    w->births_ns = w->tree_ns = 0;
    return add(w, pid, true);
}

void lt_process_watch_lost(struct lt_process_watch *w, pid_t pid)
{
    struct watched *p = find(w, pid);
    if (!p)
        return;
    p->sampled = false;
    p->exec_ns = 0;
    p->try_ns = 0;
    p->pause_ns = FIRST_TRY_NS;
    p->gone = !lt_process_alive(pid);
}

static void want_names(struct watched *p)
{
    p->names_ns = p->names_rest_ns;
    p->names_pause_ns = FIRST_NAMES_NS;
}

void lt_process_watch_want_names(struct lt_process_watch *w, pid_t pid)
{
    struct watched *p = find(w, pid);
    if (p)
        want_names(p);
}

size_t lt_process_watch_alive(const struct lt_process_watch *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += !w->list[i].gone;
    return n;
}

int lt_process_watch_reason(const struct lt_process_watch *w, char *detail, size_t size)
{
    snprintf(detail, size, "%s", w->detail);
    return w->found ? 0 : w->reason;
}

/* Too many to be watched is no reason to end the recording. */
static int add_child(void *ctx, pid_t child)
{
    add(ctx, child, false);
    return 0;
}

/* The list grows behind the loop: grandchildren are found in the same look. */
static int look_at_tree(struct lt_process_watch *w)
{
    int err = lt_adopts_orphans() ? lt_process_children(getpid(), add_child, w) : 0;
    for (size_t i = 0; !err && i < w->n; i++) {
        if (w->list[i].gone)
            continue;
        err = lt_process_children(w->list[i].pid, add_child, w);
        if (err == LT_ERR_NO_PROCESS)
            err = 0;
    }
    return err;
}

/* Without children, the first Python is looked for as well: a shell may start it. */
static bool wants_children(const struct lt_process_watch *w)
{
    return w->children || !w->found;
}

void lt_process_watch_births(struct lt_process_watch *w)
{
    w->births_ns = 0;
}

static bool is_ours(struct lt_process_watch *w, pid_t parent)
{
    return parent && (find(w, parent) || (parent == getpid() && lt_adopts_orphans()));
}

/* Numbers are given in turn. One that is not to be seen is asked for once more, a little later. */
static void look_at_newborn(struct lt_process_watch *w, uint64_t newest)
{
    for (uint64_t pid = w->newest_pid + 1; pid <= newest; pid++) {
        pid_t parent = 0;
        if (lt_newborn_parent((pid_t)pid, &parent) != 0 && w->unseen_pid != pid) {
            w->unseen_pid = pid;
            return;
        }
        if (is_ours(w, parent))
            add(w, (pid_t)pid, false);
        w->newest_pid = pid;
    }
}

/* Nothing is born without a new number having been given; asking for it costs a fraction of a
 * look, but to wake up for it costs more than either. */
static int look_for_births(struct lt_process_watch *w, int64_t now_ns)
{
    if (!wants_children(w) || now_ns < w->births_ns)
        return 0;
    uint64_t newest = lt_newest_pid(w->newest_fd);
    bool told = w->found && newest;
    w->births_ns = now_ns + (told ? TREE_EVERY_NS : LT_BIRTHS_EVERY_NS);
    bool few = newest >= w->newest_pid && newest - w->newest_pid <= MAX_NEWBORN;
    if (newest != w->newest_pid)
        w->births_ns = now_ns + BIRTHS_SOON_NS;
    if (newest && few && now_ns < w->tree_ns) {
        look_at_newborn(w, newest);
        return 0;
    }
    w->newest_pid = newest;
    w->tree_ns = now_ns + TREE_EVERY_NS;
    return look_at_tree(w);
}

static int copy_text(struct lt_buf *text, char **out)
{
    *out = malloc(text->len + 1);
    if (!*out)
        return LT_ERR_NOMEM;
    if (text->len)
        memcpy(*out, text->data, text->len);
    (*out)[text->len] = '\0';
    return 0;
}

/* What the trace says of a process besides its stacks. */
static int describe(struct lt_process_watch *w, struct lt_py_process *process)
{
    process->parent = lt_process_parent(process->pid);
    process->own_root = lt_shares_root(process->pid);
    lt_buf_clear(&w->text);
    lt_process_command(process->pid, MAX_COMMAND, &w->text);
    int err = copy_text(&w->text, &process->command);
    if (err)
        return err;
    lt_buf_clear(&w->text);
    lt_process_cwd(process->pid, &w->text);
    return copy_text(&w->text, &process->cwd);
}

static int hand_over(struct lt_process_watch *w, struct watched *p,
                     const struct lt_py_runtime *runtime)
{
    struct lt_py_process *process;
    int err = lt_py_process_new(&process, p->pid, &p->mem, runtime);
    if (err)
        return err;
    err = describe(w, process);
    if (!err && w->tag_var)
        err = lt_py_tag_var_at(&p->mem, w->tag_var, &process->tag_var);
    if (!err)
        err = w->events.python(w->events.ctx, process);
    if (err) {
        lt_py_process_free(process);
        return err;
    }
    p->sampled = p->chosen = true;
    p->tags_ns = w->tag_var ? INT64_MAX : 0;
    p->tags_pause_ns = TAGS_FIRST_NS;
    p->offsets = runtime->offsets;
    p->runtime = runtime->runtime;
    p->asyncio_ns = w->tasks ? 0 : INT64_MAX;
    p->pages = 0;
    release_names(p);
    p->names_ns = INT64_MAX; /* the sampler will ask, once it has met the threads */
    w->found++;
    return 0;
}

/* The most telling reason wins: "permission" says more than "not Python". */
static void note_reason(struct lt_process_watch *w, int err, const struct lt_py_runtime *runtime)
{
    bool version = err == LT_ERR_PY_VERSION || err == LT_ERR_PY_NEWER ||
                   err == LT_ERR_PY_FREE_THREADED || err == LT_ERR_PY_TASKS;
    if (!version && err != LT_ERR_PERMISSION)
        return;
    w->reason = err;
    if (version)
        snprintf(w->detail, sizeof(w->detail), "%s", runtime->version);
}

static int try_to_find(struct lt_process_watch *w, struct watched *p, int64_t now_ns)
{
    struct lt_py_runtime runtime = {0};
    if (p->sampled || now_ns < p->try_ns)
        return 0;
    if (!p->chosen && !wants_children(w)) {
        p->gone = true;
        return 0;
    }
    p->try_ns = now_ns + p->pause_ns;
    p->pause_ns += p->pause_ns / 2;
    if (p->pause_ns > SLOWEST_TRY_NS)
        p->pause_ns = SLOWEST_TRY_NS;
    lt_process_program(p->pid,
                       &p->program); /* as of before the search: what is found is no older */
    lt_process_mem(&p->mem, p->pid);
    int err = lt_borrows_memory(p->pid, lt_process_parent(p->pid))
                  ? LT_ERR_NOT_READY
                  : lt_py_runtime_find(w->finder, p->pid, &p->mem, &runtime);
    if (!err)
        err = hand_over(w, p, &runtime);
    note_reason(w, err, &runtime);
    return err == LT_ERR_NOMEM ? err : 0;
}

/* Has it ended, or become another program, for which the search begins anew? Who samples notices
 * the end by itself, and mostly the other program; not a Python that lies where the last one did. */
static void look_at_program(struct watched *p, int64_t now_ns)
{
    struct lt_program program;
    if (now_ns < p->exec_ns)
        return;
    p->exec_ns = now_ns + (p->sampled ? SAMPLED_EXEC_EVERY_NS : EXEC_EVERY_NS);
    int err = lt_process_program(p->pid, &program);
    if (err == LT_ERR_NO_PROCESS || !lt_process_alive(p->pid)) {
        p->gone = !p->sampled;
        return;
    }
    if (!err && !lt_same_program(&program, &p->program)) {
        p->program = program;
        p->sampled = false;
        p->try_ns = 0;
        p->pause_ns = FIRST_TRY_NS;
    }
}

struct name_context {
    struct lt_process_watch *w;
    pid_t pid;
};

static int give_name(void *ctx, const struct lt_py_named *thread, struct lt_str name)
{
    struct name_context *c = ctx;
    return c->w->events.name(c->w->events.ctx, c->pid, thread, name);
}

/* The package live_trace may be loaded at any time. */
static void look_for_tags(struct lt_process_watch *w, struct watched *p, int64_t now_ns)
{
    struct lt_py_tag_var var = {0};
    lt_addr interp;
    if (!p->sampled || now_ns < p->tags_ns)
        return;
    int err = lt_mem_read_u64(&p->mem, p->runtime + p->offsets.runtime.interpreters_head, &interp);
    for (int i = 0; !err && interp && !var.addr && i < LT_MAX_INTERPRETERS; i++) {
        err = lt_py_tag_var_find(&p->mem, &p->offsets, interp, &var);
        if (!err)
            err = lt_mem_read_u64(&p->mem, interp + p->offsets.interp.next, &interp);
    }
    if (err) {
        p->tags_ns = now_ns + TAGS_AGAIN_NS;
        return;
    }
    if (!var.addr) {
        p->tags_pause_ns = earlier(2 * p->tags_pause_ns, TAGS_SLOWEST_NS);
        p->tags_ns = now_ns + p->tags_pause_ns;
        return;
    }
    p->tags_ns = INT64_MAX;
    w->events.tags(w->events.ctx, p->pid, &var);
}

static void names_of_all(struct lt_process_watch *w, struct watched *p)
{
    struct name_context c = {w, p->pid};
    lt_addr interp;
    int err = lt_mem_read_u64(&p->mem, p->runtime + p->offsets.runtime.interpreters_head, &interp);
    for (int i = 0; !err && interp && i < LT_MAX_INTERPRETERS; i++) {
        lt_py_names_read(&p->names[i], &p->mem, &p->offsets, interp, give_name, &c);
        err = lt_mem_read_u64(&p->mem, interp + p->offsets.interp.next, &interp);
    }
}

static bool any_renamed(struct lt_process_watch *w, const struct watched *p)
{
    for (int i = 0; i < LT_MAX_INTERPRETERS; i++) {
        if (p->names[i].n_slots && lt_py_names_changed(&p->names[i], &p->mem, &w->copies))
            return true;
    }
    return false;
}

/* A few times soon after a thread came, then when a name has changed. A name that cannot be read now
 * is read the next time. */
static void read_names(struct lt_process_watch *w, struct watched *p, int64_t now_ns)
{
    if (!p->sampled || now_ns < p->names_ns)
        return;
    bool settled = p->names_pause_ns >= NAMES_EVERY_NS;
    p->names_ns = now_ns + p->names_pause_ns;
    p->names_pause_ns *= 4;
    if (p->names_pause_ns > NAMES_EVERY_NS)
        p->names_pause_ns = NAMES_EVERY_NS;
    if (settled && !any_renamed(w, p))
        return;
    names_of_all(w, p);
    int64_t end_ns = lt_monotonic_ns();
    p->names_rest_ns = end_ns + (end_ns - now_ns) * NAMES_SHARE;
    if (p->names_ns < p->names_rest_ns)
        p->names_ns = p->names_rest_ns;
}

/* A library has been loaded only if more is mapped than before; to ask for that costs a hundredth of
 * a look. */
static int look_for_asyncio(struct lt_process_watch *w, struct watched *p, int64_t now_ns)
{
    struct lt_py_asyncio asyncio;
    lt_addr section;
    if (!p->sampled || now_ns < p->asyncio_ns)
        return 0;
    p->asyncio_ns = now_ns + ASYNCIO_EVERY_NS;
    uint64_t pages = lt_process_pages(p->pid);
    if (pages == p->pages)
        return 0;
    p->pages = pages;
    if (lt_py_asyncio_find(w->finder, p->pid, &p->mem, &section) != 0 || !section ||
        lt_py_asyncio_read(&p->mem, section, &asyncio) != 0)
        return 0;
    p->asyncio_ns = INT64_MAX;
    return w->events.asyncio(w->events.ctx, p->pid, &asyncio);
}

static void forget_gone(struct lt_process_watch *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (w->list[i].gone)
            release_names(&w->list[i]);
        else if (kept++ < i)
            w->list[kept - 1] = w->list[i];
    }
    w->n = kept;
}

int lt_process_watch_round(struct lt_process_watch *w, int64_t now_ns, int64_t *next_ns)
{
    int err = look_for_births(w, now_ns);
    int64_t next = wants_children(w) ? w->births_ns : now_ns + NAMES_EVERY_NS;
    for (size_t i = 0; !err && i < w->n; i++) {
        struct watched *p = &w->list[i];
        look_at_program(p, now_ns);
        if (p->gone)
            continue;
        err = try_to_find(w, p, now_ns);
        if (!err)
            err = look_for_asyncio(w, p, now_ns);
        read_names(w, p, now_ns);
        look_for_tags(w, p, now_ns);
        int64_t sampled_ns = earlier(earlier(p->names_ns, p->asyncio_ns), p->tags_ns);
        next = earlier(next, earlier(p->sampled ? sampled_ns : p->try_ns, p->exec_ns));
    }
    forget_gone(w);
    *next_ns = next;
    return err;
}
