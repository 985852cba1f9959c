#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who is on a processor, who waits, who has the GIL: what the threads of a program say of themselves, by their own CPU
clocks, is what was sampled. A program that has to wait for a processor counts as one that wants it, so on a busy machine
the sampled share may be larger than the clock's, by the time that the kernel says it waited."""

import json
import os
import shutil
import subprocess
import unittest

from lt_e2e import LIVE_TRACE, TraceTest, info, interpreters, read

SECONDS = 2.0
# Each thread does one of these again and again. At the end it says how long it was on a processor, and how long it was
# kept waiting for one.
PROGRAM = """
import hashlib, json, os, socket, sys, threading, time, zlib
DATA = os.urandom(1 << 20)
held = threading.Lock()
held.acquire()
pair = socket.socketpair()
pair[0].settimeout(0.02)
def sleep(): time.sleep(0.02)
def lock(): held.acquire(timeout=0.02)
def sock():
    try: pair[0].recv(1)
    except OSError: pass
def spin():
    for _ in range(1000): pass
def sha(): hashlib.sha256(DATA).digest()
def deflate(): zlib.compress(DATA, 1)
def burst():
    sha()
    time.sleep(0.01)
said = {}
def used():
    with open("/proc/self/task/%%d/schedstat" %% threading.get_native_id()) as file:
        return [int(word) / 1e9 for word in file.read().split()[:2]]
def work(name):
    function, end, begin = globals()[name], time.monotonic() + %f, used()
    while time.monotonic() < end:
        function()
    said[name] = [after - before for after, before in zip(used(), begin)]
threads = [threading.Thread(target=work, args=(name,), name=name) for name in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(said))
""" % SECONDS

NO_AFFINITY = """
#include <errno.h>
#include <stddef.h>
int sched_setaffinity(int pid, size_t size, const void *set)
{
    (void)pid, (void)size, (void)set;
    errno = EINVAL;
    return -1;
}
"""


class State(TraceTest):
    def sampled(self, samples, what):
        """{thread: seconds} of the samples of which `what` holds."""
        seconds = {}
        for sample in samples:
            if what(sample):
                seconds[sample["thread"]] = seconds.get(sample["thread"], 0) + sample["weight"]
        return seconds

    def check(self, python, *names):
        done = self.live_trace("run", "-q", "-r", "500", "-o", self.trace, self.script(PROGRAM), *names, python=python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, _ = read(self.trace)
        on_cpu = self.sampled(samples, lambda s: s["state"] == "cpu")
        with_gil = self.sampled(samples, lambda s: s["gil"])
        for name, (used, kept_waiting) in json.loads(done.stdout).items():
            found, gil = on_cpu.get(name, 0), with_gil.get(name, 0)
            # Counting 1,000 independent samples has an error of 3% (two sigma) at one half.
            slack = 0.06 * SECONDS
            self.assertGreaterEqual(found, used - slack, (name, names))
            self.assertLessEqual(found, used + kept_waiting + slack, (name, names))
            if name in ("sleep", "lock", "sock", "sha", "burst"):
                self.assertLess(gil, slack, (name, names))
        return with_gil

    def test_alone(self):
        for name in ("sleep", "lock", "sock", "sha", "deflate", "burst"):
            with self.subTest(name):
                self.check(None, name)
        self.assertGreater(self.check(None, "spin")["spin"], 0.9 * SECONDS)

    def test_beside_each_other(self):
        for names in (("spin", "sleep", "lock", "sock"), ("spin", "sha"), ("sha", "deflate"), ("spin", "burst")):
            with self.subTest(names):
                self.check(None, *names)

    def test_each_interpreter(self):
        for version, python in sorted(interpreters().items()):
            with self.subTest(version):
                self.check(python, "spin", "sha", "sleep")

    def test_waiting_for_the_gil(self):
        script = self.script("""
            import threading, time
            end = time.monotonic() + 1.5
            def spin():
                while time.monotonic() < end: pass
            threads = [threading.Thread(target=spin, name="spin") for _ in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            time.sleep(0.5)
        """)
        for version, python in sorted(interpreters().items()):
            with self.subTest(version):
                _, samples, _ = self.record(script, python=python)
                waiting = [s["gil_wait"] for s in samples if s["state"] == "wait" and s["thread"] == "spin" and not s["gil"]]
                others = [s["gil_wait"] for s in samples if s["state"] == "wait" and s["thread"] == "MainThread"]
                self.assertGreater(len(waiting), 200)
                self.assertGreater(sum(waiting), 0.9 * len(waiting))
                self.assertLess(sum(others), 0.1 * len(others))

    def test_garbage_collection(self):
        _, samples, _ = self.record(self.script("""
            import gc, time
            gc.disable()
            garbage = [[i] for i in range(400000)]
            end = time.monotonic() + 1
            while time.monotonic() < end:
                gc.collect()
            def plain():
                end = time.monotonic() + 1
                while time.monotonic() < end: pass
            plain()
        """))
        collecting = [s["gc"] for s in samples if s["stack"][-1]["line"] == 7]
        plain = [s["gc"] for s in samples if s["stack"][-1]["name"] == "plain"]
        self.assertGreater(sum(collecting), 0.9 * len(collecting))
        self.assertGreater(len(collecting), 100)
        self.assertEqual(sum(plain), 0)


class Away(TraceTest):
    """Where the sampler cannot go to the target's processor, nothing is invented: who sleeps is seen, who runs is not, and
    health says why."""

    def test_closed_processor(self):
        processors = sorted(os.sched_getaffinity(0))
        compiler = shutil.which("cc") or shutil.which("gcc")
        if len(processors) < 2 or not compiler:
            self.skipTest("what is still true without following: it takes two processors and a C compiler")
        with open(self.path("no_affinity.c"), "w", encoding="ascii") as out:
            out.write(NO_AFFINITY)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.path("no_affinity.so"), self.path("no_affinity.c")], check=True)
        script = self.script("""
            import os, sys, threading, time
            os.sched_setaffinity(0, {int(sys.argv[1])})
            def spin(seconds):
                end = time.monotonic() + seconds
                while time.monotonic() < end: pass
            def patient(): time.sleep(1.5)
            thread = threading.Thread(target=patient)
            thread.start()
            spin(1.5)
            thread.join()
        """)
        environment = dict(self.environment, LD_PRELOAD=self.path("no_affinity.so"))
        with subprocess.Popen([shutil.which("python3"), script, str(processors[1])]) as target:
            recorder = [shutil.which("taskset"), "-c", str(processors[0]), "env", "LD_PRELOAD=" + environment["LD_PRELOAD"],
                        LIVE_TRACE, "attach", "-q", "-r", "200", "-o", self.trace, str(target.pid)]
            subprocess.run(recorder, env=self.environment, check=True)
        _, samples, health = read(self.trace)
        names = [(s["stack"][-1]["name"] if s["stack"] else "") for s in samples]
        self.assertGreater(health["failed"].get("away", 0), 0.9 * names.count("patient"))
        self.assertGreater(names.count("patient"), 200)
        self.assertGreater(names.count("<unknown>"), 200)
        self.assertLess(names.count("spin"), 20)
        self.assertEqual(info(self.trace)["health"]["failed"]["away"], health["failed"]["away"])


if __name__ == "__main__":
    unittest.main()
