/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared pieces of the JSON outputs. */
#include "config.h"

#include "exporters/export_json.h"

#include <stdio.h>
#include <time.h>

static int to_host(void *ctx, const char *data, size_t len)
{
    const struct live_trace_host *host = ctx;
    return host->write(host->ctx, data, len);
}

void lt_json_to_host(struct lt_json *j, const struct live_trace_host *host)
{
    lt_json_init(j, to_host, (void *)host);
}

void lt_json_wall_clock(struct lt_json *j, int64_t realtime_ns)
{
    time_t seconds = (time_t)(realtime_ns / 1000000000);
    char day[64], text[96];
    struct tm tm;

    if (realtime_ns <= 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        lt_json_null(j);
        return;
    }
    snprintf(text, sizeof text, "%s.%03dZ", day, (int)(realtime_ns / 1000000 % 1000));
    lt_json_text(j, text);
}

void lt_json_meta(struct lt_json *j, const struct live_trace_meta *meta)
{
    lt_json_key(j, "title");
    lt_json_text(j, meta->title);
    lt_json_key(j, "command");
    lt_json_text(j, meta->command);
    lt_json_key(j, "host");
    lt_json_text(j, meta->host);
    lt_json_key(j, "recorder");
    lt_json_text(j, meta->recorder);
    lt_json_key(j, "cwd");
    lt_json_text(j, meta->cwd);
    lt_json_key(j, "start");
    lt_json_wall_clock(j, meta->start_realtime_ns);
    lt_json_key(j, "interval");
    lt_json_seconds_or_null(j, meta->interval_ns > 0, meta->interval_ns);
    lt_json_key(j, "by");
    lt_json_text(j, meta->by);
    lt_json_key(j, "selection");
    lt_json_text(j, meta->selection);
}

void lt_json_frame(struct lt_json *j, const struct live_trace_frame *f)
{
    lt_json_key(j, "name");
    lt_json_text(j, f->name);
    lt_json_key(j, "file");
    lt_json_text(j, f->file);
    lt_json_key(j, "line");
    lt_json_uint(j, f->line);
}

void lt_json_health(struct lt_json *j, const struct live_trace_health *h)
{
    lt_json_key(j, "asked");
    lt_json_uint(j, h->asked);
    lt_json_key(j, "taken");
    lt_json_uint(j, h->taken);
    lt_json_key(j, "late");
    lt_json_uint(j, h->late);
    lt_json_key(j, "retried");
    lt_json_uint(j, h->retried);
    lt_json_key(j, "failed");
    lt_json_object(j);
    for (uint32_t i = 0; i < h->n_failed; i++) {
        lt_json_key(j, h->failed[i].cause);
        lt_json_uint(j, h->failed[i].count);
    }
    lt_json_end(j);
    lt_json_key(j, "sampler_cpu_seconds");
    lt_json_seconds(j, h->sampler_cpu_ns);
    lt_json_key(j, "max_lateness_seconds");
    lt_json_seconds(j, h->max_lateness_ns);
    lt_json_key(j, "duration");
    lt_json_seconds(j, h->duration_ns);
    lt_json_key(j, "damaged_blocks");
    lt_json_uint(j, h->damaged_blocks);
    lt_json_key(j, "complete");
    lt_json_bool(j, h->complete != 0);
}
