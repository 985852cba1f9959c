/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's side of the exporter interface: turns what a view hands out into the
 * structs of live_trace_exporter.h, which stay at their addresses, with dense ids in order of first
 * delivery and with thread and process roots. */
#ifndef LT_DELIVERY_H
#define LT_DELIVERY_H

#include "analysis/recordings.h"
#include "analysis/totals.h"
#include "analysis/view.h"
#include "exporters/export_run.h"

struct lt_delivery; /* opaque */

/* Opens the request's exporter. Both arguments are borrowed until free. On failure *message says
 * why. */
int lt_delivery_new(struct lt_delivery **out, const struct lt_export_request *request,
                    struct lt_view *view, struct lt_message *message);

/* From here on stacks begin with frames for their process (if `processes`) and thread. */
void lt_delivery_add_roots(struct lt_delivery *d, bool processes);

int lt_delivery_meta(struct lt_delivery *d, const struct live_trace_meta *meta);
int lt_delivery_sample(struct lt_delivery *d, const struct lt_view_sample *sample);
int lt_delivery_total(struct lt_delivery *d, const struct lt_total *total);
int lt_delivery_health(struct lt_delivery *d, const struct live_trace_health *health);
/* Closes the exporter, once. With failed = 0 the output is whole if this returns 0. */
int lt_delivery_close(struct lt_delivery *d, bool failed);
/* Closes as failed if that was not done. */
void lt_delivery_free(struct lt_delivery *d);

#endif
