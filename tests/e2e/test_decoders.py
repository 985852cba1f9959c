#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C reader and tests/support/decode_trace.py, which knows nothing but the document, see the same.

Recordings of real programs are compared where they are made (lt_e2e.py); here are those from text and from seeds."""

import glob
import os
import subprocess
import unittest

from lt_e2e import BUILD, HERE, INPUTS, MAKE_TRACE, TraceTest, check_decoders

SEEDS = os.path.join(HERE, os.pardir, "data", "fuzz", "fuzz_trace_reader")


class Decoders(TraceTest):
    def test_traces_from_text(self):
        scripts = sorted(glob.glob(os.path.join(INPUTS, "*.txt")) + glob.glob(os.path.join(SEEDS, "*.txt")))
        self.assertGreater(len(scripts), 6)
        for script in scripts:
            with self.subTest(os.path.basename(script)):
                subprocess.run([MAKE_TRACE, script, self.trace], check=True)
                check_decoders(self, self.trace)

    def make_random(self, kind, seed, rate, ticks, threads, level=6):
        words = [kind, seed, rate, ticks, threads, level, self.trace]
        subprocess.run([os.path.join(BUILD, "make_random_trace"), *map(str, words)], check=True)

    def test_random_traces(self):
        for kind, seeds, ticks in (("wild", 25, 300), ("gil", 2, 3000), ("idle", 2, 3000)):
            for seed in range(seeds):
                with self.subTest(kind, seed=seed):
                    self.make_random(kind, seed, 1000, ticks, 8)
                    check_decoders(self, self.trace)

    def test_damaged_traces(self):
        """The same losses, whatever byte is changed and wherever the file ends."""
        self.make_random("wild", 7, 1000, 60, 4)
        with open(self.trace, "rb") as file:
            whole = file.read()
        for at in range(0, len(whole), max(1, len(whole) // 60)):
            with self.subTest(at=at):
                with open(self.trace, "wb") as file:
                    file.write(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1:])
                if at >= 16:
                    check_decoders(self, self.trace)
                with open(self.trace, "wb") as file:
                    file.write(whole[:max(at, 16)])
                check_decoders(self, self.trace)
        with open(self.trace, "wb") as file:
            file.write(whole)


if __name__ == "__main__":
    unittest.main()
