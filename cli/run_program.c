/* SPDX-License-Identifier: Apache-2.0
 *
 * fork, exec, signals, reaping. */
#include "config.h"

#include "cli/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/lt_error.h"

/* A terminal sends these to the whole foreground group: the program has had them already. */
static const int from_terminal[] = {SIGINT, SIGQUIT};
/* These come to live-trace alone, and are meant for the program. */
static const int passed_on[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT};

const char *lt_program_python(void)
{
    static char in_venv[4096];
    const char *python = getenv("LIVE_TRACE_PYTHON");
    const char *venv = getenv("VIRTUAL_ENV");
    if (python && *python)
        return python;
    if (venv && *venv) {
        int n = snprintf(in_venv, sizeof(in_venv), "%s/bin/python", venv);
        if (n > 0 && (size_t)n < sizeof(in_venv) && access(in_venv, X_OK) == 0)
            return in_venv;
    }
    return "python3";
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_script(const char *path)
{
    if (ends_with(path, ".py"))
        return true;
    return access(path, F_OK) == 0 && access(path, X_OK) != 0;
}

int lt_program_argv(char *const *args, size_t n_args, bool module, char ***argv)
{
    size_t n = 0;
    char **list = calloc(n_args + 3, sizeof(list[0]));
    if (!list)
        return LT_ERR_NOMEM;
    if (module || is_script(args[0]))
        list[n++] = (char *)lt_program_python();
    if (module)
        list[n++] = (char *)"-m";
    for (size_t i = 0; i < n_args; i++)
        list[n++] = args[i];
    *argv = list;
    return 0;
}

void lt_program_argv_free(char **argv)
{
    free(argv);
}

static void handled_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < sizeof(from_terminal) / sizeof(from_terminal[0]); i++)
        sigaddset(set, from_terminal[i]);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        sigaddset(set, passed_on[i]);
}

/* In the child: what cannot be executed is told through the pipe, which a successful exec
 * closes. */
static void execute(char *const *argv, const sigset_t *mask, int report)
{
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(argv[0], argv);
    int failure = errno;
    if (write(report, &failure, sizeof(failure)) < 0)
        _exit(126);
    _exit(127);
}

int lt_program_start(struct lt_program_run *run, char *const *argv)
{
    sigset_t handled, before;
    int report[2], failure = 0;
    run->pid = -1;
    run->signal_fd = -1;
    if (pipe2(report, O_CLOEXEC) != 0)
        return LT_ERR_IO;

    /* Blocked before the fork, so that none is lost; the child gets the mask back as it was. */
    handled_signals(&handled);
    sigprocmask(SIG_BLOCK, &handled, &before);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    run->pid = fork();
    if (run->pid == 0)
        execute(argv, &before, report[1]);
    int saved = errno;
    close(report[1]);
    ssize_t n = run->pid > 0 ? read(report[0], &failure, sizeof(failure)) : -1;
    close(report[0]);
    if (run->pid < 0 || n == (ssize_t)sizeof(failure)) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (run->pid > 0)
            waitpid(run->pid, NULL, 0);
        errno = run->pid < 0 ? saved : failure;
        return LT_ERR_IO;
    }
    run->signal_fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->signal_fd < 0 ? LT_ERR_IO : 0;
}

static bool came_from_terminal(const struct signalfd_siginfo *info)
{
    for (size_t i = 0; i < sizeof(from_terminal) / sizeof(from_terminal[0]); i++) {
        if (info->ssi_signo == (uint32_t)from_terminal[i])
            return info->ssi_code == SI_KERNEL;
    }
    return false;
}

static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool lt_program_events(struct lt_program_run *run, int *status)
{
    struct signalfd_siginfo info;
    bool ended = false;
    while (read(run->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD && !came_from_terminal(&info))
            kill(run->pid, (int)info.ssi_signo);
    }
    /* Children of the program that outlived their parents come to us as well. */
    int raw;
    for (pid_t pid = waitpid(-1, &raw, WNOHANG); pid > 0; pid = waitpid(-1, &raw, WNOHANG)) {
        if (pid == run->pid) {
            *status = shell_status(raw);
            ended = true;
        }
    }
    return ended;
}

void lt_program_end(struct lt_program_run *run)
{
    if (run->signal_fd >= 0)
        close(run->signal_fd);
    run->signal_fd = -1;
}
