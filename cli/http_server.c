/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection reads its request, writes its answer, and leaves: it takes what is still sent until the
 * other side has closed, since closing with unread bytes would take the answer back. */
#include "config.h"

#include "cli/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/platform/tick_timer.h"
#include "formats/lt_error.h"
#include "formats/text_scan.h"

enum { MAX_CONNECTIONS = 64, MAX_HEAD = 16384, MAX_REPLY = 2048 };
static const int64_t SECOND_NS = 1000000000;
/* For the whole request; for each part of the answer; to go away. */
enum { READ_SECONDS = 5, WRITE_SECONDS = 20, LEAVE_SECONDS = 1 };

enum stage { FREE, READING, WRITING, LEAVING };

struct connection {
    enum stage stage;
    int fd;
    int64_t ends_ns; /* unless it gets on */
    char head[MAX_HEAD];
    size_t head_len;
    char reply[MAX_REPLY]; /* status, fields, and a body of text */
    size_t reply_len, reply_at;
    int body; /* a file, or -1 */
    off_t body_at;
    uint64_t body_left;
};

struct lt_http_server {
    int listener;
    uint16_t port;
    struct connection connections[MAX_CONNECTIONS];
};

int lt_http_server_new(struct lt_http_server **out, uint16_t port)
{
    struct lt_http_server *server = calloc(1, sizeof(*server));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    const int yes = 1;
    if (!server)
        return LT_ERR_NOMEM;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, MAX_CONNECTIONS) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0) {
        int saved = errno;
        lt_http_server_free(server);
        errno = saved;
        return LT_ERR_IO;
    }
    server->port = ntohs(address.sin_port);
    *out = server;
    return 0;
}

uint16_t lt_http_server_port(const struct lt_http_server *server)
{
    return server->port;
}

/* A process that was forked meanwhile has the socket, too: only a shutdown tells the other side. */
static void end_connection(struct connection *c)
{
    if (c->stage == FREE)
        return;
    shutdown(c->fd, SHUT_RDWR);
    close(c->fd);
    if (c->body >= 0)
        close(c->body);
    c->stage = FREE;
}

void lt_http_server_free(struct lt_http_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < MAX_CONNECTIONS; i++)
        end_connection(&server->connections[i]);
    if (server->listener >= 0)
        close(server->listener);
    free(server);
}

/* Answers */

static const char *reason(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Internal Server Error";
    }
}

/* Nothing is kept by the browser, told to other sites, or shown inside of one; nothing of other
 * sites is loaded. The page itself has no text of the recording in it, only what it fetches. */
static const char common_fields[] =
    "Connection: close\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n";

/* "Content-Type: ..." and so on, an empty line, and the body if it is text. */
static int put_content(char *out, size_t room, const struct lt_http_answer *a, bool without_body)
{
    if (a->status == 304)
        return snprintf(out, room, "\r\n");
    if (a->status == 200)
        return snprintf(out, room, "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\n\r\n",
                        a->type, a->size);
    const char *text = a->text ? a->text : "";
    return snprintf(out, room,
                    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n\r\n%s%s",
                    strlen(text) + 1, without_body ? "" : text, without_body ? "" : "\n");
}

static void begin_answer(struct connection *c, const struct lt_http_answer *a, bool without_body)
{
    char content[512];
    bool has_file = a->status == 200;
    int n = put_content(content, sizeof(content), a, without_body);
    bool fits = n >= 0 && (size_t)n < sizeof(content);
    n = snprintf(c->reply, sizeof(c->reply), "HTTP/1.1 %u %s\r\n%s%s%s", a->status,
                 reason(a->status), common_fields, a->fields ? a->fields : "", content);
    c->body = has_file ? fcntl(a->file, F_DUPFD_CLOEXEC, 0) : -1;
    c->body_at = 0;
    c->body_left = has_file ? a->size : 0;
    if (!fits || n < 0 || (size_t)n >= sizeof(c->reply) || (has_file && c->body < 0)) {
        end_connection(c);
        return;
    }
    c->reply_len = (size_t)n;
    c->reply_at = 0;
    c->stage = WRITING;
    c->ends_ns = lt_monotonic_ns() + WRITE_SECONDS * SECOND_NS;
}

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static ssize_t write_part(struct connection *c)
{
    enum { AT_ONCE = 1 << 20 };
    if (c->reply_at < c->reply_len) {
        ssize_t n = send(c->fd, c->reply + c->reply_at, c->reply_len - c->reply_at, MSG_NOSIGNAL);
        c->reply_at += n > 0 ? (size_t)n : 0;
        return n;
    }
    ssize_t n = sendfile(c->fd, c->body, &c->body_at,
                         c->body_left < AT_ONCE ? (size_t)c->body_left : AT_ONCE);
    c->body_left -= n > 0 ? (uint64_t)n : 0;
    return n;
}

static void go_on_writing(struct connection *c)
{
    while (c->reply_at < c->reply_len || c->body_left > 0) {
        ssize_t n = write_part(c);
        if (n < 0 && would_wait())
            return;
        if (n <= 0) {
            end_connection(c);
            return;
        }
        c->ends_ns = lt_monotonic_ns() + WRITE_SECONDS * SECOND_NS;
    }
    shutdown(c->fd, SHUT_WR);
    c->stage = LEAVING;
    c->ends_ns = lt_monotonic_ns() + LEAVE_SECONDS * SECOND_NS;
}

static void answer(struct connection *c, const struct lt_http_service *service,
                   enum lt_http_parsed parsed, const struct lt_http_request *request)
{
    struct lt_http_answer a = {.file = -1};
    bool without_body = false;
    if (parsed == LT_HTTP_WHOLE) {
        service->answer(service->ctx, request, &a);
        without_body = request->method.len == 4 && lt_text_starts(request->method, "HEAD");
    } else if (parsed == LT_HTTP_BAD) {
        a.status = 400;
        a.text = "This is no request that a browser sends.";
    } else {
        a.status = 431;
        a.text = "The request is too long.";
    }
    begin_answer(c, &a, without_body);
    if (c->stage == WRITING)
        go_on_writing(c);
}

/* Requests */

static void go_on_reading(struct connection *c, const struct lt_http_service *service)
{
    struct lt_http_request request;
    ssize_t n = recv(c->fd, c->head + c->head_len, MAX_HEAD - c->head_len, 0);
    if (n < 0 && would_wait())
        return;
    if (n <= 0) {
        end_connection(c);
        return;
    }
    c->head_len += (size_t)n;
    enum lt_http_parsed parsed = lt_http_parse(&request, c->head, c->head_len);
    if (parsed != LT_HTTP_MORE || c->head_len == MAX_HEAD)
        answer(c, service, parsed, &request);
}

static void go_on_leaving(struct connection *c)
{
    ssize_t n = recv(c->fd, c->head, MAX_HEAD, 0);
    if (n == 0 || (n < 0 && !would_wait()))
        end_connection(c);
}

/* A free one; where all are taken, the one that would have ended first makes room. */
static struct connection *make_room(struct lt_http_server *server)
{
    struct connection *first = &server->connections[0];
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &server->connections[i];
        if (c->stage == FREE)
            return c;
        if (c->ends_ns < first->ends_ns)
            first = c;
    }
    end_connection(first);
    return first;
}

/* False where that cannot work any more. */
static bool accept_one(struct lt_http_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return would_wait() || errno == ECONNABORTED || errno == EMFILE || errno == ENFILE;
    struct connection *c = make_room(server);
    c->stage = READING;
    c->fd = fd;
    c->body = -1;
    c->head_len = 0;
    c->ends_ns = lt_monotonic_ns() + READ_SECONDS * SECOND_NS;
    return true;
}

static void go_on(struct connection *c, const struct lt_http_service *service)
{
    if (c->stage == READING)
        go_on_reading(c, service);
    else if (c->stage == WRITING)
        go_on_writing(c);
    else if (c->stage == LEAVING)
        go_on_leaving(c);
}

/* What to wait for: 0 and 1 are the listener and the watched one, then a place a connection. Returns
 * for how many milliseconds, -1 for ever. */
static int fill_waiting(struct lt_http_server *server, int watched, struct pollfd *waiting)
{
    int64_t now = lt_monotonic_ns(), first = INT64_MAX;
    waiting[0] = (struct pollfd){.fd = server->listener, .events = POLLIN};
    waiting[1] = (struct pollfd){.fd = watched, .events = POLLIN};
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &server->connections[i];
        if (c->stage != FREE && c->ends_ns <= now)
            end_connection(c);
        waiting[2 + i] = (struct pollfd){.fd = c->stage == FREE ? -1 : c->fd,
                                         .events = c->stage == WRITING ? POLLOUT : POLLIN};
        if (c->stage != FREE && c->ends_ns < first)
            first = c->ends_ns;
    }
    return first == INT64_MAX ? -1 : (int)((first - now) / (SECOND_NS / 1000)) + 1;
}

int lt_http_server_run(struct lt_http_server *server, const struct lt_http_service *service)
{
    struct pollfd waiting[2 + MAX_CONNECTIONS];
    for (;;) {
        int milliseconds = fill_waiting(server, service->watched, waiting);
        if (poll(waiting, 2 + MAX_CONNECTIONS, milliseconds) < 0 && errno != EINTR)
            return LT_ERR_IO;
        if (waiting[1].revents && !service->on_watched(service->ctx))
            return 0;
        for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
            if (waiting[2 + i].revents)
                go_on(&server->connections[i], service);
        }
        if (waiting[0].revents && !accept_one(server))
            return LT_ERR_IO;
    }
}
