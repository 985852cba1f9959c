/* SPDX-License-Identifier: Apache-2.0
 *
 * What the sampler and the keeper tell each other (outbox.h). Fixed parts are copied as they are:
 * both sides are threads of one process. */
#ifndef LT_RECORDER_MESSAGES_H
#define LT_RECORDER_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/py_thread_names.h"

enum lt_message_kind {
    /* To the keeper. */
    LT_MSG_BLOCK,   /* uint32_t enum lt_block_type, then the raw block */
    LT_MSG_LONGER,  /* the raw block of ticks in the place of the last one */
    LT_MSG_SOURCE,  /* struct lt_source_wish, then the folder, then the file */
    LT_MSG_SEGMENT, /* nothing: a new segment began */
    LT_MSG_LOST,    /* pid_t: its sampling ended */
    LT_MSG_NAMES,   /* pid_t: it has new threads */
    LT_MSG_BIRTHS,  /* nothing: a process or thread was born somewhere */
    /* To the sampler. */
    LT_MSG_PROCESS,  /* struct lt_py_process *, owned by the taker */
    LT_MSG_NAME,     /* struct lt_name_header, then the name */
    LT_MSG_ASYNCIO,  /* pid_t, then struct lt_py_asyncio */
    LT_MSG_TAGS,     /* pid_t, then struct lt_py_tag_var */
    LT_MSG_NEXT_FILE /* nothing: end this recording, begin another */
};

struct lt_source_wish {
    pid_t pid;
    uint32_t line;
    uint32_t cwd_len;
    bool own_root; /* the process sees the files that we see */
};

struct lt_name_header {
    struct lt_py_named thread;
    pid_t pid;
};

#endif
