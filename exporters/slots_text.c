/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of time slots for eyes: the head of the report, a sparkline, a row for each slot. */
#include "config.h"

#include <inttypes.h>
#include <time.h>

#include "exporters/sparkline.h"
#include "exporters/time_slots.h"
#include "formats/byte_buffer.h"

#define NS_PER_SECOND INT64_C(1000000000)

static uint64_t height(const struct lt_time_slots *t, int64_t number)
{
    const struct lt_figures *all = &lt_time_slots_at(t, number)->all;

    return t->head.unit_is_time ? (uint64_t)all->weight_ns : all->count;
}

static int put_sparkline(struct lt_buf *out, const struct lt_time_slots *t, bool blocks)
{
    uint64_t most = 0;
    int error = lt_buf_put_text(out, "[");

    for (int64_t i = t->first; i <= t->last; i++) {
        most = height(t, i) > most ? height(t, i) : most;
    }
    for (int64_t i = t->first; i <= t->last && error == 0; i++) {
        error = lt_sparkline_put(out, height(t, i), most, blocks);
    }
    if (error < 0) {
        return error;
    }
    return t->head.unit_is_time
               ? lt_buf_printf(out, "] at most %.3f s in a slot\n\n", (double)most / 1e9)
               : lt_buf_printf(out, "] at most %" PRIu64 " stack samples in a slot\n\n", most);
}

static bool is_fine(const struct lt_time_slots *t)
{
    return t->every_ns % NS_PER_SECOND != 0;
}

static int begin_width(const struct lt_time_slots *t)
{
    return is_fine(t) ? 23 : 19;
}

/* By the wall clock where it is known, else in seconds from the start: as --from takes it. */
static int put_begin(struct lt_buf *out, const struct lt_time_slots *t, int64_t begin_ns)
{
    int64_t wall_ns = t->head.start_realtime_ns + begin_ns;
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    char text[64];
    struct tm tm;

    if (t->head.start_realtime_ns <= 0 || localtime_r(&seconds, &tm) == NULL) {
        return lt_buf_printf(out, "%*.*f", begin_width(t), is_fine(t) ? 3 : 0,
                             (double)begin_ns / 1e9);
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    return is_fine(t) ? lt_buf_printf(out, "%s.%03d", text, (int)(wall_ns / 1000000 % 1000))
                      : lt_buf_put_text(out, text);
}

static int put_figures(struct lt_buf *out, const struct lt_time_slots *t,
                       const struct lt_slot *slot)
{
    uint64_t share = lt_report_share(&t->head, &slot->all, &t->head.all);
    int error = t->head.unit_is_time
                    ? lt_buf_printf(out, " %12.3fs", (double)slot->all.weight_ns / 1e9)
                    : lt_buf_printf(out, " %13" PRIu64, slot->all.count);

    return error < 0
               ? error
               : lt_buf_printf(out, " %3" PRIu64 ".%02" PRIu64 "%%", share / 100, share % 100);
}

static int put_top(struct lt_buf *out, const struct lt_time_slots *t, const struct lt_slot *slot)
{
    uint64_t share = lt_report_share(&t->head, &slot->top->self, &slot->all);
    int error = lt_buf_printf(out, "  %3" PRIu64 "%% ", (share + 50) / 100);

    return error < 0 ? error : lt_report_put_frame(out, &t->head, slot->top->frame);
}

static int put_slot(struct lt_buf *out, const struct lt_time_slots *t, int64_t number)
{
    const struct lt_slot *slot = lt_time_slots_at(t, number);
    int error = put_begin(out, t, number * t->every_ns);

    if (error == 0) {
        error = put_figures(out, t, slot);
    }
    if (error == 0 && slot->top != NULL) {
        error = put_top(out, t, slot);
    }
    return error < 0 ? error : lt_buf_put_text(out, "\n");
}

static int put_table(struct lt_buf *out, const struct lt_time_slots *t)
{
    int error = lt_buf_printf(out, "%-*s %13s %7s  most of them\n", begin_width(t), "begin",
                              t->head.unit_is_time ? "time" : "stack samples", "share");

    for (int64_t i = t->first; i <= t->last && error == 0; i++) {
        error = put_slot(out, t, i);
    }
    return error;
}

int lt_slots_write_text(const struct lt_time_slots *t, const struct live_trace_health *health,
                        const struct live_trace_host *host, bool blocks)
{
    struct lt_buf out = {0};
    int error = lt_report_put_head(&out, &t->head, health);

    if (error == 0 && t->first <= t->last) {
        error = put_sparkline(&out, t, blocks);
        if (error == 0) {
            error = put_table(&out, t);
        }
    }
    if (error == 0) {
        error = host->write(host->ctx, out.data, out.len);
    }
    lt_buf_release(&out);
    return error;
}
