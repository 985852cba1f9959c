/* SPDX-License-Identifier: Apache-2.0
 *
 * Where CPython keeps what we read, one row of data a version: tables generated from each
 * version's headers (py_offsets_table.c by tests/support/generate_offsets.py) up to 3.12,
 * `_Py_DebugOffsets` in the target itself from 3.13 on. A row is validated once; then trusted.
 *
 * All fields are byte offsets into the structure that their group names; LT_NO_FIELD where this
 * version has none. */
#ifndef LT_PY_OFFSETS_H
#define LT_PY_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/mem.h"

#define LT_NO_FIELD UINT32_MAX

enum lt_linetable_kind {
    LT_LINETABLE_LNOTAB,   /* 3.8, 3.9: co_lnotab */
    LT_LINETABLE_310,      /* 3.10: co_linetable, line deltas by range */
    LT_LINETABLE_LOCATIONS /* 3.11+: location table */
};

/* How a frame tells its instruction. */
enum lt_instr_kind {
    LT_INSTR_LASTI_BYTES, /* int f_lasti, bytes (3.8, 3.9) */
    LT_INSTR_LASTI_UNITS, /* int f_lasti, 2-byte units (3.10) */
    LT_INSTR_POINTER /* pointer into the code's instructions: prev_instr (3.11, 3.12) or instr_ptr
                        (3.13+) */
};

struct lt_py_offsets {
    unsigned major, minor;
    enum lt_linetable_kind linetable_kind;
    enum lt_instr_kind instr_kind;
    bool tagged_refs; /* 3.14+: frame.code is a tagged _PyStackRef */
    struct {          /* _PyRuntime */
        uint32_t interpreters_head;
        uint32_t gil;           /* an inline struct _gil_runtime_state (up to 3.11) */
        uint32_t gc_collecting; /* 3.8 */
    } runtime;
    struct {           /* PyInterpreterState */
        uint32_t size; /* all of it (3.13+) */
        uint32_t id, next, threads_head, gc_collecting;
        uint32_t threads_main;           /* a pointer to the main thread's state (3.13+) */
        uint32_t code_object_generation; /* counts code objects that are gone (3.14+) */
        uint32_t gil;                    /* a pointer to struct _gil_runtime_state (3.12+) */
        uint32_t next_version; /* the co_version of the next code object, 32 bits (3.13+) */
        uint32_t modules;      /* the dict sys.modules */
    } interp;
    struct { /* struct _gil_runtime_state */
        uint32_t last_holder, locked, switch_number;
    } gil;
    struct {           /* PyThreadState */
        uint32_t size; /* bytes to copy: the end of the last field used, rounded up to 8 */
        uint32_t next, interp;
        uint32_t frame; /* a pointer to the current frame (all but 3.11, 3.12) */
        uint32_t
            cframe; /* a pointer to a struct that has the pointer at cframe.frame (3.11, 3.12) */
        uint32_t thread_id, native_thread_id;
        uint32_t
            id; /* no other state has had it; where there is no native_thread_id (up to 3.10) */
        uint32_t datastack_chunk, datastack_top; /* 3.11+ */
        uint32_t context;                        /* a PyContext, or NULL */
    } tstate;
    struct {
        uint32_t frame; /* _PyCFrame.current_frame */
    } cframe;
    struct {           /* _PyInterpreterFrame, PyFrameObject up to 3.10 */
        uint32_t size; /* bytes to copy: up to the end of the last field used */
        uint32_t code, previous, instr, owner, localsplus;
        uint32_t stackpointer; /* behind the top of its values, while it does not run (3.14+) */
        uint32_t tlbc_index;
    } frame;
    struct { /* _PyStackChunk */
        uint32_t previous, size, top, data;
    } chunk;
    struct {           /* PyCodeObject */
        uint32_t size; /* bytes to copy: up to the end of the last field used */
        uint32_t filename, name, qualname, linetable, firstlineno;
        uint32_t code_adaptive, firsttraceable;
        uint32_t version; /* co_version, unique for each code object: 3.12+ */
        uint32_t argcount;
        uint32_t localsplusnames, localspluskinds; /* up to 3.10: co_varnames, none */
        uint32_t cellvars, freevars;               /* up to 3.10 */
    } code;
    struct { /* str */
        uint32_t length, state, hash, ascii_data, compact_data;
    } unicode;
    struct { /* bytes */
        uint32_t size, data;
    } bytes;
    struct { /* object, type */
        uint32_t type, type_name, type_flags, type_basicsize, type_dictoffset;
        uint32_t type_cached_keys; /* of a heap type: the keys that its instances share */
        /* Where an instance's values are, by words before it (3.11, 3.12; LT_NO_FIELD
         * elsewhere). */
        uint32_t values_before; /* 3.11: a pointer to them */
        uint32_t dict_before;   /* 3.11: a dict; 3.12: a dict or tagged values; 3.13: a dict */
        uint32_t inline_values; /* 3.13+: in the object itself, this far behind its basic size */
    } object;
    struct { /* dict, for thread names */
        uint32_t keys, values, used;
        /* In PyDictKeysObject. */
        uint32_t keys_nentries, keys_indices;
        uint32_t keys_size; /* slots of the index (up to 3.10) */
        uint32_t keys_log2_size, keys_log2_index_bytes, keys_kind; /* 3.11+ */
    } dict;
    struct {           /* int */
        uint32_t size; /* up to 3.11: how many digits, with the sign of the number */
        uint32_t tag;  /* 3.12+: the same, packed */
        uint32_t digits;
    } integer;
    struct {
        uint32_t value;
    } floating, cell;
    struct {
        uint32_t size, items; /* of a list a pointer to them, of a tuple themselves */
    } list, tuple;
    struct {
        uint32_t used, mask, table;
    } set;
    struct {            /* generators and coroutines, for tasks (3.14+) */
        uint32_t frame; /* lies in them */
        uint32_t state; /* of the frame, one byte: */
        uint32_t created, suspended, awaiting, executing; /* anything else: has ended */
        uint32_t
            awaited; /* so many words below the stackpointer is what an `awaiting` one awaits */
    } generator;
    /* Owners of frames (enum _frameowner) that are no Python frames: bit n set for owner n. */
    uint32_t skip_owners;
    uint32_t owner_generator; /* the value that marks a generator's frame; LT_NO_FIELD up to 3.10 */
};

/* The generated rows, oldest first, ended by one whose major is 0. */
extern const struct lt_py_offsets lt_py_offsets_table[];

enum { LT_DEBUG_FIELDS_MAX = 64 };

/* Where a minor version's `_Py_DebugOffsets` (CPython, Include/internal/pycore_debug_offsets.h), the
 * first member of _PyRuntime, tells what. Each value is of eight bytes. Generated like the rows. */
struct lt_py_debug_layout {
    unsigned minor;
    uint16_t size;
    uint16_t interp_size;
    uint16_t gc, gc_collecting;
    uint16_t gil, gil_locked, gil_last_holder;
    struct {
        uint16_t field;   /* in struct lt_py_offsets */
        uint16_t at;      /* 0 ends the list */
        uint16_t size_at; /* the size of the structure that it is in */
    } fields[LT_DEBUG_FIELDS_MAX];
};

/* Of 3.13 and later, ended by one whose minor is 0. */
extern const struct lt_py_debug_layout lt_py_debug_layouts[];

/* For messages. */
#define LT_PY_SUPPORTED "3.8 to 3.15"

/* The row of a version (PY_VERSION_HEX), for x86-64 and other LP64. For 3.13 and later,
 * `debug_offsets` are the first `len` bytes of the target's _PyRuntime (1024 is enough); not used
 * before. Every offset in *out is checked against the bounds that the copies use. A version newer
 * than all that are known is LT_ERR_PY_NEWER, or with `force` read by the newest known layout.
 * LT_ERR_PY_VERSION: older than 3.8. LT_ERR_PY_FREE_THREADED: all threads of such a build run at
 * once, force or not. LT_ERR_CORRUPT: the target's own offsets make no sense. */
int lt_py_offsets_find(uint32_t hexversion, const uint8_t *debug_offsets, size_t len, bool force,
                       struct lt_py_offsets *out);

#endif
