#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long recording needs no more memory than a short one, says the same by one processor and by several, and fits a viewer."""

import collections
import json
import os
import subprocess
import unittest

from lt_e2e import BUILD, LIVE_TRACE, TraceTest, measured, without_totals

SAMPLES = 3_000_000
MEGABYTES = 64


class Length(TraceTest):
    def setUp(self):
        super().setUp()
        model, self.long = self.path("model.ltrace"), self.path("long.ltrace")
        subprocess.run([os.path.join(BUILD, "make_random_trace"), "gil", "1", "1000", "5000", "4", "6", model], check=True)
        self.short = self.path("short.ltrace")
        self.make_long(model, SAMPLES, self.long)
        self.make_long(model, SAMPLES // 10, self.short)
        self.ticks = without_totals(self.long, self.path("ticks.ltrace"))

    def make_long(self, model, samples, path):
        subprocess.run([os.path.join(BUILD, "make_long_trace"), model, "1", str(samples), path], check=True)

    def output(self, processors, *arguments):
        """What a command writes when it may use these processors."""
        return subprocess.run([LIVE_TRACE, *arguments], stdout=subprocess.PIPE, check=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, processors)).stdout

    def test_processors(self):
        """Of ticks that have to be decoded: all of a trace without totals, and the edges of a window."""
        processors = os.sched_getaffinity(0)
        if len(processors) == 1:
            self.skipTest("one processor: several threads were not tried")
        for arguments in (["analyze", self.ticks],
                          ["analyze", "--sum-all-frames", "--unit", "time", "--threads", "--json", self.ticks],
                          ["export", "-f", "csv", self.ticks],
                          ["export", "-f", "folded", "--mode", "gil", self.ticks],
                          ["export", "-f", "folded", "--from", "33.3", "--to", "-44.4", self.long],
                          ["export", "-f", "folded", "--from", "33.3", "--to", "-44.4", self.ticks]):
            with self.subTest(arguments):
                self.assertEqual(self.output({min(processors)}, *arguments), self.output(processors, *arguments))

    def test_totals_and_ticks(self):
        """Segment totals are the sums of the ticks."""
        processors = os.sched_getaffinity(0)
        for arguments in (["export", "-f", "folded"], ["export", "-f", "csv", "--unit", "time"]):
            totals, ticks = (self.output(processors, *arguments, trace) for trace in (self.long, self.ticks))
            self.assertEqual(sorted(totals.splitlines()), sorted(ticks.splitlines()))

    def speedscope(self, size):
        """What each stack of each thread weighs in the document."""
        path = self.path("out.speedscope.json")
        done = self.live_trace("export", "-o", path, "--max-size", size, self.short)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        weights = collections.Counter()
        for profile in document["profiles"]:
            self.assertEqual(profile["endValue"] - profile["startValue"], sum(profile["weights"]))
            for stack, weight in zip(profile["samples"], profile["weights"]):
                weights[profile["name"], *stack] += weight
        return document, weights, os.path.getsize(path), done.stderr

    def test_viewer_budget(self):
        """Coarser in time, then without rare frames; what is left weighs what it weighed."""
        document, everything, full_size, notes = self.speedscope("0")
        self.assertEqual(notes, "")
        for size in (full_size // 2, full_size // 20):
            coarser, weights, bytes_written, notes = self.speedscope(str(size))
            self.assertLessEqual(bytes_written, size)
            self.assertGreater(bytes_written, size // 3)
            self.assertRegex(notes, r"^live-trace: [\d.]+ MB are more than --max-size: threads are written in steps of .*\n$")
            self.assertIn("(in steps of ", coarser["name"])
            self.assertEqual(sum(weights.values()), sum(everything.values()))
            if "merged" not in notes:
                self.assertEqual(weights, everything)
            for thread in document["profiles"]:
                under = [sum(w for key, w in one.items() if key[:2] == (thread["name"], 0)) for one in (weights, everything)]
                self.assertEqual(*under)

    def test_memory(self):
        out = self.path("out")
        for arguments in (["analyze", self.long], ["analyze", self.ticks], ["export", "-f", "folded", self.ticks],
                          ["merge", "-o", out, self.long, self.short], ["export", "-f", "speedscope", "-o", out, self.long]):
            with self.subTest(arguments):
                self.assertLess(measured([LIVE_TRACE, *arguments])[2], MEGABYTES)


if __name__ == "__main__":
    unittest.main()
