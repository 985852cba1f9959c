#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a report says of when: the slots of `analyze --every` are the phases that the program went through."""

import json
import unittest

from lt_e2e import TraceTest


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


if __name__ == "__main__":
    unittest.main()
