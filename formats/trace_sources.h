/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder's half of SOURCES blocks; the encoder's is lt_trace_write_sources(). */
#ifndef LT_TRACE_SOURCES_H
#define LT_TRACE_SOURCES_H

#include "formats/profile.h"
#include "formats/varint.h"

/* Hands each line of a SOURCES payload to the handler. What the handler returned, or
 * LT_BAD_PAYLOAD. */
int lt_trace_read_sources(struct lt_cursor payload, const struct lt_profile_handler *handler);

#endif
