/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/page_profile.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/say.h"
#include "collector/platform/tick_timer.h"
#include "formats/lt_error.h"

/* A newer one is made at most every other second, and not for more than a fifth of the time. */
static const int64_t LEAST_PAUSE_NS = 2000000000;
enum { PAUSES = 4 };

int lt_page_profile_init(struct lt_page_profile *p, const struct lt_looking *looking)
{
    *p = (struct lt_page_profile){.looking = looking, .file = -1, .next = -1};
    p->result =
        mmap(NULL, sizeof(*p->result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->result != MAP_FAILED)
        return 0;
    p->result = NULL;
    return lt_say_failure("no memory for the page: %s: end other programs", strerror(errno));
}

/* Have they changed since the last time? Standard input cannot be read again. */
static bool has_changed(struct lt_page_profile *p)
{
    const struct lt_logs *logs = p->looking->logs;
    uint64_t bytes = 0, change = 0;
    for (size_t i = 0; i < logs->n; i++) {
        struct stat st;
        if (strcmp(logs->at[i], "-") == 0)
            return p->version == 0;
        if (stat(logs->at[i], &st) != 0)
            continue;
        bytes += (uint64_t)st.st_size;
        change += (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    }
    bool changed = p->version == 0 || bytes != p->seen_bytes || change != p->seen_change;
    p->seen_bytes = bytes;
    p->seen_change = change;
    return changed;
}

/* In the child. */
static int make(const struct lt_page_profile *p)
{
    struct lt_looking looking = *p->looking;
    struct lt_out_file file = {.name = "the page"};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    looking.quiet = p->version > 0;
    int error = lt_output_fd(&file.output, p->next, 0);
    if (error)
        return lt_say_failure("the page cannot be written: %s", lt_error_text(error));
    return lt_look_into(&looking, &file, p->result);
}

int lt_page_profile_renew(struct lt_page_profile *p)
{
    if (p->maker || lt_monotonic_ns() < p->not_before_ns || !has_changed(p))
        return 0;
    memset(p->result, 0, sizeof(*p->result));
    p->begun_ns = lt_monotonic_ns();
    p->next = memfd_create("profile", MFD_CLOEXEC);
    p->maker = p->next < 0 ? -1 : fork();
    if (p->maker == 0)
        _exit(make(p));
    if (p->maker > 0)
        return 0;
    int saved = errno;
    if (p->next >= 0)
        close(p->next);
    p->next = -1;
    p->maker = 0;
    return lt_say_failure("the page cannot be made: %s: end other programs", strerror(saved));
}

int lt_page_profile_made(struct lt_page_profile *p, int wait_status)
{
    struct stat st;
    int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : LT_EXIT_FAILURE;
    int64_t now = lt_monotonic_ns(), pause = PAUSES * (now - p->begun_ns);
    p->maker = 0;
    p->not_before_ns = now + (pause > LEAST_PAUSE_NS ? pause : LEAST_PAUSE_NS);
    if (WIFSIGNALED(wait_status))
        lt_say("what makes the page was ended by signal %d: is there enough memory?",
               WTERMSIG(wait_status));
    /* A recording that is still empty may be about to begin. */
    if (status == 0 && p->result->message[0] && p->result->read.complete)
        status = lt_say_failure("%s", p->result->message);
    if (status || fstat(p->next, &st) != 0) {
        close(p->next);
        p->next = -1;
        return status ? status : LT_EXIT_FAILURE;
    }
    if (p->file >= 0)
        close(p->file);
    p->file = p->next;
    p->next = -1;
    p->size = (uint64_t)st.st_size;
    p->version++;
    return 0;
}

void lt_page_profile_release(struct lt_page_profile *p)
{
    if (p->maker) {
        kill(p->maker, SIGKILL);
        waitpid(p->maker, NULL, 0);
    }
    if (p->file >= 0)
        close(p->file);
    if (p->next >= 0)
        close(p->next);
    if (p->result)
        munmap(p->result, sizeof(*p->result));
}
