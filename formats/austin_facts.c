/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of austin's metadata. Times are in microseconds. */
#include "config.h"

#include "formats/austin_facts.h"

#include "formats/text_scan.h"

#define NS_PER_US 1000

void lt_austin_facts_release(struct lt_austin_facts *f)
{
    lt_buf_release(&f->recorder);
    lt_buf_release(&f->python);
}

static void take_time(struct lt_str value, int64_t *ns)
{
    uint64_t us;
    if (lt_text_number(value, INT64_MAX / NS_PER_US, &us))
        *ns = (int64_t)us * NS_PER_US;
}

static struct lt_str text_of(const struct lt_buf *b)
{
    return (struct lt_str){(const char *)b->data, b->len};
}

int lt_austin_facts_add(struct lt_austin_facts *f, struct lt_str key, struct lt_str value)
{
    int err = 0;
    if (lt_text_is(key, "interval")) {
        take_time(value, &f->interval_ns);
    } else if (lt_text_is(key, "duration")) {
        take_time(value, &f->duration_ns);
    } else if (lt_text_is(key, "mode")) {
        f->memory_alone = lt_text_is(value, "memory");
    } else if (lt_text_is(key, "austin")) {
        lt_buf_clear(&f->recorder);
        err = lt_buf_put_text(&f->recorder, "austin ");
        if (!err)
            err = lt_buf_put(&f->recorder, value.data, value.len);
    } else if (lt_text_is(key, "python")) {
        lt_buf_clear(&f->python);
        err = lt_buf_put(&f->python, value.data, value.len);
    }
    return err;
}

struct lt_meta lt_austin_facts_meta(const struct lt_austin_facts *f, const char *format)
{
    return (struct lt_meta){
        .format = format,
        .version_major = 1,
        .recorder = text_of(&f->recorder),
        .interval_ns = f->interval_ns,
        .has_weight = !f->memory_alone,
    };
}

struct lt_process_info lt_austin_facts_process(const struct lt_austin_facts *f, uint32_t pid)
{
    return (struct lt_process_info){.pid = pid, .python = text_of(&f->python)};
}
