/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for one exporter, in memory: tests call the exporter as live-trace would, and look at what
 * it wrote and said. */
#ifndef LT_EXPORTER_PROBE_H
#define LT_EXPORTER_PROBE_H

#include "exporters/live_trace_exporter.h"
#include "formats/byte_buffer.h"

struct lt_exporter_probe {
    const struct live_trace_exporter *exporter;
    struct live_trace_host host;
    void *state;
    struct lt_buf out;   /* what was written; a NUL follows after finish() */
    struct lt_buf notes; /* a line each, failures too */
    int fail_writes;     /* every write is an error */
};

/* Opens the exporter: what open returned. */
int lt_probe_open(struct lt_exporter_probe *p, const struct live_trace_exporter *exporter,
                  const struct live_trace_option *options, uint32_t n_options);
/* Calls meta with these and plain values for the rest. */
int lt_probe_meta(struct lt_exporter_probe *p, const char *by, int unit_is_time);
/* Calls stack or sample, whichever the exporter has. */
int lt_probe_stack(struct lt_exporter_probe *p, const struct live_trace_stack *stack);
/* health and close: what the first failing one returned. */
int lt_probe_finish(struct lt_exporter_probe *p);
void lt_probe_release(struct lt_exporter_probe *p);

#endif
