/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking the chain of frames. Every step is bounded by what was copied, never by a size that
 * the target claims. */
#include "config.h"

#include "collector/py_stack.h"

#include <stdlib.h>
#include <string.h>

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
    size_t chunk;      /* the chunk of the last frame: callers lie there or further down */
    lt_addr inner_end; /* where the frame inside of the next one in the current chunk begins */
    lt_addr
        stable_end; /* the current chunk is what it was up to here; 0: not even the others are */
    size_t stable_loose; /* of the expected loose frames, so many outer ones are what they were */
    size_t next_loose;   /* the loose frame that is expected next */
    bool met_expected;   /* the last loose frame met was one of those expected */
    size_t n_met, n_met_loose;
    size_t match; /* known frames from here on outwards have not been compared with one met */
};

void lt_py_stack_forget(struct lt_py_stack *s)
{
    s->cframe = 0;
    s->n_chunks = 0;
    s->n_loose = 0;
    s->n_valid = 0;
}

void lt_py_stack_release(struct lt_py_stack *s)
{
    for (size_t i = 0; i < s->chunks_made; i++)
        lt_buf_release(&s->chunks[i].kept);
    free(s->chunks);
    free(s->loose);
    free(s->frames);
    free(s->met);
    free(s->met_loose);
    memset(s, 0, sizeof(*s));
}

static int want_loose(struct lt_py_stack *s, const struct lt_py_offsets *o,
                      struct lt_copies *copies, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        int err = lt_copies_want(copies, s->loose[i].addr, o->frame.size, &s->loose[i].copy);
        if (err)
            return err;
    }
    return 0;
}

int lt_py_stack_want(struct lt_py_stack *s, const struct lt_py_offsets *o, struct lt_copies *copies)
{
    /* The innermost frame of C lies beside the cframe, on the one or on the other side of it. */
    size_t first = s->cframe && s->n_loose && s->loose[0].addr < s->cframe;
    int err = lt_copies_want(copies, s->tstate, o->tstate.size, &s->tstate_copy);
    for (size_t i = 0; !err && i < s->n_chunks; i++)
        err = lt_copies_want(copies, s->chunks[i].addr, s->chunks[i].len, &s->chunks[i].copy);
    if (!err)
        err = want_loose(s, o, copies, 0, first);
    if (!err && s->cframe)
        err = lt_copies_want(copies, s->cframe + o->cframe.frame, 8, &s->cframe_copy);
    return err ? err : want_loose(s, o, copies, first, s->n_loose);
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

static int make_chunk(struct lt_py_stack *s, size_t i)
{
    if (lt_array_grow(&s->chunks, &s->chunks_alloc, i + 1, sizeof(s->chunks[0]),
                      LT_STACK_MAX_CHUNKS))
        return LT_ERR_LIMIT;
    for (; s->chunks_made < s->chunks_alloc; s->chunks_made++)
        s->chunks[s->chunks_made] = (struct lt_py_chunk){0};
    return 0;
}

/* Makes chunk i a copy of at least `need` bytes at addr. */
static int cover_chunk(struct walk *w, size_t i, lt_addr addr, size_t need)
{
    struct lt_py_stack *s = w->s;
    if (i < s->n_chunks && s->chunks[i].addr == addr && s->chunks[i].len >= need)
        return 0;
    int err = make_chunk(s, i);
    if (err)
        return err;
    s->n_chunks = i; /* what was predicted from here on is void */
    err = fetch(w, addr, need, &s->chunks[i].copy);
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
    const struct lt_py_chunk *expected = &w->s->chunks[i];
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

/* Bytes of chunk i that are in use: an older one was copied up to there. */
static size_t used_of_chunk(const struct lt_py_stack *s, const struct lt_py_offsets *o,
                            const struct lt_copies *copies, size_t i)
{
    if (i > 0)
        return s->chunks[i].len;
    lt_addr top = lt_peek_u64(lt_copies_at(copies, s->tstate_copy), o->tstate.datastack_top);
    return (size_t)(top - s->chunks[0].addr);
}

/* How many of the first len bytes of a chunk, behind its header, are what they were. */
static size_t same_bytes(const struct walk *w, const struct lt_py_chunk *chunk, size_t len)
{
    enum { BLOCK = 64 };
    const uint8_t *now = lt_copies_at(w->copies, chunk->copy);
    const uint8_t *kept = chunk->kept.data;
    size_t i = w->o->chunk.data;
    if (chunk->kept_addr != chunk->addr)
        return 0;
    if (len > chunk->kept.len)
        len = chunk->kept.len;
    while (i + BLOCK <= len && memcmp(now + i, kept + i, BLOCK) == 0)
        i += BLOCK;
    while (i + 8 <= len && lt_peek_u64(now, i) == lt_peek_u64(kept, i))
        i += 8;
    return i;
}

static void find_stable_chunks(struct walk *w)
{
    const struct lt_py_stack *s = w->s;
    if (s->n_chunks != s->n_kept_chunks)
        return;
    w->stable_end = 1; /* none at all are what they were */
    if (s->n_chunks == 0)
        return;
    w->stable_end = 0;
    size_t used = used_of_chunk(s, w->o, w->copies, 0);
    w->inner_end = s->chunks[0].addr + used;
    for (size_t i = 1; i < s->n_chunks; i++) {
        size_t len = s->chunks[i].len;
        if (s->chunks[i].kept.len != len || same_bytes(w, &s->chunks[i], len) != len)
            return;
    }
    w->stable_end = s->chunks[0].addr + same_bytes(w, &s->chunks[0], used);
}

static bool same_loose(const struct walk *w, const struct lt_py_loose *loose)
{
    return loose->has_kept &&
           memcmp(loose->kept, lt_copies_at(w->copies, loose->copy), w->o->frame.size) == 0;
}

static void find_stable_loose(struct walk *w)
{
    const struct lt_py_stack *s = w->s;
    size_t i = s->n_loose;
    while (i > 0 && same_loose(w, &s->loose[i - 1]))
        i--;
    w->stable_loose = s->n_loose - i;
}

/* The frame's bytes, if it lies in a chunk, in this one or in an older one. */
static const uint8_t *in_chunks(struct walk *w, lt_addr frame)
{
    const struct lt_py_stack *s = w->s;
    for (size_t i = w->chunk; i < s->n_chunks; i++) {
        const struct lt_py_chunk *chunk = &s->chunks[i];
        /* Written so that no sum can wrap around. */
        if (frame < chunk->addr || frame - chunk->addr > chunk->len ||
            chunk->len - (frame - chunk->addr) < w->o->frame.size)
            continue;
        w->chunk = i;
        return lt_copies_at(w->copies, chunk->copy) + (frame - chunk->addr);
    }
    return NULL;
}

/* A frame outside of the chunks: among those expected, or fetched now and expected from then on. */
static int loose_frame(struct walk *w, lt_addr frame, const uint8_t **bytes)
{
    struct lt_py_stack *s = w->s;
    if (lt_array_grow(&s->met_loose, &s->met_loose_alloc, w->n_met_loose + 1,
                      sizeof(s->met_loose[0]), 2 * LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    struct lt_py_loose *met = &s->met_loose[w->n_met_loose];
    /* Callers come in the order that they had; some between them may be new or gone. */
    size_t known = w->next_loose;
    while (known < s->n_loose && s->loose[known].addr != frame)
        known++;
    w->met_expected = known < s->n_loose;
    if (w->met_expected) {
        *met = s->loose[known];
        w->next_loose = known + 1;
    } else {
        met->addr = frame;
        met->has_kept = false;
        int err = fetch(w, frame, w->o->frame.size, &met->copy);
        if (err)
            return err;
    }
    w->n_met_loose++;
    *bytes = lt_copies_at(w->copies, met->copy);
    return 0;
}

/* Are the bytes of this frame, and of those outside of it in the chunks, what they were? Frames of the
 * current chunk lie one behind the other: one ends where the one that it called begins. */
static bool same_frame(const struct walk *w, bool loose)
{
    if (w->stable_end == 0)
        return false;
    if (loose && !(w->met_expected && w->next_loose + w->stable_loose > w->s->n_loose))
        return false;
    return w->chunk > 0 || w->inner_end <= w->stable_end;
}

/* The known frame, counted from the outermost, that stands for these same bytes, if its callers are
 * the same as well; else n_valid. */
static size_t known_frame(struct walk *w, lt_addr addr)
{
    const struct lt_py_stack *s = w->s;
    size_t i = w->match;
    while (i > 0 && s->frames[i - 1].addr != addr)
        i--;
    if (i == 0)
        return s->n_valid;
    w->match = i - 1;
    return w->stable_loose >= s->frames[i - 1].outer_loose ? i - 1 : s->n_valid;
}

static unsigned owner_of(const struct lt_py_offsets *o, const uint8_t *bytes)
{
    return o->frame.owner == LT_NO_FIELD ? 0 : bytes[o->frame.owner];
}

int lt_py_frame_decode(const struct lt_py_offsets *o, lt_addr addr, const uint8_t *bytes,
                       struct lt_py_frame *frame)
{
    lt_addr code = lt_peek_u64(bytes, o->frame.code);
    if (o->tagged_refs)
        code &= ~(uint64_t)REF_TAG_BITS;
    if (!code || code % ALIGNMENT != 0)
        return LT_ERR_CORRUPT;
    *frame = (struct lt_py_frame){
        .addr = addr,
        .code = code,
        .instr = o->instr_kind == LT_INSTR_POINTER ? lt_peek_u64(bytes, o->frame.instr)
                                                   : lt_peek_u32(bytes, o->frame.instr),
        .generator = owner_of(o, bytes) == o->owner_generator,
    };
    return 0;
}

/* Appends what the bytes say to the frames met. *met: whether it is a Python frame. */
static int meet_frame(struct walk *w, lt_addr addr, const uint8_t *bytes, bool *met)
{
    struct lt_py_stack *s = w->s;
    struct lt_py_frame frame;
    unsigned owner = owner_of(w->o, bytes);
    *met = !(owner < 32 && (w->o->skip_owners >> owner & 1));
    if (!*met)
        return 0;
    int err = lt_py_frame_decode(w->o, addr, bytes, &frame);
    if (err)
        return err;
    if (lt_array_grow(&s->met, &s->met_alloc, w->n_met + 1, sizeof(s->met[0]), LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    /* Inner ones and itself, until the walk has ended. */
    frame.outer_loose = (uint32_t)w->n_met_loose;
    s->met[w->n_met++] = frame;
    return 0;
}

/* The next time, copy a little more of the current chunk: a few calls deeper is then still one
 * read. */
static void predict(struct walk *w)
{
    const struct lt_py_offsets *o = w->o;
    struct lt_py_stack *s = w->s;
    if (s->n_chunks == 0)
        return;
    struct lt_py_chunk *current = &s->chunks[0];
    const uint8_t *chunk = lt_copies_at(w->copies, current->copy);
    uint64_t size = lt_peek_u64(chunk, o->chunk.size);
    size_t used = used_of_chunk(s, o, w->copies, 0);
    current->len = used + CHUNK_SLACK < size ? used + CHUNK_SLACK : (size_t)size;
    if (current->len < used)
        current->len = used;
}

/* Walks inwards to outwards until the chain ends or joins known frames. *n_same of those remain. */
static int walk_chain(struct walk *w, lt_addr frame, size_t *n_same)
{
    /* Frames of C are not counted as frames, but they bound the walk as well. A chain that comes
     * back to the frame it had at the last power of two (Brent) would never end. */
    lt_addr mark = 0;
    *n_same = 0;
    for (size_t steps = 0; frame; steps++) {
        if (steps >= 2 * LT_STACK_MAX_FRAMES)
            return LT_ERR_LIMIT;
        if (frame == mark || frame % ALIGNMENT != 0)
            return LT_ERR_CORRUPT;
        if ((steps & (steps + 1)) == 0)
            mark = frame;
        const uint8_t *bytes = in_chunks(w, frame);
        bool loose = !bytes, met;
        int err = loose ? loose_frame(w, frame, &bytes) : 0;
        if (!err)
            err = meet_frame(w, frame, bytes, &met);
        if (err)
            return err;
        size_t known = met && same_frame(w, loose) ? known_frame(w, frame) : w->s->n_valid;
        if (known < w->s->n_valid) {
            *n_same = known + 1;
            return 0;
        }
        if (!loose && w->chunk == 0)
            w->inner_end = frame;
        frame = lt_peek_u64(bytes, w->o->frame.previous);
    }
    return 0;
}

/* The loose frames: those met, and the outer ones of the known frames that remain. */
static int join_loose(struct walk *w, size_t n_same)
{
    struct lt_py_stack *s = w->s;
    size_t n_outer = n_same ? s->frames[n_same - 1].outer_loose : 0;
    if (lt_array_grow(&s->met_loose, &s->met_loose_alloc, w->n_met_loose + n_outer,
                      sizeof(s->met_loose[0]), 2 * LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    if (n_outer)
        memcpy(s->met_loose + w->n_met_loose, s->loose + s->n_loose - n_outer,
               n_outer * sizeof(s->loose[0]));
    struct lt_py_loose *loose = s->loose;
    size_t alloc = s->loose_alloc;
    s->loose = s->met_loose;
    s->loose_alloc = s->met_loose_alloc;
    s->n_loose = w->n_met_loose + n_outer;
    s->met_loose = loose;
    s->met_loose_alloc = alloc;
    return 0;
}

/* The frames: the known ones that remain, then the others that were met. */
static int join_frames(struct walk *w, size_t n_same)
{
    struct lt_py_stack *s = w->s;
    size_t n_new =
        n_same ? w->n_met - 1 : w->n_met; /* the last one met is the first that remains */
    if (lt_array_grow(&s->frames, &s->frames_alloc, n_same + n_new, sizeof(s->frames[0]),
                      LT_STACK_MAX_FRAMES))
        return LT_ERR_LIMIT;
    for (size_t i = 0; i < n_new; i++) {
        struct lt_py_frame *frame = &s->frames[n_same + i];
        *frame = s->met[n_new - 1 - i];
        frame->outer_loose = (uint32_t)s->n_loose - frame->outer_loose;
    }
    s->n_frames = n_same + n_new;
    s->n_same = s->n_valid = n_same;
    return 0;
}

int lt_py_stack_walk(struct lt_py_stack *s, const struct lt_py_offsets *o, struct lt_copies *copies,
                     const struct lt_mem *mem, bool *fetched_more)
{
    struct walk w = {.s = s,
                     .o = o,
                     .copies = copies,
                     .mem = mem,
                     .fetched_more = fetched_more,
                     .match = s->n_valid};
    lt_addr frame;
    size_t n_same;
    int err = current_frame(&w, &frame);
    if (!err)
        err = cover_chunks(&w);
    if (err)
        return err;
    find_stable_chunks(&w);
    find_stable_loose(&w);
    err = walk_chain(&w, frame, &n_same);
    if (!err)
        err = join_loose(&w, n_same);
    if (!err)
        err = join_frames(&w, n_same);
    if (!err)
        predict(&w);
    return err;
}

static int keep_chunk(struct lt_py_stack *s, const struct lt_py_offsets *o,
                      const struct lt_copies *copies, size_t i)
{
    struct lt_py_chunk *chunk = &s->chunks[i];
    chunk->kept_addr = 0;
    lt_buf_clear(&chunk->kept);
    int err =
        lt_buf_put(&chunk->kept, lt_copies_at(copies, chunk->copy), used_of_chunk(s, o, copies, i));
    if (!err)
        chunk->kept_addr = chunk->addr;
    return err;
}

int lt_py_stack_keep(struct lt_py_stack *s, const struct lt_py_offsets *o,
                     const struct lt_copies *copies)
{
    for (size_t i = 0; i < s->n_chunks; i++) {
        int err = keep_chunk(s, o, copies, i);
        if (err)
            return err;
    }
    for (size_t i = 0; i < s->n_loose; i++) {
        memcpy(s->loose[i].kept, lt_copies_at(copies, s->loose[i].copy), o->frame.size);
        s->loose[i].has_kept = true;
    }
    s->n_kept_chunks = s->n_chunks;
    s->n_valid = s->n_frames;
    return 0;
}
