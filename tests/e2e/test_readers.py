#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every output opened by those who read it (readers.py): each finds the total that folded stacks have, and what each
function has itself and with all that it called.
"""

import json
import re
import subprocess
import unittest

from file_readers import pprof, strict_pprof
from lt_e2e import MAKE_TRACE, read
from readers import READERS, see
from test_outputs import OutputTest

# Names that try to break out of lines, numbers, quotes, pages and terminals.
HOSTILE = [b"</script><script>alert(1)</script>", b"</title><!--", b"quote\"s '&amp;", b"new\nline\r\n99 1", b"tab\there",
           b"\x01\x1b[31m\x7f\xc2\x9b", b"NUL\xc0\x80", b"\xff\xfe not UTF-8 \xed\xa0\x80", b"(3) fn=(4) calls=1 2",
           b"=1+1", "\u05e9\u05dc\u05d5\u05dd \u202eturned".encode(), b'", line 5, in x', b"#END", b"~", b"a;b 7",
           b"${x} %s %n \\", b"L" * 1000000]

NAME = "out"  # of the trace that a test has made


class Recordings:
    """The recordings that all readers are shown, by `check`."""

    def make_hostile(self):
        """A recording whose functions, files, threads, processes, tags and source lines have HOSTILE names."""
        def quoted(text):
            return re.sub(rb"[^A-Za-z0-9/@.:=-]", lambda found: rb"\x%02x" % found[0][0], text)
        lines = [b"cwd /srv", b'process P pid=7 cwd=/srv "command=%s"' % quoted(HOSTILE[0] + b" " + HOSTILE[3]),
                 b'thread A process=P tid=7 "name=%s"' % quoted(HOSTILE[3]),
                 b'thread B process=P tid=8 "name=%s"' % quoted(HOSTILE[7])]
        for number, name in enumerate(map(quoted, HOSTILE), 1):
            for thread in b"A", b"B":
                lines += [b'set %s cpu "tag:k%d=%s" "%s@/srv/%s.py:%d/1" "%s@/srv/x.py:3/2"'
                          % (thread, number, name[:1000], name, name, number, name[:3000]), b"tick"]
            lines.append(b'source "/srv/%s.py" %d "%s"' % (name, number, name[:3000]))
        script = self.path("hostile.txt")
        with open(script, "wb") as out:
            out.write(b"\n".join(lines) + b"\n")
        subprocess.run([MAKE_TRACE, script, self.trace], check=True)

    has_source = False

    def real(self):
        self.has_source = True
        self.record(self.script("""
            import threading, time
            def spin(seconds):
                end = time.thread_time() + seconds
                while time.thread_time() < end: pass
            def even(n):
                return spin(0.05) if n == 0 else odd(n - 1)
            def odd(n):
                spin(0.01)
                return even(n - 1)
            def down(n):
                return spin(0.1) if n == 0 else down(n - 1)
            def worker():
                time.sleep(0.2)
                even(4)
            thread = threading.Thread(target=worker, name="a worker")
            thread.start()
            down(5)
            even(6)
            thread.join()
        """))

    def test_shop(self):
        self.make("shop", self.trace)
        self.check()

    def test_real_program(self):
        self.real()
        self.check()

    def test_hostile(self):
        self.make_hostile()
        self.check()


class Readers(Recordings, OutputTest):
    def show(self, names, hostile=False, source=False):
        """Each reader is shown the recordings; of hostile names those that do not keep them as they are find the same self times."""
        skipped = []
        for reader in READERS:
            if reader.needs_source and not source:
                continue
            seen = see(reader, lambda output, *options: self.export(output, names, *options),
                       not hostile or reader.keeps_names)
            with self.subTest(output=reader.output, reader=reader.name):
                self.assertEqual(seen.differences, [])
            if seen.why_not:
                skipped.append(f"that {reader.name} opens {reader.output}: {seen.why_not}")
        if skipped:
            self.skipTest("; ".join(skipped))

    def check(self):
        self.agree(strict_pprof(self.export("pprof", [NAME])), self.folded([NAME]))
        self.show([NAME], source=self.has_source)

    def test_several_recordings(self):
        self.show(["two", "elsewhere"])

    def test_hostile(self):
        self.make_hostile()
        self.show([NAME], hostile=True)

    def test_every_output_has_a_reader(self):
        outputs = json.loads(self.live_trace("formats", "--json").stdout)["output"]
        self.assertEqual({output["name"] for output in outputs}, {reader.output for reader in READERS})

    def test_two_processes_have_no_roots_where_there_are_labels(self):
        samples = pprof(self.export("pprof", ["two"])).samples
        self.assertEqual({dict(sample.labels)["pid"] for sample in samples}, {200, 201})
        self.assertEqual({sample.stack[-1].name for sample in samples}, {"<module>"})

    def test_cpu_of_pprof_is_what_mode_cpu_shows(self):
        self.real()
        profile = pprof(self.export("pprof", [NAME]))
        column = profile.columns.index(("cpu", "nanoseconds"))
        cpu = sum(sample.values[column] for sample in profile.samples)
        self.assertEqual(cpu, sum(round(sample["weight"] * 1e9) for sample in read(self.trace, "--mode", "cpu")[1]))
        self.assertGreater(cpu, 0)


def clean(text):
    """What outputs that are lines of text do to a foreign name (exporters/clean_text.c)."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", " ", text)


class ClassicLog(Recordings, OutputTest):
    """The text log is read by classic_log_reader.c: what comes back is what went in, as far as a log can say it."""

    def stacks(self, trace):
        """(process, thread, lines, time in microseconds) of each stack sample, in order."""
        found = []
        for sample in read(trace, "--full-paths")[1]:
            stack = tuple((clean(f["name"]).replace('"', "'").rstrip(), clean(f["file"]), f["line"]) for f in sample["stack"])
            found.append((sample["pid"], sample["tid"], stack, round(sample["t"] * 1e6)))
        return found

    def check(self):
        sent = self.stacks(self.trace)
        back = self.stacks(self.export("log", [NAME], "--full-paths"))
        self.assertTrue(sent)
        self.assertEqual(len(back), len(sent))
        first = sent[0][3]  # a log's times count from its first record
        for one, other in zip(back, sent):
            self.assertEqual(one[:3], other[:3])
            self.assertAlmostEqual(one[3], other[3] - first, delta=1)

    def test_source_lines(self):
        self.real()
        with open(self.export("log", [NAME]), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("in down\n  return spin(0.1) if n == 0 else down(n - 1)\n", text)


if __name__ == "__main__":
    unittest.main()
