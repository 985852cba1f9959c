#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lines that the collector reads from line tables, beside what this interpreter itself says.

    PYTHON tests/support/compare_lines.py LINE_OF [--all]

LINE_OF is the program of line_of.c. Compiles the modules of the standard library (--all: with its packages and its
own tests, every file), and compares every instruction of every code object with co_lines() (up to 3.9, where there is
none, with dis.findlinestarts()). Prints one line; exit status 1 if anything differs. Runs on Python 3.8 and later.
"""

import array
import dis
import os
import struct
import subprocess
import sys
import tempfile
import types
import warnings

LNOTAB, RANGES, LOCATIONS = range(3)
ERROR = 0xFFFFFFFF


def kind_of_this_python():
    return LNOTAB if sys.version_info < (3, 10) else RANGES if sys.version_info < (3, 11) else LOCATIONS


def files(everything):
    lib = os.path.dirname(os.__file__)
    for folder, folders, names in os.walk(lib):
        folders[:] = sorted(name for name in folders if name not in ("site-packages", "__pycache__")) if everything else []
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".py") and os.path.exists(path):  # Debian's has links into /etc
                yield path


def code_objects(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        todo = [compile(source, path, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError):  # some of CPython's own tests are not meant to compile
        return
    while todo:
        code = todo.pop()
        yield code
        todo += [const for const in code.co_consts if isinstance(const, types.CodeType)]


def table_of(code):
    return code.co_lnotab if kind_of_this_python() == LNOTAB else code.co_linetable


def true_lines(code):
    lines = array.array("I", [0]) * (len(code.co_code) // 2)
    if kind_of_this_python() == LNOTAB:
        starts = [*dis.findlinestarts(code), (len(code.co_code), 0)]
        ranges = [(start, end, line) for (start, line), (end, _) in zip(starts, starts[1:])]
        ranges.insert(0, (0, starts[0][0], code.co_firstlineno))
    else:
        ranges = code.co_lines()
    for start, end, line in ranges:
        for at in range(start // 2, end // 2):
            lines[at] = line or 0
    return lines


def main():
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(20000)
    everything = "--all" in sys.argv
    n_files = n_codes = n_instructions = n_differ = 0
    expected = []
    with tempfile.TemporaryFile() as records, tempfile.TemporaryFile() as answers:
        for path in files(everything):
            n_files += 1
            for code in code_objects(path):
                table = table_of(code)
                records.write(struct.pack("<III", code.co_firstlineno, len(code.co_code), len(table)) + table)
                expected.append((code, true_lines(code)))
        records.seek(0)
        subprocess.run([sys.argv[1], str(kind_of_this_python())], stdin=records, stdout=answers, check=True)
        answers.seek(0)
        for code, truth in expected:
            got = array.array("I", answers.read(4 * len(truth)))
            n_codes += 1
            n_instructions += len(truth)
            if got != truth:
                n_differ += sum(a != b for a, b in zip(got, truth))
                where = next(i for i, (a, b) in enumerate(zip(got, truth)) if a != b)
                print(f"{code.co_filename}: {code.co_name}, instruction {where}: {got[where]}, not {truth[where]}",
                      file=sys.stderr)
    print("Python {}.{}: {} files, {} code objects, {} instructions, {} differ".format(
        *sys.version_info[:2], n_files, n_codes, n_instructions, n_differ))
    sys.exit(1 if n_differ or not n_instructions else 0)


if __name__ == "__main__":
    main()
