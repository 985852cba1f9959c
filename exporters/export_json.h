/* SPDX-License-Identifier: Apache-2.0
 *
 * What the JSON outputs have in common: writing to the host, times, the health figures. */
#ifndef LT_EXPORT_JSON_H
#define LT_EXPORT_JSON_H

#include "exporters/live_trace_exporter.h"
#include "formats/json_writer.h"

/* Starts a document that goes to the host; the host outlives it. */
void lt_json_to_host(struct lt_json *j, const struct live_trace_host *host);

/* RFC 3339 in UTC with milliseconds; null for 0 (unknown). */
void lt_json_wall_clock(struct lt_json *j, int64_t realtime_ns);

/* Keys and values of an open object: title, command, host, ... */
void lt_json_meta(struct lt_json *j, const struct live_trace_meta *meta);

/* Keys and values of an open object: name, file, line. */
void lt_json_frame(struct lt_json *j, const struct live_trace_frame *frame);

/* Keys and values of an open object: asked, taken, late, retried, failed{}, ... */
void lt_json_health(struct lt_json *j, const struct live_trace_health *health);

#endif
