#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines as the collector reads them are those that each interpreter gives for its own standard library.

Here its modules, without packages; tests/bench/truth_lines does all files."""

import os
import subprocess
import unittest

from lt_e2e import BUILD, HERE, every_interpreter

COMPARE = os.path.join(HERE, os.pardir, "support", "compare_lines.py")


@every_interpreter
class LineTables(unittest.TestCase):
    def test_standard_library(self):
        done = subprocess.run([self.python, COMPARE, os.path.join(BUILD, "line_of")], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"[1-9]\d{5,} instructions, 0 differ")


if __name__ == "__main__":
    unittest.main()
