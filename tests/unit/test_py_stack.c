/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks in a made-up memory, laid out as each version does: whole ones, such as have changed since
 * they were last read, and such as no interpreter makes. */
#include "config.h"

#include "collector/py_stack.h"

#include <stddef.h>

#include "formats/lt_error.h"
#include "tests/support/memory_image.h"
#include "tests/support/unit_main.h"

enum { OLDEST = 8, NEWEST = 15, MAX_DEPTH = 16, CHUNK = 4096, TSTATE = 1024, DANGLING = 0x7777000 };

static struct lt_memory_image image;

/* A thread and its frames, outermost first. */
struct made {
    lt_addr tstate, cframe, chunk, top;
    lt_addr frames[MAX_DEPTH], codes[MAX_DEPTH];
    size_t n;
};

struct reading {
    struct lt_py_stack stack;
    struct lt_copies copies;
    bool fetched_more;
};

static bool has(uint32_t field)
{
    return field != LT_NO_FIELD;
}

/* Which frame is the innermost one. */
static void set_current(const struct made *m, lt_addr frame)
{
    const struct lt_py_offsets *o = &image.offsets;
    if (has(o->tstate.cframe))
        lt_image_put_u64(&image, m->cframe + o->cframe.frame, frame);
    else
        lt_image_put_u64(&image, m->tstate + o->tstate.frame, frame);
    if (has(o->tstate.datastack_top))
        lt_image_put_u64(&image, m->tstate + o->tstate.datastack_top, m->top);
}

static void make_thread(struct made *m, unsigned minor)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_image_init(&image, minor);
    *m = (struct made){.tstate = lt_image_add(&image, TSTATE)};
    if (has(o->tstate.cframe)) {
        m->cframe = lt_image_add(&image, 64);
        lt_image_put_u64(&image, m->tstate + o->tstate.cframe, m->cframe);
    }
    if (has(o->tstate.datastack_chunk)) {
        m->chunk = lt_image_add(&image, CHUNK);
        m->top = m->chunk + o->chunk.data;
        lt_image_put_u64(&image, m->tstate + o->tstate.datastack_chunk, m->chunk);
        lt_image_put_u64(&image, m->chunk + o->chunk.size, CHUNK);
    }
    set_current(m, 0);
}

/* Calls a function: its frame lies in the chunk where there is one, in an object of its own if it is a
 * generator's. */
static void call(struct made *m, bool generator)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr frame, code = lt_image_add(&image, 64);
    size_t size = (o->frame.localsplus + 15) / 8 * 8;
    uint8_t owner = generator ? (uint8_t)o->owner_generator : 0;
    if (m->chunk && !generator) {
        frame = m->top;
        m->top += size;
    } else {
        frame = lt_image_add(&image, size);
    }
    lt_image_put_u64(&image, frame + o->frame.code, o->tagged_refs ? code | 1 : code);
    lt_image_put_u64(&image, frame + o->frame.previous, m->n ? m->frames[m->n - 1] : 0);
    lt_image_put_u64(&image, frame + o->frame.instr, 10 + m->n);
    if (has(o->frame.owner))
        lt_image_put(&image, frame + o->frame.owner, &owner, 1);
    m->frames[m->n] = frame;
    m->codes[m->n++] = code;
    set_current(m, frame);
}

static void return_from(struct made *m)
{
    m->n--;
    if (m->frames[m->n] >= m->chunk && m->frames[m->n] < m->chunk + CHUNK)
        m->top = m->frames[m->n];
    set_current(m, m->n ? m->frames[m->n - 1] : 0);
}

static int read_stack(struct reading *r, const struct made *m)
{
    r->stack.tstate = m->tstate;
    r->fetched_more = false;
    lt_copies_clear(&r->copies);
    int err = lt_py_stack_want(&r->stack, &image.offsets, &r->copies);
    if (!err)
        err = lt_copies_fetch(&r->copies, &image.mem);
    return err ? err
               : lt_py_stack_walk(&r->stack, &image.offsets, &r->copies, &image.mem,
                                  &r->fetched_more);
}

static void keep(struct reading *r)
{
    CU_ASSERT_EQUAL(lt_py_stack_keep(&r->stack, &image.offsets, &r->copies), 0);
}

static void release(struct reading *r)
{
    lt_py_stack_release(&r->stack);
    lt_copies_release(&r->copies);
}

static void expect(struct reading *r, const struct made *m)
{
    CU_ASSERT_EQUAL_FATAL(read_stack(r, m), 0);
    CU_ASSERT_EQUAL_FATAL(r->stack.n_frames, m->n);
    for (size_t i = 0; i < m->n; i++) {
        CU_ASSERT_EQUAL(r->stack.frames[i].addr, m->frames[i]);
        CU_ASSERT_EQUAL(r->stack.frames[i].code, m->codes[i]);
        CU_ASSERT_EQUAL(r->stack.frames[i].instr, 10 + i);
    }
}

static void all_frames_in_order(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        struct made m;
        struct reading r = {0};
        make_thread(&m, minor);
        expect(&r, &m); /* none */
        for (int i = 0; i < 6; i++)
            call(&m, i == 2 || i == 4);
        expect(&r, &m);
        CU_ASSERT_TRUE(r.fetched_more);
        CU_ASSERT_EQUAL(r.stack.frames[2].generator, has(image.offsets.owner_generator));
        CU_ASSERT_FALSE(r.stack.frames[3].generator);
        release(&r);
    }
}

/* The next reading finds all of it where it was, in one fetch, and says what has not changed. */
static void what_stays_is_known(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        struct made m;
        struct reading r = {0};
        make_thread(&m, minor);
        for (int i = 0; i < 8; i++)
            call(&m, i == 3);
        expect(&r, &m);
        keep(&r);
        expect(&r, &m);
        CU_ASSERT_FALSE(r.fetched_more);
        CU_ASSERT_EQUAL(r.stack.n_same, 8);
        keep(&r);

        return_from(&m);
        return_from(&m);
        call(&m, false);
        expect(&r, &m);
        CU_ASSERT_TRUE(r.stack.n_same <= 6 && r.stack.n_same >= 5);
        keep(&r);

        lt_image_put_u64(&image, m.frames[0] + image.offsets.frame.instr, 99); /* all is in doubt */
        CU_ASSERT_EQUAL(read_stack(&r, &m), 0);
        CU_ASSERT_EQUAL(r.stack.n_same, 0);
        CU_ASSERT_EQUAL(r.stack.frames[0].instr, 99);
        release(&r);
    }
}

/* A generator's frame is another one at each turn, in the middle of frames that stay. */
static void another_generator_at_each_turn(void)
{
    for (unsigned minor = 11; minor <= NEWEST; minor++) {
        struct made m;
        struct reading r = {0};
        make_thread(&m, minor);
        call(&m, false);
        for (int turn = 0; turn < 5; turn++) {
            call(&m, true);
            call(&m, false);
            expect(&r, &m);
            keep(&r);
            return_from(&m);
            return_from(&m);
            expect(&r, &m);
            keep(&r);
        }
        release(&r);
    }
}

static void frames_of_c_are_passed_over(void)
{
    for (unsigned minor = 12; minor <= NEWEST; minor++) {
        struct made m;
        struct reading r = {0};
        uint8_t owner = 0;
        make_thread(&m, minor);
        while (!(image.offsets.skip_owners >> owner & 1))
            owner++;
        for (int i = 0; i < 3; i++)
            call(&m, false);
        lt_image_put(&image, m.frames[1] + image.offsets.frame.owner, &owner, 1);
        lt_image_put_u64(&image, m.frames[1] + image.offsets.frame.code, 0);
        CU_ASSERT_EQUAL_FATAL(read_stack(&r, &m), 0);
        CU_ASSERT_EQUAL_FATAL(r.stack.n_frames, 2);
        CU_ASSERT_EQUAL(r.stack.frames[0].addr, m.frames[0]);
        CU_ASSERT_EQUAL(r.stack.frames[1].addr, m.frames[2]);
        release(&r);
    }
}

static void nonsense_is_refused(void)
{
    static const struct {
        size_t field; /* of struct lt_py_offsets */
        uint64_t value;
        int error;
    } spoilt[] = {
        {offsetof(struct lt_py_offsets, frame.code), 0, LT_ERR_CORRUPT},
        {offsetof(struct lt_py_offsets, frame.previous), DANGLING, LT_ERR_FAULT},
        {offsetof(struct lt_py_offsets, frame.previous), 0x10001, LT_ERR_CORRUPT},
        {offsetof(struct lt_py_offsets, frame.previous), UINT64_MAX - 7, LT_ERR_FAULT},
    };
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
            struct made m;
            struct reading r = {0};
            uint32_t field;
            make_thread(&m, minor);
            for (int f = 0; f < 4; f++)
                call(&m, f == 2);
            memcpy(&field, (const char *)&image.offsets + spoilt[i].field, sizeof(field));
            lt_image_put_u64(&image, m.frames[1] + field, spoilt[i].value);
            CU_ASSERT_EQUAL(read_stack(&r, &m), spoilt[i].error);
            release(&r);
        }
    }
}

static void cycles_end(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        for (size_t to = 0; to < 6; to++) {
            struct made m;
            struct reading r = {0};
            make_thread(&m, minor);
            for (int f = 0; f < 6; f++)
                call(&m, f % 2 == 1);
            lt_image_put_u64(&image, m.frames[0] + image.offsets.frame.previous, m.frames[to]);
            int err = read_stack(&r, &m);
            CU_ASSERT_TRUE(err == LT_ERR_CORRUPT || err == LT_ERR_FAULT);
            CU_ASSERT_TRUE(image.reads < 100000);
            release(&r);
        }
    }
}

static void chunks_are_bounded(void)
{
    for (unsigned minor = 11; minor <= NEWEST; minor++) {
        struct made m;
        struct reading r = {0};
        make_thread(&m, minor);
        const struct lt_py_offsets *o = &image.offsets;
        call(&m, false);
        lt_image_put_u64(&image, m.tstate + o->tstate.datastack_top, m.chunk - 8);
        CU_ASSERT_EQUAL(read_stack(&r, &m), LT_ERR_CORRUPT);
        lt_image_put_u64(&image, m.tstate + o->tstate.datastack_top, m.chunk + (1u << 30));
        CU_ASSERT_EQUAL(read_stack(&r, &m), LT_ERR_CORRUPT);
        lt_image_put_u64(&image, m.tstate + o->tstate.datastack_top, m.top);
        lt_image_put_u64(&image, m.chunk + o->chunk.previous, m.chunk); /* a ring of chunks */
        CU_ASSERT_NOT_EQUAL(read_stack(&r, &m), 0);
        release(&r);
    }
}

/* Frames of callers lie in an older chunk, up to what its header says was in use. */
static void older_chunks(void)
{
    for (unsigned minor = 11; minor <= NEWEST; minor++) {
        struct made m;
        struct reading r = {0};
        make_thread(&m, minor);
        const struct lt_py_offsets *o = &image.offsets;
        call(&m, false);
        call(&m, false);
        lt_addr older = m.chunk;
        lt_image_put_u64(&image, older + o->chunk.top, (m.top - older - o->chunk.data) / 8);
        m.chunk = lt_image_add(&image, CHUNK);
        m.top = m.chunk + o->chunk.data;
        lt_image_put_u64(&image, m.chunk + o->chunk.previous, older);
        lt_image_put_u64(&image, m.chunk + o->chunk.size, CHUNK);
        lt_image_put_u64(&image, m.tstate + o->tstate.datastack_chunk, m.chunk);
        call(&m, false);
        expect(&r, &m);
        keep(&r);
        expect(&r, &m);
        CU_ASSERT_EQUAL(r.stack.n_same, 3);
        CU_ASSERT_FALSE(r.fetched_more);
        release(&r);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"all frames in order", all_frames_in_order},
        {"what stays is known", what_stays_is_known},
        {"another generator at each turn", another_generator_at_each_turn},
        {"frames of C are passed over", frames_of_c_are_passed_over},
        {"older chunks", older_chunks},
        {"nonsense is refused", nonsense_is_refused},
        {"cycles end", cycles_end},
        {"chunks are bounded", chunks_are_bounded},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("py_stack", tests);
}
