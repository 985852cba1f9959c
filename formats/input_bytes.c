/* SPDX-License-Identifier: Apache-2.0
 *
 * A window over the input. */
#include "config.h"

#include "formats/input_bytes.h"

static void fill(struct lt_input_bytes *b)
{
    int64_t n = b->in->read(b->in->ctx, b->window, sizeof(b->window));
    b->at = 0;
    b->len = n > 0 ? (size_t)n : 0;
    b->read += b->len;
    b->ended = n <= 0;
    if (n < 0)
        lt_input_bytes_spoil(b, (int)n);
}

int lt_input_bytes_peek(struct lt_input_bytes *b)
{
    if (b->at == b->len && !b->ended && !b->error)
        fill(b);
    return b->at < b->len && !b->error ? b->window[b->at] : -1;
}

int lt_input_bytes_take(struct lt_input_bytes *b)
{
    int byte = lt_input_bytes_peek(b);
    b->at += byte >= 0;
    return byte;
}

void lt_input_bytes_spoil(struct lt_input_bytes *b, int error)
{
    if (!b->error)
        b->error = error;
}
