/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of `html` in two parts, for `view`, which serves them: a page without a recording, and the
 * profile that it fetches by the name "profile" from beside its own address, again and again while
 * the recording is not complete. */
#ifndef LT_HTML_H
#define LT_HTML_H

#include "exporters/live_trace_exporter.h"
#include "formats/byte_buffer.h"

/* Appends the page. */
int lt_html_fetching_page(struct lt_buf *out);

/* The profile, gzipped (html_columns.h says what is in it), with the detail that a browser can take.
 * Not in the table of outputs. */
extern const struct live_trace_exporter lt_exporter_html_profile;

#endif
