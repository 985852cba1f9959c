#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outputs opened by those who read them: each says of a recording what folded says of it.

A reader makes Figures of what it has opened: the total, and by function its self time and its total time.
"""

import itertools
import json
import os
import sqlite3
import unittest

from figures import figures_of_folded, without_file
from file_readers import FirefoxProfiler, NotHad, sqlite_database
from lt_e2e import INPUTS, TraceTest
from page_readers import PerfettoPage, browser, heat_lines, opened

# Of golden inputs: those that are read together.
RECORDINGS = [["shop"], ["two", "elsewhere"], ["hostile"]]


class OutputTest(TraceTest):
    maxDiff = None
    numbers = itertools.count()

    def export(self, output, names, *options):
        """The recordings in that format: a path."""
        logs = []
        for name in names:
            logs.append(os.path.join(INPUTS, name) if "." in name else self.path(name + ".ltrace"))
            if not os.path.exists(logs[-1]):
                self.make(name, logs[-1])
        path = self.path(f"{next(self.numbers)}.{output}")
        done = self.live_trace("export", "-f", output, "-o", path, *options, *logs)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def folded(self, names, *options):
        # Several processes come as roots; other outputs have other places for them.
        return figures_of_folded(self.export("folded", names, "--unit", "time", *options))

    def agree(self, figures, expected):
        self.assertEqual(figures.differences(expected), [])

    def get(self, what, reader, *arguments):
        """The reader, or the test is skipped, which says what it misses."""
        try:
            return reader(*arguments)
        except NotHad as reason:
            self.skipTest(f"that {what}: {reason}")


class Chrome(OutputTest):
    def setUp(self):
        super().setUp()
        self.get("Perfetto opens our files", PerfettoPage.folder)
        self.get("Perfetto opens our files", browser)

    def opened(self, names, *options):
        return PerfettoPage(self.export("chrome", names, *options))

    def test_no_errors(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names), self.opened(names) as page:
                self.assertEqual(page.query("select name, value from stats where severity = 'error' and value > 0"), [])

    def test_selection(self):
        """Gaps are gaps, and do not count."""
        with self.opened(["shop"], "--mode", "cpu") as page:
            self.agree(page.figures(), self.folded(["shop"], "--mode", "cpu"))

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


class Heatmap(OutputTest):
    def setUp(self):
        super().setUp()
        self.get("the heatmap opens in a browser", browser)

    def opened(self, names):
        return opened(self.export("heatmap", names), ".html")

    def ask(self, page, expression):
        return json.loads(page.evaluate(f"JSON.stringify({expression})"))

    def test_each_line_once(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names), self.opened(names) as page:
                lines = [line for line, _, _ in heat_lines(page)]
                self.assertEqual(len(lines), len(set(lines)))
                self.assertEqual(self.ask(page, "document.querySelectorAll('script').length"), 0)

    def test_source_links_and_choice(self):
        with self.opened(["shop"]) as page:
            heat_lines(page)
            code = self.ask(page, "[...document.querySelectorAll('code')].map(code => code.textContent)")
            self.assertIn("    total += price(item)", code)
            # A link opens the file's fold; the buttons choose by what the lines are coloured.
            closed = "[...document.querySelectorAll('details:not([open]) .name')].map(name => name.textContent)"
            self.assertIn("http_lib/api.py", self.ask(page, closed))
            page.evaluate("[...document.querySelectorAll('.files a')].find(a => a.textContent == 'http_lib/api.py').click()")
            page.wait_for(f"!{closed}.includes('http_lib/api.py')")
            color = "getComputedStyle([...document.querySelectorAll('.source tr')].find(row => row.dataset.self == 0)" \
                    ".querySelector('.c')).backgroundColor"
            before = self.ask(page, color)
            page.evaluate("document.getElementById('by-total').click()")
            self.assertNotEqual(self.ask(page, color), before)


class Sqlite(OutputTest):
    def setUp(self):
        super().setUp()
        formats = json.loads(self.live_trace("formats", "--json").stdout)["output"]
        if not next(output["available"] for output in formats if output["name"] == "sqlite"):
            self.skipTest("that a database says what folded says: built without SQLite")

    def opened(self, names, *options):
        database = sqlite3.connect(self.export("sqlite", names, *options))
        self.addCleanup(database.close)
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        self.assertEqual(database.execute("PRAGMA foreign_key_check").fetchall(), [])
        return database

    def test_sums(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names):
                database = self.opened(names)
                [(counted, weight)] = database.execute("SELECT sum(count), sum(weight_ns) FROM samples")
                self.assertEqual(database.execute("SELECT sum(samples), sum(weight_ns) FROM stacks").fetchall(), [(counted, weight)])
                self.assertEqual(database.execute("SELECT sum(self_samples), sum(self_ns) FROM top").fetchall(), [(counted, weight)])

    def test_selection(self):
        database = self.export("sqlite", ["shop"], "--mode", "cpu")
        self.agree(sqlite_database(database), self.folded(["shop"], "--mode", "cpu"))

    def test_callers(self):
        """A pair is counted once a stack, also in a recursion."""
        rows = self.opened(["shop"]).execute("SELECT caller, weight_ns FROM callers WHERE callee = 'tax' ORDER BY caller")
        self.assertEqual(rows.fetchall(), [("<module>", 30000000), ("tax", 30000000)])

    def test_samples_threads_and_tags(self):
        database = self.opened(["shop"])
        rows = database.execute("""
            SELECT processes.name, pid, threads.name, tid, time_ns, on_cpu, has_gil, in_gc,
                   (SELECT group_concat(key || '=' || value) FROM tags WHERE set_id = tag_set_id)
            FROM samples JOIN threads ON threads.id = thread_id JOIN processes ON processes.id = process_id
            WHERE threads.name = 'MainThread' AND time_ns IN (0, 40000000) OR in_gc ORDER BY time_ns""").fetchall()
        thread = ("shop.py", 100, "MainThread", 100)
        self.assertEqual(rows[:2], [(*thread, 0, 1, 1, 0, "route=/cart,user=7"), (*thread, 40000000, 1, 1, 0, "route=/tax")])
        self.assertEqual([row[4:] for row in rows[2:]], [(70000000, 1, 1, 1, None)])
        self.assertEqual(dict(database.execute("SELECT key, value FROM meta WHERE key IN ('host', 'taken', 'failed_torn')")),
                         {"host": "web1", "taken": 30, "failed_torn": 2})

    def test_input_without_times(self):
        database = self.opened(["stacks.folded"])
        self.assertEqual(database.execute("SELECT name, self_samples, total_samples, total_ns FROM top").fetchall(),
                         [("work", 5, 8, 0), ("loads", 3, 3, 0), ("main", 2, 10, 0)])
        self.assertEqual(database.execute("SELECT DISTINCT time_ns, on_cpu FROM samples").fetchall(), [(None, None)])

    def test_needs_a_file(self):
        self.make("shop")
        for options in ([], ["-o", "-"], ["-o", "/dev/null"]):
            done = self.live_trace("export", "-f", "sqlite", *options, self.trace)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("a database cannot be written to a stream: give -o FILE", done.stderr)


def without_file(function):
    return function.rpartition(" (")[0] if function.endswith(")") else function


class Firefox(OutputTest):
    def setUp(self):
        super().setUp()
        self.profiler = self.get("the Firefox Profiler opens our files", FirefoxProfiler, self.folder)
        self.addCleanup(self.profiler.close)

    def opened(self, names, *options):
        self.profiler.open(self.export("firefox", names, *options))

    def test_plain_and_selected(self):
        self.opened(["shop"], "-O", "gzip=0", "--mode", "cpu", "--by", "line")
        self.agree(self.profiler.figures(), self.folded(["shop"], "--mode", "cpu").renamed(without_file))

    def test_names_tags_and_collector(self):
        self.opened(["shop"])
        threads = {thread["threadHandle"]: (process["pid"], process["name"], thread["tid"], thread["name"])
                   for process, thread in self.profiler.threads()}
        self.assertEqual(sorted(threads.values()), [("100", "shop.py", 100, "MainThread"), ("100", "shop.py", 101, "worker"),
                                                    ("100", "shop.py", 102, "thread (102)")])
        markers = self.profiler.ask("thread", "markers", "--thread", "t-0", "--list")["byType"]
        shown = [(m["label"], m["start"], m["duration"]) for kind in markers for m in kind["topMarkers"]]
        self.assertEqual(sorted(shown), [("Garbage collection", 70, 20), ("route=/cart", 0, 40), ("route=/tax", 40, 30),
                                         ("user=7", 0, 40)])
        meta = self.profiler.ask("profile", "meta")
        self.assertEqual((meta["interval"], meta["startTimeFormatted"]), (10, "2026-11-23T10:00:00.000Z"))

    def test_idle_is_known(self):
        """Without idle samples, the profiler shows what is on a processor and does not wait for the GIL."""
        self.opened(["shop"])
        handle = next(thread["threadHandle"] for _, thread in self.profiler.threads() if thread["name"] == "worker")
        active = self.profiler.ask("thread", "functions", "--thread", handle, "--limit", "0")["functions"]
        self.assertEqual({f["name"]: f["totalSamples"] for f in active}, {"Worker.run": 40, "request": 40, "on_done": 40})


if __name__ == "__main__":
    unittest.main()
