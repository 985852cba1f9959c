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

/* Moves all messages into `into` (cleared first). Waits for one until the monotonic time
 * wait_until_ns; 0: does not wait. */
void lt_outbox_take(struct lt_outbox *box, struct lt_buf *into, int64_t wait_until_ns);
/* Ends the wait of the taker, now or the next time, without a message. */
void lt_outbox_wake(struct lt_outbox *box);

/* The next message of a taken queue from *at on. False at the end. */
bool lt_outbox_next(const struct lt_buf *taken, size_t *at, struct lt_message *message);

#endif
