#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names in every kind of str that CPython has (1, 2 and 4 bytes a character, ASCII and not), and deep stacks, on every version."""

import json
import os
import unittest

from lt_e2e import TraceTest, every_interpreter, read

# Identifiers that stay what they are under the normalization that Python applies (NFKC).
FUNCTIONS = ["plain", "na\u00efve", "\u0444\u0443\u043d\u043a\u0446\u0438\u044f", "\u6570\u3048\u308b", "\U00010330\U00010331",
             "a\u00e9\u4e2d\U00020000", "x" * 300, "\u4e2d" * 200]
FILES = [b"plain.py", "w\u00f6rk.py".encode(), "\u65e5\u672c\u8a9e.py".encode(), "smile \U0001f600.py".encode(),
         b"latin \xe9 and \xff.py", b"mixed \xf0\x9f\x98\x80 \x80.py"]

MODULE = """
class Holder_{name}:
    def {name}(self, rest):
        rest()
def {name}(rest):
    Holder_{name}().{name}(rest)
"""

MAIN = """
import os, sys, threading, time
gate = threading.Lock()
gate.acquire()
for file in FILES:
    path = os.path.join(os.fsencode(sys.argv[1]), file)
    namespace = {}
    with open(path, "rb") as source:
        exec(compile(source.read(), os.fsdecode(path), "exec"), namespace)
    for name in FUNCTIONS:
        threading.Thread(target=namespace[name], args=[gate.acquire], daemon=True).start()
time.sleep(0.7)
os._exit(0)
"""


IN_TURN = """
import json, sys, threading, time
ran = {}
def job():
    ran[threading.get_native_id()] = threading.current_thread().name
    end = time.thread_time() + 0.2
    while time.thread_time() < end:
        pass
for number in range(8):
    thread = threading.Thread(target=job, name=f"job-{number}")
    thread.start()
    thread.join()
with open(sys.argv[1], "w") as out:
    json.dump(ran, out)
"""


@every_interpreter
class ThreadsInTurn(TraceTest):
    def test_each_is_itself(self):
        """A thread gets the memory, the state and the ident of the one before it: not its native id, its name or its processor."""
        done = self.live_trace("run", "-o", self.trace, "-r", "200", self.script(IN_TURN), self.path("ran"), python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("ran"), encoding="ascii") as file:
            ran = {int(tid): name for tid, name in json.load(file).items()}
        samples = [s for s in read(self.trace)[1] if s["stack"][-1]["name"] == "job"]
        self.assertEqual({s["tid"] for s in samples}, set(ran))
        # Its name may be read too late, but is never another's.
        others = {s["thread"] for s in samples if s["thread"] != ran[s["tid"]]} & set(ran.values())
        self.assertEqual(others, set())
        # Who holds the GIL the whole time is on a processor, or waits for one.
        self.assertGreater(sum(s["state"] == "cpu" for s in samples), 0.95 * len(samples))


@every_interpreter
class Names(TraceTest):
    def test_all_kinds(self):
        folder = os.fsencode(self.folder)
        for file in FILES:
            with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                out.write("".join(MODULE.format(name=name) for name in FUNCTIONS))
        main = self.script(MAIN.replace("FILES", repr(FILES)).replace("FUNCTIONS", repr(FUNCTIONS)))
        done = self.live_trace("run", "-o", self.trace, "-r", "50", main, self.folder, python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, health = read(self.trace, "--full-paths")
        self.assertEqual(sum(health["failed"].values()), 0, health)
        method = "Holder_{0}.{0}" if self.version >= (3, 11) else "{0}"
        # What is no UTF-8 is in the trace as it is; in JSON, which cannot have it, it is replaced.
        wanted = {((function, method.format(function)), os.path.join(folder, file).decode("utf-8", "replace"))
                  for file in FILES for function in FUNCTIONS}
        seen = {(tuple(f["name"] for f in s["stack"][-2:]), s["stack"][-1]["file"]) for s in samples}
        self.assertLessEqual(wanted, seen)
        # The files were opened under their true names.
        rows = json.loads(self.live_trace("analyze", "--json", "--idle", "--full-paths", "-m", "1000", self.trace).stdout)["rows"]
        texts = {row["file"]: row["source"].strip() for row in rows if row["name"].endswith("plain")}
        self.assertEqual(texts, {path: "rest()" for _, path in wanted})


DEEP = """
import os, sys, threading, time
sys.setrecursionlimit(20000)
def leaf():
    time.sleep(0.7)
def down(n):
    if n:
        down(n - 1)
    else:
        leaf()
down(int(sys.argv[1]))
os._exit(0)
"""

# The depth goes up and down, and with it what is cut.
WAVES = """
import time
def tick(n): return pow(3, 400)
def tock(n): return pow(3, 400)
def even(n): return tick(n) if n == 0 else tick(n) + odd(n - 1)
def odd(n): return tock(n) + even(n - 1)
end = time.monotonic() + 1
while time.monotonic() < end:
    for n in range(0, 40, 2):
        even(n)
"""


@every_interpreter
class Depth(TraceTest):
    def record(self, *options):
        script = self.script(DEEP)
        done = self.live_trace("run", "-o", self.trace, "-r", "50", *options, script, "10000", python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, health = read(self.trace, "--focus", "leaf")
        self.assertEqual(sum(health["failed"].values()), 0, health)
        self.assertGreater(len(samples), 10)
        return {tuple(f["name"] for f in s["stack"]) for s in samples}

    def test_complete(self):
        self.assertEqual(self.record(), {("<module>", *["down"] * 10001, "leaf")})

    def test_too_deep_takes_nothing_from_others(self):
        if self.version < (3, 11):
            return  # such a stack needs more of C's than a thread gets
        done = self.live_trace("run", "-o", self.trace, "-r", "100", self.script("""
            import sys, threading, time
            sys.setrecursionlimit(10**6)
            def down(n):
                if n: return down(n - 1)
                time.sleep(1)
            def spin():
                end = time.monotonic() + 1
                while time.monotonic() < end: pass
            deep = threading.Thread(target=down, args=(40000,))
            deep.start()
            spin()
            deep.join()
        """), python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, health = read(self.trace)
        innermost = [s["stack"][-1]["name"] for s in samples]
        self.assertGreater(innermost.count("spin"), 80)
        self.assertGreater(sum(health["failed"].values()), 60, health)
        self.assertEqual({s["thread"] == "MainThread" for s in samples if s["stack"][-1]["name"] == "<unknown>"}, {False})

    def test_cap_is_marked(self):
        self.assertEqual(self.record("--max-frames", "5"), {("<cut>", *["down"] * 4, "leaf")})
        # What is not deeper has no mark.
        _, samples, _ = read(self.trace)
        stacks = [[f["name"] for f in s["stack"]] for s in samples]
        self.assertTrue(all(len(s) <= 6 and (s[0] == "<cut>") == (len(s) == 6) for s in stacks), stacks)

    def test_cap_of_what_moves(self):
        done = self.live_trace("run", "-o", self.trace, "-r", "500", "--max-frames", "4", self.script(WAVES), python=self.python)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, _ = read(self.trace, "--focus", "even|odd")
        stacks = [tuple(f["name"] for f in s["stack"]) for s in samples]
        inner = {"tick": "even", "tock": "odd", "even": "odd", "odd": "even"}
        for stack in stacks:
            own = [name for name in stack if name in inner]
            self.assertEqual(own, own[:1] + [name for name, caller in zip(own[1:], own) if inner[name] == caller], stack)
            self.assertEqual(len(stack), 5 if stack[0] == "<cut>" else len(own) + 1, stack)
        self.assertGreater(len({stack for stack in stacks if stack[0] == "<cut>"}), 2)
        self.assertLess(len({stack for stack in stacks if stack[0] == "<cut>"}), 9)


if __name__ == "__main__":
    unittest.main()
