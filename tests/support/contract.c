/* SPDX-License-Identifier: Apache-2.0
 *
 * One function an event; what is remembered is how many of each kind there are in this segment. */
#include "config.h"

#include "tests/support/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum { IDS_MAX = 1 << 22 };

struct ids { /* that were defined in this segment */
    bool *known;
    size_t len, alloc;
};

struct contract {
    bool has_meta;
    struct ids processes, threads, frames, nodes, tag_sets;
    volatile uint8_t sum; /* of the bytes of all strings, so that they are really read */
};

#define MUST(condition) ((condition) ? (void)0 : broken(#condition))

static void broken(const char *condition)
{
    fprintf(stderr, "the reader broke its contract: %s\n", condition);
    abort();
}

static void read_str(struct contract *c, struct lt_str s)
{
    MUST(s.data || !s.len);
    for (size_t i = 0; i < s.len; i++)
        c->sum ^= (uint8_t)s.data[i];
}

static void define(struct ids *ids, uint32_t id)
{
    MUST(id < IDS_MAX);
    if (id >= ids->len) {
        MUST(lt_array_grow(&ids->known, &ids->alloc, id + 1, sizeof(bool), IDS_MAX) == 0);
        memset(ids->known + ids->len, 0, id + 1 - ids->len);
        ids->len = id + 1;
    }
    ids->known[id] = true;
}

static bool known(const struct ids *ids, uint32_t id)
{
    return id < ids->len && ids->known[id];
}

static int on_meta(void *ctx, const struct lt_meta *meta)
{
    struct contract *c = ctx;
    MUST(meta->format);
    MUST(meta->interval_ns >= 0);
    read_str(c, meta->host);
    read_str(c, meta->command);
    read_str(c, meta->cwd);
    read_str(c, meta->recorder);
    c->has_meta = true;
    return 0;
}

static int on_segment(void *ctx)
{
    struct contract *c = ctx;
    MUST(c->has_meta);
    c->processes.len = c->threads.len = c->frames.len = c->nodes.len = c->tag_sets.len = 0;
    define(&c->nodes, 0); /* the empty ones */
    define(&c->tag_sets, 0);
    return 0;
}

static int on_process(void *ctx, uint32_t id, const struct lt_process_info *info)
{
    struct contract *c = ctx;
    define(&c->processes, id);
    read_str(c, info->command);
    read_str(c, info->python);
    read_str(c, info->cwd);
    return 0;
}

static int on_thread(void *ctx, uint32_t id, const struct lt_thread_info *info)
{
    struct contract *c = ctx;
    define(&c->threads, id);
    MUST(known(&c->processes, info->process));
    read_str(c, info->name);
    return 0;
}

static int on_frame(void *ctx, uint32_t id, const struct lt_frame_info *info)
{
    struct contract *c = ctx;
    define(&c->frames, id);
    read_str(c, info->name);
    read_str(c, info->file);
    return 0;
}

static int on_stack(void *ctx, uint32_t id, uint32_t parent, uint32_t frame)
{
    struct contract *c = ctx;
    MUST(known(&c->nodes, parent) && parent != id);
    MUST(known(&c->frames, frame));
    define(&c->nodes, id);
    return 0;
}

static int on_tags(void *ctx, uint32_t id, const struct lt_tag *tags, size_t n)
{
    struct contract *c = ctx;
    define(&c->tag_sets, id);
    for (size_t i = 0; i < n; i++) {
        read_str(c, tags[i].key);
        read_str(c, tags[i].value);
    }
    return 0;
}

static int on_source(void *ctx, struct lt_str file, uint32_t line, struct lt_str text)
{
    (void)line;
    read_str(ctx, file);
    read_str(ctx, text);
    return 0;
}

static int on_sample(void *ctx, const struct lt_sample *sample)
{
    struct contract *c = ctx;
    MUST(sample->time_ns >= -1);
    MUST(known(&c->threads, sample->thread));
    MUST(known(&c->nodes, sample->stack));
    MUST(known(&c->tag_sets, sample->tags));
    MUST(sample->count > 0);
    MUST(sample->weight_ns >= 0);
    return 0;
}

static int on_health(void *ctx, const struct lt_health *health)
{
    (void)ctx;
    (void)health;
    return 0;
}

static void read_once(const struct lt_input_format *format, const uint8_t *data, size_t size,
                      bool totals)
{
    struct contract contract = {0};
    const struct lt_profile_handler handler = {
        .ctx = &contract,
        .meta = on_meta,
        .segment = on_segment,
        .process = on_process,
        .thread = on_thread,
        .frame = on_frame,
        .stack = on_stack,
        .tags = on_tags,
        .source = on_source,
        .sample = on_sample,
        .health = on_health,
    };
    const struct lt_read_options options = {.totals = totals};
    struct lt_read_stats stats = {0};
    struct lt_input in;
    MUST(lt_input_memory(&in, data, size) == 0);
    int err = format->read(&in, &handler, &options, &stats);
    MUST(err == 0 || err == LT_ERR_NOT_OURS || err == LT_ERR_UNSUPPORTED || err == LT_ERR_CORRUPT);
    MUST(stats.bytes <= size);
    MUST(stats.duration_ns >= 0);
    in.close(in.ctx);
    free(contract.processes.known);
    free(contract.threads.known);
    free(contract.frames.known);
    free(contract.nodes.known);
    free(contract.tag_sets.known);
}

void lt_contract_read(const struct lt_input_format *format, const uint8_t *data, size_t size)
{
    format->probe(data, size < LT_PROBE_BYTES ? size : LT_PROBE_BYTES);
    read_once(format, data, size, false);
    read_once(format, data, size, true);
}
