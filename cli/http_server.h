/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest HTTP server that a browser is content with: on 127.0.0.1 alone, an answer a connection,
 * bodies from open files. One thread waits for all of its connections; one that is slow, or sends
 * nothing, is ended in time and holds up nobody. */
#ifndef LT_HTTP_SERVER_H
#define LT_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/http_request.h"

struct lt_http_server; /* opaque */

/* Listens on the port, 0 for any that is free. 0, LT_ERR_NOMEM, or LT_ERR_IO with errno. */
int lt_http_server_new(struct lt_http_server **out, uint16_t port);
uint16_t lt_http_server_port(const struct lt_http_server *server);
/* Ends all connections. */
void lt_http_server_free(struct lt_http_server *server);

struct lt_http_answer {
    unsigned status;    /* an answer that is not 200 has the text as its body */
    const char *text;   /* a line, may be NULL */
    int file;           /* of a 200: its bytes from the first to the last; borrowed for the call */
    uint64_t size;      /* how many */
    const char *type;   /* of a 200 */
    const char *fields; /* more fields, each ended by CR LF; NULL for none */
};

struct lt_http_service {
    void (*answer)(void *ctx, const struct lt_http_request *request, struct lt_http_answer *answer);
    int watched; /* a descriptor; when there is something to read, this is called */
    bool (*on_watched)(void *ctx); /* false: the service ends */
    void *ctx;
};

/* Until the service ends: 0, or LT_ERR_IO with errno. */
int lt_http_server_run(struct lt_http_server *server, const struct lt_http_service *service);

#endif
