/* SPDX-License-Identifier: Apache-2.0
 *
 * Inflates the payloads of blocks into one buffer of the largest size that a block may have. */
#include "config.h"

#include <stdlib.h>
#include <zlib.h>

#include "formats/block_reader.h"
#include "formats/lt_error.h"

enum { RAW_DEFLATE = -15 };

struct lt_inflater {
    z_stream stream;
    uint8_t raw[LT_BLOCK_RAW_MAX];
};

int lt_inflater_new(struct lt_inflater **out)
{
    struct lt_inflater *f = calloc(1, sizeof(*f));
    if (!f)
        return LT_ERR_NOMEM;
    if (inflateInit2(&f->stream, RAW_DEFLATE) != Z_OK) {
        free(f);
        return LT_ERR_NOMEM;
    }
    *out = f;
    return 0;
}

void lt_inflater_free(struct lt_inflater *f)
{
    if (!f)
        return;
    inflateEnd(&f->stream);
    free(f);
}

int lt_inflater_payload(struct lt_inflater *f, bool deflated, struct lt_str stored,
                        struct lt_str *payload)
{
    *payload = stored;
    if (!deflated)
        return 0;
    inflateReset(&f->stream);
    f->stream.next_in = (Bytef *)stored.data;
    f->stream.avail_in = (uInt)stored.len;
    f->stream.next_out = f->raw;
    f->stream.avail_out = sizeof(f->raw);
    if (inflate(&f->stream, Z_FINISH) != Z_STREAM_END || f->stream.avail_in)
        return LT_BAD_PAYLOAD;
    *payload = (struct lt_str){(const char *)f->raw, sizeof(f->raw) - f->stream.avail_out};
    return 0;
}
