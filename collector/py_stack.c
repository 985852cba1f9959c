/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking the chain of frames. Every step is bounded by what was copied, never by a size that
 * the target claims. */
#include "config.h"

#include "collector/py_stack.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"

enum {
    CHUNK_SLACK = 2048, /* copied beyond the last known top: calls made since */
    CHUNK_MAX = 32 << 20,
    ALIGNMENT = 8,   /* of frames and objects */
    REF_TAG_BITS = 7 /* of a tagged _PyStackRef; objects are aligned to 8 at least */
};

struct walk {
    struct lt_py_stack *s;
    const struct lt_py_offsets *o;
    struct lt_copies *copies;
    const struct lt_mem *mem;
    bool *fetched_more;
    size_t chunk;       /* the chunk of the last frame: callers lie there or further down */
    size_t next_loose;  /* the loose frame that is expected next */
    lt_addr stable_end; /* the current chunk is what it was up to here */
    lt_addr inner_end;  /* where the frame inside of the next one begins, or the top */
};

void lt_py_stack_forget(struct lt_py_stack *s)
{
    s->cframe = 0;
    s->n_chunks = 0;
    s->n_loose = 0;
    s->kept_addr = 0;
}

void lt_py_stack_release(struct lt_py_stack *s)
{
    free(s->chunks);
    free(s->loose);
    free(s->frames);
    free(s->kept);
    memset(s, 0, sizeof(*s));
}

static int want_spans(struct lt_py_span *spans, size_t n, struct lt_copies *copies)
{
    for (size_t i = 0; i < n; i++) {
        int err = lt_copies_want(copies, spans[i].addr, spans[i].len, &spans[i].copy);
        if (err)
            return err;
    }
    return 0;
}

int lt_py_stack_want(struct lt_py_stack *s, const struct lt_py_offsets *o, struct lt_copies *copies)
{
    int err = lt_copies_want(copies, s->tstate, o->tstate.size, &s->tstate_copy);
    if (!err && s->cframe)
        err = lt_copies_want(copies, s->cframe + o->cframe.frame, 8, &s->cframe_copy);
    if (!err)
        err = want_spans(s->chunks, s->n_chunks, copies);
    if (!err)
        err = want_spans(s->loose, s->n_loose, copies);
    return err;
}

static uint64_t tstate_word(const struct walk *w, uint32_t field)
{
    return lt_peek_u64(lt_copies_at(w->copies, w->s->tstate_copy), field);
}

static int fetch(struct walk *w, lt_addr addr, size_t len, size_t *copy)
{
    *w->fetched_more = true;
    return lt_copies_get(w->copies, w->mem, addr, len, copy);
}

/* The innermost frame's address. */
static int current_frame(struct walk *w, lt_addr *frame)
{
    const struct lt_py_offsets *o = w->o;
    if (o->tstate.cframe == LT_NO_FIELD) {
        *frame = tstate_word(w, o->tstate.frame);
        return 0;
    }
    lt_addr cframe = tstate_word(w, o->tstate.cframe);
    if (cframe != w->s->cframe) {
        if (!cframe)
            return LT_ERR_CORRUPT;
        int err = fetch(w, cframe + o->cframe.frame, 8, &w->s->cframe_copy);
        if (err)
            return err;
        w->s->cframe = cframe;
    }
    *frame = lt_peek_u64(lt_copies_at(w->copies, w->s->cframe_copy), 0);
    return 0;
}

/* Makes span i a copy of at least `need` bytes at addr. */
static int cover_chunk(struct walk *w, size_t i, lt_addr addr, size_t need)
{
    struct lt_py_stack *s = w->s;
    if (i < s->n_chunks && s->chunks[i].addr == addr && s->chunks[i].len >= need)
        return 0;
    if (lt_array_grow(&s->chunks, &s->chunks_alloc, i + 1, sizeof(s->chunks[0]),
                      LT_STACK_MAX_CHUNKS))
        return LT_ERR_LIMIT;
    s->n_chunks = i; /* what was predicted from here on is void */
    int err = fetch(w, addr, need, &s->chunks[i].copy);
    if (err)
        return err;
    s->chunks[i].addr = addr;
    s->chunks[i].len = need;
    s->n_chunks = i + 1;
    return 0;
}

/* How much of an older chunk is in use, by its header: from the copy where it was expected. */
static int older_chunk_need(struct walk *w, size_t i, lt_addr addr, size_t *need)
{
    const struct lt_py_offsets *o = w->o;
    const struct lt_py_span *expected = &w->s->chunks[i];
    size_t header;
    if (i < w->s->n_chunks && expected->addr == addr && expected->len >= o->chunk.data) {
        header = expected->copy;
    } else {
        int err = fetch(w, addr, o->chunk.data, &header);
        if (err)
            return err;
    }
    uint64_t words = lt_peek_u64(lt_copies_at(w->copies, header), o->chunk.top);
    if (words > CHUNK_MAX / 8)
        return LT_ERR_CORRUPT;
    *need = o->chunk.data + (size_t)words * 8;
    return 0;
}

/* Copies what is not there yet of the thread's chunks: of the current one up to its top, of each
 * older one as much as its header says was in use when it was left. */
static int cover_chunks(struct walk *w)
{
    const struct lt_py_offsets *o = w->o;
    struct lt_py_stack *s = w->s;
    if (o->tstate.datastack_chunk == LT_NO_FIELD)
        return 0;
    lt_addr chunk = tstate_word(w, o->tstate.datastack_chunk);
    lt_addr top = tstate_word(w, o->tstate.datastack_top);
    size_t n = 0;
    if (chunk && (top < chunk + o->chunk.data || top - chunk > CHUNK_MAX))
        return LT_ERR_CORRUPT;
    size_t need = (size_t)(top - chunk);
    while (chunk) {
        int err = cover_chunk(w, n, chunk, need);
        if (err)
            return err;
        lt_addr previous =
            lt_peek_u64(lt_copies_at(w->copies, s->chunks[n].copy), o->chunk.previous);
        n++;
        if (!previous)
            break;
        if (n >= LT_STACK_MAX_CHUNKS)
            return LT_ERR_LIMIT;
        err = older_chunk_need(w, n, previous, &need);
        if (err)
            return err;
        chunk = previous;
    }
    s->n_chunks = n;
    return 0;
}

static const uint8_t *in_span(const struct walk *w, const struct lt_py_span *span, lt_addr frame)
{
    /* Written so that no sum can wrap around. */
    if (frame < span->addr || frame - span->addr > span->len ||
        span->len - (frame - span->addr) < w->o->frame.size)
        return NULL;
    return lt_copies_at(w->copies, span->copy) + (frame - span->addr);
}

/* A frame outside of the chunks: among those expected, or fetched now and expected from then on. */
static int loose_frame(struct walk *w, lt_addr frame, const uint8_t **bytes)
{
    struct lt_py_stack *s = w->s;
    size_t i = w->next_loose++;
    if (i < s->n_loose && s->loose[i].addr == frame) {
        *bytes = lt_copies_at(w->copies, s->loose[i].copy);
        return 0;
    }
    if (lt_array_grow(&s->loose, &s->loose_alloc, i + 1, sizeof(s->loose[0]), LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    struct lt_py_span span = {.addr = frame, .len = w->o->frame.size};
    /* It may be there, at another depth: the same generators under more or fewer callers. */
    size_t known = i;
    while (known < s->n_loose && s->loose[known].addr != frame)
        known++;
    if (known < s->n_loose) {
        span.copy = s->loose[known].copy;
    } else {
        int err = fetch(w, frame, span.len, &span.copy);
        if (err)
            return err;
    }
    if (i < s->n_loose)
        s->loose[known < s->n_loose ? known : i] = s->loose[i];
    s->loose[i] = span;
    if (i >= s->n_loose)
        s->n_loose = i + 1;
    *bytes = lt_copies_at(w->copies, span.copy);
    return 0;
}

static int find_frame(struct walk *w, lt_addr frame, const uint8_t **bytes)
{
    for (size_t i = w->chunk; i < w->s->n_chunks; i++) {
        *bytes = in_span(w, &w->s->chunks[i], frame);
        if (*bytes) {
            w->chunk = i;
            return 0;
        }
    }
    return loose_frame(w, frame, bytes);
}

/* Bytes of the current chunk that are in use. */
static size_t used_of_chunk(const struct walk *w)
{
    return (size_t)(tstate_word(w, w->o->tstate.datastack_top) - w->s->chunks[0].addr);
}

/* How far the current chunk is what it was, behind its header. */
static void find_stable(struct walk *w)
{
    const struct lt_py_stack *s = w->s;
    if (s->n_chunks == 0)
        return;
    w->inner_end = s->chunks[0].addr + used_of_chunk(w);
    if (s->kept_addr != s->chunks[0].addr)
        return;
    const uint8_t *now = lt_copies_at(w->copies, s->chunks[0].copy);
    size_t len = used_of_chunk(w) < s->kept_len ? used_of_chunk(w) : s->kept_len;
    size_t i = w->o->chunk.data;
    while (i + 8 <= len && lt_peek_u64(now, i) == lt_peek_u64(s->kept, i))
        i += 8;
    w->stable_end = s->kept_addr + i;
}

/* Frames of the current chunk lie one behind the other: one ends where the one that it called
 * begins. */
static bool is_stable(struct walk *w, lt_addr frame)
{
    const struct lt_py_stack *s = w->s;
    if (s->n_chunks == 0 || frame < s->chunks[0].addr || frame >= w->inner_end)
        return false;
    bool stable = w->inner_end <= w->stable_end;
    w->inner_end = frame;
    return stable;
}

int lt_py_stack_keep(struct lt_py_stack *s, const struct lt_py_offsets *o,
                     const struct lt_copies *copies)
{
    s->kept_addr = 0;
    if (s->n_chunks == 0)
        return 0;
    lt_addr top = lt_peek_u64(lt_copies_at(copies, s->tstate_copy), o->tstate.datastack_top);
    size_t len = (size_t)(top - s->chunks[0].addr);
    if (lt_array_grow(&s->kept, &s->kept_alloc, len, 1, CHUNK_MAX))
        return LT_ERR_NOMEM;
    memcpy(s->kept, lt_copies_at(copies, s->chunks[0].copy), len);
    s->kept_len = len;
    s->kept_addr = s->chunks[0].addr;
    return 0;
}

static int add_frame(struct walk *w, lt_addr addr, const uint8_t *bytes)
{
    bool stable = is_stable(w, addr);
    const struct lt_py_offsets *o = w->o;
    struct lt_py_stack *s = w->s;
    unsigned owner = o->frame.owner == LT_NO_FIELD ? 0 : bytes[o->frame.owner];
    if (owner < 32 && (o->skip_owners >> owner & 1))
        return 0;
    lt_addr code = lt_peek_u64(bytes, o->frame.code);
    if (o->tagged_refs)
        code &= ~(uint64_t)REF_TAG_BITS;
    if (!code || code % ALIGNMENT != 0)
        return LT_ERR_CORRUPT;
    if (lt_array_grow(&s->frames, &s->frames_alloc, s->n_frames + 1, sizeof(s->frames[0]),
                      LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    struct lt_py_frame *frame = &s->frames[s->n_frames++];
    frame->code = code;
    frame->instr = o->instr_kind == LT_INSTR_POINTER ? lt_peek_u64(bytes, o->frame.instr)
                                                     : lt_peek_u32(bytes, o->frame.instr);
    frame->generator = owner == o->owner_generator;
    frame->stable = stable;
    return 0;
}

/* The next time, copy a little more of the current chunk: a few calls deeper is then still one
 * read. */
static void predict(struct walk *w)
{
    const struct lt_py_offsets *o = w->o;
    struct lt_py_stack *s = w->s;
    s->n_loose = w->next_loose < s->n_loose ? w->next_loose : s->n_loose;
    if (s->n_chunks == 0)
        return;
    struct lt_py_span *current = &s->chunks[0];
    const uint8_t *chunk = lt_copies_at(w->copies, current->copy);
    uint64_t size = lt_peek_u64(chunk, o->chunk.size);
    lt_addr top = tstate_word(w, o->tstate.datastack_top);
    uint64_t want = top - current->addr + CHUNK_SLACK;
    current->len = (size_t)(want < size ? want : size);
    if (current->len < top - current->addr)
        current->len = (size_t)(top - current->addr);
}

int lt_py_stack_walk(struct lt_py_stack *s, const struct lt_py_offsets *o, struct lt_copies *copies,
                     const struct lt_mem *mem, bool *fetched_more)
{
    struct walk w = {.s = s, .o = o, .copies = copies, .mem = mem, .fetched_more = fetched_more};
    lt_addr frame;

    s->n_frames = 0;
    int err = current_frame(&w, &frame);
    if (!err)
        err = cover_chunks(&w);
    if (!err)
        find_stable(&w);
    /* Shim frames are not counted as frames, but they bound the walk as well. A chain that comes
     * back to the frame it had at the last power of two (Brent) would never end. */
    lt_addr mark = 0;
    for (size_t steps = 0; !err && frame; steps++) {
        const uint8_t *bytes;
        if (steps >= 2 * LT_STACK_MAX_FRAMES)
            return LT_ERR_LIMIT;
        if (frame == mark || frame % ALIGNMENT != 0)
            return LT_ERR_CORRUPT;
        if ((steps & (steps + 1)) == 0)
            mark = frame;
        err = find_frame(&w, frame, &bytes);
        if (err)
            break;
        err = add_frame(&w, frame, bytes);
        frame = lt_peek_u64(bytes, o->frame.previous);
    }
    if (err)
        return err;
    predict(&w);
    return 0;
}
