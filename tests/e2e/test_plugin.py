#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example exporter, built by its own Makefile in a folder of its own from the installed header alone, then
loaded in the ways that there are. $LIVE_TRACE and $MAKE_TRACE are the programs."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent

SCRIPT = """\
cwd /p
process P pid=1 command="python3 a.py" cwd=/p
thread A process=P tid=1 name=MainThread
set A cpu,gil <module>@/p/a.py:9/1 f@/p/a.py:3/2 f@/p/a.py:3/2
tick 3
set A cpu,gil <module>@/p/a.py:9/1 "=cmd|\\"x\\"@/p/a.py:5/4"
tick 1
"""

EXPECTED = (
    "self\ttotal\tself_seconds\ttotal_seconds\tline\tname\tfile\r\n"
    '3\t3\t0.030000\t0.030000\t2\t"f"\t"a.py"\r\n'
    '1\t1\t0.010000\t0.010000\t4\t" =cmd|""x"""\t"a.py"\r\n'
    '0\t4\t0.000000\t0.040000\t1\t"<module>"\t"a.py"\r\n'
)


class Plugin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        include, plugin = cls.work / "include", cls.work / "plugin"
        include.mkdir()
        plugin.mkdir()
        shutil.copy(SOURCE / "exporters" / "live_trace_exporter.h", include)
        for name in ("tsv.c", "Makefile"):
            shutil.copy(SOURCE / "examples" / "exporter" / name, plugin)
        subprocess.run(
            ["make", "-C", plugin, f"LIVE_TRACE_CFLAGS=-I{include}", "CFLAGS=-Wall -Wextra -Werror"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        cls.plugin = plugin / "tsv.so"
        (cls.work / "script").write_text(SCRIPT)
        cls.trace = cls.work / "a.ltrace"
        subprocess.run([os.environ["MAKE_TRACE"], cls.work / "script", cls.trace], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_live_trace(self, *arguments, cwd=None, search=None):
        environment = dict(os.environ)
        environment.pop("LIVE_TRACE_EXPORTERS", None)
        if search is not None:
            environment["LIVE_TRACE_EXPORTERS"] = str(search)
        return subprocess.run(
            [os.environ["LIVE_TRACE"], *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            check=False,
        )

    def test_makefile_has_six_lines(self):
        text = (SOURCE / "examples" / "exporter" / "Makefile").read_text()
        self.assertEqual(len(text.splitlines()), 6)

    def test_named(self):
        done = self.run_live_trace("export", "--plugin", self.plugin, "-f", "tsv", self.trace)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(done.stdout.decode(), EXPECTED)
        self.assertEqual(done.returncode, 0)

    def test_found_by_the_ending_of_the_file(self):
        out = self.work / "out.tsv"
        done = self.run_live_trace("export", "-o", out, self.trace, search=self.plugin.parent)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(out.read_bytes().decode(), EXPECTED)

    def test_option(self):
        done = self.run_live_trace(
            "export", "--plugin", self.plugin, "-f", "tsv", "--option", "separator=;", self.trace
        )
        self.assertEqual(done.stdout.decode(), EXPECTED.replace("\t", ";"))

    def test_wrong_option_is_refused(self):
        for option, says in (("nonsense=1", b"tsv has no option nonsense: use one of separator"),
                             ("separator=--", b"separator is one character")):
            with self.subTest(option):
                done = self.run_live_trace(
                    "export", "--plugin", self.plugin, "-f", "tsv", "--option", option, self.trace
                )
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(says, done.stderr)
                self.assertEqual(done.stdout, b"")

    def test_listed_with_its_file(self):
        done = self.run_live_trace("formats", search=self.plugin.parent)
        self.assertRegex(done.stdout.decode(), rf"tsv.*{self.plugin}")

    def test_not_from_the_working_folder(self):
        for search in (None, ".", ""):
            with self.subTest(search=search):
                done = self.run_live_trace(
                    "export", "-f", "tsv", self.trace, cwd=self.plugin.parent, search=search
                )
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(done.stdout, b"")


if __name__ == "__main__":
    unittest.main()
