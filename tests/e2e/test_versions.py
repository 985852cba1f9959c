#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which versions and builds are sampled, what is said of the others, and where the table of offsets comes from."""

import os
import shutil
import subprocess
import sys
import unittest

from lt_e2e import HERE, VERSIONS, TraceTest, every_interpreter, interpreters, read

GENERATE = os.path.join(HERE, os.pardir, "support", "generate_offsets.py")
TABLE = os.path.join(HERE, os.pardir, os.pardir, "collector", "py_offsets_table.c")

# What a process of such a build has in its memory, as far as it is looked at before it is refused.
FAKE = """
#include <unistd.h>
struct { char cookie[8]; unsigned long version, free_threaded, rest[150]; } _PyRuntime =
    {{'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'}, VERSION, FREE_THREADED};
const unsigned long Py_Version = VERSION;
int main(void) { return (int)write(1, "ready\\n", 6) + (int)sleep(60); }
"""

OLD = """
#include <unistd.h>
char _PyRuntime[4096];
int main(void) { return (int)write(1, "ready\\n", 6) + (int)sleep(60); }
"""

# Makes of the interpreter that runs it a newer one, in its own memory.
NEWER = """
import ctypes, sys, time
def become(address):
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        memory.write((0x036300F0).to_bytes(8, "little"))
become(ctypes.addressof(ctypes.c_ulong.in_dll(ctypes.pythonapi, "Py_Version")))
become(ctypes.addressof(ctypes.c_ulong.in_dll(ctypes.pythonapi, "_PyRuntime")) + 8)
def spin():
    print("ready", flush=True)
    while True:
        pass
spin()
"""


class Refused(TraceTest):
    def attach(self, command, *options):
        """attach's result, once the program has said that it is ready."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as target:
            self.addCleanup(target.kill)
            self.assertEqual(target.stdout.readline(), "ready\n")
            done = self.live_trace("attach", "-o", self.trace, "-d", "1", *options, str(target.pid))
            target.kill()
        return done

    def build(self, source, *options):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("no C compiler")
        subprocess.run([compiler, *options, "-rdynamic", "-o", self.path("fake"), self.script(source, name="fake.c")], check=True)
        return [self.path("fake")]

    def fake(self, version, free_threaded):
        return self.build(FAKE, f"-DVERSION={version}", f"-DFREE_THREADED={free_threaded}")

    def refused(self, done, says):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"\Alive-trace: Python " + says + r"[^\n]*\n\Z")
        self.assertFalse(os.path.exists(self.trace))

    def test_free_threaded(self):
        for options in ((), ("--force",)):
            done = self.attach(self.fake("0x030e02f0", 1), *options)
            self.refused(done, r"3\.14\.2 of process \d+ is not supported: it is free-threaded")

    def test_newer(self):
        done = self.attach(self.fake("0x031001f0", 0))
        self.refused(done, r"3\.16\.1 of process \d+ is not supported: use 3\.8 to 3\.15, or --force")

    def test_nonsense_is_not_forced(self):
        done = self.attach(self.fake("0x031001f0", 0), "--force")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)

    def test_older(self):
        done = self.attach(self.build(OLD), "--force")
        self.refused(done, r"3\.7 or older of process \d+ is not supported: use 3\.8 to 3\.15")
        done = self.attach(self.build(OLD.replace("_PyRuntime", "_PyThreadState_Current")))
        self.refused(done, r"3\.6 or older of process \d+ is not supported: use 3\.8 to 3\.15")

    def test_forced(self):
        newest = interpreters().get(VERSIONS[-1])
        if not newest:
            self.skipTest("the newest version is missing")
        command = [newest, self.script(NEWER)]
        self.refused(self.attach(command), r"3\.99\.0 of process \d+ is not supported: use 3\.8 to 3\.15, or --force")
        done = self.attach(command, "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        _, samples, _ = read(self.trace)
        self.assertGreater(len(samples), 50)
        self.assertEqual({tuple(f["name"] for f in s["stack"]) for s in samples}, {("<module>", "spin")})


class Table(unittest.TestCase):
    def test_generated(self):
        """The headers of all versions give the table to the byte."""
        missing = [".".join(map(str, version)) for version in VERSIONS if version not in interpreters()]
        if missing:
            self.skipTest("no Python " + ", ".join(missing))
        made = subprocess.run([sys.executable, GENERATE], stdout=subprocess.PIPE, text=True, check=True).stdout
        with open(TABLE, encoding="ascii") as file:
            self.assertEqual(made, file.read())


@every_interpreter
class Recorded(TraceTest):
    def test_version_in_the_trace(self):
        self.record(self.script("import time; time.sleep(0.3)"), python=self.python)
        done = self.live_trace("info", "--json", self.trace)
        self.assertIn(f'"python":"{self.version[0]}.{self.version[1]}', done.stdout.replace(" ", ""))


if __name__ == "__main__":
    unittest.main()
