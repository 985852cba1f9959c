#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What we write is opened by those who read it: speedscope's own page in headless Chromium, and inferno."""

import os
import shutil
import subprocess
import sys
import unittest

from lt_e2e import CACHE, HERE, TraceTest

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from fetch import npm_package  # noqa: E402 (after the path)
from headless import CHROMIUM, Page, Server  # noqa: E402 (after the path)

SPEEDSCOPE = "1.25.0"


def speedscope_page():
    """The folder of the page; None where it cannot be had."""
    package = npm_package(CACHE, "speedscope", SPEEDSCOPE)
    return package and os.path.join(package, "dist", "release")


def functions(text):
    """The names in the page's table; the table's head is there some time before its rows."""
    rows = text.partition("Symbol Name")[2]
    # Three lines a function: total, self, name; the order is that of self.
    return [line.strip() for line in rows.splitlines() if line.strip()][2::3]


class SpeedscopePage(TraceTest):
    """The page opens the file without an error, and its table of functions begins with the right one."""

    def setUp(self):
        super().setUp()
        page = speedscope_page()
        if not page:
            self.skipTest("that speedscope opens our files: npm cannot fetch it")
        if not CHROMIUM:
            self.skipTest("that speedscope opens our files: no chromium")
        self.site = self.path("site")
        shutil.copytree(page, self.site)

    def opened(self, export_format, *selection):
        """The names in the table, by self time, most first."""
        done = self.live_trace("export", "-f", export_format, "-o", os.path.join(self.site, "profile"), *selection, self.trace)
        self.assertEqual(done.returncode, 0, done.stderr)
        with Server(self.site) as server:
            address = f"{server.address}/index.html#view=sandwich&profileURL={server.address}/profile"
            with Page(address) as page:
                text = page.wait_for("document.body.innerText",
                                     lambda text: functions(text) or "went wrong" in text or page.errors)
                self.assertEqual(page.errors, [])
                self.assertNotIn("went wrong", text)
        return functions(text)

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


class Inferno(TraceTest):
    def test_flame_graph(self):
        if not shutil.which("inferno-flamegraph"):
            self.skipTest("that inferno reads our folded stacks (speedscope's page does): no inferno-flamegraph on PATH")
        self.make("shop")
        folded = self.live_trace("export", "-f", "folded", self.trace).stdout
        svg = subprocess.run(["inferno-flamegraph"], input=folded, stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn("Cart.total", svg)


if __name__ == "__main__":
    unittest.main()
