#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes collector/py_offsets_table.c: where each CPython version keeps what we read.

    tests/support/generate_offsets.py [PYTHON...] > collector/py_offsets_table.c

Each PYTHON is an interpreter with its headers installed; none: those that the tests find. A C program that is compiled
against those headers (the internal ones too) prints the offsets; nothing is typed by hand. Run it with one
interpreter of each version; a minor version keeps its layout through its patch releases, and what does change is
told by _Py_DebugOffsets, whose own layout is the second table.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
from lt_e2e import interpreters  # noqa: E402 (after the path)

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
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_interpframe.h>
#endif
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_frame.h>
#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#else
#include <longintrepr.h>
#include "%(dict_header)s"
#endif
#define O(type, field) ((unsigned)offsetof(type, field))
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
    ("interp.size", [((3, 8), None), ((3, 13), f"(unsigned)sizeof({INTERP})")]),
    ("interp.id", [((3, 8), offset(INTERP, "id"))]),
    ("interp.next", [((3, 8), offset(INTERP, "next"))]),
    ("interp.threads_main", [((3, 8), None), ((3, 13), offset(INTERP, "threads.main"))]),
    ("interp.code_object_generation", [((3, 8), None), ((3, 14), offset(INTERP, "_code_object_generation"))]),
    ("interp.threads_head", [((3, 8), offset(INTERP, "tstate_head")), ((3, 11), offset(INTERP, "threads.head"))]),
    ("interp.gc_collecting", [((3, 8), None), ((3, 9), offset(INTERP, "gc.collecting"))]),
    ("interp.gil", [((3, 8), None), ((3, 12), offset(INTERP, "ceval.gil"))]),
    # Every code object made adds one: co_version is what it was (CPython's Objects/codeobject.c). 3.12 counts in a
    # variable that nothing leads to.
    ("interp.next_version", [((3, 8), None), ((3, 13), offset(INTERP, "func_state.next_version"))]),
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
    ("tstate.id", [((3, 8), offset(TSTATE, "id")), ((3, 11), None)]),
    ("tstate.datastack_chunk", [((3, 8), None), ((3, 11), offset(TSTATE, "datastack_chunk"))]),
    ("tstate.datastack_top", [((3, 8), None), ((3, 11), offset(TSTATE, "datastack_top"))]),
    ("tstate.context", [((3, 8), offset(TSTATE, "context"))]),
    ("cframe.frame", [((3, 8), None), ((3, 11), offset("_PyCFrame", "current_frame")), ((3, 13), None)]),
    ("frame.code", [((3, 8), offset(OLD_FRAME, "f_code")), ((3, 11), offset(FRAME, "f_code")),
                    ((3, 13), offset(FRAME, "f_executable"))]),
    ("frame.previous", [((3, 8), offset(OLD_FRAME, "f_back")), ((3, 11), offset(FRAME, "previous"))]),
    ("frame.instr", [((3, 8), offset(OLD_FRAME, "f_lasti")), ((3, 11), offset(FRAME, "prev_instr")),
                     ((3, 13), offset(FRAME, "instr_ptr"))]),
    ("frame.owner", [((3, 8), None), ((3, 11), offset(FRAME, "owner"))]),
    ("frame.localsplus", [((3, 8), offset(OLD_FRAME, "f_localsplus")), ((3, 11), offset(FRAME, "localsplus"))]),
    ("frame.stackpointer", [((3, 8), None), ((3, 14), offset(FRAME, "stackpointer"))]),
    ("frame.tlbc_index", [((3, 8), None)]),
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
    ("code.argcount", [((3, 8), offset(CODE, "co_argcount"))]),
    ("code.localsplusnames", [((3, 8), offset(CODE, "co_varnames")), ((3, 11), offset(CODE, "co_localsplusnames"))]),
    ("code.localspluskinds", [((3, 8), None), ((3, 11), offset(CODE, "co_localspluskinds"))]),
    ("code.cellvars", [((3, 8), offset(CODE, "co_cellvars")), ((3, 11), None)]),
    ("code.freevars", [((3, 8), offset(CODE, "co_freevars")), ((3, 11), None)]),
    ("unicode.length", [((3, 8), offset("PyASCIIObject", "length"))]),
    ("unicode.state", [((3, 8), offset("PyASCIIObject", "state"))]),
    ("unicode.hash", [((3, 8), offset("PyASCIIObject", "hash"))]),
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
    ("object.dict_before", [((3, 8), None), ((3, 11), "3u")]),
    ("object.inline_values", [((3, 8), None), ((3, 13), offset("struct _dictvalues", "values"))]),
    ("dict.keys", [((3, 8), offset("PyDictObject", "ma_keys"))]),
    ("dict.values", [((3, 8), offset("PyDictObject", "ma_values"))]),
    ("dict.used", [((3, 8), offset("PyDictObject", "ma_used"))]),
    ("dict.keys_size", [((3, 8), offset("struct _dictkeysobject", "dk_size")), ((3, 11), None)]),
    ("dict.keys_log2_size", [((3, 8), None), ((3, 11), offset("struct _dictkeysobject", "dk_log2_size"))]),
    ("dict.keys_log2_index_bytes", [((3, 8), None),
                                    ((3, 11), offset("struct _dictkeysobject", "dk_log2_index_bytes"))]),
    ("dict.keys_kind", [((3, 8), None), ((3, 11), offset("struct _dictkeysobject", "dk_kind"))]),
    ("dict.keys_nentries", [((3, 8), offset("struct _dictkeysobject", "dk_nentries"))]),
    ("dict.keys_indices", [((3, 8), offset("struct _dictkeysobject", "dk_indices"))]),
    ("integer.size", [((3, 8), offset("PyLongObject", "ob_base.ob_size")), ((3, 12), None)]),
    ("integer.tag", [((3, 8), None), ((3, 12), offset("PyLongObject", "long_value.lv_tag"))]),
    ("integer.digits", [((3, 8), offset("PyLongObject", "ob_digit")), ((3, 12), offset("PyLongObject", "long_value.ob_digit"))]),
    ("floating.value", [((3, 8), offset("PyFloatObject", "ob_fval"))]),
    ("list.size", [((3, 8), offset("PyListObject", "ob_base.ob_size"))]),
    ("list.items", [((3, 8), offset("PyListObject", "ob_item"))]),
    ("tuple.size", [((3, 8), offset("PyTupleObject", "ob_base.ob_size"))]),
    ("tuple.items", [((3, 8), offset("PyTupleObject", "ob_item"))]),
    ("set.used", [((3, 8), offset("PySetObject", "used"))]),
    ("set.mask", [((3, 8), offset("PySetObject", "mask"))]),
    ("set.table", [((3, 8), offset("PySetObject", "table"))]),
    ("cell.value", [((3, 8), offset("PyCellObject", "ob_ref"))]),
    ("generator.frame", [((3, 8), None), ((3, 14), offset("PyGenObject", "gi_iframe"))]),
    ("generator.state", [((3, 8), None), ((3, 14), offset("PyGenObject", "gi_frame_state"))]),
    ("generator.created", [((3, 8), None), ((3, 14), "(unsigned char)FRAME_CREATED")]),
    ("generator.suspended", [((3, 8), None), ((3, 14), "(unsigned char)FRAME_SUSPENDED")]),
    ("generator.awaiting", [((3, 8), None), ((3, 14), "(unsigned char)FRAME_SUSPENDED_YIELD_FROM")]),
    ("generator.executing", [((3, 8), None), ((3, 14), "(unsigned char)FRAME_EXECUTING")]),
    # Where _PyGen_yf() finds what is awaited (CPython's Objects/genobject.c).
    ("generator.awaited", [((3, 8), None), ((3, 14), "1u"), ((3, 15), "2u")]),
    # Bit n: frames of owner n are not Python frames. 3.12 marks its shim frames as owned by the C stack.
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

# What _Py_DebugOffsets of 3.13 and later tells: (member of struct lt_py_offsets, first version, group, field).
DEBUG_FIELDS = [
    ("runtime.interpreters_head", (3, 13), "runtime_state", "interpreters_head"),
    ("interp.id", (3, 13), "interpreter_state", "id"),
    ("interp.next", (3, 13), "interpreter_state", "next"),
    ("interp.threads_head", (3, 13), "interpreter_state", "threads_head"),
    ("interp.threads_main", (3, 14), "interpreter_state", "threads_main"),
    ("interp.modules", (3, 13), "interpreter_state", "imports_modules"),
    ("interp.gil", (3, 13), "interpreter_state", "ceval_gil"),
    ("interp.code_object_generation", (3, 14), "interpreter_state", "code_object_generation"),
    ("tstate.next", (3, 13), "thread_state", "next"),
    ("tstate.interp", (3, 13), "thread_state", "interp"),
    ("tstate.frame", (3, 13), "thread_state", "current_frame"),
    ("tstate.thread_id", (3, 13), "thread_state", "thread_id"),
    ("tstate.native_thread_id", (3, 13), "thread_state", "native_thread_id"),
    ("tstate.datastack_chunk", (3, 13), "thread_state", "datastack_chunk"),
    ("frame.previous", (3, 13), "interpreter_frame", "previous"),
    ("frame.code", (3, 13), "interpreter_frame", "executable"),
    ("frame.instr", (3, 13), "interpreter_frame", "instr_ptr"),
    ("frame.localsplus", (3, 13), "interpreter_frame", "localsplus"),
    ("frame.owner", (3, 13), "interpreter_frame", "owner"),
    ("frame.stackpointer", (3, 14), "interpreter_frame", "stackpointer"),
    ("generator.frame", (3, 14), "gen_object", "gi_iframe"),
    ("generator.state", (3, 14), "gen_object", "gi_frame_state"),
    ("code.filename", (3, 13), "code_object", "filename"),
    ("code.name", (3, 13), "code_object", "name"),
    ("code.qualname", (3, 13), "code_object", "qualname"),
    ("code.linetable", (3, 13), "code_object", "linetable"),
    ("code.firstlineno", (3, 13), "code_object", "firstlineno"),
    ("code.argcount", (3, 13), "code_object", "argcount"),
    ("code.localsplusnames", (3, 13), "code_object", "localsplusnames"),
    ("code.localspluskinds", (3, 13), "code_object", "localspluskinds"),
    ("code.code_adaptive", (3, 13), "code_object", "co_code_adaptive"),
    ("object.type", (3, 13), "pyobject", "ob_type"),
    ("object.type_name", (3, 13), "type_object", "tp_name"),
    ("object.type_flags", (3, 13), "type_object", "tp_flags"),
    ("object.type_basicsize", (3, 15), "type_object", "tp_basicsize"),
    ("object.type_dictoffset", (3, 15), "type_object", "tp_dictoffset"),
    ("object.type_cached_keys", (3, 15), "heap_type_object", "ht_cached_keys"),
    ("dict.keys", (3, 13), "dict_object", "ma_keys"),
    ("dict.values", (3, 13), "dict_object", "ma_values"),
    ("integer.tag", (3, 13), "long_object", "lv_tag"),
    ("integer.digits", (3, 13), "long_object", "ob_digit"),
    ("floating.value", (3, 13), "float_object", "ob_fval"),
    ("list.size", (3, 13), "list_object", "ob_size"),
    ("list.items", (3, 13), "list_object", "ob_item"),
    ("tuple.size", (3, 13), "tuple_object", "ob_size"),
    ("tuple.items", (3, 13), "tuple_object", "ob_item"),
    ("set.used", (3, 14), "set_object", "used"),
    ("set.mask", (3, 14), "set_object", "mask"),
    ("set.table", (3, 14), "set_object", "table"),
    ("bytes.size", (3, 13), "bytes_object", "ob_size"),
    ("bytes.data", (3, 13), "bytes_object", "ob_sval"),
    ("unicode.state", (3, 13), "unicode_object", "state"),
    ("unicode.length", (3, 13), "unicode_object", "length"),
    ("unicode.ascii_data", (3, 13), "unicode_object", "asciiobject_size"),
    ("unicode.compact_data", (3, 15), "unicode_object", "compactunicodeobject_size"),
]
# What has to be computed from what it tells: (member of struct lt_py_debug_layout, field).
DEBUG_MEMBERS = [
    ("interp_size", "interpreter_state.size"),
    ("gc", "interpreter_state.gc"),
    ("gc_collecting", "gc.collecting"),
    ("gil", "interpreter_state.gil_runtime_state"),
    ("gil_locked", "interpreter_state.gil_runtime_state_locked"),
    ("gil_last_holder", "interpreter_state.gil_runtime_state_holder"),
]


def chosen(versions, version):
    """The entry of the newest version that is not newer than this one."""
    return [value for first, value in versions if first <= version][-1]


def headers_of(python):
    script = "import sys, sysconfig; print(*sys.version_info[:2], sysconfig.get_paths()['include'])"
    major, minor, include = subprocess.check_output([python, "-c", script], text=True).split(None, 2)
    return (int(major), int(minor)), include.strip()


def old_dict_header(folder):
    """struct _dictkeysobject of 3.8 to 3.10, which no installed header has (Objects/dict-common.h)."""
    path = os.path.join(folder, "dict-common.h")
    with open(path, "w", encoding="ascii") as out:
        out.write("struct _dictkeysobject { Py_ssize_t dk_refcnt; Py_ssize_t dk_size; void *dk_lookup;"
                  " Py_ssize_t dk_usable; Py_ssize_t dk_nentries; char dk_indices[]; };\n")
    return path


def measure(version, include, wanted):
    """The values of those (name, C expression or None)."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "offsets.c")
        program = os.path.join(folder, "offsets")
        with open(source, "w", encoding="ascii") as out:
            out.write(PROGRAM_HEAD % {"dict_header": old_dict_header(folder)})
            out.write("int main(void) {\n")
            for name, expression in wanted:
                if expression is not None:
                    out.write(f'    printf("{name} %u\\n", {expression});\n')
            out.write("    return 0;\n}\n")
        compiler = os.environ.get("CC", "cc")
        # Debian keeps pyconfig.h in a folder of its own beside that of the version.
        subprocess.check_call([compiler, "-w", "-I", include, "-I", include + "/internal",
                               "-idirafter", os.path.dirname(include), source, "-o", program])
        lines = subprocess.check_output([program], text=True).splitlines()
    values = {name: None for name, _ in wanted}
    values.update((name, int(value)) for name, value in (line.split() for line in lines))
    return values


def measure_row(version, include):
    return measure(version, include, [(name, chosen(versions, version)) for name, versions in FIELDS])


def measure_debug_layout(version, include):
    told = "_Py_DebugOffsets"
    wanted = [("size", f"(unsigned)sizeof({told})")]
    wanted += [(name, offset(told, field)) for name, field in DEBUG_MEMBERS]
    for name, first, group, field in DEBUG_FIELDS:
        if first <= version:
            wanted += [(name, offset(told, f"{group}.{field}")), (name + "/size", offset(told, f"{group}.size"))]
    return measure(version, include, wanted)


def print_row(version, values):
    print("    {")
    print(f"        .major = {version[0]},\n        .minor = {version[1]},")
    for name, versions in CONSTANTS.items():
        print(f"        .{name} = {chosen(versions, version)},")
    for name in sorted(values):
        value = values[name]
        print(f"        .{name} = {'LT_NO_FIELD' if value is None else value},")
    print("    },")


def print_debug_layout(version, values):
    print("    {")
    print(f"        .minor = {version[1]},")
    for name in ("size", *(name for name, _ in DEBUG_MEMBERS)):
        print(f"        .{name} = {values[name]},")
    print("        .fields = {")
    for name, *_ in DEBUG_FIELDS:
        if name in values:
            print(f"            {{offsetof(struct lt_py_offsets, {name}), {values[name]}, {values[name + '/size']}}},")
    print("        },\n    },")


def main():
    pythons = sys.argv[1:] or list(interpreters().values())
    rows = dict(headers_of(python) for python in pythons)
    print("/* SPDX-License-Identifier: Apache-2.0\n *\n * GENERATED by tests/support/generate_offsets.py from the"
          " headers of each version: do not edit. */")
    print('#include "config.h"\n\n#include <stddef.h>\n\n#include "collector/py_offsets.h"\n')
    print("/* clang-format off */")
    print("const struct lt_py_offsets lt_py_offsets_table[] = {")
    for version in sorted(rows):
        print_row(version, measure_row(version, rows[version]))
    print("    {.major = 0},\n};\n")
    print("const struct lt_py_debug_layout lt_py_debug_layouts[] = {")
    for version in sorted(rows):
        if version >= (3, 13):
            print_debug_layout(version, measure_debug_layout(version, rows[version]))
    print("    {.minor = 0},\n};")
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
