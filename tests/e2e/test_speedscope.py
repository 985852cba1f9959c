#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What speedscope's own page shows of our files, in headless Chromium."""

import unittest

from page_readers import SpeedscopePage, browser
from test_outputs import OutputTest

NAME = "out"  # of the trace that a test has made


class Speedscope(OutputTest):
    """The page opens the file without an error, and its table of functions begins with the right one."""

    def setUp(self):
        super().setUp()
        self.get("speedscope opens our files", SpeedscopePage.folder)
        self.get("speedscope opens our files", browser)

    def opened(self, output, *selection):
        """The names in the table, by self time, most first."""
        with SpeedscopePage(self.export(output, [NAME], *selection)) as page:
            return [name for _, _, name in page.rows()]

    def test_real_program(self):
        self.record(self.script("""
            import time
            def hot(seconds):
                end = time.monotonic() + seconds
                while time.monotonic() < end: pass
            def cold():
                hot(0.2)
                time.sleep(0.1)
            for _ in range(5):
                cold()
        """))
        self.assertEqual(self.opened("speedscope")[0], "hot")
        self.assertTrue(self.opened("folded")[0].startswith("hot (script.py"))

    def test_hostile_names(self):
        self.make("hostile")
        self.assertTrue(self.opened("speedscope"))

    def test_several_threads_and_states(self):
        self.make("shop")
        self.assertEqual(self.opened("speedscope")[0], "Cart.total")
        self.assertEqual(self.opened("speedscope", "--mode", "cpu", "--by", "line", "--threads")[0].split(":")[0], "Cart.total")


if __name__ == "__main__":
    unittest.main()
