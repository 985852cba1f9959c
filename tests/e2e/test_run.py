#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`live-trace run` on real programs: they must not notice it, and what it saw must be what they did."""

import collections
import os
import pty
import re
import signal
import subprocess
import sys
import time
import unittest

from lt_e2e import LIVE_TRACE, TraceTest, every_interpreter, info, read

SPIN = """
    import time
    def spin(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
"""


class Transparency(TraceTest):
    """The program runs as `python3 script.py` would run it."""

    SELF_PORTRAIT = """
        import json, os, sys
        LIBC_OWN = 3 << 31  # signals 32 and 33, which the C library sets as it likes
        def signals():
            for line in open("/proc/self/status"):
                if line.startswith(("SigBlk", "SigIgn")):
                    name, mask = line.split()
                    yield name, int(mask, 16) & ~LIBC_OWN
        print(json.dumps({
            "name": __name__, "argv": sys.argv, "path0": sys.path[0], "flags": str(sys.flags), "cwd": os.getcwd(),
            "environment": dict(os.environ), "main": sys.modules["__main__"].__dict__ is globals(),
            "group": os.getpgrp() == os.getpgid(os.getppid()), "fds": sorted(map(int, os.listdir("/proc/self/fd")))[:-1],
            "signals": dict(signals()),
        }))
    """

    def test_same_program_with_and_without(self):
        script = self.script(self.SELF_PORTRAIT)
        alone = subprocess.run([sys.executable, script, "a b", "--", "-o"], stdout=subprocess.PIPE, cwd=self.folder,
                               env=self.environment, stdin=subprocess.DEVNULL, text=True, check=True).stdout
        traced = self.live_trace("run", "-q", script, "a b", "--", "-o").stdout
        self.assertEqual(traced, alone)

    def test_exit_status(self):
        for body, status in (("raise SystemExit(7)", 7), ("1 / 0", 1), ("pass", 0),
                             ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + 9),
                             ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + 15)):
            with self.subTest(body):
                self.assertEqual(self.live_trace("run", self.script(body)).returncode, status)

    def test_streams(self):
        done = self.live_trace("run", "-q", self.script("""
            import sys
            sys.stdout.write(sys.stdin.read().upper())
            sys.stderr.write("to stderr")
        """), stdin=None, input="some text")
        self.assertEqual((done.stdout, done.stderr), ("SOME TEXT", "to stderr"))

    def test_main_guard_and_siblings(self):
        done = self.live_trace("run", "-q", self.script("""
            def helper():
                return 42
            def main():
                print(helper())
            if __name__ == "__main__":
                main()
        """))
        self.assertEqual(done.stdout, "42\n")

    def test_module_and_command(self):
        self.script("print('as a module', __name__)", name="mod.py")
        self.assertEqual(self.live_trace("run", "-q", "-m", "mod").stdout, "as a module __main__\n")
        self.assertEqual(self.live_trace("run", "-q", "--", "/bin/sh", "-c", "echo $1; exit 4", "x", "y").stdout, "y\n")

    def test_signals_are_passed_on(self):
        script = self.script("""
            import signal, sys, time
            signal.signal(signal.SIGTERM, lambda *a: sys.exit(3))
            signal.signal(signal.SIGUSR1, lambda *a: print("usr1", flush=True))
            print("ready", flush=True)
            while True:
                time.sleep(0.05)
        """)
        with subprocess.Popen([LIVE_TRACE, "run", "-o", self.trace, script], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, env=self.environment) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.stdout.readline(), "usr1\n")
            process.terminate()
            self.assertEqual(process.wait(10), 3)
        self.assertTrue(info(self.trace)["complete"])

    def test_terminal_interrupt(self):
        """^C reaches the program once, as from a terminal; live-trace ends with it."""
        script = self.script("""
            import time
            count = 0
            while count < 1:
                try:
                    print("ready", flush=True)
                    time.sleep(5)
                except KeyboardInterrupt:
                    count += 1
            time.sleep(0.3)
            print("interrupts", count, flush=True)
        """)
        pid, terminal = pty.fork()
        if pid == 0:
            # As a terminal's shell starts it: tests that run in the background have ^C ignored, and so would the program.
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(LIVE_TRACE, [LIVE_TRACE, "run", "-q", "-o", self.trace, script], self.environment)
        seen = b""
        while b"ready" not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        try:
            while not re.search(rb"interrupts \d+\r\n", seen):
                seen += os.read(terminal, 1000)
        except OSError:
            pass
        status = os.waitpid(pid, 0)[1]
        os.close(terminal)
        self.assertIn(b"interrupts 1", seen)
        self.assertEqual(status, 0)

    def test_not_python(self):
        done = self.live_trace("run", "--", "/bin/sh", "-c", "sleep 0.2; exit 5")
        self.assertEqual(done.returncode, 5)
        self.assertIn("nothing was sampled", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_cannot_start(self):
        done = self.live_trace("run", "--", "no-such-program")
        self.assertEqual(done.returncode, 127)
        self.assertRegex(done.stderr, r"\Alive-trace: cannot start no-such-program: .*\n\Z")

    def test_trace_to_standard_output(self):
        with open(self.trace, "wb") as out:
            done = subprocess.run([LIVE_TRACE, "run", "-q", "-o", "-", self.script("import time; time.sleep(0.5)")],
                                  stdout=out, env=self.environment, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertGreater(info(self.trace)["stack_samples"], 10)

    def test_file_that_is_being_written(self):
        """Two recorders would destroy each other's trace: the second one leaves the file alone."""
        script = self.script("import time; time.sleep(1.5)")
        with subprocess.Popen([LIVE_TRACE, "run", "-q", "-o", self.trace, script], env=self.environment):
            while not os.path.exists(self.trace) or not os.path.getsize(self.trace):
                time.sleep(0.01)
            done = self.live_trace("run", "-o", self.trace, script)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr, f"live-trace: {self.trace} is being written by another recorder: choose another file with -o\n")
        self.assertGreater(info(self.trace)["stack_samples"], 50)
        self.assertEqual(self.live_trace("run", "-q", "-o", self.trace, script).returncode, 0)

    def test_full_disk(self):
        done = self.live_trace("run", "-o", "/dev/full", self.script("import time; time.sleep(1.5); print('end')"))
        self.assertEqual((done.returncode, done.stdout), (0, "end\n"), done.stderr)
        self.assertRegex(done.stderr, r"\Alive-trace: cannot write /dev/full: No space left on device: .*\n\Z")


@every_interpreter
class EveryInterpreter(TraceTest):
    """What the program does is what the trace has."""

    WORK = SPIN + """
    import hashlib, threading
    def outer():
        inner()
    def inner():
        spin(1.0)
    def waiter():
        time.sleep(1.0)
    class Holder:
        def method(self):
            spin(0.5)
    threads = [threading.Thread(target=waiter, name="patience \\u00e4\\U0001d538"),
               threading.Thread(target=lambda: hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1_500_000), name="hasher")]
    for thread in threads:
        thread.start()
    outer()
    Holder().method()
    for thread in threads:
        thread.join()
    """

    def test_threads_and_states(self):
        meta, samples, health = self.record(self.script(self.WORK, name="w\u00f6rk.py"), python=self.python)
        self.assertLessEqual(sum(health["failed"].values()), 0.02 * health["asked"], health)
        names = collections.Counter(sample["stack"][-1]["name"] for sample in samples)
        stacks = {tuple(frame["name"] for frame in sample["stack"]) for sample in samples}
        self.assertIn(("<module>", "outer", "inner", "spin"), stacks)
        method = "Holder.method" if self.version >= (3, 11) else "method"
        self.assertIn(("<module>", method, "spin"), stacks)
        self.assertGreater(names["spin"], 150)
        threads = {sample["thread"] for sample in samples}
        self.assertLessEqual({"MainThread", "patience \u00e4\U0001d538", "hasher"}, threads)
        self.assertTrue(any(f["file"].endswith("w\u00f6rk.py") for s in samples for f in s["stack"]))
        waiting = [s["state"] for s in samples if s["stack"][-1]["name"] == "waiter"]
        hashing = [s["state"] for s in samples if s["thread"] == "hasher" and s["stack"][-1]["name"] == "<lambda>"]
        spinning = [s for s in samples if s["stack"][-1]["name"] == "spin"]
        self.assertGreater(waiting.count("wait"), 0.95 * len(waiting))
        self.assertGreater(hashing.count("cpu"), 0.8 * len(hashing))
        self.assertGreater(sum(s["state"] == "cpu" and s["gil"] for s in spinning), 0.9 * len(spinning))
        self.assertEqual(meta["type"], "meta")


class Truth(TraceTest):
    """What the program says of itself is what the trace has."""

    def test_shares_of_time(self):
        """A program that spends 3/4 of its time in one function shows 3/4 there."""
        _, samples, _ = self.record(self.script(SPIN + """
    def a(): spin(0.03)
    def b(): spin(0.01)
    for _ in range(60):
        a(); b()
        """), rate=500)
        names = collections.Counter(s["stack"][1]["name"] for s in samples if len(s["stack"]) > 2)
        share = names["a"] / (names["a"] + names["b"])
        self.assertAlmostEqual(share, 0.75, delta=0.06)

    def test_lines(self):
        _, samples, _ = self.record(self.script("""\
            import time
            def f():
                end = time.monotonic() + 0.6
                while time.monotonic() < end: pass
                time.sleep(
                    0.4
                )
            f()
        """))
        lines = collections.Counter(s["stack"][-1]["line"] for s in samples if s["stack"][-1]["name"] == "f")
        self.assertGreater(lines[4], 80)
        self.assertGreater(lines[5], 50)
        self.assertLess(sum(n for line, n in lines.items() if line not in (3, 4, 5)), 5)

    def test_deep_recursion(self):
        _, samples, health = self.record(self.script("""
            import sys, time
            sys.setrecursionlimit(20000)
            def down(n):
                if n:
                    return down(n - 1)
                end = time.monotonic() + 0.7
                while time.monotonic() < end: pass
            down(5000)
        """), rate=50)
        depths = collections.Counter(len(s["stack"]) for s in samples)
        self.assertGreater(depths[5002], 20, health)

    def test_generators_and_coroutines(self):
        _, samples, _ = self.record(self.script(SPIN + """
    import asyncio
    def gen():
        for _ in range(20):
            spin(0.02)
            yield
    def chain():
        yield from gen()
    async def leaf():
        spin(0.4)
    async def root():
        await leaf()
    list(chain())
    asyncio.run(root())
        """))
        stacks = {tuple(f["name"] for f in s["stack"]) for s in samples}
        self.assertIn(("<module>", "chain", "gen", "spin"), stacks)
        self.assertTrue(any(s[-3:] == ("root", "leaf", "spin") for s in stacks))

    def test_same_address_other_code(self):
        """Code that is made and thrown away never lends its name to what comes after it."""
        _, samples, _ = self.record(self.script("""
            import time
            end = time.monotonic() + 2
            n = 0
            while time.monotonic() < end:
                n += 1
                source = f"def f{n}():\\n    t = time.monotonic() + 0.003\\n    while time.monotonic() < t: pass\\nf{n}()\\n"
                exec(compile(source, f"<gen-{n}>", "exec"), {"time": time})
        """), rate=1000)
        pairs = [(s["stack"][-2]["file"], s["stack"][-1]) for s in samples
                 if len(s["stack"]) == 3 and s["stack"][-2]["file"].startswith("<gen-")]
        self.assertGreater(len(pairs), 300)
        for file, leaf in pairs:
            self.assertEqual(file, leaf["file"])
            self.assertEqual(leaf["name"], "f" + file[len("<gen-"):-1])


class Processes(TraceTest):
    def test_children(self):
        for method in ("fork", "spawn", "forkserver"):
            with self.subTest(method):
                done = self.live_trace("run", "-o", self.trace, "-r", "200", self.script(f"""
                    import multiprocessing, time
                    def spin_in_child(n):
                        end = time.monotonic() + 0.5
                        while time.monotonic() < end: pass
                    def wait(barrier):  # so that none does the other's work
                        barrier.wait()
                    if __name__ == "__main__":
                        context = multiprocessing.get_context("{method}")
                        with context.Pool(2, wait, [context.Barrier(2)]) as pool:
                            pool.map(spin_in_child, range(2), chunksize=1)
                """))
                self.assertEqual(done.returncode, 0, done.stderr)
                _, samples, _ = read(self.trace)
                pids = {s["pid"] for s in samples if s["stack"][-1]["name"] == "spin_in_child"}
                self.assertEqual(len(pids), 2)

    def test_no_children(self):
        script = self.script("""
            import subprocess, sys
            subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"])
        """)
        self.live_trace("run", "-o", self.trace, "--no-children", script)
        self.assertEqual(len(info(self.trace)["processes"]), 1)
        self.live_trace("run", "-o", self.trace, script)
        self.assertEqual(len(info(self.trace)["processes"]), 2)

    def test_through_a_shell(self):
        script = self.script("import time; time.sleep(0.5)")
        done = self.live_trace("run", "-o", self.trace, "--", "/bin/sh", "-c", f"'{sys.executable}' '{script}'; exit 3")
        self.assertEqual(done.returncode, 3)
        self.assertGreater(info(self.trace)["stack_samples"], 20)

    def test_killed_target(self):
        script = self.script("import os, time; time.sleep(0.5); os.kill(os.getpid(), 9)")
        self.assertEqual(self.live_trace("run", "-o", self.trace, script).returncode, 137)
        self.assertTrue(info(self.trace)["complete"])

    def test_killed_collector(self):
        """What a killed collector leaves opens without repair, and lacks a second at the most."""
        script = self.script("import time\nfor _ in range(60): time.sleep(0.1)")
        with subprocess.Popen([LIVE_TRACE, "run", "-o", self.trace, script], env=self.environment) as process:
            time.sleep(3)
            process.kill()
        subprocess.run(["pkill", "-f", script], check=False)
        found = info(self.trace)
        self.assertFalse(found["complete"])
        self.assertEqual(found["damaged_blocks"], 0)
        self.assertGreater(found["duration"], 1.7)

    def test_readable_while_written(self):
        script = self.script("import time\nfor _ in range(40): time.sleep(0.1)")
        with subprocess.Popen([LIVE_TRACE, "run", "-q", "-o", self.trace, script], env=self.environment) as process:
            time.sleep(2.5)
            found = info(self.trace)
            process.wait()
        self.assertFalse(found["complete"])
        self.assertGreater(found["stack_samples"], 50)

    def test_attach(self):
        script = self.script(SPIN + "\n    print('ready', flush=True)\n    spin(8)\n")
        with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as target:
            target.stdout.readline()
            done = self.live_trace("attach", "-o", self.trace, "-d", "1", str(target.pid))
            target.kill()
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, _ = read(self.trace)
        self.assertGreater(sum(s["stack"][-1]["name"] == "spin" for s in samples), 60)

    def test_attach_ends_with_a_signal(self):
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"]) as target:
            with subprocess.Popen([LIVE_TRACE, "attach", "-q", "-o", self.trace, str(target.pid)]) as collector:
                time.sleep(1.5)
                collector.send_signal(signal.SIGINT)
                self.assertEqual(collector.wait(10), 0)
            target.kill()
        self.assertTrue(info(self.trace)["complete"])

    def test_attach_to_what_is_not_there(self):
        done = self.live_trace("attach", str(2 ** 22 - 3))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Alive-trace: no such process .*\n\Z")
        with subprocess.Popen(["sleep", "20"]) as target:
            done = self.live_trace("attach", str(target.pid))
            target.kill()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Alive-trace: process \d+ is not a Python process: .*\n\Z")


if __name__ == "__main__":
    unittest.main()
