/* SPDX-License-Identifier: Apache-2.0
 *
 * A first pass finds strings, columns, functions and locations, a second one delivers the samples. */
#include "config.h"

#include "formats/pprof_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/definer.h"
#include "formats/intern.h"
#include "formats/lt_error.h"
#include "formats/pprof_fields.h"
#include "formats/protobuf_reader.h"
#include "formats/text_scan.h"

#define MAX_BYTES ((size_t)1 << 30) /* unpacked */
#define MAX_ITEMS ((size_t)1 << 26)
#define READ_BYTES ((size_t)1 << 18)
/* Of one sample. No recording has more, and sums of this stay within 64 bits. */
#define MAX_VALUE INT64_C(1000000000000000)
enum { MAX_COLUMNS = 64, NO_COLUMN = -1 };

/* Ids of the messages are any numbers: a table gives their places. */
struct messages {
    struct lt_intern *ids;
    struct lt_str *at;
    size_t alloc;
};

struct column {
    uint64_t type, unit; /* strings */
};

struct pprof_reader {
    const struct lt_profile_handler *handler;
    struct lt_read_stats *stats;
    struct lt_definer definer;
    struct lt_buf file;

    struct lt_str *strings;
    size_t n_strings, strings_alloc;
    struct messages functions, locations;
    struct column columns[MAX_COLUMNS], period_type;
    size_t n_columns;
    uint64_t shown; /* the type of the column that is shown by default */
    int64_t period, start_ns, duration_ns;
    int count_column, time_column;
    int64_t time_unit_ns;

    uint64_t *path; /* of one sample: places of locations, innermost first */
    size_t path_alloc;
};

/* ---- the first pass ---- */

static struct lt_cursor message(struct lt_str bytes)
{
    return lt_cursor_over(bytes.data, bytes.len);
}

static struct lt_str text(const struct pprof_reader *r, uint64_t index)
{
    return index < r->n_strings ? r->strings[index] : (struct lt_str){"", 0};
}

static int add_string(struct pprof_reader *r, struct lt_str bytes)
{
    int err = lt_array_grow(&r->strings, &r->strings_alloc, r->n_strings + 1, sizeof(*r->strings),
                            MAX_ITEMS);
    if (!err)
        r->strings[r->n_strings++] = bytes;
    return err;
}

/* Both messages have their id in the same field. The first one of an id counts. */
_Static_assert((int)FUNCTION_ID == (int)LOCATION_ID, "the ids have different fields");

static int add_message(struct messages *m, struct lt_str bytes)
{
    struct lt_cursor c = message(bytes);
    struct lt_protobuf_field f;
    uint64_t id = 0;
    uint32_t place;
    bool is_new;
    while (lt_protobuf_next(&c, &f)) {
        if (f.number == FUNCTION_ID)
            id = f.value;
    }
    if (c.bad)
        return LT_ERR_CORRUPT;
    int err = lt_intern_id(m->ids, &id, sizeof(id), &place, &is_new);
    if (!err)
        err = lt_array_grow(&m->at, &m->alloc, (size_t)place + 1, sizeof(*m->at), MAX_ITEMS);
    if (!err && is_new)
        m->at[place] = bytes;
    return err;
}

static bool find_message(const struct messages *m, uint64_t id, struct lt_str *bytes)
{
    uint32_t place;
    if (!lt_intern_find(m->ids, &id, sizeof(id), &place))
        return false;
    *bytes = m->at[place];
    return true;
}

static bool parse_column(struct lt_str bytes, struct column *column)
{
    struct lt_cursor c = message(bytes);
    struct lt_protobuf_field f;
    *column = (struct column){0};
    while (lt_protobuf_next(&c, &f)) {
        if (f.number == VALUE_TYPE_TYPE)
            column->type = f.value;
        else if (f.number == VALUE_TYPE_UNIT)
            column->unit = f.value;
    }
    return !c.bad;
}

static int64_t at_least_0(uint64_t value)
{
    return value <= INT64_MAX ? (int64_t)value : 0;
}

static int take_field(struct pprof_reader *r, const struct lt_protobuf_field *f)
{
    switch (f->number) {
    case PROFILE_STRING_TABLE:
        return add_string(r, f->bytes);
    case PROFILE_FUNCTION:
        return add_message(&r->functions, f->bytes);
    case PROFILE_LOCATION:
        return add_message(&r->locations, f->bytes);
    case PROFILE_SAMPLE_TYPE:
        if (r->n_columns == MAX_COLUMNS || !parse_column(f->bytes, &r->columns[r->n_columns]))
            return LT_ERR_CORRUPT;
        r->n_columns++;
        return 0;
    case PROFILE_PERIOD_TYPE:
        return parse_column(f->bytes, &r->period_type) ? 0 : LT_ERR_CORRUPT;
    case PROFILE_PERIOD:
        r->period = at_least_0(f->value);
        return 0;
    case PROFILE_TIME_NANOS:
        r->start_ns = at_least_0(f->value);
        return 0;
    case PROFILE_DURATION_NANOS:
        r->duration_ns = at_least_0(f->value);
        return 0;
    case PROFILE_DEFAULT_SAMPLE_TYPE:
        r->shown = f->value;
        return 0;
    default:
        return 0;
    }
}

static int find_parts(struct pprof_reader *r)
{
    struct lt_cursor c = lt_cursor_over(r->file.data, r->file.len);
    struct lt_protobuf_field f;
    int err = 0;
    while (!err && lt_protobuf_next(&c, &f))
        err = take_field(r, &f);
    return !err && c.bad ? LT_ERR_CORRUPT : err;
}

/* ---- columns ---- */

/* Nanoseconds of a unit of time; 0 for what is none. */
static int64_t unit_ns(struct lt_str unit)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"nanoseconds", 1},
                 {"microseconds", 1000},
                 {"milliseconds", 1000000},
                 {"seconds", 1000000000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (lt_text_is(unit, units[i].name))
            return units[i].ns;
    }
    return 0;
}

/* Of the columns that count, or that are times: that of this name, the one that is shown, or the
 * last one. */
static int choose_column(const struct pprof_reader *r, bool time, const char *best)
{
    int chosen = NO_COLUMN, rank = 0;
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        struct lt_str unit = text(r, c->unit);
        if (time ? unit_ns(unit) == 0 : !lt_text_is(unit, "count"))
            continue;
        int own = lt_text_is(text(r, c->type), best) ? 3 : c->type == r->shown && r->shown ? 2 : 1;
        if (own >= rank) {
            chosen = (int)i;
            rank = own;
        }
    }
    return chosen;
}

static int choose_columns(struct pprof_reader *r)
{
    r->count_column = choose_column(r, false, "samples");
    r->time_column = choose_column(r, true, "wall");
    if (r->time_column != NO_COLUMN)
        r->time_unit_ns = unit_ns(text(r, r->columns[r->time_column].unit));
    if (r->count_column != NO_COLUMN || r->time_column != NO_COLUMN)
        return 0;
    r->stats->why = "it is a profile of neither time nor stack samples (of memory, perhaps): write "
                    "it with one of these";
    return LT_ERR_NOT_OURS;
}

/* ---- samples ---- */

static int define_line(struct pprof_reader *r, struct lt_str bytes, uint32_t *stack)
{
    struct lt_cursor c = message(bytes);
    struct lt_protobuf_field f;
    struct lt_frame_info info = {0};
    struct lt_str function, system_name = {"", 0};
    uint64_t id = 0;
    uint32_t frame;
    while (lt_protobuf_next(&c, &f)) {
        if (f.number == LINE_FUNCTION_ID)
            id = f.value;
        else if (f.number == LINE_LINE && f.value <= UINT32_MAX)
            info.line = (uint32_t)f.value;
    }
    if (c.bad || !find_message(&r->functions, id, &function))
        return LT_ERR_CORRUPT;
    c = message(function);
    while (lt_protobuf_next(&c, &f)) {
        if (f.number == FUNCTION_NAME)
            info.name = text(r, f.value);
        else if (f.number == FUNCTION_SYSTEM_NAME)
            system_name = text(r, f.value);
        else if (f.number == FUNCTION_FILENAME)
            info.file = text(r, f.value);
        else if (f.number == FUNCTION_START_LINE && f.value <= UINT32_MAX)
            info.first_line = (uint32_t)f.value;
    }
    if (info.name.len == 0)
        info.name = system_name;
    int err = lt_definer_frame(&r->definer, &info, &frame, NULL);
    return err ? err : lt_definer_stack(&r->definer, *stack, frame, stack);
}

static int define_address(struct pprof_reader *r, uint64_t address, uint32_t *stack)
{
    char name[24];
    int len = snprintf(name, sizeof(name), "0x%" PRIx64, address);
    const struct lt_frame_info info = {.name = {name, (size_t)len}};
    uint32_t frame;
    int err = lt_definer_frame(&r->definer, &info, &frame, NULL);
    return err ? err : lt_definer_stack(&r->definer, *stack, frame, stack);
}

/* A location has a line for each function that was inlined into another there, innermost first. */
static int define_location(struct pprof_reader *r, struct lt_str bytes, uint32_t *stack,
                           unsigned *depth)
{
    struct lt_str lines[64];
    size_t n = 0;
    struct lt_cursor c = message(bytes);
    struct lt_protobuf_field f;
    uint64_t address = 0;
    int err = 0;
    while (lt_protobuf_next(&c, &f)) {
        if (f.number == LOCATION_LINE && n < sizeof(lines) / sizeof(lines[0]))
            lines[n++] = f.bytes;
        else if (f.number == LOCATION_ADDRESS)
            address = f.value;
    }
    *depth += n ? (unsigned)n : 1;
    if (*depth > LT_DEFINER_MAX_DEPTH)
        return LT_ERR_CORRUPT;
    if (n == 0)
        return define_address(r, address, stack);
    while (!err && n > 0)
        err = define_line(r, lines[--n], stack);
    return err;
}

static int define_stack(struct pprof_reader *r, size_t n, uint32_t *stack)
{
    unsigned depth = 0;
    int err = 0;
    while (!err && n > 0) {
        struct lt_str location;
        if (!find_message(&r->locations, r->path[--n], &location))
            return LT_ERR_CORRUPT;
        err = define_location(r, location, stack, &depth);
    }
    return err;
}

/* What labels say of a sample. */
struct labels {
    struct lt_process_info process;
    struct lt_thread_info thread;
    struct lt_tag tags[LT_DEFINER_MAX_TAGS];
    size_t n_tags;
    struct lt_buf numbers; /* the texts of tags that are numbers */
};

static bool is_number(struct lt_str name, uint64_t number)
{
    uint64_t same;
    return lt_text_number(name, UINT64_MAX, &same) && same == number;
}

static int add_tag(struct pprof_reader *r, struct labels *l, uint64_t key, uint64_t value,
                   bool number)
{
    struct lt_tag *tag = &l->tags[l->n_tags];
    if (l->n_tags == LT_DEFINER_MAX_TAGS)
        return 0;
    tag->key = text(r, key);
    tag->value = text(r, value);
    if (number) {
        char digits[24];
        int len = snprintf(digits, sizeof(digits), "%" PRId64, (int64_t)value);
        /* Reserved for all of them before the first: texts must not move. */
        tag->value = (struct lt_str){(char *)l->numbers.data + l->numbers.len, (size_t)len};
        int err = lt_buf_put(&l->numbers, digits, (size_t)len);
        if (err)
            return err;
    }
    l->n_tags++;
    return 0;
}

static int take_label(struct pprof_reader *r, struct lt_str bytes, struct labels *l)
{
    struct lt_cursor c = message(bytes);
    struct lt_protobuf_field f;
    uint64_t key = 0, str = 0, num = 0;
    while (lt_protobuf_next(&c, &f)) {
        if (f.number == LABEL_KEY)
            key = f.value;
        else if (f.number == LABEL_STR)
            str = f.value;
        else if (f.number == LABEL_NUM)
            num = f.value;
    }
    if (c.bad)
        return LT_ERR_CORRUPT;
    struct lt_str name = text(r, key);
    if (lt_text_is(name, "thread") && str)
        l->thread.name = text(r, str);
    else if (lt_text_is(name, "thread_id") && !str)
        l->thread.tid = num;
    else if (lt_text_is(name, "process") && str)
        l->process.command = text(r, str);
    else if (lt_text_is(name, "pid") && !str && num <= UINT32_MAX)
        l->process.pid = (uint32_t)num;
    else
        return add_tag(r, l, key, str ? str : num, !str);
    return 0;
}

/* A number in the place of a name stands for the lack of one. */
static int define_labels(struct pprof_reader *r, struct labels *l, struct lt_sample *sample)
{
    if (is_number(l->thread.name, l->thread.tid))
        l->thread.name.len = 0;
    if (is_number(l->process.command, l->process.pid))
        l->process.command.len = 0;
    int err = lt_definer_thread(&r->definer, &l->process, &l->thread, &sample->thread);
    return err ? err : lt_definer_tags(&r->definer, l->tags, l->n_tags, &sample->tags);
}

/* A value as it is; false where it is none that could be believed. */
static bool take_value(struct pprof_reader *r, const int64_t *values, int column, int64_t unit,
                       int64_t *value)
{
    *value = 0;
    if (column == NO_COLUMN)
        return true;
    if (values[column] < 0) {
        r->stats->why =
            "it has values below 0, so it is a difference and no recording: read the two "
            "profiles that it was made of";
        return false;
    }
    return !__builtin_mul_overflow(values[column], unit, value) && *value <= MAX_VALUE;
}

struct parts {
    size_t depth, n_values;
    int64_t values[MAX_COLUMNS];
};

/* The path, the values and the labels of a sample. */
static int take_parts(struct pprof_reader *r, struct lt_str bytes, struct parts *p,
                      struct labels *l)
{
    struct lt_cursor c = message(bytes), numbers;
    struct lt_protobuf_field f;
    uint64_t number;
    int err = 0;
    while (!err && lt_protobuf_next(&c, &f)) {
        numbers = lt_protobuf_numbers(&f);
        if (f.number == SAMPLE_LABEL)
            err = take_label(r, f.bytes, l);
        while (!err && f.number == SAMPLE_LOCATION_ID &&
               lt_protobuf_next_number(&numbers, &f, &number)) {
            err = p->depth == LT_DEFINER_MAX_DEPTH
                      ? LT_ERR_CORRUPT
                      : lt_array_grow(&r->path, &r->path_alloc, p->depth + 1, sizeof(*r->path),
                                      LT_DEFINER_MAX_DEPTH);
            if (!err)
                r->path[p->depth++] = number;
        }
        while (!err && f.number == SAMPLE_VALUE && lt_protobuf_next_number(&numbers, &f, &number)) {
            if (p->n_values < MAX_COLUMNS)
                p->values[p->n_values] = (int64_t)number;
            p->n_values++;
        }
        if (!err && numbers.bad)
            err = LT_ERR_CORRUPT;
    }
    return !err && (c.bad || p->n_values != r->n_columns) ? LT_ERR_CORRUPT : err;
}

static int read_sample(struct pprof_reader *r, struct lt_str bytes, struct labels *l)
{
    struct lt_sample sample = {.time_ns = -1, .state = LT_STATE_UNKNOWN};
    struct parts p = {0};
    int64_t count;
    int err = take_parts(r, bytes, &p, l);
    if (err)
        return err;
    if (!take_value(r, p.values, r->count_column, 1, &count) ||
        !take_value(r, p.values, r->time_column, r->time_unit_ns, &sample.weight_ns))
        return r->stats->why ? LT_ERR_NOT_OURS : LT_ERR_CORRUPT;
    if (count == 0 && sample.weight_ns == 0)
        return 0;
    sample.count = count > 0 ? (uint64_t)count : 1; /* time that no sample counts for is time */
    err = lt_definer_begin_sample(&r->definer);
    if (!err)
        err = define_labels(r, l, &sample);
    if (!err)
        err = define_stack(r, p.depth, &sample.stack);
    if (!err && r->handler->sample)
        err = r->handler->sample(r->handler->ctx, &sample);
    return err;
}

static int read_samples(struct pprof_reader *r)
{
    struct lt_cursor c = lt_cursor_over(r->file.data, r->file.len);
    struct lt_protobuf_field f;
    struct labels *l = calloc(1, sizeof(*l));
    int err = l ? lt_buf_reserve(&l->numbers, (size_t)LT_DEFINER_MAX_TAGS * 24) : LT_ERR_NOMEM;
    while (!err && lt_protobuf_next(&c, &f)) {
        if (f.number != PROFILE_SAMPLE)
            continue;
        l->n_tags = 0;
        l->thread = (struct lt_thread_info){0};
        l->process = (struct lt_process_info){0};
        lt_buf_clear(&l->numbers);
        r->stats->blocks++;
        err = read_sample(r, f.bytes, l);
        if (err == LT_ERR_CORRUPT) {
            r->stats->damaged_blocks++;
            err = 0;
        }
    }
    if (l)
        lt_buf_release(&l->numbers);
    free(l);
    return err;
}

/* ---- the profile ---- */

static int read_file(struct pprof_reader *r, struct lt_input *in,
                     const struct lt_read_options *options)
{
    for (;;) {
        int err = lt_buf_reserve(&r->file, READ_BYTES);
        if (err)
            return err;
        int64_t n = in->read(in->ctx, r->file.data + r->file.len, READ_BYTES);
        if (n <= 0)
            return (int)n;
        r->file.len += (size_t)n;
        r->stats->bytes = r->file.len;
        if (options && options->progress)
            options->progress(options->progress_ctx, r->file.len, in->size ? in->size(in->ctx) : 0);
    }
}

static int deliver_meta(const struct pprof_reader *r)
{
    int64_t interval_ns = 0;
    if (__builtin_mul_overflow(r->period, unit_ns(text(r, r->period_type.unit)), &interval_ns))
        interval_ns = 0;
    const struct lt_meta meta = {
        .format = lt_pprof_input_format.name,
        .version_major = 1,
        .start_realtime_ns = r->start_ns,
        .interval_ns = interval_ns,
        .has_weight = r->time_column != NO_COLUMN,
        .no_counts = r->count_column == NO_COLUMN,
    };
    return r->handler->meta ? r->handler->meta(r->handler->ctx, &meta) : 0;
}

static int read_profile(struct pprof_reader *r)
{
    int err = find_parts(r);
    if (!err && r->n_strings == 0)
        err = LT_ERR_CORRUPT; /* they come last: it was cut off */
    if (!err)
        err = choose_columns(r);
    if (!err)
        err = deliver_meta(r);
    if (!err)
        err = read_samples(r);
    r->stats->complete = !err;
    r->stats->duration_ns = r->duration_ns;
    return err;
}

static int read_pprof(struct lt_input *in, const struct lt_profile_handler *handler,
                      const struct lt_read_options *options, struct lt_read_stats *stats)
{
    struct lt_read_stats unasked = {0};
    struct pprof_reader r = {
        .handler = handler, .stats = stats ? stats : &unasked, .file.cap = MAX_BYTES};
    int err = lt_definer_init(&r.definer, handler);
    if (!err)
        err = lt_intern_new(&r.functions.ids, 0, 0);
    if (!err)
        err = lt_intern_new(&r.locations.ids, 0, 0);
    if (!err)
        err = read_file(&r, in, options);
    if (!err)
        err = read_profile(&r);
    lt_intern_free(r.functions.ids);
    lt_intern_free(r.locations.ids);
    free(r.functions.at);
    free(r.locations.at);
    free(r.strings);
    free(r.path);
    lt_buf_release(&r.file);
    lt_definer_release(&r.definer);
    return err;
}

/* There is no signature: a column first, then fields that the message has, as far as can be seen. */
static bool probe(const uint8_t *head, size_t len)
{
    struct lt_cursor c = lt_cursor_over(head, len);
    struct lt_protobuf_field f;
    struct column column;
    if (!lt_protobuf_next(&c, &f) || f.number != PROFILE_SAMPLE_TYPE || !f.is_bytes ||
        f.bytes.len == 0 || !parse_column(f.bytes, &column))
        return false;
    while (lt_protobuf_next(&c, &f)) {
        bool numeric = (f.number > PROFILE_STRING_TABLE && f.number < PROFILE_PERIOD_TYPE) ||
                       f.number == PROFILE_PERIOD || f.number > PROFILE_COMMENT;
        if (f.number > PROFILE_DEFAULT_SAMPLE_TYPE + 1 || (numeric && f.is_bytes))
            return false;
    }
    return !c.bad || len == LT_PROBE_BYTES;
}

const struct lt_input_format lt_pprof_input_format = {
    .name = "pprof",
    .extension = "pb.gz",
    .description = "profiles of pprof, of Go, live-trace and others",
    .probe = probe,
    .read = read_pprof,
};
