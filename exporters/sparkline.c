/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "exporters/sparkline.h"

#include "formats/byte_buffer.h"

#define HEIGHTS 8

int lt_sparkline_put(struct lt_buf *out, uint64_t value, uint64_t most, bool blocks)
{
    static const char *const block[HEIGHTS + 1] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[HEIGHTS + 1] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
    int height = 0;

    if (value > 0) {
        height = (int)((double)value / (double)most * HEIGHTS + 0.5);
        height = height < 1 ? 1 : height > HEIGHTS ? HEIGHTS : height;
    }
    return lt_buf_put_text(out, blocks ? block[height] : ascii[height]);
}
