/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of time slots as one JSON object: the head of the report's, and a list of slots. */
#include "config.h"

#include "exporters/export_json.h"
#include "exporters/time_slots.h"

static void put_top(struct lt_json *j, const struct lt_report *head, const struct lt_slot *slot)
{
    lt_json_key(j, "top");
    if (slot->top == NULL) {
        lt_json_null(j);
        return;
    }
    lt_json_object(j);
    lt_report_put_json_figures(j, head, &slot->top->self, &slot->all);
    lt_report_put_json_frame(j, slot->top->frame);
    lt_json_end(j);
}

static void put_slot(struct lt_json *j, const struct lt_time_slots *t, int64_t number)
{
    const struct lt_slot *slot = lt_time_slots_at(t, number);
    int64_t begin_ns = number * t->every_ns, start_ns = t->head.start_realtime_ns;

    lt_json_newline(j);
    lt_json_object(j);
    lt_json_key(j, "begin");
    lt_json_seconds(j, begin_ns);
    lt_json_key(j, "start");
    lt_json_wall_clock(j, start_ns > 0 ? start_ns + begin_ns : 0);
    lt_report_put_json_figures(j, &t->head, &slot->all, &t->head.all);
    put_top(j, &t->head, slot);
    lt_json_end(j);
}

int lt_slots_write_json(const struct lt_time_slots *t, const struct live_trace_health *health,
                        const struct live_trace_host *host)
{
    struct lt_json j;

    lt_json_to_host(&j, host);
    lt_json_object(&j);
    lt_report_put_json_head(&j, &t->head, health);
    lt_json_key(&j, "every");
    lt_json_seconds(&j, t->every_ns);
    lt_json_key(&j, "slots");
    lt_json_array(&j);
    for (int64_t i = t->first; i <= t->last && j.error == 0; i++) {
        put_slot(&j, t, i);
    }
    lt_json_end(&j);
    lt_json_end(&j);
    lt_json_newline(&j);
    return lt_json_finish(&j);
}
