/* SPDX-License-Identifier: Apache-2.0
 *
 * live-trace view: the html page in the browser, served to this machine alone, with more detail than
 * a file of it has, and newer figures while the recording is written. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/browser.h"
#include "cli/command.h"
#include "cli/http_server.h"
#include "cli/looking.h"
#include "cli/options.h"
#include "cli/page_access.h"
#include "cli/page_profile.h"
#include "cli/say.h"
#include "cli/selection_options.h"
#include "exporters/html.h"
#include "formats/lt_error.h"

enum { OPT_PORT = 2, OPT_NO_BROWSER };

static const struct lt_option options[] = {
    {"port", 0, true, OPT_PORT},
    {"no-browser", 0, false, OPT_NO_BROWSER},
    {0},
};

struct view {
    struct lt_selection selection;
    struct lt_logs logs;
    uint32_t port; /* 0: any */
    bool no_browser;

    int signals; /* a signalfd */
    struct lt_page_profile profile;
    int first_status; /* of the first profile */
    int page;         /* a file in memory: the page without a profile */
    uint64_t page_size;
    struct lt_http_server *server;
    struct lt_page_access access;
    pid_t browser;
    char fields[128]; /* of an answer */
};

/* Signals */

static int block_signals(struct view *v)
{
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGCHLD);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    v->signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    return v->signals < 0 ? lt_say_failure("no signals: %s: close other files", strerror(errno))
                          : 0;
}

static void reap(struct view *v)
{
    int status;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        if (pid == v->browser)
            lt_browser_ended(status);
        if (pid != v->profile.maker)
            continue;
        bool first = v->profile.version == 0;
        status = lt_page_profile_made(&v->profile, status);
        if (first)
            v->first_status = status;
    }
}

/* False: the user wants an end. */
static bool on_signal(void *ctx)
{
    struct view *v = ctx;
    struct signalfd_siginfo info;
    bool go_on = true;
    while (read(v->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        go_on = go_on && info.ssi_signo == SIGCHLD;
    if (go_on)
        reap(v);
    return go_on;
}

/* Answers */

static void give_page(struct view *v, struct lt_http_answer *answer)
{
    answer->status = 200;
    answer->file = v->page;
    answer->size = v->page_size;
    answer->type = "text/html; charset=utf-8";
}

/* A page that still looks is what keeps the profile young. */
static void give_profile(struct view *v, const struct lt_http_request *request,
                         struct lt_http_answer *answer)
{
    char version[24];
    int n = snprintf(version, sizeof(version), "\"%u\"", v->profile.version);
    snprintf(v->fields, sizeof(v->fields), "ETag: %s\r\n", version);
    lt_page_profile_renew(&v->profile);
    answer->fields = v->fields;
    if (request->if_none_match.len == (size_t)n &&
        memcmp(request->if_none_match.data, version, (size_t)n) == 0) {
        answer->status = 304;
        return;
    }
    answer->status = 200;
    answer->file = v->profile.file;
    answer->size = v->profile.size;
    answer->type = "application/octet-stream";
}

static void give(void *ctx, const struct lt_http_request *request, struct lt_http_answer *answer)
{
    struct view *v = ctx;
    struct lt_page_refusal refusal;
    switch (lt_page_admit(&v->access, request, &refusal)) {
    case LT_PAGE_ITSELF:
        give_page(v, answer);
        break;
    case LT_PAGE_PROFILE:
        give_profile(v, request, answer);
        break;
    case LT_PAGE_MOVED:
        snprintf(v->fields, sizeof(v->fields), "Location: /%s/\r\n", v->access.token);
        answer->status = 303;
        answer->fields = v->fields;
        break;
    case LT_PAGE_REFUSED:
        answer->status = refusal.status;
        answer->text = refusal.reason;
        answer->fields = refusal.status == 405 ? "Allow: GET\r\n" : NULL;
        break;
    }
}

/* What there is to serve */

static int make_page(struct view *v)
{
    struct lt_buf page = {0};
    int error = lt_html_fetching_page(&page);
    v->page = memfd_create("page", MFD_CLOEXEC);
    v->page_size = page.len;
    if (!error && (v->page < 0 || write(v->page, page.data, page.len) != (ssize_t)page.len))
        error = LT_ERR_IO;
    int saved = errno;
    lt_buf_release(&page);
    errno = saved;
    return error ? lt_say_failure("the page cannot be made: %s", lt_error_text(error)) : 0;
}

/* The first profile is waited for: what is wrong with the recordings is said before anything is
 * served. *ended: the user did not want to wait. */
static int make_profile(struct view *v, const struct lt_looking *looking, bool *ended)
{
    struct pollfd waiting = {.fd = v->signals, .events = POLLIN};
    int status = lt_page_profile_init(&v->profile, looking);
    if (!status)
        status = lt_page_profile_renew(&v->profile);
    while (!status && v->profile.maker && !*ended) {
        if (poll(&waiting, 1, -1) > 0)
            *ended = !on_signal(v);
        status = v->first_status;
    }
    return status;
}

static int listen_for_browser(struct view *v)
{
    int error = lt_http_server_new(&v->server, (uint16_t)v->port);
    if (error && v->port)
        return lt_say_failure("port %u cannot be had: %s: leave --port out for a free one",
                              (unsigned)v->port, lt_error_text(error));
    if (!error)
        error = lt_page_access_init(&v->access, lt_http_server_port(v->server));
    return error ? lt_say_failure("nothing can be served: %s", lt_error_text(error)) : 0;
}

static int tell_address(struct view *v)
{
    unsigned port = v->access.port;
    char once[96];
    lt_say("served until ^C: open this, from another machine through ssh -L %u:127.0.0.1:%u", port,
           port);
    printf("http://127.0.0.1:%u/%s/\n", port, v->access.token);
    if (fflush(stdout) != 0)
        return lt_say_failure("the address cannot be printed: %s", strerror(errno));
    snprintf(once, sizeof(once), "http://127.0.0.1:%u/%s", port, v->access.once);
    v->browser = v->no_browser ? 0 : lt_browser_open(once);
    return 0;
}

static int serve(struct view *v)
{
    const struct lt_http_service service = {
        .answer = give, .watched = v->signals, .on_watched = on_signal, .ctx = v};
    int error = lt_http_server_run(v->server, &service);
    return error ? lt_say_failure("nothing can be served any more: %s", lt_error_text(error)) : 0;
}

static int show(struct view *v)
{
    const struct lt_looking looking = {
        .exporter = &lt_exporter_html_profile,
        .selection = &v->selection,
        .logs = &v->logs,
    };
    bool ended = false;
    int status = lt_logs_default(&v->logs);
    if (!status)
        status = block_signals(v);
    if (!status)
        status = make_profile(v, &looking, &ended);
    if (status || ended)
        return status;
    status = make_page(v);
    if (!status)
        status = listen_for_browser(v);
    if (!status)
        status = tell_address(v);
    return status ? status : serve(v);
}

static int take(void *ctx, int id, const char *value)
{
    struct view *v = ctx;
    switch (id) {
    case 0:
        return lt_logs_add(&v->logs, value);
    case OPT_PORT:
        return lt_options_whole("port", value, 65535, &v->port) == 0 ? 0 : LT_EXIT_USAGE;
    case OPT_NO_BROWSER:
        v->no_browser = true;
        return 0;
    default:
        return lt_selection_option(&v->selection, id, value) == 0 ? 0 : LT_EXIT_USAGE;
    }
}

static void release(struct view *v)
{
    lt_page_profile_release(&v->profile);
    lt_http_server_free(v->server);
    if (v->page >= 0)
        close(v->page);
    if (v->signals >= 0)
        close(v->signals);
    lt_selection_release(&v->selection);
    lt_logs_release(&v->logs);
}

static int run(const struct lt_command *self, char **argv)
{
    struct view v = {.signals = -1, .page = -1, .profile = {.file = -1, .next = -1}};
    struct lt_options o = {
        .command = self->name, .tables = {options, lt_selection_options}, .argv = argv};
    int status = lt_options_each(&o, take, &v);
    if (status == LT_ASKED_FOR_HELP)
        status = lt_command_help(self);
    else if (!status)
        status = show(&v);
    release(&v);
    return status;
}

const struct lt_command lt_cmd_view = {
    .name = "view",
    .summary = "look around in a recording, in the browser, while it runs too",
    .help = "Usage: live-trace view [selection] [--port N] [--no-browser] [LOG...]\n"
            "\n"
            "The page of `export -f html` with more detail, for this machine alone: until\n"
            "^C it is served on 127.0.0.1, under an address that cannot be guessed. Without\n"
            "LOG: the newest trace; of one that is still written it shows what is new.\n"
            "\n"
            "  --port N      this port, for `ssh -L N:127.0.0.1:N` (any that is free)\n"
            "  --no-browser  only print the address; else $BROWSER or xdg-open opens it\n"
            "\n",
    .shared_help = lt_selection_help,
    .example = "live-trace view --from -10m",
    .run = run,
};
