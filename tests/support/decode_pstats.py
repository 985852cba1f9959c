#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what Python's marshal reads from a file of the pstats exporter on standard input, for people to compare."""

import json
import marshal
import sys


def function(key):
    file, line, name = key
    return f"{json.dumps(name)} {json.dumps(file)} line {line}"


def figures(entry):
    self_count, count, self_weight, weight = entry
    return f"{count}/{self_count} self {self_weight:.9g} total {weight:.9g}"


data = sys.stdin.buffer.read()
stats = marshal.loads(data)
# Nothing behind it: marshal itself would not care.
try:
    marshal.loads(data[:-1])
    sys.exit("there is something behind the dictionary")
except (EOFError, ValueError):
    pass
for called, (*four, callers) in stats.items():
    print(function(called), figures(four))
    for caller, entry in callers.items():
        print("    from", function(caller), figures(entry))
