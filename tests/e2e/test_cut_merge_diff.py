#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cut and merge write traces that say what their recordings said; diff tells what changed from what is chance."""

import collections
import glob
import json
import os
import subprocess
import unittest
import xml.etree.ElementTree

from lt_e2e import BUILD, INPUTS, LIVE_TRACE, MAKE_TRACE, TraceTest, check_decoders, info, read

TWO_HOSTS = """
host {host}
command "python3 app.py"
start {start}
interval {interval}
process P pid=1 command="python3 app.py" cwd=/srv/app
thread T process=P tid=1 name=MainThread
set T cpu,gil main@/srv/app/app.py:3/1 {work}@/srv/app/app.py:{line}/20
"""


def without(samples, *members):
    """The samples as a multiset, less some members."""
    return collections.Counter(json.dumps({k: v for k, v in s.items() if k not in members}) for s in samples)


class Traces(TraceTest):
    def make_text(self, name, text):
        with open(self.path(name + ".txt"), "w", encoding="utf-8") as out:
            out.write(text)
        subprocess.run([MAKE_TRACE, self.path(name + ".txt"), self.path(name + ".ltrace")], check=True)
        return self.path(name + ".ltrace")

    def make_random(self, name, kind, seed, rate=1000, ticks=300):
        words = [kind, seed, rate, ticks, 8, 6, self.path(name)]
        subprocess.run([os.path.join(BUILD, "make_random_trace"), *map(str, words)], check=True)
        return self.path(name)

    def write(self, *arguments):
        """A trace made by cut or merge, which both decoders must read alike."""
        done = self.live_trace(*arguments, "-o", self.path("new.ltrace"))
        self.assertEqual(done.returncode, 0, done.stderr)
        check_decoders(self, self.path("new.ltrace"))
        return self.path("new.ltrace")

    def refused(self, *arguments, says, status=2):
        done = self.live_trace(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, says)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertFalse(os.path.exists(self.path("refused.ltrace")))


class Cut(Traces):
    def test_everything_is_everything(self):
        for script in sorted(glob.glob(os.path.join(INPUTS, "*.txt"))):
            with self.subTest(script):
                subprocess.run([MAKE_TRACE, script, self.trace], check=True)
                _, samples, health = read_all(self.trace)
                new = self.write("cut", self.trace)
                self.assertEqual(read_all(new)[1], samples)
                if samples:
                    self.assertEqual(read_all(new)[2]["asked"], health["asked"])

    def test_random_traces(self):
        """Pauses, late ticks, renamed threads, many segments; names end as they were last."""
        for kind, seeds in (("wild", 4), ("gil", 1), ("idle", 1)):
            for seed in range(seeds):
                with self.subTest(kind, seed=seed):
                    trace = self.make_random("random.ltrace", kind, seed)
                    new = self.write("cut", trace)
                    self.assertEqual(without(read(new)[1], "thread"), without(read(trace)[1], "thread"))

    def test_selections(self):
        """A selection of the recording is all of its cut."""
        self.make("shop")
        selections = [
            ["--mode", "cpu"], ["--mode", "gil"], ["--no-idle"], ["--thread", "MainThread"], ["--process", "100"],
            ["--tag", "route=/cart"], ["--focus", "render|total"], ["--ignore", "^wait"], ["--hide", "main"],
            ["--mine"], ["--hide", "."], ["--mode", "cpu", "--ignore", "total"],
        ]
        for selection in selections:
            with self.subTest(selection):
                expected = read(self.trace, *selection)[1]
                new = self.write("cut", *selection, self.trace)
                self.assertEqual(without(read(new)[1]), without(expected))
                if selection != ["--hide", "."]:
                    self.assertGreater(len(expected), 0)

    def test_selections_of_random_traces(self):
        """Threads that come and go at every tick."""
        for seed in range(2):
            trace = self.make_random("random.ltrace", "wild", seed)
            for selection in (["--mode", "cpu"], ["--mode", "gil"], ["--no-idle"], ["--focus", "1"]):
                with self.subTest(selection, seed=seed):
                    new = self.write("cut", *selection, trace)
                    self.assertEqual(without(read(new)[1], "thread"),
                                     without(read(trace, *selection)[1], "thread"))

    def test_times(self):
        """Time 0 is the beginning of the cut, by whole intervals; the wall clock stays true."""
        self.make("shop")
        expected = read(self.trace, "--from", "0.025", "--to", "0.06")[1]
        new = self.write("cut", "--from", "0.025", "--to", "0.06", self.trace)
        meta, samples, _ = read(new)
        self.assertGreater(len(samples), 0)
        self.assertEqual(without(samples, "t"), without(expected, "t"))
        self.assertEqual([round(s["t"] + 0.02, 6) for s in samples], [s["t"] for s in expected])
        self.assertEqual(meta["start"], "2026-11-23T10:00:00.020Z")

    def test_source_lines(self):
        self.make("shop")
        new = self.write("cut", self.trace)
        before = self.live_trace("analyze", self.trace).stdout.splitlines()[1:]
        self.assertEqual(self.live_trace("analyze", new).stdout.splitlines()[1:], before)
        self.assertTrue(any(line.startswith("    ") for line in before))

    def test_first_lines_are_kept(self):
        """What line a function begins at is not shown by line, but by function."""
        self.make("shop")
        new = self.write("cut", self.trace)
        self.assertEqual(read(new, "--by", "function")[1], read(self.trace, "--by", "function")[1])

    def test_pipe(self):
        self.make("shop")
        with open(self.trace, "rb") as file:
            done = subprocess.run([LIVE_TRACE, "cut", "-o", "-", "--mode", "cpu", "-"], stdin=file,
                                  stdout=subprocess.PIPE, check=True)
        with open(self.path("piped.ltrace"), "wb") as out:
            out.write(done.stdout)
        self.assertEqual(without(read(self.path("piped.ltrace"))[1]), without(read(self.trace, "--mode", "cpu")[1]))

    def test_classic_log(self):
        log = os.path.join(INPUTS, os.pardir, os.pardir, "data", "fuzz", "fuzz_classic_log_reader", "two.log")
        new = self.write("cut", log)
        self.assertEqual(without(read(new)[1], "t", "weight"), without(read(log)[1], "t", "weight"))

    def test_empty_selection(self):
        self.make("shop")
        done = self.live_trace("cut", "--thread", "nobody", "-o", self.path("new.ltrace"), self.trace)
        self.assertEqual(done.returncode, 0)
        self.assertIn("the selection keeps nothing", done.stderr)
        self.assertEqual(info(self.path("new.ltrace"))["stack_samples"], 0)

    def test_real_recording(self):
        script = self.script("""
            import threading, time
            def spin(end):
                while time.monotonic() < end:
                    sum(range(100))
            def doze(end):
                while time.monotonic() < end:
                    time.sleep(0.01)
            end = time.monotonic() + 1.5
            threads = [threading.Thread(target=doze, args=(end,), name="dozer")]
            for t in threads: t.start()
            spin(end)
        """)
        self.record(script)
        for selection in ([], ["--thread", "dozer"], ["--mode", "cpu"], ["--mine"]):
            with self.subTest(selection):
                expected = read(self.trace, *selection)[1]
                self.assertGreater(len(expected), 20)
                new = self.write("cut", *selection, self.trace)
                self.assertEqual(without(read(new)[1]), without(expected))
        new = self.write("cut", "--from", "0.5", "--to", "1", self.trace)
        self.assertLess(abs(info(new)["duration"] - 0.5), 0.1)

    def test_full_disk(self):
        self.make("shop")
        for command in (["cut"], ["merge"], ["diff", self.trace]):
            self.refused(*command, "-o", "/dev/full", self.trace, says="cannot be written.*: make room", status=1)

    def test_refused(self):
        self.make("shop")
        new = ["-o", self.path("refused.ltrace")]
        self.refused("cut", self.trace, says="-o FILE")
        self.refused("cut", *new, "--by", "line", self.trace, says="--by")
        self.refused("cut", *new, "--threads", self.trace, says="--threads")
        self.refused("cut", *new, os.path.join(INPUTS, "stacks.folded"), says="has no times")
        self.refused("cut", *new, self.path("out.txt"), says="cannot open", status=1)


class Merge(Traces):
    def host(self, name, ticks, start="2026-11-23T10:00:00", interval="10ms", work="work", line=22, host=None):
        text = TWO_HOSTS.format(host=host or name, start=start, interval=interval, work=work, line=line)
        return self.make_text(name, text + ticks)

    def test_as_several_logs(self):
        """What `export` shows of several recordings, it shows of the merged one."""
        for name in ("shop", "two", "elsewhere"):
            self.make(name, self.path(name + ".ltrace"))
        logs = [self.path(name + ".ltrace") for name in ("shop", "two", "elsewhere")]
        for pair in (logs[:2], logs[1:], logs):
            with self.subTest(pair):
                new = self.write("merge", *pair)
                folded = [self.live_trace("export", "-f", "folded", "--threads", "--full-paths", "--unit", "time",
                                          *which).stdout for which in ([new], pair)]
                self.assertEqual(folded[0], folded[1])

    def test_equal_ids_of_other_hosts(self):
        a, b = self.host("a", "tick 5\n"), self.host("b", "tick 7\n", work="other")
        new = self.write("merge", a, b)
        processes = info(new)["processes"]
        self.assertEqual([(p["pid"], p["host"]) for p in processes], [(1, "a"), (1, "b")])
        self.assertEqual(info(new)["threads"], 2)
        out = self.live_trace("export", "-f", "folded", new).stdout
        self.assertRegex(out, r"(?m)^process app.py@a \(1\).*;work .* 5$")
        self.assertRegex(out, r"(?m)^process app.py@b \(1\).*;other .* 7$")
        # And once more: what was merged can be merged, and cut.
        self.assertEqual([p["host"] for p in info(self.write("merge", new, self.host("c", "tick 1\n")))["processes"]],
                         ["a", "b", "c"])

    def test_equal_host_and_ids_are_one_process(self):
        a = self.host("a", "tick 5\n", host="web")
        b = self.host("b", "tick 5\n", host="web", start="2026-11-23T10:00:10")
        new = info(self.write("merge", a, b))
        self.assertEqual(len(new["processes"]), 1)
        self.assertEqual(new["threads"], 1)
        self.assertAlmostEqual(new["duration"], 10.05)

    def test_order_and_place(self):
        """In order of time, each at its own wall clock, within the promised one and a half intervals."""
        logs = [self.host("a", "tick 100\n"), self.host("b", "tick 100\n", start="1795428000.403")]
        _, samples, _ = read(self.write("merge", *logs))
        self.assertEqual(len(samples), 200)
        self.assertEqual([s["t"] for s in samples], sorted(s["t"] for s in samples))
        second = [s["t"] for s in samples if "@b" in s.get("process", "") or s["t"] >= 1.0]
        self.assertAlmostEqual(max(second), 0.403 + 0.99, delta=0.015)

    def test_one_tick_an_interval(self):
        """Hosts whose ticks fall together cost little more than one."""
        logs = [self.host("a", "tick 6000\n"), self.host("b", "tick 6000\n", start="1795428000.004")]
        new = self.write("merge", *logs)
        self.assertEqual(len({s["t"] for s in read(new)[1]}), 6000)
        self.assertLess(os.path.getsize(new), 3000)

    def test_different_intervals(self):
        """Each sample keeps its weight, whatever the intervals have in common."""
        for intervals in (("10ms", "4ms"), ("10ms", "1ms"), ("10ms", "10309278ns")):
            with self.subTest(intervals):
                logs = [self.host("a", "tick 50\n", interval=intervals[0]),
                        self.host("b", "tick 90\ntick 2 covers=3\n", interval=intervals[1], work="other")]
                expected = collections.Counter()
                for log in logs:
                    for s in read(log)[1]:
                        expected[s["stack"][-1]["name"]] += s["weight"]
                found, count = collections.Counter(), 0
                for s in read(self.write("merge", *logs))[1]:
                    found[s["stack"][-1]["name"]] += s["weight"]
                    count += 1
                self.assertEqual(count, 142)
                for name, weight in expected.items():
                    self.assertAlmostEqual(found[name], weight, delta=weight * 1e-4)

    def test_slower_ticks_are_not_late(self):
        """One of 2 s stands for 200 of 10 ms: `info` does not take it for late, nor for a recorder that was stopped."""
        new = self.write("merge", self.host("a", "tick 50\n"), self.host("b", "tick 5\n", interval="2s", work="other"))
        self.assertGreater(max(s["weight"] for s in read(new)[1]), 1)
        found = info(new)
        self.assertEqual((found["late_ticks"], found["health"]["late"]), (None, 0))
        self.assertEqual({gap["cause"] for gap in found["gaps"]["longest"]}, {None})
        said = self.live_trace("info", new).stdout
        self.assertIn("\nlate ticks      unknown of joined recordings", said)
        self.assertNotIn("the recorder was stopped", said)

    def test_drift(self):
        """A clock that gained 1 ms in 10 s: its samples are drawn out along the line."""
        drifting = self.host("b", "tick 999\nsegment 1795428000.001\nset T cpu main@/srv/app/app.py:3/1 "
                             "work@/srv/app/app.py:22/20\ntick 1000\n")
        logs = [self.host("a", "tick 1\n"), drifting]
        times = [s["t"] for s in read(self.write("merge", *logs))[1]]
        self.assertAlmostEqual(times[-1], 19.98 + 0.001, delta=0.0021)
        self.assertEqual(times, sorted(times))

    def test_clock_that_was_set(self):
        """A machine that slept for an hour, or whose clock was set: what follows is at the new time."""
        slept = self.host("b", "tick 100\nsegment 2026-11-23T11:00:00\nset T cpu main@/srv/app/app.py:3/1 "
                          "late@/srv/app/app.py:22/20\ntick 100\n")
        _, samples, _ = read(self.write("merge", self.host("a", "tick 1\n"), slept))
        late = [s["t"] for s in samples if s["stack"][-1]["name"] == "late"]
        early = [s["t"] for s in samples if s["stack"][-1]["name"] == "work"]
        self.assertLess(max(early), 1.01)
        self.assertAlmostEqual(min(late), 3601, delta=0.02)

    def test_clock_that_was_set_back(self):
        back = self.host("b", "tick 100\nsegment 2026-11-23T09:00:00\nset T cpu main@/srv/app/app.py:3/1 "
                         "late@/srv/app/app.py:22/20\ntick 100\n")
        _, samples, _ = read(self.write("merge", self.host("a", "tick 1\n"), back))
        late = [s["t"] for s in samples if s["stack"][-1]["name"] == "late"]
        self.assertAlmostEqual(min(late), 1, delta=0.02)
        self.assertAlmostEqual(max(late), 1.99, delta=0.02)

    def test_with_itself(self):
        """A thread that two inputs have at the same tick has two samples then."""
        a = self.host("a", "tick 10\n")
        _, samples, _ = read(self.write("merge", a, a))
        self.assertEqual(len(samples), 20)

    def test_random_traces(self):
        for seed in range(2):
            with self.subTest(seed=seed):
                logs = [self.make_random("a.ltrace", "wild", seed), self.make_random("b.ltrace", "gil", seed)]
                new = self.live_trace("merge", "-o", self.path("new.ltrace"), *logs)
                if new.returncode:
                    self.assertIn("does not say when it began", new.stderr)
                    continue
                check_decoders(self, self.path("new.ltrace"))
                together = sum((without(read(log)[1], "t", "thread") for log in logs), collections.Counter())
                self.assertEqual(without(read(self.path("new.ltrace"))[1], "t", "thread"), together)

    def test_damage_is_said(self):
        self.make("damaged", self.path("damaged.ltrace"))
        self.make("shop", self.path("shop.ltrace"))
        logs = [self.path("damaged.ltrace"), self.path("shop.ltrace")]
        done = self.live_trace("merge", "-o", self.path("new.ltrace"), *logs)
        self.assertEqual(done.returncode, 0)
        self.assertIn("damaged.ltrace is damaged in", done.stderr)
        self.refused("merge", "--strict", "-o", self.path("refused.ltrace"), *logs, says="--strict", status=1)

    def test_refused(self):
        self.make("shop")
        new = ["-o", self.path("refused.ltrace")]
        clockless = self.make_text("clockless", "interval 10ms\nprocess P pid=1\nthread T process=P tid=1\n"
                                   "set T cpu f@f.py:1\ntick 3\n")
        self.refused("merge", self.trace, says="-o FILE")
        self.refused("merge", *new, says="needs recordings")
        self.refused("merge", *new, self.trace, os.path.join(INPUTS, "stacks.folded"), says="has no times")
        self.refused("merge", *new, self.trace, clockless, says="does not say when it began")
        self.refused("merge", *new, self.trace, "-", says="which standard input cannot be")


class Diff(Traces):
    """Made recordings, so that shares are known."""

    def recording(self, name, counts):
        """So many stack samples in each function."""
        sets = "".join(f"set T cpu main@/srv/app.py:3/1 {function}@/srv/app.py:{line}/1\ntick {n}\n"
                       for line, (function, n) in enumerate(counts.items(), 10))
        return self.make_text(name, f"command \"python3 {name}.py\"\ncwd /srv\nprocess P pid=1 cwd=/srv\n"
                              f"thread T process=P tid=1 name=MainThread\n{sets}")

    def diff(self, *arguments, status=0):
        done = self.live_trace("diff", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def rows(self, *arguments):
        return {row["frame"].split()[0]: row for row in json.loads(self.diff("--json", *arguments))["rows"]}

    def setUp(self):
        super().setUp()
        self.base = self.recording("base", {"parse": 500, "render": 300, "rest": 199, "rare": 1})
        self.log = self.recording("log", {"parse": 1000, "render": 600, "rest": 395, "new": 5})
        self.worse = self.recording("worse", {"parse": 400, "render": 410, "rest": 190})

    def test_chance(self):
        rows = self.rows(self.base, self.log)
        self.assertEqual([name for name, row in rows.items() if row["real"]], [])
        self.assertEqual(rows["parse"]["base"], {"stack_samples": 500, "share": 0.5})
        self.assertEqual(rows["parse"]["change"], 0)
        self.assertIsNone(rows["new"]["p"])

    def test_real(self):
        rows = self.rows(self.base, self.worse)
        self.assertEqual([name for name, row in rows.items() if row["real"]], ["render", "parse"])
        self.assertAlmostEqual(rows["render"]["change"], 0.11)
        self.assertLess(rows["render"]["p"], 1e-5)
        text = self.diff(self.base, self.worse)
        self.assertRegex(text, r"(?m)^ 30.00%   41.00%   \+11.00   render \(app.py:11\)")
        self.assertRegex(text, r"(?m)^ 19.90%   19.00%    -0.90 ~ rest")

    def test_fail_above(self):
        self.diff("--fail-above", "10", self.base, self.worse, status=3)
        self.diff("--fail-above", "12", self.base, self.worse)
        self.diff("--fail-above", "0", self.base, self.log)
        self.diff("--fail-above", "5", self.worse, self.base, status=3)

    def test_all_frames(self):
        rows = self.rows("--sum-all-frames", self.base, self.worse)
        self.assertEqual((rows["main"]["base"]["share"], rows["main"]["change"], rows["main"]["real"]), (1, 0, False))

    def test_folded(self):
        """What difffolded.pl writes: the stack, and a count for each side."""
        lines = self.diff("-f", "folded", self.base, self.worse).splitlines()
        self.assertEqual(sorted(lines), [
            "main (app.py);parse (app.py) 500 400", "main (app.py);rare (app.py) 1 0",
            "main (app.py);render (app.py) 300 410", "main (app.py);rest (app.py) 199 190"])

    def test_svg(self):
        self.diff("-f", "svg", "-o", self.path("diff.svg"), self.base, self.worse)
        tree = xml.etree.ElementTree.parse(self.path("diff.svg"))
        titles = " ".join(e.text or "" for e in tree.iter("{http://www.w3.org/2000/svg}title"))
        self.assertRegex(titles, "render.*")

    def test_unit_time_and_rates(self):
        """Shares compare recordings of other lengths and rates."""
        with open(self.path("base.txt"), encoding="utf-8") as file:
            fast = self.make_text("fast", "interval 1ms\n" + file.read())
        for unit in ("samples", "time"):
            rows = self.rows("--unit", unit, self.base, fast)
            self.assertEqual({row["change"] for row in rows.values()}, {0})

    def test_unlike(self):
        folded = os.path.join(INPUTS, "stacks.folded")
        self.refused("diff", self.base, folded, says="does not say which stacks wait.*--idle")
        self.refused("diff", "--unit", "time", self.base, folded, says="no times")
        self.diff("--idle", self.base, folded)
        self.diff(folded, folded)

    def test_refused(self):
        self.refused("diff", self.base, says="give BASE and LOG")
        self.refused("diff", self.base, self.log, self.worse, says="give BASE and LOG")
        self.refused("diff", "-f", "speedscope", self.base, self.log, says="-f text, folded, svg or json")
        self.refused("diff", "--fail-above", "x", self.base, self.log, says="number from 0 to 100")
        self.refused("diff", "--focus", "nothing", self.base, self.log, says="nothing is left of base.ltrace",
                     status=1)


def read_all(trace):
    """As read(), also of an empty recording, which export says with status 1."""
    out = subprocess.run([LIVE_TRACE, "export", "-f", "jsonl", trace], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    return lines[0], [line for line in lines if line["type"] == "sample"], lines[-1]


if __name__ == "__main__":
    unittest.main()
