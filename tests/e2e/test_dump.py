#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`live-trace dump`: what it says of a program is what the program says of itself, also when it hangs."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from lt_e2e import LIVE_TRACE, TraceTest, interpreters

ONE_LINE = r"\Alive-trace: [^\n]*: [^\n]*\n\Z"

# What a frame says of its locals: plain values by repr(), others as a dump names them.
REPORT = """
    import json, sys, threading, time
    PLAIN = (int, float, bool, type(None), str, bytes, list, tuple, dict, set, frozenset, type(...))
    def show(value):
        return repr(value) if type(value) in PLAIN else "<%s at 0x%x>" % (type(value).__name__, id(value))
    def report(**values):
        print(json.dumps({name: show(value) for name, value in values.items()}), flush=True)
    def hang():
        threading.Event().wait()
"""


def on_each_interpreter(test):
    """Runs a test(self, version, python) for each interpreter that there is."""
    @functools.wraps(test)
    def run(self):
        found = interpreters()
        self.assertTrue(found)
        for version, python in sorted(found.items()):
            with self.subTest(python=".".join(map(str, version))):
                test(self, version, python)
    return run


class DumpTest(TraceTest):
    def start(self, script, python=None, *arguments):
        process = subprocess.Popen([python or sys.executable, script, *arguments], stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True, encoding="utf-8", cwd=self.folder)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.stdout.close()
        process.wait()

    def dump(self, process, *options):
        done = self.live_trace("dump", "--json", *options, str(process.pid))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def settled(self, process, *functions):
        """A dump in which each of these functions is some thread's innermost one of the script's own."""
        for _ in range(100):
            threads = self.dump(process, "--locals")["threads"]
            own = [[f for f in t["stack"] if f["file"].startswith(self.folder)] for t in threads]
            found = {stack[0]["name"].split(".")[-1]: thread for stack, thread in zip(own, threads) if stack}
            if set(functions) <= set(found):
                return [found[name] for name in functions]
            time.sleep(0.05)
        self.fail(f"never all of {functions}: {found}")

    def until(self, take, condition):
        """What take() says once the condition is true of it: programs take a moment to get where they are going."""
        for _ in range(100):
            taken = take()
            if condition(taken):
                return taken
            time.sleep(0.05)
        self.fail(f"never so: {taken}")

    def frame(self, thread, name):
        (frame,) = [f for f in thread["stack"] if f["name"].split(".")[-1] == name]
        return frame


class Threads(DumpTest):
    WORK = """\
        import hashlib, threading, time
        lock = threading.Lock()
        lock.acquire()
        def locked():
            lock.acquire()
        def asleep():
            time.sleep(1000)
        def busy():
            while True: pass
        def hashing():
            hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**9)
        for target in (locked, asleep, busy, hashing):
            threading.Thread(target=target, name="\\u00e4 " + target.__name__, daemon=True).start()
        print("ready", flush=True)
        def outer():
            asleep()
        outer()
    """

    @on_each_interpreter
    def test_states_names_lines_and_source(self, version, python):
        process = self.start(self.script(self.WORK, "w\u00f6rk.py"), python)
        process.stdout.readline()
        self.settled(process, "locked", "busy", "hashing", "asleep")
        dump = self.until(lambda: self.dump(process), lambda d: sorted(t["state"] for t in d["threads"])
                          == ["cpu", "cpu", "wait", "wait", "wait"])
        self.assertEqual((dump["pid"], len(dump["threads"])), (process.pid, 5))
        with open(f"/proc/{process.pid}/cmdline", encoding="utf-8") as command:
            self.assertEqual(dump["command"], command.read().rstrip("\0").replace("\0", " "))
        self.assertTrue(dump["python"].startswith("{}.{}".format(*version)))
        threads = {t["name"]: t for t in dump["threads"]}
        for name, state, line, source in (("locked", "wait", 5, "lock.acquire()"),
                                          ("asleep", "wait", 7, "time.sleep(1000)"),
                                          ("busy", "cpu", 9, "while True: pass"),
                                          ("hashing", "cpu", 11, 'hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**9)')):
            thread = threads["\u00e4 " + name]
            inner = thread["stack"][0]
            self.assertEqual((inner["name"], thread["state"], inner["line"], inner["source"]),
                             (name, state, line, source))
            self.assertEqual((thread["gil"], thread["gc"]), (name == "busy", False))
            self.assertTrue(os.path.exists(f"/proc/{process.pid}/task/{thread['tid']}"))
            self.assertNotIn("locals", inner)
        main = threads["MainThread"]
        self.assertEqual(main["tid"], process.pid)
        self.assertEqual([f["name"] for f in main["stack"]], ["asleep", "outer", "<module>"])

    def test_traceback(self):
        process = self.start(self.script(self.WORK))
        process.stdout.readline()
        self.settled(process, "locked", "busy", "hashing", "asleep")
        done = self.live_trace("dump", str(process.pid))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith(f"Process {process.pid}: {sys.executable} {self.folder}/script.py\nPython 3."))
        self.assertRegex(done.stdout, r'\n\nThread \d+ "\u00e4 busy" \(on CPU, holds the GIL\), most recent call first:\n'
                                      rf'  File "{self.folder}/script.py", line 9 in busy\n      while True: pass\n  File ')
        self.assertRegex(done.stdout, rf'Thread {process.pid} "MainThread" \(waiting\), most recent call first:\n'
                                      r'  File ".*", line 7 in asleep\n      time.sleep\(1000\)\n'
                                      r'  File ".*", line 16 in outer\n      asleep\(\)\n'
                                      r'  File ".*", line 17 in <module>\n      outer\(\)\n')

    @on_each_interpreter
    def test_garbage_collection(self, _, python):
        process = self.start(self.script("""
                import gc
                kept = [[i] for i in range(500000)]
                print("ready", flush=True)
                while True:
                    gc.collect()
        """), python)
        process.stdout.readline()
        seen = [t for _ in range(20) for t in self.dump(process)["threads"]]
        self.assertTrue(any(t["gc"] and t["gil"] and t["state"] == "cpu" for t in seen), seen)


class Locals(DumpTest):
    def check(self, body, name="hangs", python=None):
        """The function `name` of the body reports its locals, then hangs."""
        process = self.start(self.script(REPORT + body), python)
        said = json.loads(process.stdout.readline())
        (thread,) = self.settled(process, "hang")
        self.assertEqual(self.frame(thread, name)["locals"], said)
        self.end(process)

    @on_each_interpreter
    def test_plain_values(self, _, python):
        self.check("""
    class Number(int): pass
    class Pair(tuple): pass
    class Thing: pass
    def hangs(first, second=2, *rest, key, **more):
        zero, one, minus, edge = 0, 1, -1, 2**30
        large, small, limit = 10**200 + 7, -2**61, 10**4299
        yes, no, nothing, dots = True, False, None, ...
        text, other, wide, odd = "it's", 'both \\' and "', "\\u00e4\\u20ac\\U0001d538", "\\udcff\\ud800\\x00\\x7f\\u202e\\n\\\\"
        raw, quoted = b"\\x00a'\\xff\\n", b"'\\""
        nested = {"a": [1, (2.5, None), {"b": {1}}], 2: b"", (1,): frozenset([2]), None: {}}
        cycle = [1, {}, ()]
        cycle[1]["self"] = cycle
        alone, empty, none = (1,), (), set()
        gone = {i: i for i in range(8)}
        del gone[3], gone[0]
        members = {1, 2, 3, "x"}
        members.discard(2)
        number, pair, thing, function = Number(5), Pair((1, 2)), Thing(), report
        attributes = Thing()
        attributes.one, attributes.two = 1, "two"
        attributes = vars(attributes)
        if more is None:
            unbound = 1
        report(**locals())
        hang()
    hangs([1], *"ab", key={"k": "v"}, extra=1.5)
        """, python=python)

    @on_each_interpreter
    def test_order_is_that_of_the_code(self, _, python):
        process = self.start(self.script(REPORT + """
    def hangs(b, a, *args, k, **kwargs):
        z = lambda: (a, y)
        y = 1
        print("ready", flush=True)
        hang()
    hangs(1, 2, k=3)
        """), python)
        process.stdout.readline()
        (thread,) = self.settled(process, "hang")
        names = list(self.frame(thread, "hangs")["locals"])
        self.assertEqual(names[:5], ["b", "a", "k", "args", "kwargs"])
        self.assertEqual(sorted(names[5:]), ["y", "z"])

    @on_each_interpreter
    def test_floats(self, _, python):
        """The shortest digits, as repr() finds them."""
        self.check("""
    import random, struct
    random.seed(7)
    def numbers():
        yield from (2.0 ** i for i in range(-1074, 1024, 3))
        yield from (-10.0 ** i for i in range(-20, 25))
        yield from (round(random.uniform(0, 10) ** 5, random.randrange(8)) for _ in range(500))
        while True:
            yield struct.unpack("d", random.getrandbits(64).to_bytes(8, "little"))[0]
    names = ["f%d" % i for i in range(100)]
    source = iter(numbers())
    exec("def hangs(%s):\\n report(**locals())\\n hang()" % ", ".join(names))
    hangs(*([next(source) for _ in range(30)] for _ in names))
        """, python=python)

    @on_each_interpreter
    def test_characters(self, _, python):
        """Every assigned character of the lower planes, and some of each other one."""
        self.check("""
    import unicodedata
    points = [c for c in [*range(0x3100), *range(0x3100, 0x110000, 97), *range(0xfb00, 0x10000)]
              if unicodedata.category(chr(c)) != "Cn"]
    pieces = ["".join(map(chr, points[i:i + 200])) for i in range(0, len(points), 200)]
    exec("def hangs(%s):\\n report(**locals())\\n hang()" % ", ".join("s%d" % i for i in range(len(pieces))))
    hangs(*pieces)
        """, python=python)

    @on_each_interpreter
    def test_closures_generators_and_classes(self, _, python):
        process = self.start(self.script(REPORT + """
    def outer(argument, plain):
        cell = [argument]
        def inner(own):
            both = (argument, cell, own)
            print("ready", flush=True)
            hang()
            return later
        inner(plain)
        later = 1
    class Class:
        def method(self, x):
            yield from self.steps(x)
        def steps(self, n):
            for i in range(n):
                outer({"n": n}, i)
                yield i
    class Other:
        def __init__(self):
            for _ in Class().method(3): pass
    Other()
        """), python)
        process.stdout.readline()
        (thread,) = self.settled(process, "hang")
        self.assertEqual(self.frame(thread, "inner")["locals"],
                         {"own": "0", "both": "({'n': 3}, [{'n': 3}], 0)", "argument": "{'n': 3}", "cell": "[{'n': 3}]"})
        outer = self.frame(thread, "outer")["locals"]
        self.assertRegex(outer.pop("inner"), r"\A<function at 0x[0-9a-f]+>\Z")
        self.assertEqual(outer, {"argument": "{'n': 3}", "plain": "0", "cell": "[{'n': 3}]"})
        steps = self.frame(thread, "steps")["locals"]
        self.assertRegex(steps.pop("self"), r"\A<Class at 0x[0-9a-f]+>\Z")
        self.assertEqual(steps, {"n": "3", "i": "0"})
        self.assertEqual(self.frame(thread, "method")["locals"]["x"], "3")
        self.assertNotIn("later", outer)

    @on_each_interpreter
    def test_what_is_cut(self, _, python):
        process = self.start(self.script(REPORT + """
    def hangs():
        long, many, large = "x" * 100000, list(range(100000)), {i: i for i in range(200000)}
        deep = 1
        for _ in range(100): deep = [deep]
        wide = 1
        for _ in range(20): wide = [wide] * 10
        huge = 1 << 10**6
        print("ready", flush=True)
        hang()
    hangs()
        """), python)
        process.stdout.readline()
        (thread,) = self.settled(process, "hang")
        seen = self.frame(thread, "hangs")["locals"]
        self.assertEqual(seen["long"], "'" + "x" * 256 + "'...")
        self.assertEqual(seen["many"], "[" + "".join(f"{i}, " for i in range(32)) + "...]")
        self.assertEqual(seen["large"], "{" + "".join(f"{i}: {i}, " for i in range(32)) + "...}")
        self.assertEqual(seen["deep"], "[" * 7 + "..." + "]" * 7)
        self.assertIn("...", seen["wide"])
        self.assertLess(len(seen["wide"]), 10000)
        self.assertRegex(seen["huge"], r"\A<int of about 1000\d\d\d bits>\Z")

    @on_each_interpreter
    def test_same_moment(self, _, python):
        """Locals belong to their stack and to each other while the program goes on at full speed."""
        process = self.start(self.script("""
                def down(n, tag):
                    pair = (tag, [tag])
                    if n:
                        down(n - 1, tag)
                print("ready", flush=True)
                tag = 10**6
                while True:
                    down(40, tag)
                    tag += 1
        """), python)
        process.stdout.readline()
        seen = set()
        for _ in range(20):
            (thread,) = self.dump(process, "--locals")["threads"]
            frames = [f["locals"] for f in thread["stack"] if f["name"] == "down"]
            self.assertEqual([int(f["n"]) for f in frames], list(range(41 - len(frames), 41)))
            self.assertLessEqual(len({f["tag"] for f in frames}), 1, frames)
            for frame in frames[1:]:
                self.assertEqual(frame["pair"], "({0}, [{0}])".format(frame["tag"]))
            seen |= {f["tag"] for f in frames}
        self.assertGreater(len(seen), 10)


class Hanging(DumpTest):
    @on_each_interpreter
    def test_stopped_by_a_signal(self, _, python):
        process = self.start(self.script("""
                def busy(n):
                    while True: n += 1
                print("ready", flush=True)
                busy(5)
        """), python)
        process.stdout.readline()
        self.settled(process, "busy")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        one, other = self.dump(process, "--locals"), self.dump(process, "--locals")
        self.assertEqual(one, other)
        (thread,) = one["threads"]
        self.assertEqual((thread["stack"][0]["name"], thread["state"], thread["gil"]), ("busy", "wait", True))
        self.assertGreater(int(thread["stack"][0]["locals"]["n"]), 5)
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
            self.assertEqual(stat.read().rsplit(")", 1)[1].split()[0], "T")
        process.send_signal(signal.SIGCONT)
        os.waitid(os.P_PID, process.pid, os.WCONTINUED)
        self.until(lambda: self.dump(process, "--locals")["threads"][0]["stack"][0]["locals"],
                   lambda values: values != thread["stack"][0]["locals"])

    @on_each_interpreter
    def test_deadlock(self, _, python):
        process = self.start(self.script("""\
                import threading
                one, two, both = threading.Lock(), threading.Lock(), threading.Barrier(2)
                def first():
                    with one:
                        both.wait()
                        two.acquire()
                def second():
                    with two:
                        both.wait()
                        one.acquire()
                print("ready", flush=True)
                threads = [threading.Thread(target=first), threading.Thread(target=second)]
                for t in threads: t.start()
                for t in threads: t.join()
        """), python)
        process.stdout.readline()
        first, second, main = self.until(
            lambda: self.settled(process, "first", "second", "<module>"),
            lambda threads: [t["stack"][0].get("source") for t in threads[:2]] == ["two.acquire()", "one.acquire()"]
            and all(t["state"] == "wait" for t in threads))
        self.assertEqual((first["stack"][0]["line"], second["stack"][0]["line"]), (6, 10))
        self.assertEqual([f["line"] for f in main["stack"] if f["name"] == "<module>"], [14])
        self.assertFalse(any(t["gil"] for t in (first, second, main)))

    @on_each_interpreter
    def test_long_call_with_the_gil(self, _, python):
        process = self.start(self.script("""\
                import threading, time
                def never():
                    while True: time.sleep(0.01)
                threading.Thread(target=never, daemon=True).start()
                def call(n):
                    print("ready", flush=True)
                    return 3 ** n
                call(10**9)
        """), python)
        process.stdout.readline()
        # Who waits for the GIL wakes up every few milliseconds to ask for it.
        threads = self.until(lambda: {t["name"]: t for t in self.dump(process, "--locals")["threads"]},
                             lambda threads: [t["gil_wait"] for t in threads.values()].count(True) == 1
                             and threads["MainThread"]["stack"][0]["line"] == 7)
        main = threads.pop("MainThread")
        self.assertEqual((main["state"], main["gil"]), ("cpu", True))
        self.assertEqual(main["stack"][0]["locals"], {"n": "1000000000"})
        self.assertEqual([(t["state"], t["stack"][0]["name"]) for t in threads.values()], [("wait", "never")])

    @on_each_interpreter
    def test_one_that_is_too_deep(self, version, python):
        """A stack that cannot be read takes nothing from the others."""
        if version < (3, 11):
            return  # such a stack needs more of C's than a thread gets
        process = self.start(self.script("""
                import sys, threading, time
                sys.setrecursionlimit(10**6)
                def down(n):
                    if n: return down(n - 1)
                    print("ready", flush=True)
                    time.sleep(60)
                def patient(): time.sleep(60)
                for target, arguments in (patient, ()), (down, (40000,)):
                    threading.Thread(target=target, args=arguments, name=target.__name__, daemon=True).start()
                time.sleep(60)
        """), python)
        process.stdout.readline()
        threads = {t["name"]: t for t in self.dump(process)["threads"]}
        self.assertIn("deeper", threads["down"]["error"])
        self.assertEqual([threads[name]["stack"][0]["name"] for name in ("patient", "MainThread")], ["patient", "<module>"])

    @on_each_interpreter
    def test_deep(self, _, python):
        process = self.start(self.script("""
                import sys, threading
                sys.setrecursionlimit(20000)
                def down(n):
                    if n:
                        return down(n - 1)
                    print("ready", flush=True)
                    threading.Event().wait()
                down(5000)
        """), python)
        process.stdout.readline()
        (thread,) = self.dump(process, "--locals")["threads"]
        frames = [f for f in thread["stack"] if f["name"] == "down"]
        self.assertEqual([f["locals"]["n"] for f in frames], [str(i) for i in range(5001)])

    def test_nobody_is_stopped(self):
        """No tracer, no signal: the process cannot tell."""
        process = self.start(self.script("""
            import os, signal, sys, time
            def count(number, frame): raise SystemExit(3)
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, count)
            print("ready", flush=True)
            while not os.path.exists(sys.argv[1]): time.sleep(0.005)
            with open("/proc/self/status") as status:
                print(dict(line.split(":", 1) for line in status)["TracerPid"].strip(), flush=True)
        """), None, self.path("end"))
        process.stdout.readline()
        for _ in range(20):
            self.dump(process, "--locals")
        self.script("", "end")
        self.assertEqual(process.stdout.readline(), "0\n")
        self.assertEqual(process.wait(10), 0)


class Hostile(DumpTest):
    def test_terminal(self):
        """Whatever names and values are, no control character gets out."""
        process = self.start(self.script("""
            import threading, time
            evil = "\\x1b[31m\\r\\n\\u202e\\x9b\\"'\\udcff"
            code = compile("def f(x):\\n    print('ready', flush=True)\\n    time.sleep(1000)\\nf(evil)", evil, "exec")
            threading.Thread(target=exec, args=(code, globals()), name=evil).start()
        """), None, "\x1b[2J")
        process.stdout.readline()
        for options in ((), ("--locals",)):
            done = self.live_trace("dump", *options, str(process.pid))
            self.assertEqual(done.returncode, 0)
            self.assertEqual(re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", done.stdout), [])
            self.assertIn('"\\x1b[31m\\r\\n\\u202e\\x9b\\"\'', done.stdout)
        self.assertIn("x = '\\x1b[31m\\r\\n\\u202e\\x9b\"\\'\\udcff'", done.stdout)
        json.loads(self.live_trace("dump", "--json", "--locals", str(process.pid)).stdout)


class BadInput(DumpTest):
    def refused(self, status, *arguments, says, **options):
        done = self.live_trace("dump", *arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, ONE_LINE)
        self.assertRegex(done.stderr, says)

    def test_usage(self):
        for words, says in (([], "needs a process"), (["abc"], "no PID"), (["1x"], "no PID"), (["--lokals", "1"], "--locals"),
                            ([str(os.getpid()), "1"], "one process")):
            with self.subTest(words):
                self.refused(2, *words, says=says)

    def test_no_such_process(self):
        process = subprocess.Popen(["true"])
        process.wait()
        self.refused(1, str(process.pid), says="no such process")

    def test_not_python(self):
        with subprocess.Popen(["sleep", "1000"]) as process:
            self.refused(1, str(process.pid), says="not a Python process")
            process.kill()

    def test_starting(self):
        """One that is asked while it starts is waited for."""
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as process:
            dump = self.dump(process)
            self.assertEqual([t["tid"] for t in dump["threads"]], [process.pid])
            process.kill()

    def test_ended(self):
        with subprocess.Popen([sys.executable, "-c", ""]) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.refused(1, str(process.pid), says="ended|not a Python process")

    def test_not_permitted(self):
        if os.geteuid() != 0:
            self.skipTest("that another user's process is refused: only root can become somebody else")
        process = self.start(self.script("print('ready', flush=True)\nimport time\ntime.sleep(1000)"))
        process.stdout.readline()
        os.chmod(self.folder, 0o755)
        done = subprocess.run([LIVE_TRACE, "dump", str(process.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, user=65534, group=65534, extra_groups=[], cwd="/", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, ONE_LINE)
        self.assertRegex(done.stderr, "not permitted: it is another user's: .*CAP_SYS_PTRACE")

    def test_unsupported(self):
        root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
        old = [os.path.join(root, "versions", name, "bin", "python") for name in sorted(os.listdir(f"{root}/versions"))
               if name.startswith(("2.7", "3.6", "3.7"))] if os.path.isdir(f"{root}/versions") else []
        if not old:
            self.skipTest("that a Python that is too old is refused: there is none")
        for python in old:
            process = self.start(self.script("import sys, time; print('ready'); sys.stdout.flush(); time.sleep(1000)"), python)
            process.stdout.readline()
            self.refused(1, str(process.pid), says="not supported|not a Python process")


if __name__ == "__main__":
    unittest.main()
