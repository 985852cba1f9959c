/* SPDX-License-Identifier: Apache-2.0
 *
 * Interpreters and threads in a made-up memory of each version: such as come, go and take each other's
 * place, and lists that never end. */
#include "config.h"

#include "collector/py_thread_list.h"

#include <unistd.h>

#include "formats/lt_error.h"
#include "tests/support/memory_image.h"
#include "tests/support/unit_main.h"

enum { OLDEST = 8, NEWEST = 15, RECORD = 1024 };

static struct lt_memory_image image;
static lt_addr runtime;
static struct lt_py_process *process;

static bool has(uint32_t field)
{
    return field != LT_NO_FIELD;
}

/* As much of a structure as these of its fields need; LT_NO_FIELD counts as none. */
static lt_addr add_fields(uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t fields[] = {a, b, c};
    size_t len = 0;
    for (size_t i = 0; i < 3; i++) {
        if (has(fields[i]) && fields[i] + sizeof(lt_addr) > len)
            len = fields[i] + sizeof(lt_addr);
    }
    lt_addr added = lt_image_add(&image, len);
    CU_ASSERT_NOT_EQUAL_FATAL(added, 0);
    return added;
}

/* A new interpreter becomes the first of the list, with a GIL of its own where there is such. */
static lt_addr add_interp(void)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr interp = add_fields(o->interp.next, o->interp.threads_head, o->interp.gil), older;
    CU_ASSERT_EQUAL_FATAL(
        lt_mem_read_u64(&image.mem, runtime + o->runtime.interpreters_head, &older), 0);
    lt_image_put_u64(&image, interp + o->interp.next, older);
    lt_image_put_u64(&image, runtime + o->runtime.interpreters_head, interp);
    if (has(o->interp.gil))
        lt_image_put_u64(&image, interp + o->interp.gil, lt_image_add(&image, 256));
    return interp;
}

/* Likewise a thread. */
static lt_addr add_thread(lt_addr interp, uint64_t native_id)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr tstate = lt_image_add(&image, 1024), older;
    CU_ASSERT_NOT_EQUAL_FATAL(tstate, 0);
    CU_ASSERT_EQUAL_FATAL(lt_mem_read_u64(&image.mem, interp + o->interp.threads_head, &older), 0);
    lt_image_put_u64(&image, tstate + o->tstate.next, older);
    lt_image_put_u64(&image, tstate + o->tstate.interp, interp);
    lt_image_put_u64(&image, tstate + o->tstate.thread_id, lt_image_add(&image, RECORD));
    if (has(o->tstate.native_thread_id))
        lt_image_put_u64(&image, tstate + o->tstate.native_thread_id, native_id);
    lt_image_put_u64(&image, interp + o->interp.threads_head, tstate);
    return tstate;
}

static void begin(unsigned minor)
{
    struct lt_py_runtime found = {0};
    lt_image_init(&image, minor);
    runtime =
        add_fields(image.offsets.runtime.interpreters_head, image.offsets.runtime.gil, LT_NO_FIELD);
    found.runtime = runtime;
    found.offsets = image.offsets;
    add_thread(add_interp(), (uint64_t)getpid());
    CU_ASSERT_EQUAL_FATAL(lt_py_process_new(&process, getpid(), &image.mem, &found), 0);
}

/* As an attempt does: the heads first, then whatever hangs on them. */
static int walk(void)
{
    lt_copies_clear(&process->copies);
    process->attempt++;
    for (size_t i = 0; i < process->n_interps; i++) {
        lt_addr head = process->interps[i] + image.offsets.interp.threads_head;
        CU_ASSERT_EQUAL_FATAL(lt_mem_read_u64(&image.mem, head, &process->heads[i]), 0);
    }
    return lt_py_threads_walk(process);
}

static void walk_and_prune(size_t expected)
{
    CU_ASSERT_EQUAL_FATAL(walk(), 0);
    CU_ASSERT_EQUAL(lt_py_threads_prune(process, NULL), 0);
    CU_ASSERT_EQUAL(process->n_threads, expected);
}

static void threads_come_and_go(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        begin(minor);
        lt_addr head = process->interps[0] + image.offsets.interp.threads_head, main_thread;
        CU_ASSERT_EQUAL_FATAL(lt_mem_read_u64(&image.mem, head, &main_thread), 0);
        walk_and_prune(1);
        lt_addr second = add_thread(process->interps[0], 2),
                third = add_thread(process->interps[0], 3);
        walk_and_prune(3);
        CU_ASSERT_PTR_NOT_NULL(lt_py_threads_find(process, second));
        CU_ASSERT_PTR_NOT_NULL(lt_py_threads_find(process, third));
        lt_image_put_u64(&image, third + image.offsets.tstate.next, main_thread);
        process->gils[0].holder = lt_py_threads_find(process, second);
        walk_and_prune(2);
        CU_ASSERT_PTR_NULL(lt_py_threads_find(process, second));
        CU_ASSERT_PTR_NULL(process->gils[0].holder);
        lt_py_process_free(process);
    }
}

/* A freed state may become another thread's at once: its id is what tells. */
static void state_used_again(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        begin(minor);
        lt_addr tstate = add_thread(process->interps[0], 2);
        walk_and_prune(2);
        struct lt_py_thread *t = lt_py_threads_find(process, tstate);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        t->renewed = false;
        walk_and_prune(2);
        CU_ASSERT_FALSE(t->renewed);
        lt_addr record = lt_image_add(&image, RECORD);
        lt_image_put_u64(&image, tstate + image.offsets.tstate.thread_id, record);
        walk_and_prune(2);
        CU_ASSERT_TRUE(t->renewed);
        CU_ASSERT_EQUAL(t->ident, record);
        lt_py_process_free(process);
    }
}

/* Of a thread that has not run only the state is read, unless it turns out to be another one. */
static void threads_at_rest(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        begin(minor);
        lt_addr tstate = add_thread(process->interps[0], 2);
        walk_and_prune(2);
        for (size_t i = 0; i < process->n_threads; i++) {
            CU_ASSERT_EQUAL(process->threads[i]->wanted_in, process->attempt);
            process->threads[i]->stale = process->threads[i]->renewed = false;
        }
        walk_and_prune(2);
        for (size_t i = 0; i < process->n_threads; i++) {
            CU_ASSERT_NOT_EQUAL(process->threads[i]->wanted_in, process->attempt);
            CU_ASSERT_TRUE(process->threads[i]->listed);
        }
        lt_image_put_u64(&image, tstate + image.offsets.tstate.thread_id,
                         lt_image_add(&image, RECORD));
        walk_and_prune(2);
        for (size_t i = 0; i < process->n_threads; i++) {
            struct lt_py_thread *t = process->threads[i];
            CU_ASSERT_EQUAL(t->wanted_in == process->attempt, t->stack.tstate == tstate);
        }
        lt_py_process_free(process);
    }
}

static void interpreters_and_their_gils(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        begin(minor);
        bool own_gils = has(image.offsets.interp.gil);
        lt_addr first = process->interps[0], second = add_interp();
        lt_addr tstate = add_thread(second, 2);
        CU_ASSERT_EQUAL(lt_py_interps_read(process), 0);
        CU_ASSERT_EQUAL_FATAL(process->n_interps, 2);
        CU_ASSERT_EQUAL(process->interps[0], second);
        CU_ASSERT_EQUAL(process->interps[1], first);
        CU_ASSERT_EQUAL(process->interp_gils[0] != process->interp_gils[1], own_gils);
        CU_ASSERT_EQUAL(process->n_gils, own_gils ? 2 : 1);
        walk_and_prune(2);
        struct lt_py_thread *t = lt_py_threads_find(process, tstate);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t);
        CU_ASSERT_EQUAL(t->gil, process->interp_gils[0]);
        /* The second one ends. */
        lt_image_put_u64(&image, runtime + image.offsets.runtime.interpreters_head, first);
        CU_ASSERT_EQUAL(lt_py_interps_read(process), 0);
        CU_ASSERT_EQUAL(process->n_interps, 1);
        walk_and_prune(1);
        lt_py_process_free(process);
    }
}

/* The main interpreter is the last one. Without it, one of the list was taken out during the look. */
static void list_cut_short(void)
{
    begin(NEWEST);
    lt_addr second = add_interp();
    lt_image_put_u64(&image, second + image.offsets.interp.next, 0);
    CU_ASSERT_EQUAL(lt_py_interps_read(process), LT_ERR_TORN);
    lt_image_put_u64(&image, runtime + image.offsets.runtime.interpreters_head, 0);
    CU_ASSERT_EQUAL(lt_py_interps_read(process), LT_ERR_NOT_READY);
    lt_py_process_free(process);
}

static void rings(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        const struct lt_py_offsets *o = &image.offsets;
        begin(minor);
        lt_addr interp = process->interps[0], tstate = add_thread(interp, 2);
        lt_image_put_u64(&image, tstate + o->tstate.next, tstate);
        CU_ASSERT_EQUAL(walk(), LT_ERR_LIMIT);
        lt_image_put_u64(&image, interp + o->interp.next, interp);
        CU_ASSERT_EQUAL(lt_py_interps_read(process), LT_ERR_LIMIT);
        lt_py_process_free(process);
    }
}

static void dangling(void)
{
    for (unsigned minor = OLDEST; minor <= NEWEST; minor++) {
        begin(minor);
        lt_addr interp = process->interps[0];
        lt_image_put_u64(&image, interp + image.offsets.interp.threads_head, 0x7777000);
        CU_ASSERT_EQUAL(walk(), LT_ERR_FAULT);
        lt_py_process_free(process);
    }
}

/* A thread that says it is another interpreter's belongs to one that is no more. */
static void of_another_interpreter(void)
{
    begin(NEWEST);
    lt_addr tstate = add_thread(process->interps[0], 2);
    lt_image_put_u64(&image, tstate + image.offsets.tstate.interp, 0x4000);
    CU_ASSERT_EQUAL(walk(), LT_ERR_CORRUPT);
    lt_py_process_free(process);
}

int main(void)
{
    CU_TestInfo tests[] = {{"threads come and go", threads_come_and_go},
                           {"state used again", state_used_again},
                           {"threads at rest", threads_at_rest},
                           {"interpreters and their GILs", interpreters_and_their_gils},
                           {"list cut short", list_cut_short},
                           {"rings", rings},
                           {"dangling", dangling},
                           {"of another interpreter", of_another_interpreter},
                           CU_TEST_INFO_NULL};
    return lt_unit_main("py_thread_list", tests);
}
