/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the interpreter in a process: which mapped file has _PyRuntime, where, and which version
 * it is. */
#ifndef LT_PY_RUNTIME_H
#define LT_PY_RUNTIME_H

#include <sys/types.h>

#include "collector/py_offsets.h"

struct lt_py_runtime {
    lt_addr runtime;     /* of _PyRuntime */
    uint32_t hexversion; /* PY_VERSION_HEX; up to 3.10 only its major and minor part */
    char version[32];    /* "3.12.1"; "3.10" */
    int64_t rseq_offset; /* of struct rseq from a thread's thread pointer; 0: the libc has none */
    struct lt_py_offsets offsets;
    lt_addr asyncio; /* of the section in which its asyncio tells offsets, see py_asyncio.h; 0: it
                        has not been loaded */
};

/* Remembers what it found in files: most processes of a machine map the same ones. */
struct lt_py_finder;
int lt_py_finder_new(struct lt_py_finder **out);
void lt_py_finder_free(struct lt_py_finder *f);
/* Versions newer than all that are known are read as if they were the newest of them. */
void lt_py_finder_force(struct lt_py_finder *f);
/* Only versions that tell where their tasks are will do: others are LT_ERR_PY_TASKS. */
void lt_py_finder_need_tasks(struct lt_py_finder *f);

/* Looks through the files that the process has mapped to run, by content, never by name. 0;
 * LT_ERR_NOT_PYTHON; LT_ERR_NOT_READY (found, and not initialised yet: no interpreter or no
 * thread); LT_ERR_PY_VERSION, LT_ERR_PY_NEWER, LT_ERR_PY_FREE_THREADED, LT_ERR_PY_TASKS (out->version is filled);
 * LT_ERR_NO_PROCESS; LT_ERR_PERMISSION; LT_ERR_CORRUPT. */
int lt_py_runtime_find(struct lt_py_finder *f, pid_t pid, const struct lt_mem *mem,
                       struct lt_py_runtime *out);

/* Where the section of asyncio lies by now; 0: nowhere. */
int lt_py_asyncio_find(struct lt_py_finder *f, pid_t pid, const struct lt_mem *mem, lt_addr *addr);

#endif
