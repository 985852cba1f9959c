#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost: recorders killed at any moment, disks that are full, folders that vanish, files that are damaged, traces
that are still written. $LIVE_TRACE_FAULT_ROUNDS says how often each is tried; tests/bench/faults does it by hand."""

import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import time
import unittest

from lt_e2e import BUILD, HERE, LIVE_TRACE, TraceTest, info, write_faults

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
import decode_trace  # noqa: E402 (after the path)

ROUNDS = int(os.environ.get("LIVE_TRACE_FAULT_ROUNDS", "20"))
SEED = int(os.environ.get("LIVE_TRACE_FAULT_SEED", "1"))
AT_ONCE = 8
# What a recorder that is killed may lose, and what a busy machine may keep it waiting for beside that.
LOSS, PATIENCE = 1.0, 0.3

PROGRAM = """\
import sys, threading, time
def work(n):
    return sum(i * i for i in range(n))
def wait(event):
    event.wait()
threading.Thread(target=wait, args=(threading.Event(),), daemon=True).start()
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    work(1000)
    time.sleep(0.002)
print("done")
sys.exit(7)
"""


def spread(rounds, work):
    """work(random, number) for each round, several at a time; what it returns."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda n: work(random.Random(SEED * 1_000_003 + n), n), range(rounds)))


class Killed(TraceTest):
    def setUp(self):
        super().setUp()
        script = self.script(PROGRAM)
        self.target = subprocess.Popen([sys.executable, script, "1000"], stdout=subprocess.DEVNULL)
        self.addCleanup(self.target.wait)
        self.addCleanup(self.target.kill)
        time.sleep(0.3)

    def killed_once(self, rng, number):
        """How many seconds before it was killed a recorder's trace ends; None: it had not begun to sample."""
        trace = self.path(f"killed-{number}.ltrace")
        command = [LIVE_TRACE, "attach", "-r", "200", "-o", trace, str(self.target.pid)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as recorder:
            time.sleep(rng.uniform(0, 2.5))
            recorder.kill()
            killed = time.time()
        if not os.path.exists(trace) or os.path.getsize(trace) == 0:
            return None
        found = info(trace)
        self.assertEqual(found["damaged_blocks"], 0, number)
        self.assertFalse(found["complete"], number)
        if not found["stack_samples"]:
            return None
        report = subprocess.run([LIVE_TRACE, "analyze", "--idle", trace], capture_output=True, text=True, check=False)
        self.assertEqual((report.returncode, report.stderr), (0, ""), number)
        self.assertRegex(report.stdout, r"\n *\d+ \d+\.\d\d% File: ", number)
        os.unlink(trace)
        start = time.mktime(time.strptime(found["start"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        return killed - (start + float("0" + found["start"][19:].rstrip("Z")) + found["duration"])

    def test_killed_at_any_moment(self):
        """What a killed recorder leaves opens without repair, and lacks a second at the most."""
        lost = [seconds for seconds in spread(ROUNDS, self.killed_once) if seconds is not None]
        self.assertGreater(len(lost), ROUNDS // 3)
        print(f"{ROUNDS} kills, {len(lost)} of them while sampling: at most {max(lost):.2f} s lost")
        self.assertLess(max(lost), LOSS + PATIENCE)

    def killed_while_it_grows(self, rng, number):
        """How often a writer that does nothing else has replaced a block, about, when it was killed."""
        folder = self.path(f"growing-{number}")
        os.mkdir(folder)
        with subprocess.Popen([os.path.join(BUILD, "make_long_trace"), self.trace, str(number), str(10**12), folder + "/a"]) as writer:
            time.sleep(rng.uniform(0.02, 0.2))
            writer.kill()
        for name in os.listdir(folder):  # a temporary one
            found = info(os.path.join(folder, name))
            self.assertEqual((found["damaged_blocks"], found["complete"]), (0, False), number)
            return found["duration"] * 0.9
        return 0

    def test_killed_while_a_block_grows(self):
        """A block that is written anew is the one before or the one after it."""
        self.live_trace("attach", "-q", "-r", "10", "-d", "2", "-o", self.trace, str(self.target.pid))
        replaced = sum(spread(ROUNDS, self.killed_while_it_grows))
        print(f"{ROUNDS} kills while blocks were replaced, {replaced:.0f} times altogether")
        self.assertGreater(replaced, 100 * ROUNDS)


class BadDisk(TraceTest):
    @classmethod
    def setUpClass(cls):
        cls.library = write_faults()

    def run_program(self, trace, seconds, *options, **variables):
        environment = dict(self.environment, LD_PRELOAD=self.library, **variables)
        command = [LIVE_TRACE, "run", "-r", "500", "-o", trace, *options, self.program, str(seconds)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, cwd=self.folder,
                              timeout=60, check=False)
        # The program does not notice.
        self.assertEqual((done.returncode, done.stdout), (7, "done\n"), done.stderr)
        return done.stderr

    def setUp(self):
        super().setUp()
        self.program = self.script(PROGRAM)

    def assert_said(self, said, *words):
        self.assertRegex(said, r"\Alive-trace: .*\n\Z")
        for word in words:
            self.assertIn(word, said)

    def full_once(self, rng, number):
        trace = self.path(f"full-{number}.ltrace")
        room = rng.randrange(0, 4000)
        said = self.run_program(trace, 1.7, LIVE_TRACE_FAULT=f"full:{room}")
        if os.path.getsize(trace) < room:
            return False  # it was small enough
        self.assert_said(said, "No space left on device", "the recording ended early")
        self.assertEqual(os.path.getsize(trace), room)
        if room >= 16:
            self.assertEqual(info(trace)["damaged_blocks"], 0, number)
        return True

    def test_full_at_any_byte(self):
        """A full disk ends the recording with one line; what fitted is read."""
        self.assertGreater(sum(spread(ROUNDS, self.full_once)), 0)

    def short_once(self, rng, number):
        trace = self.path(f"short-{number}.ltrace")
        said = self.run_program(trace, 1.2, LIVE_TRACE_FAULT=f"short:{rng.randrange(1, 40)}")
        self.assert_said(said, "stack samples of 1 Python process")
        found = info(trace)
        self.assertTrue(found["complete"], number)
        self.assertEqual(found["damaged_blocks"], 0, number)

    def test_short_writes(self):
        spread(min(ROUNDS, 100), self.short_once)

    def test_a_real_full_disk(self):
        self.assert_said(self.run_program("/dev/full", 0.5), "cannot write /dev/full: No space left on device")

    def test_vanished_folder(self):
        """It is said while the program goes on."""
        os.mkdir(self.path("gone"))
        command = [LIVE_TRACE, "run", "-o", self.path("gone/a.ltrace"), self.program, "3"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment) as process:
            time.sleep(1.5)
            shutil.rmtree(self.path("gone"))
            said = process.stderr.readline()
            self.assertIsNone(process.poll())
            self.assert_said(said, "gone/a.ltrace was removed while it was written: the recording ended early")
            self.assertEqual(process.communicate(), ("done\n", ""))
        self.assertEqual(process.returncode, 7)

    def test_fsync(self):
        syncs = self.path("syncs")
        self.run_program(self.trace, 2.2, LIVE_TRACE_SYNCS=syncs)
        self.assertFalse(os.path.exists(syncs))
        self.run_program(self.trace, 2.2, "--fsync", "0.5", LIVE_TRACE_SYNCS=syncs)
        self.assertGreater(os.path.getsize(syncs), 2)
        self.assertLess(os.path.getsize(syncs), 8)

    def test_failing_fsync(self):
        said = self.run_program(self.trace, 1.5, "--fsync", "0.1", LIVE_TRACE_FAULT="sync")
        self.assert_said(said, "Input/output error", "the recording ended early")
        self.assertEqual(info(self.trace)["damaged_blocks"], 0)


class Damaged(TraceTest):
    """Every byte of a small trace is the unit test's, tests/unit/test_trace_damage.c; here the trace is a real one."""

    def items(self, data):
        at, places = 0, []
        while at < len(data):
            _, behind = decode_trace.item_at(data, at)
            places.append((at, behind))
            at = behind
        return places

    def events(self, data, name):
        with open(self.path(name), "wb") as out:
            out.write(data)
        done = subprocess.run([os.path.join(BUILD, "trace_events"), self.path(name)], capture_output=True, text=True, check=True)
        *events, stats = done.stdout.splitlines()
        return events, int(re.search(r'"damaged_blocks":(\d+)', stats)[1])

    def damaged_once(self, rng, number):
        begin, end = rng.choice(self.places)
        at, more = rng.randrange(begin, end), rng.randbytes(rng.randrange(1, 40))
        before, behind = self.data[:at], self.data[at:]
        damaged = rng.choice([
            before + bytes([behind[0] ^ rng.randrange(1, 256)]) + behind[1:],
            before + more + behind,
            before + behind[rng.randrange(1, end - at + 1):],
        ])
        # A block that is whole in spite of it (bytes put before it, or cut behind it) is not lost.
        whole = damaged.find(self.data[begin:end]) >= 0
        left = self.data if whole else self.data[:begin] + self.data[end:]
        events, damages = self.events(damaged, f"damaged-{number}.ltrace")
        self.assertEqual(events, self.events(left, f"left-{number}.ltrace")[0], number)
        # The end of the file may seem to be still being written.
        self.assertIn(damages, (1,) if end < len(self.data) else (0, 1), number)

    def test_damage_anywhere(self):
        """Any damage costs its block at the most, and is counted."""
        script = self.script(PROGRAM)
        self.live_trace("run", "-q", "-o", self.trace, "-r", "200", script, "3")
        with open(self.trace, "rb") as file:
            self.data = file.read()
        self.places = self.items(self.data)
        spread(ROUNDS, self.damaged_once)


class Growing(TraceTest):
    def test_read_while_it_is_written(self):
        """Reports of a trace that grows never complain, and never shrink."""
        script = self.script(PROGRAM)
        counts = []
        with subprocess.Popen([LIVE_TRACE, "run", "-q", "-r", "1000", "-o", self.trace, script, "3"], stdout=subprocess.DEVNULL,
                              env=self.environment) as process:
            while process.poll() is None:
                report = self.live_trace("analyze", "--idle", self.trace)
                match = re.search(r"# (\d+) of \d+ stack samples", report.stdout)
                if match and match[1] != "0":
                    self.assertEqual((report.returncode, report.stderr), (0, ""))
                    counts.append(int(match[1]))
                time.sleep(0.02)
        self.assertEqual(counts, sorted(counts))
        self.assertGreater(len(set(counts)), 2)

    def ticks_of_blocks(self):
        with open(self.trace, "rb") as file:
            data = file.read()
        at, ticks = 0, []
        while at < len(data):
            item, at = decode_trace.item_at(data, at)
            if item[0] != "header" and item[1] == decode_trace.TICKS:
                ticks.append(item[3][1])  # behind the segment's byte; less than 128
        return ticks

    def test_read_while_its_last_block_grows(self):
        """At a low rate one block holds several seconds, each of which is there when it is over."""
        script = self.script(PROGRAM)
        with subprocess.Popen([LIVE_TRACE, "run", "-q", "-r", "10", "-o", self.trace, script, "15"], stdout=subprocess.DEVNULL,
                              env=self.environment) as process:
            begun, late = time.monotonic(), 0
            while process.poll() is None:
                if time.monotonic() - begun > 2:
                    found = info(self.trace)
                    self.assertEqual(found["damaged_blocks"], 0)
                    late = max(late, time.monotonic() - begun - found["duration"])
                time.sleep(0.05)
        self.assertLess(late, LOSS + 2 * PATIENCE)
        ticks = self.ticks_of_blocks()
        self.assertGreater(max(ticks), 14, ticks)
        self.assertLess(sum(ticks), 160)

    def test_follow(self):
        """A report every two seconds, the last one of all."""
        script = self.script(PROGRAM)
        with subprocess.Popen([LIVE_TRACE, "run", "-q", "-o", self.trace, script, "3"], stdout=subprocess.DEVNULL,
                              env=self.environment):
            while not os.path.exists(self.trace) or not os.path.getsize(self.trace):
                time.sleep(0.01)
            done = self.live_trace("analyze", "--follow", "--idle", self.trace)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        reports = done.stdout.split("\n\n# ")
        self.assertGreater(len(reports), 2)
        self.assertEqual("# " + reports[-1], self.live_trace("analyze", "--idle", self.trace).stdout)
        self.assertEqual(self.live_trace("analyze", "--follow", "-").returncode, 2)

    def test_follow_from_the_first_moment(self):
        """A file that its recorder has just created is waited for."""
        with open(self.path("new.ltrace"), "wb") as new, \
                subprocess.Popen([LIVE_TRACE, "analyze", "--follow", new.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True) as follower:
            self.assertIn("is empty: waiting for its recorder", follower.stderr.readline())
            self.make("shop")
            with open(self.trace, "rb") as trace:
                new.write(trace.read())
                new.flush()
            report, errors = follower.communicate(timeout=60)
        self.assertEqual((follower.returncode, errors), (0, ""))
        self.assertIn("23 of 30 stack samples", report)


if __name__ == "__main__":
    unittest.main()
