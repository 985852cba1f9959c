#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What reports say of when: the slots of `analyze --every` are the phases that the program went through; `info`
finds where nothing was recorded, and why."""

import json
import shutil
import signal
import subprocess
import sys
import time
import unittest

from lt_e2e import DECODER, LIVE_TRACE, TraceTest, decoded, info

SPIN = """
    import sys, time
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        pass
"""
# The wall clock is an hour further from the third second on.
LATER = """
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    int clock_gettime(clockid_t clock, struct timespec *t)
    {
        static time_t start;
        struct timespec now;
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        if (start == 0)
            start = now.tv_sec;
        int error = (int)syscall(SYS_clock_gettime, clock, t);
        if (clock == CLOCK_REALTIME && now.tv_sec - start >= 3)
            t->tv_sec += 3600;
        return error;
    }
"""


class TimeSlots(TraceTest):
    PHASES = """
        import time
        def busy(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
        def morning():
            busy(1.0)
        def lunch():
            time.sleep(1.0)
        def afternoon():
            busy(1.0)
        morning()
        lunch()
        afternoon()
    """

    def setUp(self):
        super().setUp()
        self.record(self.script(self.PHASES))

    def slots(self, *selection):
        done = self.live_trace("analyze", "--json", *selection, "--every", "250ms", self.trace)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_tops_follow_the_phases(self):
        tops = [slot["top"]["name"] if slot["top"] else None
                for slot in self.slots("--hide", r"^busy\b", "--by", "function")["slots"]]
        self.assertIn("morning", tops)
        self.assertIn("afternoon", tops)
        between = tops[max(i for i, top in enumerate(tops) if top == "morning") + 1:tops.index("afternoon")]
        self.assertIn(None, between, f"the pause is an empty slot: {tops}")
        idle = [slot["top"]["name"] for slot in self.slots("--idle", "--by", "function")["slots"] if slot["top"]]
        self.assertIn("lunch", idle)

    def test_slots_are_the_whole(self):
        report = json.loads(self.live_trace("analyze", "--json", self.trace).stdout)
        table = self.slots()
        self.assertEqual(sum(slot["count"] for slot in table["slots"]), report["selected"])
        self.assertEqual(table["selected"], report["selected"])
        begins = [slot["begin"] for slot in table["slots"]]
        self.assertEqual(begins, [begins[0] + 0.25 * i for i in range(len(begins))])

    def test_text_has_a_row_for_each_slot(self):
        done = self.live_trace("analyze", "--every", "250ms", self.trace)
        table = done.stdout.split("\n\n")
        self.assertEqual(len(table[2].splitlines()), 1 + len(self.slots()["slots"]))
        sparkline = table[1][1:table[1].index("]")]
        self.assertEqual(len(sparkline), len(self.slots()["slots"]))


class Pace(TraceTest):
    def setUp(self):
        super().setUp()
        self.spin = self.script(SPIN)

    def attach(self, target, **options):
        return subprocess.Popen([LIVE_TRACE, "attach", "-q", "-o", self.trace, str(target.pid)], cwd=self.folder, **options)

    def check_late_ticks(self, found):
        """As the other decoder has them."""
        ticks = [event for event in decoded(sys.executable, DECODER, self.trace) if event["event"] == "tick"]
        covers = [tick["covers"] for tick in ticks]
        worst = ticks[covers.index(max(covers))] if max(covers) > 1 else {"covers": 0, "time_ns": 0}
        self.assertEqual(found["late_ticks"], {
            "ticks": len(ticks), "count": sum(n > 1 for n in covers), "missed": sum(covers) - len(covers),
            "worst_intervals": worst["covers"], "worst_seconds": worst["covers"] / 100, "worst_at": worst["time_ns"] / 1e9})

    def test_stopped_recorder(self):
        with subprocess.Popen([sys.executable, self.spin, "60"]) as target:
            recorder = self.attach(target)
            time.sleep(1.5)
            recorder.send_signal(signal.SIGSTOP)
            time.sleep(2)
            recorder.send_signal(signal.SIGCONT)
            time.sleep(1)
            recorder.send_signal(signal.SIGINT)
            recorder.wait()
            target.kill()
        found = info(self.trace)
        longest = max(found["gaps"]["longest"], key=lambda gap: gap["seconds"])
        self.assertEqual(longest["cause"], "missed")
        self.assertGreater(longest["seconds"], 1.95)
        self.assertLess(longest["seconds"], 4)
        self.assertGreaterEqual(found["gaps"]["seconds"], longest["seconds"])
        self.assertAlmostEqual(found["late_ticks"]["worst_at"], longest["at"] + longest["seconds"], places=6)
        self.assertGreater(found["late_ticks"]["worst_intervals"], 190)
        self.check_late_ticks(found)
        said = self.live_trace("info", self.trace).stdout
        self.assertRegex(said, r"\nlate ticks      \d+ of \d+, \d+ intervals missed; the worst stands for \d+ \(")
        self.assertRegex(said, r"\ngaps            \d+, \d\.\d+ s without a tick\n(  .*\n)*"
                               rf"  {longest['seconds']:.3f} s from \d\.\d+ s \(20.*\): the recorder was stopped")

    def test_no_program_to_look_at(self):
        command = f"{sys.executable} {self.spin} 1; sleep 2; {sys.executable} {self.spin} 1"
        self.live_trace("run", "-o", self.trace, "sh", "-c", command)
        found = info(self.trace)
        self.assertIn("nothing", [gap["cause"] for gap in found["gaps"]["longest"] if 1.5 < gap["seconds"] < 4])
        self.check_late_ticks(found)

    def test_one_after_the_other(self):
        """Two recordings: as two files, and as one."""
        for name in ("a.ltrace", "b.ltrace"):
            self.live_trace("run", "-o", name, self.spin, "0.5")
            time.sleep(1.5)
        first, second = json.loads(self.live_trace("info", "--json", "a.ltrace", "b.ltrace").stdout)
        self.assertNotIn("pause_before", first)
        self.assertGreater(second["pause_before"], 1.4)
        with open(self.trace, "wb") as out:
            for name in ("a.ltrace", "b.ltrace"):
                with open(self.path(name), "rb") as part:
                    shutil.copyfileobj(part, out)
        self.assertIn("nothing", [gap["cause"] for gap in info(self.trace)["gaps"]["longest"] if gap["seconds"] > 1.4])

    def test_clock_that_jumps(self):
        """As it does while a machine sleeps."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("whether the sleep of a machine is seen: there is no C compiler")
        library = self.path("later.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, self.script(LATER, "later.c")], check=True)
        with subprocess.Popen([sys.executable, self.spin, "7"]) as target:
            self.attach(target, env=dict(self.environment, LD_PRELOAD=library)).wait()
        clock, = [gap for gap in info(self.trace)["gaps"]["longest"] if gap["cause"] == "clock"]
        self.assertAlmostEqual(clock["seconds"], 3600, delta=1)
        self.assertGreater(clock["at"], 1)
        self.assertLess(clock["at"], 6)


if __name__ == "__main__":
    unittest.main()
