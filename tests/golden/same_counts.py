#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same recording gives the same counts in every output.

    same_counts.py LIVE_TRACE LOG... [-- SELECTION...]

Exports the LOGs as folded, jsonl, speedscope and text (JSON), with many selections (or only the given one),
and compares them stack by stack, in stack samples and in time. Each output is read here by its own rules.
"""

import collections
import json
import re
import subprocess
import sys

SELECTIONS = [
    [],
    ["--no-idle"],
    ["--mode", "cpu"],
    ["--mode", "gil"],
    ["--by", "line"],
    ["--by", "file"],
    ["--by", "module"],
    ["--by", "tag:route"],
    ["--mine"],
    ["--threads"],
    ["--full-paths"],
    ["--hide", "wait"],
    ["--focus", "loads"],
    ["--ignore", "unknown"],
    ["--from", "0.02", "--to", "0.05"],
    ["--from", "-0.03"],
]


def control_to_blank(text):
    """What folded does to a name, done to the names of the other outputs."""
    text = re.sub("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", " ", text).replace(";", ":")
    return re.sub(r" (\d[\d.]*)$", r" (\1)", text)


def frame_text(name, file, line, by_line):
    if not file or file == name:
        return control_to_blank(name)
    place = f"{file}:{line}" if by_line and line else file
    return control_to_blank(f"{name} ({place})")


class Exports:
    def __init__(self, program, logs, selection):
        self.program, self.logs, self.selection = program, logs, selection
        self.by_line = "line" in selection
        self.roots = []

    def run(self, name, *options):
        command = [self.program, "export", "-f", name, *options, *self.selection, *self.roots]
        command += self.logs
        done = subprocess.run(command, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: status {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()

    def folded(self, unit):
        counts = collections.Counter()
        for line in self.run("folded", "--unit", unit).splitlines():
            stack, count = line.rsplit(" ", 1)
            counts[tuple(stack.split(";"))] += int(count) * (1000 if unit == "time" else 1)
        return counts

    def jsonl(self, unit):
        counts = collections.Counter()
        lines = [json.loads(line) for line in self.run("jsonl").splitlines()]
        if [lines[0]["type"], lines[-1]["type"]] != ["meta", "health"]:
            sys.exit("jsonl does not begin with meta and end with health")
        for sample in lines[1:-1]:
            stack = tuple(
                frame_text(f["name"], f["file"], f["line"], self.by_line) for f in sample["stack"]
            )
            if unit == "time":
                counts[stack] += round(sample["weight"] * 1e9)
            else:
                counts[stack] += sample.get("count", 1)
        return counts

    def speedscope(self, unit):
        counts = collections.Counter()
        document = json.loads(self.run("speedscope", "--unit", unit))
        frames = [
            frame_text(f["name"], f.get("file", ""), f.get("line", 0), self.by_line)
            for f in document["shared"]["frames"]
        ]
        if not document["profiles"]:
            sys.exit("speedscope has no profiles")
        for profile in document["profiles"]:
            if len(profile["samples"]) != len(profile["weights"]):
                sys.exit("speedscope has not as many weights as samples")
            if profile["endValue"] - profile["startValue"] != sum(profile["weights"]):
                sys.exit("speedscope's profile is not as long as its weights")
            for stack, weight in zip(profile["samples"], profile["weights"]):
                counts[tuple(frames[i] for i in stack)] += weight
        return counts

    def text(self, unit, *options):
        option = ["--option", "json=1", "--option", "most-common=1000000", "--idle"]
        if "--no-idle" in self.selection:
            option.remove("--idle")
        for word in options:
            option += ["--option", word]
        if "--by" not in self.selection:
            option += ["--by", "function"]
        report = json.loads(self.run("text", *option, "--unit", unit))
        counts = collections.Counter()
        for row in report["rows"]:
            name = frame_text(row["name"], row["file"], row["line"], self.by_line)
            counts[name] += round(row["seconds"] * 1e9) if unit == "time" else row["count"]
        return counts


def differences(what, left, right):
    """At most a few of the entries that are not equal, as lines."""
    lines = [
        f"{what}: {key}: {left[key]}, not {right[key]}"
        for key in sorted(set(left) | set(right))
        if left[key] != right[key]
    ]
    return lines[:5]


def compare(exports, unit):
    stacks = exports.folded(unit)
    leaves, anywhere = collections.Counter(), collections.Counter()
    for stack, count in stacks.items():
        leaves[stack[-1]] += count
        for frame in set(stack):
            anywhere[frame] += count
    wrong = []
    if any(stack[0].startswith("process ") for stack in stacks):
        # Roots come by themselves only to outputs that do not tell threads apart anyway.
        exports.roots = ["--threads"]
    wrong += differences("jsonl", exports.jsonl(unit), stacks)
    wrong += differences("speedscope", exports.speedscope(unit), stacks)
    wrong += differences("text", exports.text(unit), leaves)
    wrong += differences("text, all frames", exports.text(unit, "sum-all-frames=1"), anywhere)
    return wrong, sum(stacks.values())


def main():
    program, *rest = sys.argv[1:]
    only = None
    if "--" in rest:
        at = rest.index("--")
        rest, only = rest[:at], rest[at + 1 :]
    failed = total = 0
    for selection in SELECTIONS if only is None else [only]:
        for unit in ("samples", "time"):
            wrong, count = compare(Exports(program, rest, selection), unit)
            total += count
            for line in wrong:
                print(f"{' '.join(selection)} --unit {unit}: {line}")
                failed += 1
    print(f"{len(SELECTIONS) if only is None else 1} selections, {failed} differences")
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
