#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same recording gives the same counts in every output.

Exports the golden recordings as folded, html, jsonl, speedscope, svg, flamechart and text (JSON), with many selections, and compares
them stack by stack, in stack samples and in time. Each output is read here by its own rules.
$LIVE_TRACE and $MAKE_TRACE are the programs.
"""

import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

from figures import control_to_blank, frame_text

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from read_page import read_page  # noqa: E402 (after the path)

INPUTS = pathlib.Path(__file__).resolve().parent.parent / "golden" / "inputs"
# Not the damaged one: totals of a segment can save what its spoilt ticks would have said.
RECORDINGS = [["shop"], ["two"], ["two", "elsewhere"], ["hostile"], ["unfinished"]]
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
    ["--focus", "loads|work"],
    ["--ignore", "unknown"],
    ["--from", "0.02", "--to", "0.05"],
    ["--from", "-0.03"],
    ["--thread", "worker", "--thread", "201"],
]


class Exports:
    def __init__(self, program, logs, selection):
        self.program, self.logs, self.selection = program, logs, selection
        self.by_line = "line" in selection
        self.roots = []

    def run(self, name, *options):
        command = [self.program, "export", "-f", name, *options, *self.selection, *self.roots]
        command += self.logs
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{command}: status {done.returncode}: {done.stderr.decode()}")
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
            raise AssertionError("jsonl does not begin with meta and end with health")
        for sample in lines[1:-1]:
            stack = tuple(
                frame_text(f["name"], f["file"], f["line"], self.by_line) for f in sample["stack"]
            )
            if unit == "time":
                counts[stack] += round(sample["weight"] * 1e9)
            else:
                counts[stack] += sample.get("count", 1)
        return counts

    def html(self, unit):
        counts = collections.Counter()
        page = read_page(self.run("html"))
        frames = [frame_text(f["name"], f["file"], f["line"], self.by_line) for f in page["frames"]]
        for node, _, _, count, microseconds in page["cells"]:
            counts[tuple(frames[i] for i in page["stacks"][node])] += microseconds * 1000 if unit == "time" else count
        return counts

    def speedscope(self, unit):
        counts = collections.Counter()
        document = json.loads(self.run("speedscope", "--unit", unit))
        frames = [
            frame_text(f["name"], f.get("file", ""), f.get("line", 0), self.by_line)
            for f in document["shared"]["frames"]
        ]
        if not document["profiles"]:
            raise AssertionError("speedscope has no profiles")
        for profile in document["profiles"]:
            if len(profile["samples"]) != len(profile["weights"]):
                raise AssertionError("speedscope has not as many weights as samples")
            if profile["endValue"] - profile["startValue"] != sum(profile["weights"]):
                raise AssertionError("speedscope's profile is not as long as its weights")
            for stack, weight in zip(profile["samples"], profile["weights"]):
                counts[tuple(frames[i] for i in stack)] += weight
        return counts

    def svg(self, unit, name="svg"):
        """Of each box what its callees do not cover."""
        document = ElementTree.fromstring(self.run(name, "--unit", unit, "--option", "min-width=0"))
        counts, path = collections.Counter(), []
        for box in document.iter("{http://www.w3.org/2000/svg}g"):
            if "data-b" not in box.attrib:
                continue
            row, _, width = map(int, box.get("data-b").split())
            label = box.find("{http://www.w3.org/2000/svg}title").text.split("\n")[0]
            path[row:] = [control_to_blank(label)]
            if row > 0:
                counts[tuple(path[1:])] += width
            if row > 1:
                counts[tuple(path[1:-1])] -= width
        return +counts

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


class SameCounts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for script in INPUTS.glob("*.txt"):
            trace = pathlib.Path(cls.folder.name, script.stem + ".ltrace")
            subprocess.run([os.environ["MAKE_TRACE"], script, trace], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def compare(self, exports, unit):
        """Everything against folded: its stacks, its innermost frames, its frames anywhere."""
        stacks = exports.folded(unit)
        leaves, anywhere = collections.Counter(), collections.Counter()
        for stack, count in stacks.items():
            leaves[stack[-1]] += count
            for frame in set(stack):
                anywhere[frame] += count
        if any(stack[0].startswith("process ") for stack in stacks):
            # Roots come by themselves only to outputs that do not tell threads apart anyway.
            exports.roots = ["--threads"]
        self.assertEqual(exports.jsonl(unit), stacks, "jsonl")
        self.assertEqual(exports.speedscope(unit), stacks, "speedscope")
        self.assertEqual(exports.svg(unit), stacks, "svg")
        self.assertEqual(exports.svg(unit, "flamechart"), stacks, "flamechart")
        self.assertEqual(exports.html(unit), stacks, "html")
        self.assertEqual(exports.text(unit), leaves, "text")
        self.assertEqual(exports.text(unit, "sum-all-frames=1"), anywhere, "text, all frames")
        return sum(stacks.values())

    def check(self, names, unit):
        logs = [os.path.join(self.folder.name, name + ".ltrace") for name in names]
        totals = []
        for selection in SELECTIONS:
            with self.subTest(recordings=names, selection=selection):
                totals.append(self.compare(Exports(os.environ["LIVE_TRACE"], logs, selection), unit))
        self.assertGreater(totals[0], 0, "nothing was compared")

    def test_samples(self):
        for names in RECORDINGS:
            self.check(names, "samples")

    def test_time(self):
        for names in RECORDINGS:
            self.check(names, "time")

    def test_windows(self):
        """Totals of the segments within a window, and ticks of those at its edges, are what single samples are."""
        for seed in range(6):
            trace = os.path.join(self.folder.name, f"wild-{seed}.ltrace")
            subprocess.run(["make_random_trace", "wild", str(seed), "100", "400", "6", "6", trace], check=True)
            info = json.loads(subprocess.check_output([os.environ["LIVE_TRACE"], "info", "--json", trace]))
            rng = random.Random(seed)
            for _ in range(8):
                times = sorted(rng.uniform(0, info["duration"]) for _ in range(2))
                selection = ["--from", f"{times[0]:.9f}", "--to", f"{times[1]:.9f}"][: rng.choice([2, 4])]
                with self.subTest(seed=seed, selection=selection):
                    exports = Exports(os.environ["LIVE_TRACE"], [trace], selection)
                    for unit in ("samples", "time"):
                        self.compare(exports, unit)
                    health = json.loads(exports.run("text", "--option", "json=1"))["health"]
                    jsonl = json.loads(exports.run("jsonl").splitlines()[-1])
                    del health["duration"]  # to the nanosecond in totals, to a quantum in ticks
                    self.assertEqual({key: jsonl.get(key) for key in health}, health)

    def test_selections_select(self):
        """Of the selections that leave something out of `shop`, each does, and none leaves out all."""
        logs = [os.path.join(self.folder.name, "shop.ltrace")]
        everything = sum(Exports(os.environ["LIVE_TRACE"], logs, []).folded("samples").values())
        for selection in SELECTIONS:
            if selection[:1] in ([], ["--by"], ["--mine"], ["--threads"], ["--full-paths"], ["--hide"]):
                continue
            with self.subTest(selection=selection):
                counts = Exports(os.environ["LIVE_TRACE"], logs, selection).folded("samples")
                self.assertGreater(sum(counts.values()), 0)
                self.assertLess(sum(counts.values()), everything)


if __name__ == "__main__":
    unittest.main()
