/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages from one thread to another: a queue of bytes under a lock. The sampler posts without
 * ever waiting for the disk; the other side takes all there is at once, into a buffer that both
 * sides use by turns, so that in the long run nothing is allocated. */
#ifndef LT_OUTBOX_H
#define LT_OUTBOX_H

#include <pthread.h>

#include "formats/byte_buffer.h"
#include "formats/profile.h"

struct lt_outbox {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct lt_buf queue;
    bool woken;
};

struct lt_message {
    uint32_t kind;
    const uint8_t *data;
    size_t len;
};

int lt_outbox_init(struct lt_outbox *box);
void lt_outbox_release(struct lt_outbox *box);

/* Copies the parts, in a row, as one message. LT_ERR_NOMEM when the other side has not taken
 * anything for so long that the queue is full; the message is lost then, whole. */
int lt_outbox_post(struct lt_outbox *box, uint32_t kind, const struct lt_str *parts, size_t n);

/* Waits for a message until a monotonic time. */
void lt_outbox_wait(struct lt_outbox *box, int64_t until_ns);
/* Ends that wait, now or the next time, without a message. */
void lt_outbox_wake(struct lt_outbox *box);
/* Moves all messages into `into` (cleared first). */
void lt_outbox_take(struct lt_outbox *box, struct lt_buf *into);

/* Around a fork(): nobody posts, takes or waits in between. In the child, where a thread that
 * waited is no more, the box is as if nobody ever had. */
void lt_outbox_hold(struct lt_outbox *box);
void lt_outbox_let_go(struct lt_outbox *box);
int lt_outbox_reborn(struct lt_outbox *box);

/* The next message of a taken queue from *at on. False at the end. */
bool lt_outbox_next(const struct lt_buf *taken, size_t *at, struct lt_message *message);

#endif
