/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread in a made-up memory: its stack, read twice with a change in between, and what would be its
 * tasks. The first byte is the minor version, the second one says after how many words the change
 * begins; each other one is a word of memory (lt_image_word), first of the thread state. Whatever they
 * are, reading ends, within its bounds. */
#include "config.h"

#include "tests/support/fuzz_target.h"

#include <stdlib.h>

#include "collector/py_tasks.h"
#include "formats/byte_buffer.h"
#include "formats/lt_error.h"
#include "tests/support/memory_image.h"

#define MUST(condition) ((condition) ? (void)0 : abort())

enum { MAX_WORDS = 1024, HEAD = 2, MAX_TASKS = 64, MAX_CHAIN = 64, MAX_READS = 1 << 22 };

/* Small structures, so that few words make a task. */
static const struct lt_py_asyncio asyncio = {
    .task_size = 64,
    .task_name = 8,
    .task_awaited_by = 16,
    .task_is_task = 24,
    .task_awaited_by_is_set = 25,
    .task_coro = 32,
    .task_node = 40,
    .interp_tasks = 8,
    .thread_loop = 8,
    .thread_task = 16,
    .thread_tasks = 32,
};

static struct lt_memory_image image;
static const struct lt_py_tasks reader = {&image.mem, &image.offsets, &asyncio};

static void read_stack(struct lt_py_stack *stack, struct lt_copies *copies)
{
    const struct lt_py_offsets *o = &image.offsets;
    bool fetched_more = false;
    lt_copies_clear(copies);
    int err = lt_py_stack_want(stack, o, copies);
    if (!err)
        err = lt_copies_fetch(copies, &image.mem);
    if (!err)
        err = lt_py_stack_walk(stack, o, copies, &image.mem, &fetched_more);
    if (err) {
        lt_py_stack_forget(stack);
        return;
    }
    MUST(stack->n_frames <= LT_STACK_MAX_FRAMES && stack->n_same <= stack->n_frames);
    for (size_t i = 0; i < stack->n_frames; i++)
        MUST(stack->frames[i].code && stack->frames[i].code % 8 == 0);
    MUST(lt_py_stack_keep(stack, o, copies) == 0);
}

static int count(void *ctx, lt_addr task)
{
    (void)task;
    return ++*(size_t *)ctx < MAX_TASKS ? 0 : LT_ERR_STOP;
}

static int read_task(void *ctx, lt_addr addr)
{
    struct lt_py_task task;
    struct lt_py_coroutine coro;
    struct lt_buf name = {0};
    size_t n_waiters = 0;
    int err = lt_py_task_read(&reader, addr, &task);
    if (err)
        return err;
    lt_py_task_name(&reader, &task, &name);
    lt_buf_release(&name);
    lt_py_task_waiters_each(&reader, &task, count, &n_waiters);
    lt_addr at = task.coro;
    for (size_t i = 0; at && i < MAX_CHAIN && lt_py_coroutine_read(&reader, at, &coro) == 0; i++)
        at = coro.awaits;
    return count(ctx, addr);
}

static void read_tasks(const struct lt_py_stack *stack)
{
    struct lt_py_stack_task met = {0};
    size_t n = 0;
    if (image.offsets.generator.frame == LT_NO_FIELD)
        return;
    if (lt_py_stack_task_read(&reader, stack, &met) == 0 && met.task)
        MUST(met.n_outer < stack->n_frames && met.name.len > 0);
    lt_buf_release(&met.name);
    lt_py_tasks_each(&reader, stack->tstate + asyncio.thread_tasks, read_task, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lt_copies copies = {0};
    if (size < HEAD)
        return 0;
    lt_image_init(&image, 8 + data[0] % 8);
    lt_addr begin = lt_image_add(&image, MAX_WORDS * 8);
    struct lt_py_stack stack = {.tstate = begin};
    size_t n = size - HEAD < MAX_WORDS ? size - HEAD : MAX_WORDS;
    size_t first = data[1] < n ? data[1] : n;
    for (size_t i = 0; i < first; i++)
        lt_image_put_u64(&image, begin + i * 8, lt_image_word(&image, begin, data[HEAD + i]));
    read_stack(&stack, &copies);
    for (size_t i = first; i < n; i++)
        lt_image_put_u64(&image, begin + i * 8, lt_image_word(&image, begin, data[HEAD + i]));
    read_stack(&stack, &copies);
    read_tasks(&stack);
    MUST(image.reads < MAX_READS);
    lt_py_stack_release(&stack);
    lt_copies_release(&copies);
    return 0;
}
