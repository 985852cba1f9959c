/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace run, run-and-analyze: start a program and record it to its end. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/recording.h"
#include "cli/run_program.h"
#include "cli/say.h"
#include "cli/target.h"
#include "formats/lt_error.h"

enum { OPT_MODULE = 2 };
enum { NOT_FOUND = 127, NOT_EXECUTABLE = 126 }; /* as shells have it */

static const struct lt_option options[] = {
    {"module", 'm', true, OPT_MODULE},
    {0},
};

struct run {
    struct lt_recording_options recording;
    char **args;        /* of the program */
    const char *module; /* or NULL; then args are behind it */
    bool analyze;
};

/* Returns the exit status, or -1 to go on. */
static int parse(const struct lt_command *self, char **argv, struct run *r)
{
    struct lt_options o = {
        .command = self->name, .tables = {options, lt_recording_option_table}, .argv = argv};
    int id;
    while ((id = lt_options_next(&o)) > 0) {
        if (id == LT_OPTION_HELP)
            return lt_command_help(self);
        if (id == OPT_MODULE) { /* what follows is the module's */
            r->module = o.value;
            r->args = argv + o.at;
            return -1;
        }
        if (lt_recording_option(&r->recording, id, o.value) != 0)
            return LT_EXIT_USAGE;
    }
    if (id == -2)
        return LT_EXIT_USAGE;
    if (id == -1)
        return lt_say_usage("%s needs a program: live-trace %s script.py", self->name, self->name);
    r->args = argv + o.at - 1; /* the operand that ended the options */
    return -1;
}

/* `script.py a b`, joined for the trace's head. */
static int join(char *const *argv, struct lt_buf *text)
{
    int err = 0;
    for (size_t i = 0; !err && argv[i]; i++) {
        if (i)
            err = lt_buf_put_u8(text, ' ');
        if (!err)
            err = lt_buf_put_text(text, argv[i]);
    }
    return err ? err : lt_buf_put_u8(text, '\0');
}

static char **program_argv(const struct run *r)
{
    char **list, **argv = NULL;
    size_t n = 0;
    while (r->args[n])
        n++;
    list = calloc(n + 2, sizeof(list[0]));
    if (!list)
        return NULL;
    if (r->module)
        list[0] = (char *)r->module;
    memcpy(list + (r->module ? 1 : 0), r->args, n * sizeof(list[0]));
    lt_program_argv(list, n + (r->module ? 1 : 0), r->module != NULL, &argv);
    free(list);
    return argv;
}

static int cannot_start(const char *name, int error)
{
    lt_say("cannot start %s: %s: name a script that ends in .py, or a program", name,
           strerror(error));
    return error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

/* Until the program ends; sampling may end before it. */
static int wait_for(struct lt_program_run *program, struct lt_recording_file *file)
{
    struct lt_recorder *recorder = file->recorder;
    int status = 0;
    struct pollfd fds[] = {{.fd = program->signal_fd, .events = POLLIN},
                           {.fd = lt_recorder_fd(recorder), .events = POLLIN}};
    while (!lt_program_events(program, &status)) {
        if (lt_recorder_done(recorder)) {
            fds[1].fd = -1; /* nothing more to hear from there */
            lt_recording_note_end(file);
        }
        poll(fds, 2, -1);
    }
    return status;
}

static void say_not_python(const struct lt_recorder_summary *s)
{
    const char *advice = lt_python_advice(s->python_error);
    if (advice)
        lt_say("nothing was sampled: Python %s is not supported: %s", s->python_detail, advice);
    else if (s->python_error == LT_ERR_PERMISSION)
        lt_say("nothing was sampled: reading the program is not permitted: run as its user, as "
               "root or with CAP_SYS_PTRACE; in a container, with `--cap-add SYS_PTRACE`");
    else
        lt_say("nothing was sampled: the program was not Python, or ended at once: give a Python "
               "script or program");
}

static int record(struct run *r, char **argv)
{
    struct lt_recording_file file;
    struct lt_recorder_summary summary;
    struct lt_program_run program;
    struct lt_buf command = {0};
    struct lt_buf path = {0};
    if (join(argv, &command))
        return lt_say_failure("out of memory");
    /* The program is to have the handling of SIGPIPE that it would have had. */
    signal(SIGPIPE, SIG_DFL);
    int status = lt_recording_begin(&file, &r->recording, (const char *)command.data);
    lt_buf_release(&command);
    if (status)
        return status;
    if (r->analyze && lt_buf_put(&path, file.path.data, file.path.len))
        status = lt_say_failure("out of memory");
    int err = lt_program_start(&program, argv);
    int saved = errno;
    signal(SIGPIPE, SIG_IGN);
    if (!err)
        lt_recorder_add(file.recorder, program.pid);
    status = err ? cannot_start(argv[0], saved) : wait_for(&program, &file);
    if (!err)
        lt_program_end(&program);
    else
        file.keep_empty = false;
    lt_recording_end(&file, &summary);
    if (!err && summary.processes == 0 && !summary.error)
        say_not_python(&summary);
    if (!err && r->analyze && summary.processes)
        lt_analyze_file((const char *)path.data);
    lt_buf_release(&path);
    return status;
}

static int run_with(const struct lt_command *self, char **argv, bool analyze)
{
    struct run r = {.analyze = analyze};
    lt_recording_options_init(&r.recording);
    int status = parse(self, argv, &r);
    if (status < 0 && analyze && r.recording.out_file && strcmp(r.recording.out_file, "-") == 0)
        status = lt_say_usage(
            "run-and-analyze prints a report on standard output: give -o a file's name");
    if (status < 0) {
        char **program = program_argv(&r);
        status = program ? record(&r, program) : lt_say_failure("out of memory");
        lt_program_argv_free(program);
    }
    lt_recording_options_release(&r.recording);
    return status;
}

static int run(const struct lt_command *self, char **argv)
{
    return run_with(self, argv, false);
}

static int run_and_analyze(const struct lt_command *self, char **argv)
{
    return run_with(self, argv, true);
}

const struct lt_command lt_cmd_run = {
    .name = "run",
    .summary = "run a program and record its Python processes",
    .help = "Usage: live-trace run [options] [--] script.py [args...]\n"
            "       live-trace run [options] -m MODULE [args...]\n"
            "       live-trace run [options] [--] COMMAND [args...]\n"
            "\n"
            "A script runs under $LIVE_TRACE_PYTHON, $VIRTUAL_ENV/bin/python or python3.\n"
            "The program's standard streams, signals and exit status are its own.\n"
            "\n",
    .shared_help = lt_recording_help,
    .example = "live-trace run -r 1000 -o day-%Y-%m-%d.ltrace server.py --port 80",
    .run = run,
};

const struct lt_command lt_cmd_run_and_analyze = {
    .name = "run-and-analyze",
    .summary = "the same, then report where the time went",
    .help = "Usage: live-trace run-and-analyze [options] [--] script.py [args...]\n"
            "\n"
            "Runs and records as `live-trace run` does, then prints the report of\n"
            "`live-trace analyze`. The exit status is the program's.\n"
            "\n",
    .shared_help = lt_recording_help,
    .example = "live-trace run-and-analyze script.py",
    .run = run_and_analyze,
};
