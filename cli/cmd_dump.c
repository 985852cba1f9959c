/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace dump: what all threads of a process are doing right now. */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/target.h"
#include "collector/dump.h"
#include "collector/py_stack.h"
#include "collector/source_lines.h"
#include "formats/escape.h"
#include "formats/lt_error.h"

enum { OPT_JSON = LT_OPTION_HELP + 1, OPT_LOCALS, OPT_MAX_FRAMES, OPT_FORCE };

static const struct lt_option options[] = {
    {"json", 0, false, OPT_JSON},
    {"locals", 0, false, OPT_LOCALS},
    {"max-frames", 0, true, OPT_MAX_FRAMES},
    {"force", 0, false, OPT_FORCE},
    {0},
};

struct show {
    const struct lt_dump *dump;
    struct lt_source_lines *sources;
    struct lt_buf line; /* scratch */
    bool locals;
};

static const char *why_unknown(int error)
{
    switch (error) {
    case LT_ERR_AWAY:
        return "it ran on a processor that is closed to live-trace (cpuset)";
    case LT_ERR_LIMIT:
        return "deeper than what live-trace reads";
    case LT_ERR_CORRUPT:
        return "the chain of frames makes no sense";
    default:
        return lt_error_text(error);
    }
}

/* The text of the frame's line, without its indentation. */
static bool find_source(const struct show *s, const struct lt_dump_frame *f, struct lt_str *text)
{
    const struct lt_dump *d = s->dump;
    if (lt_source_lines_get(s->sources, d->pid, d->own_root, lt_dump_str(d, d->cwd),
                            lt_dump_str(d, f->file), f->line, text))
        return false;
    while (text->len > 0 && isspace((unsigned char)*text->data)) {
        text->data++;
        text->len--;
    }
    return text->len > 0;
}

/* ---- as a traceback ---- */

/* Foreign text, without anything that could play with the terminal. */
static void print_text(struct show *s, struct lt_str text, char quote)
{
    lt_buf_clear(&s->line);
    if (lt_escape_text(&s->line, text, quote) == 0)
        fwrite(s->line.data, 1, s->line.len, stdout);
}

static void print_piece(struct show *s, struct lt_dump_text text, char quote)
{
    print_text(s, lt_dump_str(s->dump, text), quote);
}

static void print_head(struct show *s)
{
    const struct lt_dump *d = s->dump;
    printf("Process %d: ", (int)d->pid);
    print_piece(s, d->command, 0);
    printf("\nPython %s\n", d->python);
}

static void print_locals(struct show *s, const struct lt_dump_frame *f)
{
    for (size_t i = 0; i < f->n_locals; i++) {
        const struct lt_dump_local *local = &s->dump->locals[f->first_local + i];
        fputs("        ", stdout);
        print_piece(s, local->name, 0);
        fputs(" = ", stdout);
        print_piece(s, local->value, 0);
        putchar('\n');
    }
}

static void print_frame(struct show *s, const struct lt_dump_frame *f)
{
    struct lt_str source;
    fputs("  File \"", stdout);
    print_piece(s, f->file, '"');
    printf("\", line %" PRIu32 " in ", f->line);
    print_piece(s, f->name, 0);
    putchar('\n');
    if (find_source(s, f, &source)) {
        fputs("      ", stdout);
        print_text(s, source, 0);
        putchar('\n');
    }
    print_locals(s, f);
}

/* The rest of the line, and the stack below it. */
static void print_stack(struct show *s, int error, size_t first, size_t n, size_t n_cut)
{
    if (error) {
        printf(", stack not known: %s\n", why_unknown(error));
        return;
    }
    puts(", most recent call first:");
    for (size_t i = 0; i < n; i++)
        print_frame(s, &s->dump->frames[first + i]);
    if (n == 0)
        puts("  <no Python frame>");
    if (n_cut)
        printf("  %s, %zu outer frame%s\n", LT_FRAME_CUT, n_cut, n_cut == 1 ? "" : "s");
}

static uint64_t thread_number(const struct lt_dump_thread *t)
{
    return t->tid ? (uint64_t)t->tid : t->ident;
}

static void print_thread(struct show *s, const struct lt_dump_thread *t)
{
    printf("\nThread %" PRIu64 " \"", thread_number(t));
    print_piece(s, t->name, '"');
    printf("\" (%s%s%s%s)", t->state & LT_STATE_CPU ? "on CPU" : "waiting",
           t->state & LT_STATE_GIL ? ", holds the GIL" : "",
           t->state & LT_STATE_GIL_WAIT ? " for the GIL" : "",
           t->state & LT_STATE_GC ? ", in garbage collection" : "");
    print_stack(s, t->error, t->first_frame, t->n_frames, t->n_cut);
}

static const char *task_state(const struct lt_dump_task *t)
{
    switch (t->state) {
    case LT_CORO_CREATED:
        return "not started";
    case LT_CORO_EXECUTING:
        return "running";
    default:
        return "suspended";
    }
}

static const struct lt_dump_task *find_task(const struct lt_dump *d, lt_addr id)
{
    for (size_t i = 0; i < d->n_tasks; i++) {
        if (d->tasks[i].id == id)
            return &d->tasks[i];
    }
    return NULL;
}

/* By name; by what id() says where the waiting task is not among those that were read. */
static void print_waiters(struct show *s, const struct lt_dump_task *t)
{
    for (size_t i = 0; i < t->n_waiters; i++) {
        lt_addr id = s->dump->waiters[t->first_waiter + i];
        const struct lt_dump_task *waiter = find_task(s->dump, id);
        fputs(i ? ", " : "  awaited by ", stdout);
        if (waiter) {
            putchar('"');
            print_piece(s, waiter->name, '"');
            putchar('"');
        } else {
            printf("task at 0x%" PRIx64, id);
        }
    }
    if (t->n_waiters)
        putchar('\n');
}

static void print_task(struct show *s, const struct lt_dump_task *t)
{
    fputs("\nTask \"", stdout);
    print_piece(s, t->name, '"');
    putchar('"');
    if (t->thread != LT_DUMP_NO_THREAD)
        printf(" in thread %" PRIu64, thread_number(&s->dump->threads[t->thread]));
    printf(" (%s)", task_state(t));
    print_stack(s, t->error, t->first_frame, t->n_frames, t->n_cut);
    print_waiters(s, t);
}

static int print_dump(struct show *s)
{
    print_head(s);
    for (size_t i = 0; i < s->dump->n_threads; i++)
        print_thread(s, &s->dump->threads[i]);
    for (size_t i = 0; i < s->dump->n_tasks; i++)
        print_task(s, &s->dump->tasks[i]);
    return LT_EXIT_OK;
}

/* ---- as JSON ---- */

static void json_piece(struct lt_json *j, const struct show *s, const char *key,
                       struct lt_dump_text text)
{
    lt_json_key(j, key);
    lt_json_str(j, lt_dump_str(s->dump, text));
}

static void json_locals(struct lt_json *j, struct show *s, const struct lt_dump_frame *f)
{
    lt_json_key(j, "locals");
    lt_json_object(j);
    for (size_t i = 0; i < f->n_locals; i++) {
        const struct lt_dump_local *local = &s->dump->locals[f->first_local + i];
        struct lt_str name = lt_dump_str(s->dump, local->name);
        lt_buf_clear(&s->line);
        if (lt_escape_text(&s->line, name, 0) == 0 && lt_buf_put_u8(&s->line, '\0') == 0)
            json_piece(j, s, (const char *)s->line.data, local->value);
    }
    lt_json_end(j);
}

static void json_frame(struct lt_json *j, struct show *s, const struct lt_dump_frame *f)
{
    struct lt_str source;
    lt_json_object(j);
    json_piece(j, s, "name", f->name);
    json_piece(j, s, "file", f->file);
    lt_json_key(j, "line");
    lt_json_uint(j, f->line);
    if (find_source(s, f, &source)) {
        lt_json_key(j, "source");
        lt_json_str(j, source);
    }
    if (s->locals)
        json_locals(j, s, f);
    lt_json_end(j);
}

static void json_flag(struct lt_json *j, const char *key, bool value)
{
    lt_json_key(j, key);
    lt_json_bool(j, value);
}

/* Members of a thread or task. */
static void json_stack(struct lt_json *j, struct show *s, int error, size_t first, size_t n,
                       size_t n_cut)
{
    if (error) {
        lt_json_key(j, "error");
        lt_json_text(j, why_unknown(error));
    }
    if (n_cut) {
        lt_json_key(j, "cut");
        lt_json_uint(j, n_cut);
    }
    lt_json_key(j, "stack");
    lt_json_array(j);
    for (size_t i = 0; i < n; i++)
        json_frame(j, s, &s->dump->frames[first + i]);
    lt_json_end(j);
}

static void json_thread(struct lt_json *j, struct show *s, const struct lt_dump_thread *t)
{
    lt_json_object(j);
    lt_json_key(j, "tid");
    lt_json_uint(j, thread_number(t));
    lt_json_key(j, "ident");
    lt_json_uint(j, t->ident);
    json_piece(j, s, "name", t->name);
    lt_json_key(j, "state");
    lt_json_text(j, t->state & LT_STATE_CPU ? "cpu" : "wait");
    json_flag(j, "gil", t->state & LT_STATE_GIL);
    json_flag(j, "gil_wait", t->state & LT_STATE_GIL_WAIT);
    json_flag(j, "gc", t->state & LT_STATE_GC);
    json_stack(j, s, t->error, t->first_frame, t->n_frames, t->n_cut);
    lt_json_end(j);
}

static void json_id(struct lt_json *j, lt_addr id)
{
    char text[32];
    snprintf(text, sizeof(text), "0x%" PRIx64, id);
    lt_json_text(j, text);
}

static void json_task(struct lt_json *j, struct show *s, const struct lt_dump_task *t)
{
    lt_json_object(j);
    lt_json_key(j, "id");
    json_id(j, t->id);
    json_piece(j, s, "name", t->name);
    if (t->thread != LT_DUMP_NO_THREAD) {
        lt_json_key(j, "tid");
        lt_json_uint(j, thread_number(&s->dump->threads[t->thread]));
    }
    lt_json_key(j, "state");
    lt_json_text(j, task_state(t));
    json_stack(j, s, t->error, t->first_frame, t->n_frames, t->n_cut);
    lt_json_key(j, "awaited_by");
    lt_json_array(j);
    for (size_t i = 0; i < t->n_waiters; i++)
        json_id(j, s->dump->waiters[t->first_waiter + i]);
    lt_json_end(j);
    lt_json_end(j);
}

static int json_dump(struct show *s)
{
    const struct lt_dump *d = s->dump;
    struct lt_json j;
    lt_json_to_stdout(&j);
    lt_json_object(&j);
    lt_json_key(&j, "pid");
    lt_json_int(&j, d->pid);
    json_piece(&j, s, "command", d->command);
    lt_json_key(&j, "python");
    lt_json_text(&j, d->python);
    lt_json_key(&j, "threads");
    lt_json_array(&j);
    for (size_t i = 0; i < d->n_threads; i++)
        json_thread(&j, s, &d->threads[i]);
    lt_json_end(&j);
    if (d->has_asyncio) {
        lt_json_key(&j, "tasks");
        lt_json_array(&j);
        for (size_t i = 0; i < d->n_tasks; i++)
            json_task(&j, s, &d->tasks[i]);
        lt_json_end(&j);
    }
    lt_json_end(&j);
    return lt_json_end_stdout(&j);
}

/* ---- the command ---- */

static void warn(const struct lt_dump *d)
{
    if (d->locals_error)
        lt_say("the locals of process %d are left out: %s", (int)d->pid,
               lt_error_text(d->locals_error));
    if (d->locals_cut)
        lt_say("not all locals of process %d are shown: there are too many", (int)d->pid);
    if (d->tasks_error)
        lt_say("not all tasks of process %d are shown: %s", (int)d->pid,
               lt_error_text(d->tasks_error));
    if (d->tasks_cut)
        lt_say("not all tasks of process %d are shown: there are too many", (int)d->pid);
}

static int dump(pid_t pid, bool json, const struct lt_dump_options *how)
{
    struct lt_dump d = {0};
    struct show s = {.dump = &d};
    int status, err = lt_dump_take(&d, pid, how);
    if (!err)
        err = lt_source_lines_new(&s.sources);
    if (!err && d.n_threads == 0)
        err = LT_ERR_NOT_READY;
    if (err) {
        status = lt_target_explain(pid, err, d.python);
    } else {
        s.locals = how->locals && !d.locals_error;
        status = json ? json_dump(&s) : print_dump(&s);
        warn(&d);
    }
    lt_source_lines_free(s.sources);
    lt_buf_release(&s.line);
    lt_dump_release(&d);
    return status;
}

struct request {
    pid_t pid;
    bool json;
    struct lt_dump_options options;
};

/* 0, or the exit status once it has been said. */
static int take(void *ctx, int id, const char *value)
{
    struct request *r = ctx;
    switch (id) {
    case OPT_JSON:
        r->json = true;
        return 0;
    case OPT_LOCALS:
        r->options.locals = true;
        return 0;
    case OPT_MAX_FRAMES:
        return lt_options_whole("max-frames", value, LT_STACK_MAX_FRAMES, &r->options.max_frames)
                   ? LT_EXIT_USAGE
                   : 0;
    case OPT_FORCE:
        r->options.force = true;
        return 0;
    default:
        if (r->pid)
            return lt_say_usage("dump takes one process: leave out %s", value);
        return lt_target_pid(value, &r->pid);
    }
}

static int run(const struct lt_command *self, char **argv)
{
    struct request r = {0};
    struct lt_options o = {.command = self->name, .tables = {options}, .argv = argv};
    int status = lt_options_each(&o, take, &r);
    if (status == LT_ASKED_FOR_HELP)
        return lt_command_help(self);
    if (!status && !r.pid)
        status = lt_say_usage("dump needs a process: live-trace dump PID");
    return status ? status : dump(r.pid, r.json, &r.options);
}

const struct lt_command lt_cmd_dump = {
    .name = "dump",
    .summary = "what all threads of a process are doing right now",
    .help = "Usage: live-trace dump PID [--json] [--locals] [--max-frames N] [--force]\n"
            "\n"
            "Prints the stacks of all threads once, innermost frame first, and which thread\n"
            "is on a processor, holds the GIL or collects garbage; then the tasks of\n"
            "asyncio (Python 3.14 on), and which others await each. The process is not\n"
            "stopped, and need not answer: it may hang or be stopped itself.\n"
            "\n"
            "  --json          as one JSON object\n"
            "  --locals        with arguments and locals: numbers, text and containers of\n"
            "                  them; other objects as <Type at 0x...>, long ones cut by ...\n"
            "  --max-frames N  of each stack, the N innermost frames\n"
            "  --force         read a Python newer than all known ones as the newest\n",
    .example = "live-trace dump --locals 4711",
    .run = run,
};
