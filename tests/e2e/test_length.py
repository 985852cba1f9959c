#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long recording needs no more memory than a short one, and says the same by one processor and by several."""

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
        self.make_long(model, SAMPLES, self.long)
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

    def test_memory(self):
        for arguments in (["analyze", self.long], ["analyze", self.ticks], ["export", "-f", "folded", self.ticks]):
            with self.subTest(arguments):
                self.assertLess(measured([LIVE_TRACE, *arguments])[2], MEGABYTES)


if __name__ == "__main__":
    unittest.main()
