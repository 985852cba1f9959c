#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes collector/py_offsets_table.c: where each CPython version keeps what we read.

    tests/support/generate_offsets.py PYTHON|INCLUDE... > collector/py_offsets_table.c

Each argument is an interpreter with its headers installed, or the folder of such headers (the one with Python.h).
A C program that is compiled against them (the internal ones too) prints the offsets; nothing is typed by hand. Give it
one of each version; a minor version keeps its layout through its patch releases. From 3.13 on the target tells most
offsets by itself: where it keeps them (_Py_DebugOffsets) is printed as well.
"""

import os
import re
import subprocess
import sys
import tempfile

PROGRAM_HEAD = """
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#if PY_VERSION_HEX >= 0x03090000
#include <internal/pycore_runtime.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_gil.h>
#else
#include <internal/pycore_pystate.h>
#endif
#include <frameobject.h>
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_frame.h>
#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#else
#include "%(dict_header)s"
#endif
#define O(type, field) ((unsigned)offsetof(type, field))
"""

# What the collector takes for granted; true in all versions so far. The program does not compile where it is not.
ASSUMED = """
static const union { unsigned word; __typeof__(((PyASCIIObject *)0)->state) state; } kinds = {
    .state = {.kind = 7, .compact = 1}};
_Static_assert(offsetof(PyBytesObject, ob_base.ob_size) == 2 * sizeof(void *), "a longer object header");
_Static_assert(Py_TPFLAGS_DICT_SUBCLASS == 1 << 29, "type flags");
#if PY_VERSION_HEX >= 0x030d0000
_Static_assert(Py_TPFLAGS_INLINE_VALUES == 1 << 2 && Py_TPFLAGS_MANAGED_DICT == 1 << 4, "type flags");
#ifdef Py_GIL_DISABLED
#error "a free-threaded build has another layout"
#endif
#endif
"""

# (member of struct lt_py_offsets, [(first version, expression or None), ...])
RUNTIME, INTERP, TSTATE = "_PyRuntimeState", "PyInterpreterState", "PyThreadState"
GIL, CODE, FRAME = "struct _gil_runtime_state", "PyCodeObject", "_PyInterpreterFrame"
OLD_FRAME = "struct _frame"


def offset(struct, field):
    return f"O({struct}, {field})"


FIELDS = [
    ("runtime.interpreters_head", [((3, 8), offset(RUNTIME, "interpreters.head"))]),
    ("runtime.gil", [((3, 8), offset(RUNTIME, "ceval.gil")), ((3, 12), None)]),
    ("runtime.gc_collecting", [((3, 8), offset(RUNTIME, "gc.collecting")), ((3, 9), None)]),
    ("interp.next", [((3, 8), offset(INTERP, "next"))]),
    ("interp.threads_head", [((3, 8), offset(INTERP, "tstate_head")), ((3, 11), offset(INTERP, "threads.head"))]),
    ("interp.gc_collecting", [((3, 8), None), ((3, 9), offset(INTERP, "gc.collecting"))]),
    ("interp.gil", [((3, 8), None), ((3, 12), offset(INTERP, "ceval.gil"))]),
    ("interp.modules", [((3, 8), offset(INTERP, "modules")), ((3, 12), offset(INTERP, "imports.modules"))]),
    ("gil.last_holder", [((3, 8), offset(GIL, "last_holder"))]),
    ("gil.locked", [((3, 8), offset(GIL, "locked"))]),
    ("gil.switch_number", [((3, 8), offset(GIL, "switch_number"))]),
    ("tstate.next", [((3, 8), offset(TSTATE, "next"))]),
    ("tstate.interp", [((3, 8), offset(TSTATE, "interp"))]),
    ("tstate.frame", [((3, 8), offset(TSTATE, "frame")), ((3, 11), None), ((3, 13), offset(TSTATE, "current_frame"))]),
    ("tstate.cframe", [((3, 8), None), ((3, 11), offset(TSTATE, "cframe")), ((3, 13), None)]),
    ("tstate.thread_id", [((3, 8), offset(TSTATE, "thread_id"))]),
    ("tstate.native_thread_id", [((3, 8), None), ((3, 11), offset(TSTATE, "native_thread_id"))]),
    ("tstate.datastack_chunk", [((3, 8), None), ((3, 11), offset(TSTATE, "datastack_chunk"))]),
    ("tstate.datastack_top", [((3, 8), None), ((3, 11), offset(TSTATE, "datastack_top"))]),
    ("cframe.frame", [((3, 8), None), ((3, 11), offset("_PyCFrame", "current_frame")), ((3, 13), None)]),
    ("frame.code", [((3, 8), offset(OLD_FRAME, "f_code")), ((3, 11), offset(FRAME, "f_code")),
                    ((3, 13), offset(FRAME, "f_executable"))]),
    ("frame.previous", [((3, 8), offset(OLD_FRAME, "f_back")), ((3, 11), offset(FRAME, "previous"))]),
    ("frame.instr", [((3, 8), offset(OLD_FRAME, "f_lasti")), ((3, 11), offset(FRAME, "prev_instr")),
                     ((3, 13), offset(FRAME, "instr_ptr"))]),
    ("frame.owner", [((3, 8), None), ((3, 11), offset(FRAME, "owner"))]),
    ("chunk.previous", [((3, 8), None), ((3, 11), offset("_PyStackChunk", "previous"))]),
    ("chunk.size", [((3, 8), None), ((3, 11), offset("_PyStackChunk", "size"))]),
    ("chunk.top", [((3, 8), None), ((3, 11), offset("_PyStackChunk", "top"))]),
    ("chunk.data", [((3, 8), None), ((3, 11), offset("_PyStackChunk", "data"))]),
    ("code.filename", [((3, 8), offset(CODE, "co_filename"))]),
    ("code.name", [((3, 8), offset(CODE, "co_name"))]),
    ("code.qualname", [((3, 8), None), ((3, 11), offset(CODE, "co_qualname"))]),
    ("code.linetable", [((3, 8), offset(CODE, "co_lnotab")), ((3, 10), offset(CODE, "co_linetable"))]),
    ("code.firstlineno", [((3, 8), offset(CODE, "co_firstlineno"))]),
    ("code.code_adaptive", [((3, 8), None), ((3, 11), offset(CODE, "co_code_adaptive"))]),
    ("code.firsttraceable", [((3, 8), None), ((3, 11), offset(CODE, "_co_firsttraceable"))]),
    ("code.version", [((3, 8), None), ((3, 12), offset(CODE, "co_version"))]),
    ("unicode.length", [((3, 8), offset("PyASCIIObject", "length"))]),
    ("unicode.state", [((3, 8), offset("PyASCIIObject", "state"))]),
    ("unicode.ascii_data", [((3, 8), "(unsigned)sizeof(PyASCIIObject)")]),
    ("unicode.compact_data", [((3, 8), "(unsigned)sizeof(PyCompactUnicodeObject)")]),
    ("bytes.size", [((3, 8), offset("PyBytesObject", "ob_base.ob_size"))]),
    ("bytes.data", [((3, 8), offset("PyBytesObject", "ob_sval"))]),
    ("object.type", [((3, 8), offset("PyObject", "ob_type"))]),
    ("object.type_name", [((3, 8), offset("PyTypeObject", "tp_name"))]),
    ("object.type_flags", [((3, 8), offset("PyTypeObject", "tp_flags"))]),
    ("object.type_basicsize", [((3, 8), offset("PyTypeObject", "tp_basicsize"))]),
    ("object.type_dictoffset", [((3, 8), offset("PyTypeObject", "tp_dictoffset"))]),
    ("object.type_cached_keys", [((3, 8), offset("PyHeapTypeObject", "ht_cached_keys"))]),
    # Words before the object (CPython, Include/internal/pycore_object.h).
    ("object.values_before", [((3, 8), None), ((3, 11), "4u"), ((3, 12), None)]),
    ("object.dict_before", [((3, 8), None), ((3, 11), "3u"),
                            ((3, 13), "(unsigned)(-MANAGED_DICT_OFFSET / (int)sizeof(void *))")]),
    ("object.inline_values", [((3, 8), None), ((3, 13), offset("struct _dictvalues", "values"))]),
    ("dict.keys", [((3, 8), offset("PyDictObject", "ma_keys"))]),
    ("dict.values", [((3, 8), offset("PyDictObject", "ma_values"))]),
    ("dict.keys_size", [((3, 8), offset("struct _dictkeysobject", "dk_size")), ((3, 11), None)]),
    ("dict.keys_log2_size", [((3, 8), None), ((3, 11), offset("struct _dictkeysobject", "dk_log2_size"))]),
    ("dict.keys_log2_index_bytes", [((3, 8), None),
                                    ((3, 11), offset("struct _dictkeysobject", "dk_log2_index_bytes"))]),
    ("dict.keys_kind", [((3, 8), None), ((3, 11), offset("struct _dictkeysobject", "dk_kind"))]),
    ("dict.keys_nentries", [((3, 8), offset("struct _dictkeysobject", "dk_nentries"))]),
    ("dict.keys_indices", [((3, 8), offset("struct _dictkeysobject", "dk_indices"))]),
    # Bit n: frames of owner n are not Python frames, but the interpreter's own, between C and Python.
    ("skip_owners", [((3, 8), "0u"), ((3, 12), "1u << FRAME_OWNED_BY_CSTACK"),
                     ((3, 14), "1u << FRAME_OWNED_BY_INTERPRETER | 1u << FRAME_OWNED_BY_CSTACK"),
                     ((3, 15), "1u << FRAME_OWNED_BY_INTERPRETER")]),
    ("owner_generator", [((3, 8), None), ((3, 11), "(unsigned)FRAME_OWNED_BY_GENERATOR")]),
]

CONSTANTS = {
    "linetable_kind": [((3, 8), "LT_LINETABLE_LNOTAB"), ((3, 10), "LT_LINETABLE_310"),
                       ((3, 11), "LT_LINETABLE_LOCATIONS")],
    "instr_kind": [((3, 8), "LT_INSTR_LASTI_BYTES"), ((3, 10), "LT_INSTR_LASTI_UNITS"),
                   ((3, 11), "LT_INSTR_POINTER")],
    "tagged_refs": [((3, 8), "false"), ((3, 14), "true")],
}

# What a target of 3.13 or later says of itself: (member of struct lt_py_offsets, first version, members of
# _Py_DebugOffsets whose values make it up: the first, plus the second, minus the third).
DEBUG_FIELDS = [
    ("runtime.interpreters_head", (3, 13), "runtime_state.interpreters_head"),
    ("interp.next", (3, 13), "interpreter_state.next"),
    ("interp.threads_head", (3, 13), "interpreter_state.threads_head"),
    ("interp.gc_collecting", (3, 13), "interpreter_state.gc", "gc.collecting"),
    ("interp.gil", (3, 13), "interpreter_state.ceval_gil"),
    ("interp.modules", (3, 13), "interpreter_state.imports_modules"),
    ("gil.last_holder", (3, 13), "interpreter_state.gil_runtime_state_holder", None,
     "interpreter_state.gil_runtime_state"),
    ("gil.locked", (3, 13), "interpreter_state.gil_runtime_state_locked", None, "interpreter_state.gil_runtime_state"),
    ("tstate.next", (3, 13), "thread_state.next"),
    ("tstate.interp", (3, 13), "thread_state.interp"),
    ("tstate.frame", (3, 13), "thread_state.current_frame"),
    ("tstate.thread_id", (3, 13), "thread_state.thread_id"),
    ("tstate.native_thread_id", (3, 13), "thread_state.native_thread_id"),
    ("tstate.datastack_chunk", (3, 13), "thread_state.datastack_chunk"),
    ("frame.code", (3, 13), "interpreter_frame.executable"),
    ("frame.previous", (3, 13), "interpreter_frame.previous"),
    ("frame.instr", (3, 13), "interpreter_frame.instr_ptr"),
    ("frame.owner", (3, 13), "interpreter_frame.owner"),
    ("code.filename", (3, 13), "code_object.filename"),
    ("code.name", (3, 13), "code_object.name"),
    ("code.qualname", (3, 13), "code_object.qualname"),
    ("code.linetable", (3, 13), "code_object.linetable"),
    ("code.firstlineno", (3, 13), "code_object.firstlineno"),
    ("code.code_adaptive", (3, 13), "code_object.co_code_adaptive"),
    ("bytes.size", (3, 13), "bytes_object.ob_size"),
    ("bytes.data", (3, 13), "bytes_object.ob_sval"),
    ("unicode.length", (3, 13), "unicode_object.length"),
    ("unicode.state", (3, 13), "unicode_object.state"),
    ("unicode.ascii_data", (3, 13), "unicode_object.asciiobject_size"),
    ("unicode.compact_data", (3, 15), "unicode_object.compactunicodeobject_size"),
    ("object.type", (3, 13), "pyobject.ob_type"),
    ("object.type_name", (3, 13), "type_object.tp_name"),
    ("object.type_flags", (3, 13), "type_object.tp_flags"),
    ("object.type_basicsize", (3, 15), "type_object.tp_basicsize"),
    ("object.type_dictoffset", (3, 15), "type_object.tp_dictoffset"),
    ("object.type_cached_keys", (3, 15), "heap_type_object.ht_cached_keys"),
    ("dict.keys", (3, 13), "dict_object.ma_keys"),
    ("dict.values", (3, 13), "dict_object.ma_values"),
]


def chosen(versions, version):
    """The entry of the newest version that is not newer than this one."""
    return [value for first, value in versions if first <= version][-1]


def headers_of(argument):
    """The version and the include folder of an interpreter, or of the folder itself."""
    if not os.path.isdir(argument):
        script = "import sysconfig; print(sysconfig.get_paths()['include'])"
        argument = subprocess.check_output([argument, "-c", script], text=True).strip()
    with open(os.path.join(argument, "patchlevel.h"), encoding="ascii") as header:
        version = re.findall(r"define PY_(?:MAJOR|MINOR)_VERSION\s+(\d+)", header.read())
    return tuple(map(int, version)), argument


def old_dict_header(folder):
    """struct _dictkeysobject of 3.8 to 3.10, which no installed header has (Objects/dict-common.h)."""
    path = os.path.join(folder, "dict-common.h")
    with open(path, "w", encoding="ascii") as out:
        out.write("struct _dictkeysobject { Py_ssize_t dk_refcnt; Py_ssize_t dk_size; void *dk_lookup;"
                  " Py_ssize_t dk_usable; Py_ssize_t dk_nentries; char dk_indices[]; };\n")
    return path


def debug_lines(version):
    """Statements that print where _Py_DebugOffsets has what."""
    if version < (3, 13):
        return
    yield 'printf("debug_size %zu\\n", sizeof(_Py_DebugOffsets));'
    for name, first, *members in DEBUG_FIELDS:
        if version >= first:
            places = [offset("_Py_DebugOffsets", member) if member else "0u" for member in members]
            places += ["0u"] * (3 - len(places))
            yield f'printf("debug {name} %u %u %u\\n", {", ".join(places)});'


def run_program(source, include, folder):
    """What a C program prints that is compiled against these headers."""
    path, program = os.path.join(folder, "offsets.c"), os.path.join(folder, "offsets")
    with open(path, "w", encoding="ascii") as out:
        out.write(source)
    # The folder above is where a distribution keeps the headers that depend on the machine.
    places = [include, os.path.join(include, "internal"), os.path.dirname(include)]
    flags = [word for place in places for word in ("-I", place)]
    subprocess.check_call([os.environ.get("CC", "cc"), "-w", *flags, path, "-o", program])
    return subprocess.check_output([program], text=True).splitlines()


def measure(version, include):
    """{member: offset or None}, the size of _Py_DebugOffsets or 0, and [(member, at, plus, minus)]."""
    values = {name: chosen(versions, version) for name, versions in FIELDS}
    statements = [f'printf("row {name} %u\\n", {value});' for name, value in values.items() if value is not None]
    statements += ['if (kinds.word != (7u << 2 | 1u << 5)) return 1; /* interned:2, kind:3, compact:1 */', *debug_lines(version)]
    debug_size, debug = 0, []
    with tempfile.TemporaryDirectory() as folder:
        source = PROGRAM_HEAD % {"dict_header": old_dict_header(folder)} + ASSUMED
        source += "int main(void) {\n    " + "\n    ".join(statements) + "\n    return 0;\n}\n"
        lines = run_program(source, include, folder)
    for line in lines:
        kind, *words = line.split()
        if kind == "row":
            values[words[0]] = int(words[1])
        elif kind == "debug":
            debug.append((words[0], *map(int, words[1:])))
        else:
            debug_size = int(words[0])
    return values, debug_size, debug


def print_row(version, values):
    print("    {")
    print(f"        .major = {version[0]},\n        .minor = {version[1]},")
    for name, versions in CONSTANTS.items():
        print(f"        .{name} = {chosen(versions, version)},")
    for name in sorted(values):
        value = values[name]
        print(f"        .{name} = {'LT_NO_FIELD' if value is None else value},")
    print("    },")


def print_debug_fields(version, fields):
    print(f"static const struct lt_py_debug_field fields_{version[0]}{version[1]}[] = {{")
    for name, *places in fields:
        print(f"    {{offsetof(struct lt_py_offsets, {name}), {', '.join(map(str, places))}}},")
    print("};\n")


def print_debug_layouts(debug):
    for version, (_, fields) in debug.items():
        print_debug_fields(version, fields)
    print("const struct lt_py_debug_layout lt_py_debug_layouts[] = {")
    for version, (size, fields) in debug.items():
        print(f"    {{{version[0]}, {version[1]}, {size}, {len(fields)}, fields_{version[0]}{version[1]}}},")
    print("    {.major = 0},\n};")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    places = sorted(dict(map(headers_of, sys.argv[1:])).items())
    print("/* SPDX-License-Identifier: Apache-2.0\n *\n * GENERATED by tests/support/generate_offsets.py from the"
          " headers of each version: do not edit. */")
    print('#include "config.h"\n\n#include <stddef.h>\n\n#include "collector/py_offsets.h"')
    print('#include "collector/py_offsets_debug.h"\n')
    print("/* clang-format off */")
    print("const struct lt_py_offsets lt_py_offsets_table[] = {")
    debug = {}
    for version, include in places:
        values, size, fields = measure(version, include)
        print_row(version, values)
        if size:
            debug[version] = size, fields
    print("    {.major = 0},\n};\n")
    print_debug_layouts(debug)
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
