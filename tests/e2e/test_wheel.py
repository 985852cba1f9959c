#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pip builds the package once, installs it for every interpreter, and what it brings works: in environments with nothing else."""

import atexit
import functools
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from lt_e2e import CACHE, TOP, TraceTest, every_interpreter
from fetch import wheel as wheel_of_pypi

OLDER_PIP, NEWER_PIP = "25.0.1", "26.0"  # for 3.8 to 3.11, and from 3.12 on


@functools.lru_cache(maxsize=None)
def wheel():
    """The path of the wheel of this tree, or why there is none."""
    folder = tempfile.mkdtemp(prefix="live-trace-wheel-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--disable-pip-version-check", "-w",
                           folder, TOP], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    found = glob.glob(os.path.join(folder, "*.whl"))
    return (found[0], "") if found else (None, done.stdout)


@every_interpreter
class Wheel(TraceTest):
    def install(self):
        """pip itself is fetched: of those interpreters, Debian's have none, and to unpack their own takes the others seconds."""
        path, why = wheel()
        if not path and "Python.h" in why:
            self.skipTest("that pip builds and installs the package: no Python.h (python3-dev)")
        self.assertIsNotNone(path, why)
        pip = wheel_of_pypi(CACHE, "pip", OLDER_PIP if self.version < (3, 12) else NEWER_PIP)
        if not pip:
            self.skipTest("that pip installs the package: pip cannot be fetched")
        self.programs = self.path("venv/bin")
        for command in ([self.python, "-m", "venv", "--without-pip", self.path("venv")],
                        [os.path.join(self.programs, "python"), os.path.join(pip, "pip"), "install", "--no-index",
                         "--disable-pip-version-check", path]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)

    def run_installed(self, program, *arguments, **variables):
        done = subprocess.run([os.path.join(self.programs, program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, cwd=self.folder, timeout=60, check=False, env=dict(self.environment, **variables))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def traces(self):
        return len(glob.glob(self.path("traces/*.ltrace")))

    def test_wheel(self):
        """The command, the module, and LIVE_TRACE=1 from `enable` until `disable`."""
        self.install()
        self.assertEqual(self.run_installed("live-trace", "version"), self.run_installed("python", "-m", "live_trace", "version"))
        program = self.script("import time; time.sleep(0.3)")
        self.run_installed("python", program, LIVE_TRACE="1")
        self.assertEqual(self.traces(), 0)
        self.assertIn("LIVE_TRACE=1", self.run_installed("python", "-m", "live_trace", "enable"))
        self.run_installed("python", program)
        self.assertEqual(self.traces(), 0)
        self.run_installed("python", program, LIVE_TRACE="1", LIVE_TRACE_INTERVAL="0.01")
        self.assertEqual(self.traces(), 1)
        self.assertIn("script.py", self.run_installed("python", "-m", "live_trace", "analyze", "--idle"))
        self.run_installed("python", "-m", "live_trace", "disable")
        self.run_installed("python", program, LIVE_TRACE="1")
        self.assertEqual(self.traces(), 1)


if __name__ == "__main__":
    unittest.main()
