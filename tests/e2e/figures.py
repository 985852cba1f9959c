# SPDX-License-Identifier: Apache-2.0
"""What a reader has seen in an output, so that it can be held against what another reader has seen in another one."""

import bisect
import collections
import json
import re


def control_to_blank(text):
    """What folded does to a name, done to the names of the other outputs."""
    text = re.sub("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", " ", text).replace(";", ":")
    return re.sub(r" (\d[\d.]*)$", r" (\1)", text)


def frame_text(name, file, line, by_line):
    if not file or file == name:
        return control_to_blank(name)
    place = f"{file}:{line}" if by_line and line else file
    return control_to_blank(f"{name} ({place})")


def function_text(name, file):
    return frame_text(name, file, 0, False)


def without_file(function):
    return function.rpartition(" (")[0] if function.endswith(")") else function


def is_root(name):
    """Of a process or a thread, not of a function."""
    return name.startswith(("process ", "thread "))


class Figures:
    """The total, and by function its self time and its total time, in nanoseconds; functions by the text that folded has."""

    def __init__(self):
        self.total, self.self, self.all = 0, collections.Counter(), collections.Counter()

    def add(self, stack, weight):
        """A stack, root first."""
        if not stack:
            return
        self.total += weight
        self.self[stack[-1]] += weight
        for function in set(stack):
            self.all[function] += weight

    def add_function(self, function, itself, everywhere):
        """A row of a table: each function once."""
        self.total += itself
        self.self[function] += itself
        self.all[function] += everywhere

    def renamed(self, rename):
        """For readers that do not tell all functions apart, or write them otherwise."""
        figures = Figures()
        for function, everywhere in self.all.items():
            figures.add_function(rename(function), self.self[function], everywhere)
        return figures

    def like(self, other):
        """As much of these as there is of the others."""
        figures = Figures()
        figures.total = self.total
        figures.self.update({name: self.self[name] for name in other.self})
        figures.all.update({name: self.all[name] for name in other.all})
        return figures

    def top(self):
        return max(self.self, key=self.self.get)

    def differences(self, expected, rounding=1e5):
        """Lines that say where these are not the expected ones."""
        found = []
        if not 0 < expected.total - rounding <= self.total <= expected.total + rounding:
            found.append(f"total: {self.total}, expected {expected.total}")
        for kind, ours, theirs in (("self", self.self, expected.self), ("total", self.all, expected.all)):
            for name in {name for name in ours.keys() | theirs.keys() if not is_root(name)}:
                one, other = ours[name], theirs[name]
                if abs(one - other) > rounding or (one == 0) != (other == 0):
                    found.append(f"{kind} of {name[:200]}: {one}, expected {other}")
        return found


def without_names(figures):
    """Self times alone, for a reader that does not show names as they are: cut ones can be the same."""
    plain = Figures()
    for itself in filter(None, figures.self.values()):
        plain.add_function(f"{round(itself / 1e6)} ms", itself, itself)
    return plain


def figures_of_folded(path, unit=1000):
    """Folded stacks; those of --unit time are in microseconds."""
    figures = Figures()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            stack, weight = line.rstrip("\n").rsplit(" ", 1)
            frames = [frame for frame in stack.split(";") if not is_root(frame)]
            figures.add(frames, int(weight) * unit)
    return figures


def figures_of_lines(path, place, count=False, seen=lambda frame: True):
    """JSON lines; place(frame) is what is told apart of the frames that are seen. Weights in nanoseconds, or stack samples."""
    figures = Figures()
    with open(path, encoding="utf-8") as lines:
        for sample in map(json.loads, lines):
            if sample["type"] == "sample":
                weight = sample.get("count", 1) if count else round(sample["weight"] * 1e9)
                figures.add([place(frame) for frame in sample["stack"] if seen(frame)], weight)
    return figures


def figures_of_boxes(boxes):
    """Of a flame graph, or a chart: (row, x, width, weight, label) of each box, row 0 the root that is no function."""
    figures, rows = Figures(), {}
    for row, x, width, weight, label in boxes:
        rows.setdefault(row, []).append({"x": x, "middle": x + width / 2, "own": weight, "label": label})
    for row in sorted(rows):
        rows[row].sort(key=lambda box: box["x"])
        starts = [box["x"] for box in rows.get(row - 1, [])]
        for box in rows[row]:
            below = rows[row - 1][bisect.bisect(starts, box["middle"]) - 1] if starts else None
            box["stack"] = below["stack"] + [box["label"]] if below else []
            if below:
                below["own"] -= box["own"]
    for box in (box for boxes_of_row in rows.values() for box in boxes_of_row if box["stack"]):
        # A box's callees have been taken off above, before anything is added.
        figures.add(box["stack"], box["own"])
    return figures
