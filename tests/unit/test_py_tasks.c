/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks and coroutines in a made-up memory. */
#include "config.h"

#include "collector/py_tasks.h"

#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "tests/support/memory_image.h"
#include "tests/support/unit_main.h"

enum { FIRST = 14, NEWEST = 15, TASK = 168, TSTATE = 1024, MAX_SEEN = 32 };

static struct lt_memory_image image;
static struct lt_py_asyncio asyncio;
static const struct lt_py_tasks reader = {&image.mem, &image.offsets, &asyncio};

/* As the module of a 64-bit build tells it. */
static const uint64_t told[] = {TASK,   136,   96,     108, 109, 128, 152,
                                226240, 10856, TSTATE, 896, 904, 912};

struct seen {
    lt_addr at[MAX_SEEN];
    size_t n;
};

static int see(void *ctx, lt_addr task)
{
    struct seen *s = ctx;
    CU_ASSERT_TRUE_FATAL(s->n < MAX_SEEN);
    s->at[s->n++] = task;
    return 0;
}

static int tell(const uint64_t *words)
{
    lt_addr section = lt_image_add(&image, sizeof(told));
    lt_image_put(&image, section, words, sizeof(told));
    return lt_py_asyncio_read(&image.mem, section, &asyncio);
}

static void begin(unsigned minor)
{
    lt_image_init(&image, minor);
    CU_ASSERT_EQUAL_FATAL(tell(told), 0);
}

static lt_addr new_coroutine(uint32_t state)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr coro = lt_image_object(&image, "coroutine");
    uint8_t byte = (uint8_t)state;
    lt_image_add(&image, 256); /* its frame */
    lt_image_put(&image, coro + o->generator.state, &byte, 1);
    return coro;
}

/* Lets the frame of a coroutine await the object. */
static void await(lt_addr coro, lt_addr object)
{
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr frame = coro + o->generator.frame, top = frame + o->frame.localsplus + 64;
    lt_image_put_u64(&image, frame + o->frame.stackpointer, top);
    lt_image_put_u64(&image, top - (lt_addr)o->generator.awaited * 8, object | 1);
}

static lt_addr new_future(bool is_task, lt_addr name, lt_addr coro)
{
    uint8_t yes = is_task;
    lt_addr task = lt_image_object(&image, "Thing");
    lt_image_add(&image, TASK);
    lt_image_put(&image, task + asyncio.task_is_task, &yes, 1);
    lt_image_put_u64(&image, task + asyncio.task_name, name);
    lt_image_put_u64(&image, task + asyncio.task_coro, coro);
    return task;
}

static void offsets_are_validated(void)
{
    static const struct {
        size_t word;
        uint64_t value;
    } spoilt[] = {
        {0, 0},          {0, 1 << 20},    {1, TASK},    {1, TASK - 7}, {1, UINT64_MAX},
        {2, 3},          {3, UINT64_MAX}, {4, TASK},    {5, TASK - 4}, {6, TASK - 8},
        {7, UINT64_MAX}, {8, 226240 - 8}, {9, 1 << 20}, {10, TSTATE},  {12, TSTATE - 8},
    };
    uint64_t words[sizeof(told) / sizeof(told[0])];
    lt_image_init(&image, NEWEST);
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        memcpy(words, told, sizeof(told));
        words[spoilt[i].word] = spoilt[i].value;
        CU_ASSERT_EQUAL(tell(words), LT_ERR_CORRUPT);
    }
    CU_ASSERT_EQUAL(lt_py_asyncio_read(&image.mem, 8, &asyncio), LT_ERR_FAULT);
}

static void expect_name(lt_addr name, int error, const char *text)
{
    struct lt_buf out = {0};
    struct lt_py_task task;
    CU_ASSERT_EQUAL_FATAL(lt_py_task_read(&reader, new_future(true, name, 0), &task), 0);
    CU_ASSERT_EQUAL(lt_py_task_name(&reader, &task, &out), error);
    CU_ASSERT_TRUE(out.len == strlen(text) && (!out.len || memcmp(out.data, text, out.len) == 0));
    lt_buf_release(&out);
}

static void names(void)
{
    begin(NEWEST);
    expect_name(lt_image_str(&image, "fetch"), 0, "fetch");
    expect_name(lt_image_int(&image, 17), 0, "Task-17");
    expect_name(lt_image_object(&image, "list"), LT_ERR_CORRUPT, "");
    expect_name(8, LT_ERR_FAULT, "");
}

static void states_of_coroutines(void)
{
    for (unsigned minor = FIRST; minor <= NEWEST; minor++) {
        struct lt_py_coroutine c;
        begin(minor);
        const struct lt_py_offsets *o = &image.offsets;
        const uint32_t states[][2] = {{o->generator.created, LT_CORO_CREATED},
                                      {o->generator.suspended, LT_CORO_SUSPENDED},
                                      {o->generator.executing, LT_CORO_EXECUTING},
                                      {100, LT_CORO_ENDED}};
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
            lt_addr coro = new_coroutine(states[i][0]);
            CU_ASSERT_EQUAL(lt_py_coroutine_read(&reader, coro, &c), 0);
            CU_ASSERT_EQUAL(c.state, states[i][1]);
            CU_ASSERT_TRUE(c.frame == coro + o->generator.frame && c.awaits == 0);
        }
    }
}

static void what_is_awaited(void)
{
    for (unsigned minor = FIRST; minor <= NEWEST; minor++) {
        struct lt_py_coroutine c;
        begin(minor);
        const struct lt_py_offsets *o = &image.offsets;
        lt_addr coro = new_coroutine(o->generator.awaiting), inner = new_coroutine(0);
        await(coro, inner);
        CU_ASSERT_EQUAL(lt_py_coroutine_read(&reader, coro, &c), 0);
        CU_ASSERT_TRUE(c.state == LT_CORO_SUSPENDED && c.awaits == inner);
        lt_addr wrapper = lt_image_object(&image, "async_generator_asend");
        lt_image_put_u64(&image, wrapper + o->object.type + 8, inner);
        await(coro, wrapper);
        CU_ASSERT_EQUAL(lt_py_coroutine_read(&reader, coro, &c), 0);
        CU_ASSERT_EQUAL(c.awaits, inner);
        lt_image_put_u64(&image, wrapper + o->object.type + 8, wrapper); /* wraps itself */
        CU_ASSERT_EQUAL(lt_py_coroutine_read(&reader, coro, &c), 0);
        CU_ASSERT_EQUAL(c.awaits, 0);
        await(coro, lt_image_object(&image, "Thing"));
        CU_ASSERT_EQUAL(lt_py_coroutine_read(&reader, coro, &c), 0);
        CU_ASSERT_EQUAL(c.awaits, 0);
    }
}

static void link_tasks(lt_addr head, const lt_addr *tasks, size_t n)
{
    for (size_t i = 0; i <= n; i++) {
        lt_addr node = i ? tasks[i - 1] + asyncio.task_node : head;
        lt_image_put_u64(&image, node, i < n ? tasks[i] + asyncio.task_node : head);
    }
}

static void lists(void)
{
    struct seen s = {.n = 0};
    begin(NEWEST);
    lt_addr head = lt_image_add(&image, 16), tasks[3];
    CU_ASSERT_EQUAL(lt_py_tasks_each(&reader, head, see, &s), 0); /* never begun */
    link_tasks(head, NULL, 0);
    CU_ASSERT_EQUAL(lt_py_tasks_each(&reader, head, see, &s), 0);
    CU_ASSERT_EQUAL(s.n, 0);
    for (size_t i = 0; i < 3; i++)
        tasks[i] = new_future(true, 0, 0);
    link_tasks(head, tasks, 3);
    CU_ASSERT_EQUAL(lt_py_tasks_each(&reader, head, see, &s), 0);
    CU_ASSERT_TRUE(s.n == 3 && memcmp(s.at, tasks, sizeof(tasks)) == 0);
}

static int count(void *ctx, lt_addr task)
{
    (void)task;
    ++*(size_t *)ctx;
    return 0;
}

static void a_list_without_an_end(void)
{
    size_t n = 0;
    begin(NEWEST);
    lt_addr head = lt_image_add(&image, 16), task = new_future(true, 0, 0);
    link_tasks(head, &task, 1);
    lt_image_put_u64(&image, task + asyncio.task_node, task + asyncio.task_node);
    CU_ASSERT_EQUAL(lt_py_tasks_each(&reader, head, count, &n), LT_ERR_LIMIT);
    lt_image_put_u64(&image, task + asyncio.task_node, 8);
    CU_ASSERT_EQUAL(lt_py_tasks_each(&reader, head, count, &n), LT_ERR_FAULT);
}

/* A task is awaited by a future that two tasks await, one of them through a set. */
static void waiters(void)
{
    struct seen s = {.n = 0};
    struct lt_py_task task;
    uint8_t yes = 1;
    begin(NEWEST);
    const struct lt_py_offsets *o = &image.offsets;
    lt_addr a = new_future(true, 0, 0), b = new_future(true, 0, 0);
    lt_addr gather = new_future(false, 0, 0), child = new_future(true, 0, 0);
    lt_addr set = lt_image_object(&image, "set"), table = lt_image_add(&image, 8 * 16);
    lt_image_put_u64(&image, set + o->set.used, 2);
    lt_image_put_u64(&image, set + o->set.mask, 7);
    lt_image_put_u64(&image, set + o->set.table, table);
    lt_image_put_u64(&image, table + 16, a);
    lt_image_put_u64(&image, table + 80, b);
    lt_image_put_u64(&image, gather + asyncio.task_awaited_by, set);
    lt_image_put(&image, gather + asyncio.task_awaited_by_is_set, &yes, 1);
    lt_image_put_u64(&image, child + asyncio.task_awaited_by, gather);
    CU_ASSERT_EQUAL_FATAL(lt_py_task_read(&reader, child, &task), 0);
    CU_ASSERT_EQUAL(lt_py_task_waiters_each(&reader, &task, see, &s), 0);
    CU_ASSERT_TRUE(s.n == 2 && s.at[0] == a && s.at[1] == b);

    /* A future that awaits itself. */
    lt_image_put_u64(&image, gather + asyncio.task_awaited_by, gather);
    yes = 0;
    lt_image_put(&image, gather + asyncio.task_awaited_by_is_set, &yes, 1);
    s.n = 0;
    CU_ASSERT_EQUAL(lt_py_task_waiters_each(&reader, &task, see, &s), 0);
    CU_ASSERT_EQUAL(s.n, 0);
}

static void the_task_of_a_stack(void)
{
    struct lt_py_stack_task met = {0};
    begin(NEWEST);
    lt_addr tstate = lt_image_add(&image, TSTATE), coro = new_coroutine(4);
    lt_addr task = new_future(true, lt_image_str(&image, "fetch"), coro);
    struct lt_py_frame frames[] = {{.addr = 0x100},
                                   {.addr = 0x200},
                                   {.addr = coro + image.offsets.generator.frame},
                                   {.addr = 0x300}};
    struct lt_py_stack stack = {.tstate = tstate, .frames = frames, .n_frames = 4};
    lt_image_put_u64(&image, tstate + asyncio.thread_task, task);
    CU_ASSERT_EQUAL(lt_py_stack_task_read(&reader, &stack, &met), 0);
    CU_ASSERT_EQUAL(met.task, 0); /* no loop runs */
    lt_image_put_u64(&image, tstate + asyncio.thread_loop, task);
    CU_ASSERT_EQUAL(lt_py_stack_task_read(&reader, &stack, &met), 0);
    CU_ASSERT_TRUE(met.task == task && met.n_outer == 2);
    CU_ASSERT_TRUE(met.name.len == 10 && memcmp(met.name.data, "task fetch", 10) == 0);
    stack.n_frames = 2; /* it is about to step */
    CU_ASSERT_EQUAL(lt_py_stack_task_read(&reader, &stack, &met), 0);
    CU_ASSERT_EQUAL(met.task, 0);
    lt_buf_release(&met.name);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"offsets are validated", offsets_are_validated},
        {"names", names},
        {"states of coroutines", states_of_coroutines},
        {"what is awaited", what_is_awaited},
        {"lists", lists},
        {"a list without an end", a_list_without_an_end},
        {"waiters", waiters},
        {"the task of a stack", the_task_of_a_stack},
        CU_TEST_INFO_NULL,
    };
    return lt_unit_main("py_tasks", tests);
}
