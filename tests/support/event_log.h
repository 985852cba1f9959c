/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader's events as JSON lines: {"event": "sample", ...}, the members named as in
 * formats/profile.h. Each byte of a string is one character (ISO 8859-1), so nothing is lost or
 * repaired. */
#ifndef LT_EVENT_LOG_H
#define LT_EVENT_LOG_H

#include "formats/json_writer.h"
#include "formats/profile.h"

struct lt_event_log {
    lt_json_sink *sink;
    void *ctx;
    struct lt_json json;
};

/* Each event ends with a line end and goes to the sink. The log must outlive the handler. */
struct lt_profile_handler lt_event_log_handler(struct lt_event_log *log, lt_json_sink *sink,
                                               void *ctx);
/* The last line: what the reader found out about the file, but for `bytes` and `blocks`. */
int lt_event_log_stats(struct lt_event_log *log, const struct lt_read_stats *stats);

#endif
