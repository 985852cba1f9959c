/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes wrong before the first stack is read. */
#include "config.h"

#include "cli/target.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

#include "cli/say.h"
#include "collector/platform/read_rights.h"
#include "collector/py_offsets.h"
#include "formats/lt_error.h"

int lt_target_pid(const char *text, pid_t *pid)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end || errno || number <= 0 || number > INT32_MAX)
        return lt_say_usage("%s is no PID: give the number of a process", text);
    if (kill((pid_t)number, 0) != 0 && errno == ESRCH)
        return lt_say_failure("no such process %ld: see `ps -C python3`", number);
    *pid = (pid_t)number;
    return 0;
}

const char *lt_python_advice(int error)
{
    switch (error) {
    case LT_ERR_PY_VERSION:
        return "use " LT_PY_SUPPORTED;
    case LT_ERR_PY_NEWER:
        return "use " LT_PY_SUPPORTED ", or --force to read it as the newest of them";
    case LT_ERR_PY_FREE_THREADED:
        return "it is free-threaded: use a build with the GIL";
    case LT_ERR_PY_TASKS:
        return "--async needs 3.14 or newer: leave it out, or use one";
    default:
        return NULL;
    }
}

static int not_permitted(pid_t pid)
{
    int scope;
    switch (lt_read_obstacle(pid, &scope)) {
    case LT_OBSTACLE_USER:
        return lt_say_failure("reading process %d is not permitted: it is another user's: run as "
                              "that user, as root or with CAP_SYS_PTRACE",
                              (int)pid);
    case LT_OBSTACLE_YAMA:
        return lt_say_failure("reading process %d is not permitted: kernel.yama.ptrace_scope is "
                              "%d: run as root, or `sysctl kernel.yama.ptrace_scope=0`",
                              (int)pid, scope);
    case LT_OBSTACLE_CAPABILITY:
        return lt_say_failure("reading process %d is not permitted: root lacks CAP_SYS_PTRACE "
                              "here: start the container with `--cap-add SYS_PTRACE`",
                              (int)pid);
    case LT_OBSTACLE_PROTECTED:
        return lt_say_failure("reading process %d is not permitted: it has, or had, more rights "
                              "than you: run as root or with CAP_SYS_PTRACE",
                              (int)pid);
    default:
        return lt_say_failure("reading process %d is not permitted: run as root outside of its "
                              "namespaces; in a container, with `--cap-add SYS_PTRACE`",
                              (int)pid);
    }
}

int lt_target_explain(pid_t pid, int error, const char *python)
{
    const char *advice = lt_python_advice(error);
    if (advice)
        return lt_say_failure("Python %s of process %d is not supported: %s", python, (int)pid,
                              advice);
    switch (error) {
    case LT_ERR_PERMISSION:
        return not_permitted(pid);
    case LT_ERR_NO_PROCESS:
        return lt_say_failure("process %d ended meanwhile: see `ps -C python3`", (int)pid);
    case LT_ERR_NOT_READY:
        return lt_say_failure("the interpreter of process %d is still starting: try again",
                              (int)pid);
    case LT_ERR_NOMEM:
        return lt_say_failure("out of memory while reading process %d: free some", (int)pid);
    default:
        return lt_say_failure(
            "process %d is not a Python process: give the PID of a Python interpreter", (int)pid);
    }
}
