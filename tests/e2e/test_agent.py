#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""import live_trace: the library inside of a program, on every interpreter."""

import glob
import os
import subprocess
import sys
import time
import unittest

from lt_e2e import TraceTest, every_interpreter, info, package, package_environment, read

HOT = """
import asyncio, os, sys, threading, time
import live_trace
def hot(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
"""


class AgentTest(TraceTest):
    python = sys.executable

    def setUp(self):
        super().setUp()
        if not package():
            self.skipTest("the library inside of a program: built without Python.h")
        self.environment.update(package_environment())

    def start(self, text, *arguments, **options):
        script = self.script(text)
        with open(script, "r+", encoding="utf-8") as file:
            text = file.read()
            file.seek(0)
            file.write(HOT + text)
        return subprocess.Popen([self.python, script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, **options)

    def run_program(self, text, *arguments, status=0):
        with self.start(text, *arguments) as process:
            try:
                out, errors = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                self.fail("it hangs")
        self.assertEqual(process.returncode, status, errors)
        return out, errors

    def functions(self, trace, **tags):
        return {frame["name"].split(".")[-1] for sample in read(trace)[1] for frame in sample["stack"]
                if tags.items() <= sample["tags"].items()}


@every_interpreter
class EveryInterpreter(AgentTest):
    def test_start_and_stop(self):
        """The stacks, names and figures of the process itself; its own threads are not among them."""
        out, _ = self.run_program("""
            live_trace.start(0.005, "out.ltrace", tags={"service": "shop"})
            thread = threading.Thread(target=time.sleep, args=(0.8,), name="sleepy")
            thread.start()
            hot(0.8)
            try:
                live_trace.start()
            except live_trace.TracerAlreadyRunning as error:
                print(error)
            live_trace.start_idempotent()
            live_trace.flush()
            assert live_trace.is_running() and os.path.getsize("out.ltrace") > 100
            assert live_trace.stats()["file"] == os.path.abspath("out.ltrace")
            live_trace.stop()
            assert not live_trace.is_running()
            figures = live_trace.stats()
            assert figures["taken"] and not figures["error"], figures
            print(figures["asked"])
        """)
        self.assertIn("call live_trace.stop() first", out)
        meta, samples, health = read(self.trace)
        self.assertTrue(info(self.trace)["complete"])
        self.assertEqual(int(out.split()[-1]), health["asked"])
        names = {sample["tid"]: sample["thread"] for sample in samples}  # the kernel's, until Python's are found
        self.assertEqual(sorted(names.values()), ["MainThread", "sleepy"])
        self.assertIn("hot", self.functions(self.trace, service="shop"))
        self.assertGreater(len(samples), 30)
        self.assertLess(sum(health["failed"].values()), health["asked"] / 10)

    def test_tags(self):
        """Each sample has the tags of its thread and of its task, whatever else is in the context."""
        self.run_program("""
            import contextvars
            live_trace.start(0.002, "out.ltrace", tags={"service": "x", "job": "none"})
            hot(0.1)
            def in_main(): hot(0.1)
            def one(): hot(0.004)
            def two(): hot(0.004)
            @live_trace.tag(job="thread")
            def in_thread(): hot(0.1)
            async def task(function, name):
                for _ in range(20):
                    with live_trace.tag(task=name):
                        function()
                        await asyncio.sleep(0)
                        function()
            async def tasks():
                await asyncio.gather(task(one, "one"), task(two, "two"))
            def among_many(): hot(0.1)
            def many():
                for i in range(200):
                    contextvars.ContextVar(str(i)).set(i)
                with live_trace.tag(many=200): among_many()
            with live_trace.tag(job="main", other=None): in_main()
            asyncio.run(tasks())
            contextvars.Context().run(many)
            thread = threading.Thread(target=in_thread)
            thread.start()
            thread.join()
            live_trace.stop()
        """)
        expected = {"in_main": {"job": "main"}, "one": {"task": "one"}, "two": {"task": "two"},
                    "in_thread": {"job": "thread"}, "among_many": {"many": "200"}}
        seen = set()
        for sample in read(self.trace)[1]:
            for name in {frame["name"].split(".")[-1] for frame in sample["stack"]} & set(expected):
                seen.add(name)
                self.assertEqual(sample["tags"], {"service": "x", "job": "none", **expected[name]}, name)
        self.assertEqual(seen, set(expected))

    def test_forks(self):
        """A child has a file of its own and nothing of its parent's; a grandchild too, and whatever way each ends."""
        out, _ = self.run_program("""
            import multiprocessing, warnings
            warnings.simplefilter("ignore")
            def descriptors(): return len(os.listdir("/proc/self/fd"))
            def child(): hot(0.4)
            def grandchild(): hot(0.4)
            def worker(): hot(0.4)
            before = descriptors()
            live_trace.start(0.005, "out.ltrace")
            running = descriptors()
            if not os.fork():
                child()
                assert descriptors() <= running + 1, os.listdir("/proc/self/fd")
                if not os.fork():
                    grandchild()
                    live_trace.stop()
                    assert descriptors() == before, (descriptors(), before)
                    os._exit(0)
                assert os.wait()[1] == 0
                live_trace.flush()
                os._exit(0)
            assert os.wait()[1] == 0
            process = multiprocessing.get_context("fork").Process(target=worker)
            process.start()
            process.join()
            process.close()
            hot(0.1)
            live_trace.stop()
            assert descriptors() == before
        """)
        traces = {trace: self.functions(trace) for trace in glob.glob(self.path("out*.ltrace"))}
        self.assertEqual(len(traces), 4, traces)
        by_function = {name: [trace for trace, functions in traces.items() if name in functions]
                       for name in ("child", "grandchild", "worker")}
        self.assertEqual([len(found) for found in by_function.values()], [1, 1, 1], traces)
        self.assertNotIn(self.trace, sum(by_function.values(), []))
        self.assertTrue(info(by_function["worker"][0])["complete"])
        self.assertFalse(info(by_function["child"][0])["complete"])

    def test_ends_at_any_moment(self):
        """Interpreter shutdown with threads, timers and forks about, and exec: nothing hangs, all files can be read."""
        script = """
            live_trace.start(0.001, sys.argv[1])
            threading.Thread(target=lambda: [hot(0.001) for _ in iter(int, 1)], daemon=True).start()
            time.sleep(float(sys.argv[2]))
            if sys.argv[3] == "exec": os.execv("/bin/true", ["true"])
            if sys.argv[3] == "raise": raise SystemExit(0)
        """
        for number in range(9):
            self.run_program(script, f"end-{number}.ltrace", str(number * 0.004), ("exec", "raise", "return")[number % 3])
            trace = self.path(f"end-{number}.ltrace")
            if number % 3:
                self.assertTrue(info(trace)["complete"])


class OneInterpreter(AgentTest):
    def test_tags_from_the_first_sample_on(self):
        """While modules come and go, as they do when a server begins."""
        self.run_program("""
            import sys, threading
            def imports():
                for n in range(100_000):
                    sys.modules[f"made {n}"] = sys
            threading.Thread(target=imports).start()
            for n in range(10):
                with live_trace.tag(turn=n):
                    live_trace.start(0.001, f"out-{n}.ltrace")
                    while live_trace.stats()["taken"] < 20:
                        hot(0.01)
                    live_trace.stop()
        """)
        for n in range(10):
            tags = [sample["tags"] for sample in read(self.path(f"out-{n}.ltrace"))[1]
                    if any(frame["name"] == "hot" for frame in sample["stack"])]
            self.assertEqual([found for found in tags if found != {"turn": str(n)}], [])

    def test_kill(self):
        """What was sampled more than a second before the process is killed is in the file."""
        process = self.start("""
            live_trace.start(0.01, "out.ltrace")
            print("ready", flush=True)
            hot(60)
        """)
        with process:
            process.stdout.readline()
            time.sleep(2.5)
            process.kill()
        self.assertGreater(len(read(self.trace)[1]), 50)
        self.assertFalse(info(self.trace)["complete"])

    def test_templates(self):
        """strftime's fields, str.format's, %p, and names that are taken."""
        out, _ = self.run_program("""
            for template in ("a/{:%Y/%m}/x.ltrace", "b/%Y/%m/x.ltrace", "c-%p.ltrace", "d.ltrace", "d.ltrace", None):
                live_trace.start(0.01, template)
                print(live_trace.stats()["file"])
                live_trace.stop()
            with live_trace.recording("100%.ltrace"):
                hot(0.05)
            with live_trace.recording("100%.ltrace"):
                hot(0.05)
            for template in ("{", "{nothing}", "", 3):
                try:
                    live_trace.start(0.01, template)
                except (TypeError, ValueError):
                    continue
                raise AssertionError(template)
        """)
        now = time.strftime("%Y/%m")
        names = [os.path.relpath(name, os.path.realpath(self.folder)) for name in out.split()]
        self.assertEqual(names[:2], [f"a/{now}/x.ltrace", f"b/{now}/x.ltrace"])
        self.assertRegex(names[2], r"^c-\d+\.ltrace$")
        self.assertEqual(names[3:5], ["d.ltrace", "d-1.ltrace"])
        self.assertRegex(names[5], r"^traces/\d{4}-.*\.ltrace$")
        self.assertEqual(len(glob.glob(self.path("100*"))), 1)

    def test_bad_calls(self):
        """The caller's mistakes are exceptions, which say what to do."""
        out, _ = self.run_program("""
            async def generator(): yield
            def attempt(call):
                try:
                    call()
                except (TypeError, ValueError) as error:
                    print(type(error).__name__, error)
                else:
                    print("accepted")
            for interval in (0, -1, float("nan"), 1e9, "x", None, True):
                attempt(lambda: live_trace.start(interval))
            attempt(lambda: live_trace.start(tags="x"))
            attempt(lambda: live_trace.start(tags={str(i): i for i in range(65)}))
            attempt(lambda: live_trace.tag())
            attempt(lambda: live_trace.tag(a=1)(generator))
            live_trace.stop(); live_trace.flush()
        """)
        self.assertEqual(len(out.splitlines()), 11)
        self.assertNotIn("accepted", out)
        for line in out.splitlines():
            self.assertRegex(line, r": \S")

    def test_what_cannot_be_helped(self):
        """A folder that cannot be written, a full disk, a missing extension: one warning, and the program goes on."""
        for target, words in (("script.py/x.ltrace", "Not a directory"), ("/dev/full", "No space left")):
            out, errors = self.run_program(f"""
                live_trace.start(0.01, {target!r})
                hot(0.1)
                live_trace.flush()
                for _ in range(3): live_trace.stats()
                print(live_trace.stats()["error"])
                live_trace.stop()
                print(live_trace.is_running(), live_trace.stats()["error"] is not None)
            """)
            self.assertIn(words, out)
            self.assertIn("False True", out)
            self.assertEqual(errors.count("not sampling"), 1, errors)

    def test_full_disk_of_a_server(self):
        """Nobody asks for figures there: the next request brings the warning."""
        _, errors = self.run_program("""
            from live_trace import wsgi
            app = wsgi.middleware(lambda environ, start_response: [b"ok"], 0.01, outfile_template="/dev/full")
            hot(0.2)
            for _ in range(3):
                assert app({}, None) == [b"ok"]
            print("requests served", file=sys.stderr)
        """)
        self.assertIn("No space left", errors.partition("requests served")[0])
        self.assertEqual(errors.count("not sampling"), 1, errors)

    def test_missing_extension(self):
        os.mkdir(self.path("live_trace"))
        for path in glob.glob(os.path.join(package(), "live_trace", "*.py")):
            os.symlink(path, self.path(os.path.join("live_trace", os.path.basename(path))))
        self.environment["PYTHONPATH"] = self.folder
        out, errors = self.run_program("""
            live_trace.start()
            with live_trace.tag(a=1): pass
            live_trace.flush()
            print(live_trace.is_running(), live_trace.stats()["error"])
            live_trace.stop()
        """)
        self.assertIn("_agent", out)
        self.assertEqual(errors.count("not sampling"), 1)

    def test_subinterpreter(self):
        """The main interpreter is sampled; another one is told so."""
        out, errors = self.run_program("""
            try:
                import _xxsubinterpreters as interpreters
            except ImportError:
                import _interpreters as interpreters
            live_trace.start(0.01, "out.ltrace")
            id = interpreters.create()
            interpreters.run_string(id, "import live_trace; live_trace.start(); assert not live_trace.is_running();"
                                        "assert 'subinterpreter' in live_trace.stats()['error']")
            assert live_trace.is_running()
            live_trace.stop()
        """)
        self.assertEqual(errors.count("not sampling"), 1, errors)

    def test_descriptors_stay_the_programs(self):
        """Threads by the hundred, and a limit that is lower than their number."""
        out, _ = self.run_program("""
            import resource
            resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
            threading.stack_size(1 << 18)
            def now_and_then():
                while True: time.sleep(0.02)
            for _ in range(200):
                threading.Thread(target=now_and_then, daemon=True).start()
            live_trace.start(0.01, "out.ltrace")
            hot(1)
            print(len(os.listdir("/proc/self/fd")) < 64)
            live_trace.stop()
            os._exit(0)
        """)
        self.assertEqual(out.split(), ["True"])
        self.assertEqual(len({sample["tid"] for sample in read(self.trace)[1]}), 201)

    def test_signals_stay_the_programs(self):
        """No signal is used, and those that come are handled by the program's threads."""
        out, _ = self.run_program("""
            import signal
            live_trace.start(0.002, "out.ltrace")
            seen = []
            signal.signal(signal.SIGPROF, lambda *_: seen.append(1))
            signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
            hot(0.3)
            signal.setitimer(signal.ITIMER_PROF, 0, 0)
            masks = [int(line.split()[1], 16) for task in os.listdir("/proc/self/task")
                     for line in open(f"/proc/self/task/{task}/status") if line.startswith("SigBlk")]
            all_but_kill_and_stop = 2**64 - 1 & ~(1 << 8) & ~(1 << 18)
            usual = all_but_kill_and_stop & ~(3 << 31)
            print(len(seen) > 0, sorted(mask & usual for mask in masks) == [0, usual, usual])
        """)
        self.assertEqual(out.split(), ["True", "True"])


if __name__ == "__main__":
    unittest.main()
