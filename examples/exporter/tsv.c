/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole exporter plug-in: a table of functions (or lines, files, ...) for spreadsheets, with
 * the stack samples and seconds that each was innermost in (self) and part of (total).
 *
 *     make
 *     live-trace export --plugin ./tsv.so -f tsv -o profile.tsv
 *
 * It needs nothing but the installed header. Option: separator=; (any one character, a tab if left out). */
#include <live_trace_exporter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const struct live_trace_frame *frame; /* lives until close */
    uint64_t self, total, last_stack;
    int64_t self_ns, total_ns;
};

struct tsv {
    const struct live_trace_host *host;
    char separator;
    struct row *rows; /* by frame id: these are dense */
    size_t n, alloc;
    uint64_t stacks; /* seen so far */
};

static int tsv_open(const struct live_trace_host *host, void **state)
{
    struct tsv *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return -1;
    }
    c->host = host;
    c->separator = '\t';
    for (uint32_t i = 0; i < host->n_options; i++) {
        const char *value = host->options[i].value;
        if (strlen(value) != 1) {
            host->fail(host->ctx, "separator is one character: use separator=; or another");
            free(c);
            return -1;
        }
        c->separator = value[0];
    }
    *state = c;
    return 0;
}

/* The row of a frame, or NULL without memory. */
static struct row *row_for(struct tsv *c, const struct live_trace_frame *frame)
{
    if (frame->id >= c->alloc) {
        size_t alloc = 2 * (size_t)frame->id + 64;
        struct row *rows = realloc(c->rows, alloc * sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        memset(rows + c->alloc, 0, (alloc - c->alloc) * sizeof *rows);
        c->rows = rows;
        c->alloc = alloc;
    }
    if (frame->id >= c->n) {
        c->n = (size_t)frame->id + 1;
    }
    c->rows[frame->id].frame = frame;
    return &c->rows[frame->id];
}

static int tsv_stack(void *state, const struct live_trace_stack *stack)
{
    struct tsv *c = state;
    struct row *row = NULL;

    c->stacks++;
    for (uint32_t i = 0; i < stack->depth; i++) {
        row = row_for(c, stack->frames[i]);
        if (row == NULL) {
            return -1;
        }
        if (row->last_stack != c->stacks) { /* a recursive function counts once */
            row->last_stack = c->stacks;
            row->total += stack->count;
            row->total_ns += stack->weight_ns;
        }
    }
    row->self += stack->count;
    row->self_ns += stack->weight_ns;
    return 0;
}

static int put(struct tsv *c, const char *text, size_t len)
{
    return c->host->write(c->host->ctx, text, len);
}

/* In quotes, quotes doubled. What a spreadsheet would take for a formula begins with a blank. */
static int put_quoted(struct tsv *c, const char *text)
{
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    const char *start = formula ? "\" " : "\"";
    int error = put(c, start, strlen(start));

    while (error == 0 && *text != '\0') {
        size_t n = strcspn(text, "\"");
        error = put(c, text, n);
        text += n;
        if (error == 0 && *text == '"') {
            error = put(c, "\"\"", 2);
            text++;
        }
    }
    return error != 0 ? error : put(c, "\"", 1);
}

static int put_row(struct tsv *c, const struct row *row)
{
    char figures[160];
    char s = c->separator;
    int len = snprintf(figures, sizeof figures, "%llu%c%llu%c%.6f%c%.6f%c%lu%c",
                       (unsigned long long)row->self, s, (unsigned long long)row->total, s,
                       (double)row->self_ns / 1e9, s, (double)row->total_ns / 1e9, s,
                       (unsigned long)row->frame->line, s);
    int error = put(c, figures, (size_t)len);

    if (error == 0) {
        error = put_quoted(c, row->frame->name);
    }
    if (error == 0) {
        error = put(c, &s, 1);
    }
    if (error == 0) {
        error = put_quoted(c, row->frame->file);
    }
    return error != 0 ? error : put(c, "\r\n", 2);
}

static int put_head(struct tsv *c)
{
    char head[] = "self,total,self_seconds,total_seconds,line,name,file\r\n";

    for (char *p = head; *p != '\0'; p++) {
        if (*p == ',') {
            *p = c->separator;
        }
    }
    return put(c, head, strlen(head));
}

static int compare(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    if (a->self != b->self) {
        return a->self < b->self ? 1 : -1;
    }
    if (a->total != b->total) {
        return a->total < b->total ? 1 : -1;
    }
    return (a->frame->id > b->frame->id) - (a->frame->id < b->frame->id);
}

static int tsv_close(void *state, int failed)
{
    struct tsv *c = state;
    int error = failed ? 0 : put_head(c);

    if (!failed && c->n > 0) {
        qsort(c->rows, c->n, sizeof *c->rows, compare);
    }
    for (size_t i = 0; !failed && error == 0 && i < c->n; i++) {
        error = put_row(c, &c->rows[i]);
    }
    free(c->rows);
    free(c);
    return error;
}

static const struct live_trace_option_info options[] = {
    {"separator", "CHARACTER", "what stands between columns (,)"},
    {0},
};

const struct live_trace_exporter live_trace_exporter = {
    .abi_version = LIVE_TRACE_EXPORTER_ABI,
    .struct_size = sizeof(struct live_trace_exporter),
    .name = "tsv",
    .description = "table of functions with their own and total time",
    .extension = "tsv",
    .read_by = "LibreOffice, Excel, pandas",
    .open = tsv_open,
    .stack = tsv_stack,
    .close = tsv_close,
    .options = options,
};
