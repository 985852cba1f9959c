/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/browser.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/say.h"

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

/* What it says is of no use here, and ^C is meant for us: it gets a session of its own, and signals as
 * they are for any program. */
static int spawn(pid_t *pid, const char *program, const char *address)
{
    char *const argv[] = {(char *)program, (char *)address, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    for (int fd = 0; fd <= 2; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int error = posix_spawnp(pid, program, &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

pid_t lt_browser_open(const char *address)
{
    const char *program = is_set("BROWSER") ? getenv("BROWSER") : "xdg-open";
    pid_t pid;
    if (!is_set("BROWSER") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
        return 0;
    int error = spawn(&pid, program, address);
    if (error == 0)
        return pid;
    lt_say("%s cannot be started: %s: open the address yourself", program, strerror(error));
    return 0;
}

void lt_browser_ended(int wait_status)
{
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
        lt_say("no browser could be opened: open the address yourself");
}
