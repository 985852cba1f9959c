/* SPDX-License-Identifier: Apache-2.0
 *
 * --option KEY=VALUE: keys that an exporter does not know are refused before it is opened, and
 * the built-in exporters read their values here, so that all refuse a wrong one in the same words. */
#ifndef LT_EXPORT_OPTIONS_H
#define LT_EXPORT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "exporters/live_trace_exporter.h"

/* For built-in exporters that have none. */
extern const struct live_trace_option_info lt_no_options[];

/* Are the host's options all known to the exporter? 0, or LT_ERR_USAGE after host->fail. */
int lt_options_check(const struct live_trace_exporter *exporter,
                     const struct live_trace_host *host);

/* The option's text, or NULL if it was not given. */
const char *lt_option_text(const struct live_trace_host *host, const char *key);

/* Each leaves *value alone if the option was not given. 0, or LT_ERR_USAGE after host->fail. */
int lt_option_switch(const struct live_trace_host *host, const char *key, bool *value); /* 0, 1 */
int lt_option_count(const struct live_trace_host *host, const char *key, uint64_t *value);
int lt_option_number(const struct live_trace_host *host, const char *key, double least, double most,
                     double *value);
/* Bytes: a number, with k, M or G for powers of 1000. */
int lt_option_size(const struct live_trace_host *host, const char *key, uint64_t *value);
/* One of some words, ended by NULL: its place. */
int lt_option_choice(const struct live_trace_host *host, const char *key, const char *const *words,
                     int *value);

#endif
