#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that other profilers have made of a real program are read: the functions that spent its time are found with
about their shares, threads and processes by name where the file says them, and what it does not say is null. What we
write for others reads back as what it was. gzip and pipes change nothing.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

from lt_e2e import HERE, LIVE_TRACE, TraceTest, info, interpreters, read

sys.path.insert(0, os.path.join(HERE, os.pardir, "bench"))
from peers import peer, runnable  # noqa: E402 (after the path)

# Two threads: one spends three quarters of its time in `heavy`, the other all of it in `other`.
PROGRAM = """
    import threading, time
    def until(end):
        n = 0
        while time.thread_time() < end: n += 1
    def heavy():
        until(time.thread_time() + 0.06)
    def light():
        until(time.thread_time() + 0.02)
    def main():
        while time.time() < end:
            heavy()
            light()
    def other():
        while time.time() < end: pass
    end = time.time() + 1.5
    thread = threading.Thread(target=other, name="the other")
    thread.start()
    main()
    thread.join()
"""


class ForeignTest(TraceTest):
    def folded(self, path, *options, **more):
        done = self.live_trace("export", "-f", "folded", *options, path, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {}
        for line in done.stdout.splitlines():
            stack, _, count = line.rpartition(" ")
            found[stack] = int(count)
        return found

    def part(self, path, name, among, *options):
        """Of the weight of stacks with one of the functions in `among`, what those with `name` have."""
        sums = dict.fromkeys(among, 0)
        for stack, weight in self.folded(path, *options).items():
            for function in among:
                sums[function] += weight * any(frame.startswith(function + " (") for frame in stack.split(";"))
        self.assertTrue(all(sums.values()), sums)
        return sums[name] / sum(sums.values())

    def check_program(self, path, format_name, unit="samples"):
        """`path` was made of PROGRAM."""
        said = info(path)
        self.assertEqual(said["format"], format_name)
        self.assertEqual(said["damaged_blocks"], 0)
        self.assertAlmostEqual(self.part(path, "heavy", ("heavy", "light"), "--unit", unit), 0.75, delta=0.2)
        plain = self.folded(path)
        with open(path, "rb") as file:
            data = file.read()
        with gzip.open(self.path("packed"), "wb") as out:
            out.write(data)
        self.assertEqual(self.folded(self.path("packed")), plain)
        piped = subprocess.run([LIVE_TRACE, "export", "-f", "folded", "-"], input=data, stdout=subprocess.PIPE,
                               env=self.environment, check=True).stdout
        self.assertEqual(len(piped.splitlines()), len(plain))
        return said

    def python(self, newest=(3, 15), oldest=(3, 8)):
        found = [path for version, path in interpreters().items() if oldest <= version <= newest]
        if not found:
            self.skipTest(f"a recording by another profiler: no Python from {oldest} to {newest}")
        return found[-1]

    def run_quietly(self, *words, statuses=(0,)):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              cwd=self.folder)
        self.assertIn(done.returncode, statuses, done.stdout)


class Peers(ForeignTest):
    def test_py_spy(self):
        py_spy = peer("py-spy", "py-spy")
        if not py_spy:
            self.skipTest("that py-spy's raw and speedscope files are read: py-spy cannot be had")
        for kind, name, unit in ("raw", "folded", "samples"), ("speedscope", "speedscope", "time"):
            with self.subTest(kind):
                path = self.path(kind)
                self.run_quietly(py_spy, "record", "-t", "-r", "100", "-f", kind, "-o", path, "--",
                                 self.python(newest=(3, 13)), self.script(PROGRAM))
                said = self.check_program(path, name, unit)
                self.assertEqual(said["threads"], 2)
                self.assertEqual(said["stack_samples"] is None, unit == "time")
                self.assertEqual(said["duration"] is None, unit == "samples")
                self.assertTrue(any("the other" in stack for stack in self.folded(path, "--threads")))

    def test_austin(self):
        found, to_text = peer("austin-dist", "austin"), peer("austin-python", "mojo2austin")
        austin = runnable(found) if found else None
        if not austin or not to_text:
            self.skipTest("that austin's MOJO and text are read: austin cannot be had, or does not run here")
        mojo, text = self.path("x.mojo"), self.path("x.austin")
        with subprocess.Popen([self.python(newest=(3, 13)), self.script(PROGRAM)]) as program:
            time.sleep(0.3)
            self.run_quietly(*austin, "-i", "5ms", "-x", "1", "-o", mojo, "-p", str(program.pid), statuses=(0, 254))
        self.run_quietly(to_text, mojo, text)
        for path, name in (mojo, "mojo"), (text, "austin"):
            said = self.check_program(path, name, "time")
            self.assertEqual(said["processes"][0]["pid"], program.pid)
            self.assertEqual((said["threads"], said["interval"]), (2, 0.005))
        for options in ("--by", "line", "--threads"), ("--unit", "time"):
            self.assertEqual(self.folded(mojo, *options), self.folded(text, *options))

        compress = peer("austin-python", "austin-compress")
        if compress:
            self.run_quietly(compress, text, self.path("sums.austin"))
            self.assertIsNone(info(self.path("sums.austin"))["stack_samples"])
            self.assertEqual(self.folded(self.path("sums.austin"), "--unit", "time"), self.folded(text, "--unit", "time"))

    def test_profiling_sampling(self):
        if (3, 15) not in interpreters():
            self.skipTest("that collapsed stacks of profiling.sampling are read: no Python 3.15")
        path = self.path("collapsed")
        self.run_quietly(interpreters()[3, 15], "-m", "profiling.sampling", "run", "-a", "--collapsed", "-r", "200hz", "-o", path,
                         self.script(PROGRAM))
        said = self.check_program(path, "folded")
        self.assertEqual(said["threads"], 2)
        self.assertIsNone(said["duration"])

    def test_perf(self):
        perf = shutil.which("perf")
        if not perf:
            self.skipTest("that the text of perf script is read: no perf")
        data, path = self.path("perf.data"), self.path("x.perf")
        recorded = subprocess.run([perf, "record", "-q", "-e", "cpu-clock", "-F", "200", "-g", "-o", data, "--",
                                   self.python(oldest=(3, 12)), "-X", "perf", self.script(PROGRAM)], capture_output=True,
                                  text=True, timeout=60, check=False)
        if recorded.returncode:
            self.skipTest(f"that the text of perf script is read: perf does not record here: {recorded.stderr.strip()}")
        with open(path, "w", encoding="utf-8") as out:
            subprocess.run([perf, "script", "-F", "+pid", "-i", data], stdout=out, stderr=subprocess.DEVNULL, check=True)
        said = info(path)
        self.assertEqual((said["format"], said["damaged_blocks"], said["interval"]), ("perf", 0, 0.005))
        self.assertGreater(said["duration"], 1)
        samples = read(path)[1]
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        self.assertEqual(len(samples), text.count("cpu-clock:"))
        self.assertEqual({sample["pid"] for sample in samples}, {said["processes"][0]["pid"]})
        frames = {frame["name"] for sample in samples for frame in sample["stack"]}
        python = set(re.findall(r" py::([^:]+):", text))
        if not python:  # built without frame pointers: perf does not get beyond the interpreter's loop
            self.skipTest("that functions of Python have their names in the text of perf script: perf saw none")
        self.assertLessEqual(python, frames)

    def test_go(self):
        if not shutil.which("go"):
            self.skipTest("that profiles which Go writes are read: no go")
        self.record(self.script(PROGRAM))
        ours, theirs = self.path("ours.pb.gz"), self.path("theirs.pb.gz")
        self.live_trace("export", "-o", ours, self.trace)
        written = subprocess.run(["go", "tool", "pprof", "-proto", "-output", theirs, ours], capture_output=True, text=True,
                                 timeout=300, check=False)
        self.assertEqual(written.returncode, 0, written.stderr)
        for options in (), ("--unit", "time", "--threads"):
            self.assertEqual(self.folded(theirs, *options), self.folded(ours, *options))


class RoundTrips(ForeignTest):
    """What is exported is what is read again."""

    def check_round_trip(self, trace):
        for ending, unit in ("pb.gz", "samples"), ("pb.gz", "time"), ("speedscope.json", "samples"), ("speedscope.json", "time"):
            with self.subTest(ending, unit=unit):
                path = self.path("again." + ending)
                options = ("--by", "line", "--unit", unit)
                done = self.live_trace("export", "-o", path, *options, trace)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.folded(path, *options, "--threads"), self.folded(trace, *options, "--threads"))

    def test_real_program(self):
        self.record(self.script(PROGRAM))
        self.check_round_trip(self.trace)

    def test_golden_inputs(self):
        for name in "shop", "two", "hostile":
            self.make(name, self.path(name))
            self.check_round_trip(self.path(name))

    def test_times_of_speedscope(self):
        """Runs of equal stacks are merged, and begin when they began."""
        self.make("shop")
        path = self.path("shop.speedscope.json")
        self.live_trace("export", "-o", path, self.trace)
        window = "--from", "0.03", "--to", "0.06", "--unit", "time"
        ours = self.folded(path, *window)
        self.assertTrue(ours)
        self.assertTrue(set(ours) <= set(self.folded(self.trace)), ours)
        self.assertEqual(json.loads(self.live_trace("analyze", "--json", path).stdout)["stack_samples"], None)


if __name__ == "__main__":
    unittest.main()
