/* SPDX-License-Identifier: Apache-2.0
 *
 * The outputs that are compiled in, one file each. */
#ifndef LT_EXPORTER_BUILTINS_H
#define LT_EXPORTER_BUILTINS_H

#include "exporters/live_trace_exporter.h"

extern const struct live_trace_exporter lt_exporter_callgrind;
extern const struct live_trace_exporter lt_exporter_chrome;
extern const struct live_trace_exporter lt_exporter_csv;
extern const struct live_trace_exporter lt_exporter_firefox;
extern const struct live_trace_exporter lt_exporter_flamechart;
extern const struct live_trace_exporter lt_exporter_folded;
extern const struct live_trace_exporter lt_exporter_heatmap;
extern const struct live_trace_exporter lt_exporter_html;
extern const struct live_trace_exporter lt_exporter_jsonl;
extern const struct live_trace_exporter lt_exporter_log;
extern const struct live_trace_exporter lt_exporter_pprof;
extern const struct live_trace_exporter lt_exporter_pstats;
extern const struct live_trace_exporter lt_exporter_slots;
extern const struct live_trace_exporter lt_exporter_speedscope;
extern const struct live_trace_exporter lt_exporter_sqlite; /* if HAVE_SQLITE */
extern const struct live_trace_exporter lt_exporter_svg;
extern const struct live_trace_exporter lt_exporter_text;

#endif
