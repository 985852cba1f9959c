#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Left on: one file after the other, each complete in itself, no tick lost between two; the folder keeps to its cap; nothing of
that is the program's trouble."""

import glob
import json
import os
import re
import shutil
import time
import unittest

from lt_e2e import check_decoders, every_interpreter, info, read, write_faults
from test_agent import AgentTest

# Each function has a name of its own, so that a trace grows by some 100 bytes a call.
CHURN = """
import random
def churn(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = "f" + "".join(random.choice("0123456789abcdef") for _ in range(200))
        scope = {}
        exec(f"import time\\ndef {name}():\\n  end = time.monotonic() + 0.003\\n  while time.monotonic() < end: pass", scope)
        scope[name]()
"""


class LeftOn(AgentTest):
    def traces(self, pattern="*.ltrace"):
        """By age."""
        return sorted(glob.glob(self.path(pattern)), key=lambda trace: (info(trace)["start"], trace))

    def wait_for(self, what, seconds=30):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "it does not come")
            time.sleep(0.05)

    def analyze(self, *arguments):
        done = self.live_trace("analyze", "--idle", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


@every_interpreter
class EveryInterpreter(LeftOn):
    def test_by_age(self):
        """Each file is complete and says all by itself; together they have every tick once, and the figures of the whole."""
        out, _ = self.run_program("""
            import json
            live_trace.start(0.01, "t-{:%H}-%p.ltrace", rotate_seconds=1, tags={"service": "shop"})
            threading.Thread(target=time.sleep, args=(9,), name="sleepy", daemon=True).start()
            while len(os.listdir(".")) < 4: hot(0.05)
            live_trace.stop()
            print(json.dumps(live_trace.stats()))
        """)
        whole = json.loads(out)
        self.assertIsNone(whole["error"])
        self.assertFalse(whole["running"])
        traces = self.traces("t-*.ltrace")
        self.assertEqual(len(traces), 3, traces)
        weights, asked, late = [], 0, 0
        for trace in traces:
            check_decoders(self, trace)
            self.assertTrue(info(trace)["complete"])
            _, samples, health = read(trace)
            main = [sample for sample in samples if sample["thread"] == "MainThread"]
            if not weights:  # the interpreter had to be found first
                whole["duration"] -= main[0]["t"] - main[0]["weight"]
            else:
                self.assertLess(main[0]["t"], main[0]["weight"] + 0.011, "the clock of a file begins with it")
            weights += [sample["weight"] for sample in main]
            self.assertEqual(health["asked"], health["taken"] + health["late"] + sum(health["failed"].values()))
            asked, late = asked + health["asked"], late + health["late"]
            self.assertIn("hot", self.functions(trace, service="shop"))
            self.assertIn("while time.monotonic() < end: pass", self.analyze(trace))
        self.assertEqual(asked, whole["asked"])
        self.assertEqual(late, whole["late"])
        self.assertAlmostEqual(sum(weights), whole["duration"], delta=0.021)
        self.assertIn(f" of {asked - late} stack samples", self.analyze(self.folder))


class OneInterpreter(LeftOn):
    def test_by_size_under_a_cap(self):
        """Files are no larger than asked, the folder no larger than its cap, the newest stay, and what is not of the template."""
        folder, others = self.path("t"), ("baseline.ltrace", "2026.ltrace", "notes-1.ltrace", "w-notes.txt")
        os.mkdir(folder)
        for name in others:
            with open(os.path.join(folder, name), "wb") as out:
                out.write(b"x" * 100_000)
            os.utime(os.path.join(folder, name), (1, 1))
        process = self.start(CHURN + """
            live_trace.start(0.001, "t/w-%p.ltrace", rotate_bytes=32768, max_bytes=131072)
            while live_trace.stats()["bytes"] < 200_000: churn(0.2)
            stats = live_trace.stats()
            print(stats["error"], stats["file"])
        """.replace("\n            ", "\n"))
        largest = most = 0
        with process:
            while process.poll() is None:
                sizes = []
                for path in glob.glob(os.path.join(folder, "w-*.ltrace")):
                    try:
                        sizes.append(os.path.getsize(path))
                    except FileNotFoundError:
                        pass
                largest, most = max([largest, *sizes]), max(most, sum(sizes))
                time.sleep(0.02)
            out, errors = process.stdout.read(), process.stderr.read()
        self.assertEqual(process.returncode, 0, errors)
        error, last = out.split()
        self.assertEqual(error, "None")
        self.assertLess(most, 131072)
        self.assertLess(largest, 3 * 32768)  # what comes in the seconds until a look is beyond it
        self.assertTrue(set(others) < set(os.listdir(folder)))
        kept = self.traces("t/w-*.ltrace")
        self.assertEqual(os.path.realpath(kept[-1]), os.path.realpath(last))
        for trace in kept:
            self.assertTrue(info(trace)["complete"], trace)
            self.assertEqual(info(trace)["damaged_blocks"], 0)

    def test_forks_share_a_cap(self):
        """Children go on in files of their own, and none that is being written is removed."""
        self.run_program(CHURN + """
            live_trace.start(0.002, "t/w.ltrace", rotate_seconds=1, max_bytes=200000)
            children = [os.fork() for _ in range(2)]
            churn(5)
            stats = live_trace.stats()
            assert not stats["error"], stats
            assert os.path.exists(stats["file"]), stats
            if 0 not in children:
                for child in children: assert os.waitpid(child, 0)[1] == 0
        """.replace("\n            ", "\n"))
        traces = self.traces("t/w*.ltrace")
        for trace in traces:
            self.assertEqual(len(info(trace)["processes"]), 1)
        self.assertGreaterEqual(len({info(trace)["processes"][0]["pid"] for trace in traces}), 3)
        self.assertLess(sum(map(os.path.getsize, traces)), 250000)

    def test_vanished_folder(self):
        """The program goes on, and so does the recording, where it was."""
        process = self.start("""
            live_trace.start(0.01, "t/%Y/w.ltrace")
            print("ready", flush=True)
            while os.path.exists("script.py"): hot(0.05)
            stats = live_trace.stats()
            print(stats["error"], os.path.exists(stats["file"]))
        """)
        with process:
            process.stdout.readline()
            for _ in range(2):
                self.wait_for(lambda: [path for path in glob.glob(self.path("t/*/*")) if os.path.getsize(path)])
                shutil.rmtree(self.path("t"))
            self.wait_for(lambda: [path for path in glob.glob(self.path("t/*/*")) if os.path.getsize(path) > 400])
            os.unlink(self.path("script.py"))
            out, errors = process.communicate(timeout=30)
        self.assertEqual((out.split(), errors), (["None", "True"], ""))
        self.assertIn("hot", self.functions(glob.glob(self.path("t/*/*"))[0]))

    def test_folder_that_cannot_be_made_again(self):
        """The file that is open goes on; it then holds several recordings."""
        self.run_program("""
            live_trace.start(0.01, "t/w-%S.ltrace", rotate_seconds=1)
            live_trace.flush()
            os.rename("t", "moved")
            open("t", "w").close()
            hot(3.5)
            assert live_trace.is_running() and not live_trace.stats()["error"]
        """)
        trace, = glob.glob(self.path("moved/*"))
        self.assertTrue(info(trace)["complete"])
        self.assertGreater(info(trace)["duration"], 2.5)
        self.assertEqual(info(trace)["damaged_blocks"], 0)
        check_decoders(self, trace)

    def test_disk_that_is_full_for_a_while(self):
        """One warning, the requests are served, and sampling goes on when there is room; what was written stays."""
        self.environment.update(LD_PRELOAD=write_faults(), LIVE_TRACE_FAULT=f"while:{self.path('full')}",
                                LIVE_TRACE_FAULT_IN=os.path.basename(self.python))
        out, errors = self.run_program("""
            from live_trace import wsgi
            app = wsgi.middleware(lambda environ, start_response: [b"ok"], 0.01, outfile_template="t/w.ltrace", rotate_seconds=1)
            def until(running):
                end = time.monotonic() + 30
                while live_trace.is_running() != running and time.monotonic() < end: hot(0.05)
                assert app({}, None) == [b"ok"] and live_trace.is_running() == running
            def before(): hot(2.5)
            def after(): hot(1.5)
            before()
            open("full", "w").close()
            until(False)
            print(live_trace.stats()["error"])
            files = os.listdir("t")
            time.sleep(11)  # it is tried in between
            until(False)
            assert os.listdir("t") == files
            os.unlink("full")
            until(True)
            after()
            live_trace.stop()
            print(live_trace.stats()["error"])
        """)
        self.assertEqual(out, "No space left on device\nNone\n")
        self.assertRegex(errors, r"\Anot sampling: .*No space left.*tried every 10 seconds\nsampling again: to .*\n\Z")
        self.assertLess({"before", "after"}, self.functions(self.path("t")))
        for trace in self.traces("t/*"):
            self.assertEqual(info(trace)["damaged_blocks"], 0)

    def test_killed_while_it_rotates(self):
        """Whatever is there then can be read, without a word of damage."""
        script = """
            live_trace.start(0.002, f"t/{sys.argv[1]}.ltrace", rotate_seconds=1)
            print("ready", flush=True)
            hot(60)
        """
        processes = [self.start(script, str(number)) for number in range(8)]
        for process in processes:
            process.stdout.readline()
        for number, process in enumerate(processes):
            with process:
                self.wait_for(lambda: os.path.exists(self.path(f"t/{number}-1.ltrace")))  # pylint: disable=cell-var-from-loop
                time.sleep(number * 0.0005)
                process.kill()
        for trace in glob.glob(self.path("t/*")):
            if os.path.getsize(trace):
                self.assertEqual(info(trace)["damaged_blocks"], 0)
                self.assertTrue(info(trace)["complete"] or not os.path.exists(trace.replace(".ltrace", "-1.ltrace")), trace)
        self.assertIn("hot", self.analyze(self.path("t")))

    def test_analyze_of_workers(self):
        """Two that were recorded at the same time cover that time once; an empty file is left out."""
        self.run_program("""
            live_trace.start(0.01, "t/w.ltrace")
            child = os.fork()
            hot(2)
            live_trace.stop()
            if child: assert os.waitpid(child, 0)[1] == 0
        """)
        with open(self.path("t/killed.ltrace"), "wb"):
            pass
        done = self.live_trace("analyze", "t")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"killed\.ltrace is empty: .*left out")
        covered, everything = map(float, re.search(r", ([\d.]+) s \(recordings of ([\d.]+) s in all\)", done.stdout).groups())
        durations = [info(trace)["duration"] for trace in glob.glob(self.path("t/w*"))]
        self.assertAlmostEqual(everything, sum(durations), delta=0.02)
        self.assertGreater(covered + 0.01, max(durations))
        self.assertLess(covered, 0.9 * everything)

    def test_bounds_from_outside(self):
        """LIVE_TRACE=1 takes them from the environment; nonsense there is said and left out."""
        program = """
            from live_trace import _startup, _tracer
            _startup.begin()
            print(*_tracer._state.settings[:5])
        """
        self.environment.update(LIVE_TRACE_ROTATE_SECONDS="3600", LIVE_TRACE_ROTATE_BYTES="20_000_000", LIVE_TRACE_MAX_BYTES="0")
        self.assertEqual(self.run_program(program), ("0.1 None 3600.0 20000000 0\n", ""))
        self.environment.update(LIVE_TRACE_ROTATE_SECONDS="a day", LIVE_TRACE_INTERVAL="0.5")
        out, errors = self.run_program(program)
        self.assertEqual(out, "0.5 None 86400.0 20000000 0\n")
        self.assertIn("LIVE_TRACE_ROTATE_SECONDS is 'a day': give a number", errors)

    def test_bad_bounds(self):
        out, _ = self.run_program("""
            for bounds in ({"rotate_seconds": 0.5}, {"rotate_bytes": 100}, {"max_bytes": -1}, {"max_bytes": "1 MB"},
                           {"rotate_seconds": float("nan")}, {"max_bytes": True}):
                try:
                    live_trace.start(0.1, "t.ltrace", **bounds)
                except (TypeError, ValueError) as error:
                    print(error)
            live_trace.start(0.1, "t.ltrace", rotate_seconds=None, rotate_bytes=0, max_bytes=None)
            assert live_trace.is_running()
        """)
        self.assertEqual(len(re.findall(r"^(rotate_seconds|rotate_bytes|max_bytes) .*: give ", out, re.MULTILINE)), 6, out)


if __name__ == "__main__":
    unittest.main()
