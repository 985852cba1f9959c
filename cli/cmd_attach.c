/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace attach: record processes that run already. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/recording.h"
#include "cli/say.h"
#include "cli/target.h"

enum { MAX_PIDS = 1024, PATIENCE_MS = 2000 };

struct attach {
    struct lt_recording_options recording;
    pid_t pids[MAX_PIDS];
    size_t n;
};

static int add_pid(struct attach *a, const char *text)
{
    if (a->n == MAX_PIDS)
        return lt_say_usage("too many processes: at most %d", MAX_PIDS);
    int status = lt_target_pid(text, &a->pids[a->n]);
    if (!status)
        a->n++;
    return status;
}

static int stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until the processes end, a signal, or the duration; not longer than PATIENCE_MS without any
 * Python. */
static void wait_for(struct lt_recorder *recorder, int signal_fd)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
                           {.fd = lt_recorder_fd(recorder), .events = POLLIN}};
    if (poll(fds, 2, PATIENCE_MS) != 0 || lt_recorder_processes(recorder) == 0)
        return;
    while (!lt_recorder_done(recorder) && poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
}

static int record(struct attach *a)
{
    struct lt_recording_file file;
    struct lt_recorder_summary summary;
    char command[64];
    snprintf(command, sizeof(command), "attach %d%s", (int)a->pids[0], a->n > 1 ? " ..." : "");
    int signal_fd = stop_signals();
    int status = lt_recording_begin(&file, &a->recording, command);
    if (status)
        return status;
    for (size_t i = 0; i < a->n; i++)
        lt_recorder_add(file.recorder, a->pids[i]);
    wait_for(file.recorder, signal_fd);
    file.keep_empty = false; /* a command that fails leaves nothing behind */
    lt_recording_end(&file, &summary);
    if (summary.processes == 0 && !summary.error)
        status = lt_target_explain(a->pids[0], summary.python_error, summary.python_detail);
    close(signal_fd);
    return summary.error ? LT_EXIT_FAILURE : status;
}

static int take(void *ctx, int id, const char *value)
{
    struct attach *a = ctx;
    if (id == 0)
        return add_pid(a, value);
    return lt_recording_option(&a->recording, id, value) == 0 ? 0 : LT_EXIT_USAGE;
}

static int run(const struct lt_command *self, char **argv)
{
    struct attach a = {.n = 0};
    struct lt_options o = {
        .command = self->name, .tables = {lt_recording_option_table}, .argv = argv};
    lt_recording_options_init(&a.recording);
    int status = lt_options_each(&o, take, &a);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status && a.n == 0)
        status = lt_say_usage("attach needs a process: live-trace attach PID");
    else if (!status)
        status = record(&a);
    lt_recording_options_release(&a.recording);
    return status;
}

const struct lt_command lt_cmd_attach = {
    .name = "attach",
    .summary = "record Python processes that run already",
    .help = "Usage: live-trace attach [options] PID [PID...]\n"
            "\n"
            "Samples until the processes end, ^C, or --duration. Nothing is stopped.\n"
            "\n",
    .shared_help = lt_recording_help,
    .example = "live-trace attach -d 60 -o web.ltrace 4711",
    .run = run,
};
