/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/support/exporter_probe.h"

#include "formats/lt_error.h"

static int probe_write(void *ctx, const void *data, size_t len)
{
    struct lt_exporter_probe *p = ctx;
    return p->fail_writes ? LT_ERR_IO : lt_buf_put(&p->out, data, len);
}

static void probe_note(void *ctx, const char *message)
{
    struct lt_exporter_probe *p = ctx;
    lt_buf_printf(&p->notes, "%s\n", message);
}

int lt_probe_open(struct lt_exporter_probe *p, const struct live_trace_exporter *exporter,
                  const struct live_trace_option *options, uint32_t n_options)
{
    *p = (struct lt_exporter_probe){
        .exporter = exporter,
        .host =
            {
                .abi_version = LIVE_TRACE_EXPORTER_ABI,
                .abi_minor = LIVE_TRACE_EXPORTER_MINOR,
                .struct_size = sizeof p->host,
                .ctx = p,
                .write = probe_write,
                .fail = probe_note,
                .note = probe_note,
                .options = options,
                .n_options = n_options,
                .version = "1.2.3",
            },
    };
    return exporter->open(&p->host, &p->state);
}

int lt_probe_meta(struct lt_exporter_probe *p, const char *by, int unit_is_time)
{
    const struct live_trace_meta meta = {
        .title = "title",
        .command = "",
        .host = "",
        .recorder = "",
        .cwd = "",
        .unit_is_time = unit_is_time,
        .by = by,
        .selection = "",
    };
    return p->exporter->meta != NULL ? p->exporter->meta(p->state, &meta) : 0;
}

int lt_probe_stack(struct lt_exporter_probe *p, const struct live_trace_stack *stack)
{
    return p->exporter->stack != NULL ? p->exporter->stack(p->state, stack)
                                      : p->exporter->sample(p->state, stack);
}

int lt_probe_finish(struct lt_exporter_probe *p)
{
    const struct live_trace_health health = {.complete = 1};
    int error = p->exporter->health != NULL ? p->exporter->health(p->state, &health) : 0;
    int close_error = p->exporter->close(p->state, error < 0);

    lt_buf_put_u8(&p->out, '\0');
    lt_buf_put_u8(&p->notes, '\0');
    return error < 0 ? error : close_error;
}

void lt_probe_release(struct lt_exporter_probe *p)
{
    lt_buf_release(&p->out);
    lt_buf_release(&p->notes);
}
