#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a user types, rightly or wrongly, and what comes back."""

import gzip
import json
import os
import pty
import subprocess
import unittest
import zlib

from lt_e2e import LIVE_TRACE, TraceTest

COMMANDS = ("run", "run-and-analyze", "attach", "dump", "analyze", "export", "view", "info", "formats", "version")
ONE_LINE = r"\Alive-trace: [^\n]*: [^\n]*\n\Z"


class CliTest(TraceTest):
    def refused(self, status, *arguments, says=ONE_LINE, **options):
        done = self.live_trace(*arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, ONE_LINE)
        self.assertRegex(done.stderr, says)
        return done


class Help(CliTest):
    def test_fits_a_screen_and_has_an_example(self):
        for words in ((), *((command,) for command in COMMANDS)):
            with self.subTest(words):
                done = self.live_trace(*words, "--help")
                lines = done.stdout.splitlines()
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertLessEqual(len(lines), 24)
                self.assertLessEqual(max(map(len, lines)), 80)
                self.assertIn("Example", done.stdout)
                self.assertIn("live-trace " + " ".join(words), done.stdout)

    def test_every_option_of_the_help_is_known(self):
        """`--opt` in a help text that the parser refuses would be a lie."""
        for command in COMMANDS:
            text = self.live_trace(command, "--help").stdout.split("Example")[0]
            for option in sorted({word.strip(",;:.") for word in text.split() if word.startswith("--") and len(word) > 2}):
                with self.subTest(command, option=option):
                    done = self.live_trace(command, option)
                    self.assertNotIn("unknown option", done.stderr)

    def test_version(self):
        self.assertRegex(self.live_trace("version").stdout, r"\Alive-trace \d+\.\d+\.\d+")
        self.assertEqual(self.live_trace("--version").stdout, self.live_trace("version").stdout)


class WrongWords(CliTest):
    def test_nearest_right_one(self):
        self.make("shop")
        for words, right in ((["anlyze"], "analyze"), (["exprot"], "export"), (["analyze", "--mde", "cpu"], "--mode"),
                             (["analyze", "--sumall"], "--sum-all-frames"), (["run", "--rte", "5"], "--rate"),
                             (["analyze", "--mode", "gli", self.trace], "gil"),
                             (["analyze", "--by", "fucntion", self.trace], "function"),
                             (["export", "-f", "foldd", self.trace], "folded")):
            with self.subTest(words):
                self.refused(2, *words, says=f"did you mean {right}")

    def test_usage(self):
        self.make("shop")
        self.assertEqual(self.live_trace().returncode, 2)
        for words in (["run"], ["attach"], ["attach", "abc"], ["attach", "-5"], ["run", "-r", "0", "a.py"],
                      ["run", "-i", "nan", "a.py"], ["run", "--tag", "novalue", "a.py"], ["analyze", "-m"],
 ["analyze", "--from", "yesterday", self.trace],
                      ["analyze", "--focus", "a(", self.trace], ["export"],
                      ["formats", "x"], ["formats", "text", "folded"], ["formats", "--json", "text"], ["version", "x"], ["info", "--what"]):
            with self.subTest(words):
                self.refused(2, *words)


class BadInput(CliTest):
    def test_what_is_no_recording(self):
        for name, content in (("text", b"hello, world\n" * 50), ("zeros", bytes(5000)), ("empty", b""),
                              ("gz", gzip.compress(b"hello")), ("json", b'{"a": [1, 2]}')):
            path = self.path(name)
            with open(path, "wb") as out:
                out.write(content)
            for command in (["analyze"], ["info"], ["export", "-f", "folded"]):
                with self.subTest(name, command=command):
                    self.refused(1, *command, path)

    def test_missing(self):
        self.refused(1, "analyze", self.path("nowhere"), says="No such file")
        self.refused(1, "analyze", says="no trace|none")

    def test_newer_major_version(self):
        self.make("shop")
        with open(self.trace, "rb") as file:
            data = bytearray(file.read())
        data[8] = 2
        data[12:16] = zlib.crc32(bytes(data[:12])).to_bytes(4, "little")
        path = self.path("newer.ltrace")
        with open(path, "wb") as out:
            out.write(data)
        self.refused(1, "analyze", path, says="newer")

    def test_damaged(self):
        self.make("shop")
        path = self.path("damaged.ltrace")
        with open(self.trace, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 1
        with open(path, "wb") as out:
            out.write(data)
        done = self.live_trace("analyze", path)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, ONE_LINE)
        self.assertIn("damaged", done.stderr)
        self.assertEqual(self.live_trace("analyze", "--strict", path).returncode, 1)

    def test_info_says_the_same(self):
        """Why something cannot be read, and what to do, is one line, whoever is asked."""
        self.make("shop")
        self.live_trace("export", "-o", self.path("whole.pb.gz"), self.trace)
        with open(self.path("whole.pb.gz"), "rb") as file, open(self.path("cut.pb.gz"), "wb") as out:
            out.write(file.read()[:200])
        with open(self.path("empty"), "wb"):
            pass
        for path, says in ((self.path("cut.pb.gz"), "damaged beyond reading: record again"), (self.path("empty"), "is empty"),
                           ("/proc/self/mem", "Input/output error")):
            with self.subTest(path):
                self.assertEqual(self.refused(1, "info", path, says=says).stderr, self.refused(1, "analyze", path).stderr)

    def test_why_it_is_empty(self):
        """What has no END mark may still be written; what was cut out of a trace did not end early."""
        self.make("shop")
        with open(self.trace, "rb") as file, open(self.path("begun.ltrace"), "wb") as out:
            out.write(file.read()[:20])
        with open(self.path("empty.ltrace"), "wb"):
            pass
        self.live_trace("cut", "-o", "cut.ltrace", "--thread", "nobody", self.trace)
        self.live_trace("run", "-o", "early.ltrace", "--", "true")
        for name, says in (("begun", "still written or was killed before the first sample"), ("empty", "has not written yet or was killed"),
                           ("cut", "no stack sample was put into it"), ("early", "ended before the first sample")):
            for command in (["analyze"], ["export", "-f", "folded"]):
                with self.subTest(name, command=command):
                    self.refused(1, *command, name + ".ltrace", says=says)
        self.refused(1, "cut", "-o", "x.ltrace", "begun.ltrace", says="nothing was recorded in begun")

    def test_damaged_in_one_place(self):
        self.make("shop")
        with open(self.trace, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 1
        with open(self.path("damaged.ltrace"), "wb") as out:
            out.write(data)
        for command in ("info", "analyze"):
            done = self.live_trace(command, "damaged.ltrace")
            self.assertEqual(done.stderr, "live-trace: damaged.ltrace is damaged in 1 place: the rest was read\n")
        self.assertRegex(self.live_trace("info", "damaged.ltrace").stdout, r"\ndamaged +1 block\n")

    def test_damage_that_leaves_nothing(self):
        """Wherever a file is cut off, one line says so."""
        self.make("shop")
        whole = self.live_trace("export", "-f", "speedscope", self.trace).stdout.encode()
        nothing = 0
        for length in range(100, len(whole), 300):
            with open(self.path("cut.json"), "wb") as out:
                out.write(whole[:length])
            done = self.live_trace("analyze", self.path("cut.json"))
            self.assertRegex(done.stderr, ONE_LINE)
            nothing += done.returncode
            self.assertEqual("beyond reading" in done.stderr, done.returncode == 1, done.stderr)
        self.assertGreater(nothing, 1)

    def test_output_that_cannot_be_written(self):
        self.make("shop")
        for words in (["analyze"], ["info"], ["export", "-f", "speedscope"]):
            with open("/dev/full", "wb") as full, self.subTest(words):
                done = subprocess.run([LIVE_TRACE, *words, self.trace], stdout=full, stderr=subprocess.PIPE, text=True,
                                      env=self.environment, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, ONE_LINE)

    def test_nothing_half_written(self):
        self.make("shop")
        os.mkdir(self.path("ro"))
        target = self.path("ro/x.folded")
        with open(target, "w", encoding="ascii") as out:
            out.write("before")
        self.refused(1, "export", "-f", "folded", "-o", target, self.path("nowhere"))
        with open(target, encoding="ascii") as file:
            self.assertEqual(file.read(), "before")
        self.assertEqual(os.listdir(self.path("ro")), ["x.folded"])

    def test_closed_pipe_is_quiet(self):
        self.make("shop")
        done = subprocess.run(["sh", "-c", f"'{LIVE_TRACE}' export -f jsonl '{self.trace}' | head -n 1"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(json.loads(done.stdout)["type"], "meta")


class Inputs(CliTest):
    def test_newest_of_the_folder(self):
        folder = self.path("traces")
        os.mkdir(folder, 0o700)
        self.make("two", os.path.join(folder, "2026-01-01-00-00-00.ltrace"))
        self.make("shop", os.path.join(folder, "2026-01-02-00-00-00.ltrace"))
        os.utime(os.path.join(folder, "2026-01-01-00-00-00.ltrace"), (1, 1))
        done = self.live_trace("analyze")
        self.assertIn("2026-01-02", done.stdout)

    def test_folder_with_what_is_no_recording(self):
        """Nobody named that file: it is left out with a line, and the others are looked at. Named, it is refused."""
        folder = self.path("traces")
        os.mkdir(folder, 0o700)
        foreign = os.path.join(folder, "x.txt")
        with open(foreign, "w", encoding="ascii") as out:
            out.write("buy milk\n")
        self.refused(1, "analyze", foreign, says="no recording that live-trace can read")
        done = self.live_trace("analyze", folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no recording in", done.stderr)
        self.make("two", os.path.join(folder, "a.ltrace"))
        self.make("shop", os.path.join(folder, "z.ltrace"))
        traces = [os.path.join(folder, name) for name in ("a.ltrace", "z.ltrace")]
        for command in (["analyze"], ["export", "-f", "folded"], ["info"], ["merge", "-o", "-"]):
            with self.subTest(command):
                done = self.live_trace(*command, folder, errors="replace")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stderr, r"\Alive-trace: [^\n]*x\.txt is no recording [^\n]*: it is left out\n\Z")
                self.assertEqual(done.stdout, self.live_trace(*command, *traces, errors="replace").stdout)

    def test_gzip_pipe_and_file_say_the_same(self):
        self.make("shop")
        plain = self.live_trace("export", "-f", "folded", self.trace).stdout
        self.assertGreater(len(plain), 100)
        with open(self.trace, "rb") as file:
            data = file.read()
        with gzip.open(self.path("shop.gz"), "wb") as out:
            out.write(data)
        self.assertEqual(self.live_trace("export", "-f", "folded", self.path("shop.gz")).stdout, plain)
        piped = subprocess.run([LIVE_TRACE, "export", "-f", "folded", "-"], input=data, stdout=subprocess.PIPE,
                               env=self.environment, check=True).stdout.decode()
        self.assertEqual(piped, plain)

    def test_gzip_that_is_cut_off(self):
        lines = "".join(f"main;part{number * 7919 % 65536} 1\n" for number in range(5000))
        whole = gzip.compress(lines.encode())
        with open(self.path("cut.folded.gz"), "wb") as out:
            out.write(whole[:len(whole) // 2])
        done = self.live_trace("export", "-f", "folded", self.path("cut.folded.gz"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("is damaged in", done.stderr)
        self.assertGreater(done.stdout.count("\n"), 1000)
        self.assertEqual(self.live_trace("export", "-f", "folded", "--strict", self.path("cut.folded.gz")).returncode, 1)

    def test_waiting_stacks(self):
        """`analyze` leaves them out, `export` keeps them, in every format."""
        self.make("shop")
        for words, samples in ((["analyze"], 23), (["analyze", "--every", "1h"], 23), (["analyze", "--idle"], 30),
                               (["export", "-f", "text"], 30), (["export", "-f", "slots"], 30),
                               (["export", "-f", "text", "--no-idle"], 23)):
            with self.subTest(words):
                self.assertIn(f"# {samples} of 30 stack samples", self.live_trace(*words, self.trace).stdout)
        folded = self.live_trace("export", "-f", "folded", self.trace).stdout
        self.assertEqual(sum(int(line.split()[-1]) for line in folded.splitlines()), 30)

    def test_format_by_the_ending(self):
        self.make("shop")
        target = self.path("out.speedscope.json")
        self.assertEqual(self.live_trace("export", "-o", target, self.trace).returncode, 0)
        with open(target, encoding="utf-8") as file:
            self.assertIn("speedscope", json.load(file)["$schema"])

    def test_formats(self):
        listed = json.loads(self.live_trace("formats", "--json").stdout)
        names = {entry["name"] for entry in listed["output"]}
        self.assertLessEqual({"text", "folded", "speedscope", "jsonl"}, names)
        text = self.live_trace("formats").stdout
        for entry in listed["output"]:
            self.assertIn(entry["name"], text)
            one = self.live_trace("formats", entry["name"]).stdout
            for option in entry["options"]:
                self.assertIn(f"{option['key']}={option['value']}", one)
                self.assertIn(option["description"], one)

    def test_option_that_a_format_has_not(self):
        self.make("shop")
        self.refused(2, "export", "-f", "text", "-O", "colour=1", self.trace, says="text has no option colour: .*most-common")
        self.refused(2, "export", "-f", "folded", "--option", "title=x", self.trace, says="folded has no option title: it has none")
        self.refused(2, "export", "-f", "text", "-O", "json=yes", self.trace, says="json=yes is not understood: write 0 or 1")


class Terminal(CliTest):
    def on_terminal(self, environment=None):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(LIVE_TRACE, [LIVE_TRACE, "analyze", self.trace],
                       dict(self.environment, TERM="xterm", **(environment or {})))
        seen = b""
        try:
            while part := os.read(terminal, 4096):
                seen += part
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(terminal)
        return seen

    def test_colour(self):
        self.make("shop")
        self.assertNotIn("\x1b", self.live_trace("analyze", self.trace).stdout)
        self.assertIn(b"\x1b[", self.on_terminal())
        self.assertNotIn(b"\x1b[", self.on_terminal({"NO_COLOR": "1"}))


class Folder(CliTest):
    def test_made_private(self):
        script = self.script("import time; time.sleep(0.3)")
        done = self.live_trace("run", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        folder = self.path("traces")
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        (name,) = os.listdir(folder)
        self.assertRegex(name, r"\A\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.ltrace\Z")

    def test_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("that a trace folder of another user is refused: only root can make one")
        os.mkdir(self.path("traces"))
        os.chown(self.path("traces"), 12345, 12345)
        done = self.live_trace("run", self.script("print('runs')"))
        self.assertRegex(done.stderr, ONE_LINE)
        self.assertNotEqual(done.returncode, 0)

    def test_template(self):
        script = self.script("import time; time.sleep(0.3)")
        done = self.live_trace("run", "-q", "-o", self.path("a/b/%Y-x-%p.ltrace"), script)
        self.assertEqual(done.returncode, 0, done.stderr)
        (name,) = os.listdir(self.path("a/b"))
        self.assertRegex(name, r"\A\d{4}-x-\d+\.ltrace\Z")


if __name__ == "__main__":
    unittest.main()
