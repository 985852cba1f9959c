/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 (RFC 4648): bytes as letters that are harmless in any text. */
#ifndef LT_BASE64_H
#define LT_BASE64_H

#include <stddef.h>

/* Letters of n bytes. */
#define LT_BASE64_LENGTH(n) (((n) + 2) / 3 * 4)

/* Writes LT_BASE64_LENGTH(len) letters, with padding, without a NUL. To write in parts, give each
 * but the last a multiple of three bytes. */
void lt_base64_encode(char *out, const void *data, size_t len);

#endif
