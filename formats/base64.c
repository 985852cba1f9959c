/* SPDX-License-Identifier: Apache-2.0
 *
 * Three bytes become four letters. */
#include "config.h"

#include "formats/base64.h"

#include <stdint.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void lt_base64_encode(char *out, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (; len > 0; out += 4) {
        size_t n = len < 3 ? len : 3;
        uint32_t bits = (uint32_t)p[0] << 16;
        bits |= n > 1 ? (uint32_t)p[1] << 8 : 0;
        bits |= n > 2 ? p[2] : 0;
        out[0] = letters[bits >> 18];
        out[1] = letters[bits >> 12 & 63];
        out[2] = letters[bits >> 6 & 63];
        out[3] = letters[bits & 63];
        for (size_t i = n + 1; i < 4; i++) {
            out[i] = '=';
        }
        p += n;
        len -= n;
    }
}
