/* SPDX-License-Identifier: Apache-2.0
 *
 * A queue of messages, each behind a small header. */
#include "config.h"

#include "collector/outbox.h"

#include <string.h>
#include <time.h>

#include "formats/lt_error.h"

enum { QUEUE_CAP = 64 << 20 };

struct header {
    uint32_t kind;
    uint32_t len;
};

static int init_lock(struct lt_outbox *box)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return LT_ERR_NOMEM;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_mutex_init(&box->lock, NULL) || pthread_cond_init(&box->posted, &attr);
    pthread_condattr_destroy(&attr);
    return failed ? LT_ERR_NOMEM : 0;
}

int lt_outbox_init(struct lt_outbox *box)
{
    memset(box, 0, sizeof(*box));
    box->queue.cap = QUEUE_CAP;
    return init_lock(box);
}

void lt_outbox_release(struct lt_outbox *box)
{
    pthread_mutex_destroy(&box->lock);
    pthread_cond_destroy(&box->posted);
    lt_buf_release(&box->queue);
}

int lt_outbox_post(struct lt_outbox *box, uint32_t kind, const struct lt_str *parts, size_t n)
{
    struct header header = {kind, 0};
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > QUEUE_CAP - header.len)
            return LT_ERR_NOMEM;
        header.len += (uint32_t)parts[i].len;
    }
    pthread_mutex_lock(&box->lock);
    int err = lt_buf_reserve(&box->queue, sizeof(header) + header.len);
    if (!err) {
        /* Reserved: these cannot fail, and nobody sees half a message. */
        lt_buf_put(&box->queue, &header, sizeof(header));
        for (size_t i = 0; i < n; i++)
            lt_buf_put(&box->queue, parts[i].data, parts[i].len);
    }
    pthread_cond_signal(&box->posted);
    pthread_mutex_unlock(&box->lock);
    return err;
}

void lt_outbox_wake(struct lt_outbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->woken = true;
    pthread_cond_signal(&box->posted);
    pthread_mutex_unlock(&box->lock);
}

void lt_outbox_wait(struct lt_outbox *box, int64_t until_ns)
{
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};
    int failed = 0;
    pthread_mutex_lock(&box->lock);
    while (box->queue.len == 0 && !box->woken && !failed)
        failed = pthread_cond_timedwait(&box->posted, &box->lock, &until);
    box->woken = false;
    pthread_mutex_unlock(&box->lock);
}

void lt_outbox_take(struct lt_outbox *box, struct lt_buf *into)
{
    lt_buf_clear(into);
    pthread_mutex_lock(&box->lock);
    struct lt_buf taken = box->queue;
    box->queue = *into;
    box->queue.cap = QUEUE_CAP;
    *into = taken;
    pthread_mutex_unlock(&box->lock);
}

void lt_outbox_hold(struct lt_outbox *box)
{
    pthread_mutex_lock(&box->lock);
}

void lt_outbox_let_go(struct lt_outbox *box)
{
    pthread_mutex_unlock(&box->lock);
}

/* Destroying the condition would wait for the one who waited. */
int lt_outbox_reborn(struct lt_outbox *box)
{
    return init_lock(box);
}

bool lt_outbox_next(const struct lt_buf *taken, size_t *at, struct lt_message *message)
{
    struct header header;
    if (taken->len - *at < sizeof(header))
        return false;
    memcpy(&header, taken->data + *at, sizeof(header));
    message->kind = header.kind;
    message->data = taken->data + *at + sizeof(header);
    message->len = header.len;
    *at += sizeof(header) + header.len;
    return true;
}
