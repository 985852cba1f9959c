#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles opened by those who read them: go tool pprof, callgrind_annotate, Python's pstats and csv, our own reader of
text logs. Each finds the total that folded stacks have, and what each function has itself and with all that it called.
"""

import csv
import io
import os
import pstats
import re
import shutil
import subprocess
import sys
import unittest

from lt_e2e import HERE, MAKE_TRACE, read
from test_outputs import Figures, OutputTest
from test_same_counts import frame_text

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from decode_pprof import Profile  # noqa: E402 (after the path)

# Names that try to break out of lines, numbers, quotes, pages and terminals.
HOSTILE = [b"</script><script>alert(1)</script>", b"</title><!--", b"quote\"s '&amp;", b"new\nline\r\n99 1", b"tab\there",
           b"\x01\x1b[31m\x7f\xc2\x9b", b"NUL\xc0\x80", b"\xff\xfe not UTF-8 \xed\xa0\x80", b"(3) fn=(4) calls=1 2",
           b"=1+1", "\u05e9\u05dc\u05d5\u05dd \u202eturned".encode(), b'", line 5, in x', b"#END", b"~", b"a;b 7",
           b"${x} %s %n \\", b"L" * 1000000]



def folded_text(name, file):
    return frame_text(name, file, 0, False)


def pprof(path):
    with open(path, "rb") as file:
        return Profile(file.read())


def strict_pprof(path):
    """By the decoder of tests/support."""
    profile, figures = pprof(path), Figures()
    column = profile.columns.index(("wall", "nanoseconds"))
    for sample in profile.samples:
        figures.add([folded_text(frame.name, frame.file) for frame in reversed(sample.stack)], sample.values[column])
    return figures


def functions_of(path):
    """(name, file) of all functions in a profile of pprof."""
    return {(frame.name, frame.file) for frame in pprof(path).locations.values()}


def go_pprof(path):
    # Newer versions of Go build the tool when it is first asked for.
    done = subprocess.run(["go", "tool", "pprof", "-top", "-filefunctions", "-nodecount=0", "-nodefraction=0", "-unit=ns",
                           path], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    texts = {f"{name} {file}" if file else name: folded_text(name, file) for name, file in functions_of(path)}
    figures = Figures()
    figures.total = int(re.search(r" of (\d+)(?:ns)? total$", done.stdout, re.M)[1])
    for line in done.stdout.splitlines():
        row = re.match(r" *(\d+)(?:ns)? +[\d.]+% +[\d.]+% +(\d+)(?:ns)? +[\d.]+%  (.*)$", line)
        if row:
            figures.self[texts[row[3]]] += int(row[1])
            figures.all[texts[row[3]]] += int(row[2])
    return figures


def annotated(path, inclusive):
    """The table of callgrind_annotate: {file:function: nanoseconds}."""
    done = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", f"--inclusive={inclusive}", path],
                          capture_output=True, timeout=60, check=False)
    errors = done.stderr.decode()
    if done.returncode or "malformed" in errors:
        raise AssertionError(errors)
    rows = re.findall(r"^ *([\d,]+) \([ \d.]+%\) +[\d,]+ \([ \d.]+%\)  (.*)$", done.stdout.decode(), re.M)
    return {name: int(ns.replace(",", "")) for ns, name in rows}


def names_in(path):
    """{file:function as callgrind_annotate shows it: text of folded} for a file of ours."""
    files, names, texts, file = {}, {}, {}, None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            found = re.match(r"c?(fl|fn)=\((\d+)\)(?: (.*))?$", line)
            if not found:
                continue
            table = files if found[1] == "fl" else names
            if found[3] is not None:
                table[found[2]] = found[3]
            if found[1] == "fl":
                file = files[found[2]]
            else:
                name = names[found[2]]
                texts[f"{file.lstrip()}:{name.lstrip()}"] = folded_text(name, file if file != "???" else "")
    return texts


def callgrind_annotate(path):
    itself, inclusive, texts, figures = annotated(path, "no"), annotated(path, "yes"), names_in(path), Figures()
    figures.total = itself.pop("PROGRAM TOTALS")
    if {inclusive.pop("PROGRAM TOTALS"), inclusive.pop("???:<recording>")} != {figures.total}:
        raise AssertionError("callgrind_annotate's totals differ")
    for name, ns in itself.items():
        figures.self[texts[name]] += ns
    for name, ns in inclusive.items():
        figures.all[texts[name]] += ns
    return figures


def python_pstats(path):
    stats, figures = pstats.Stats(path, stream=io.StringIO()), Figures()
    stats.sort_stats("cumulative").print_stats()
    stats.print_callers()
    stats.print_callees()
    figures.total = stats.total_tt * 1e9
    for (file, _, name), (_, _, itself, total, callers) in stats.stats.items():
        text = folded_text(name, file if file != "~" else "")
        figures.self[text] += itself * 1e9
        figures.all[text] += total * 1e9
        if sum(entry[3] for entry in callers.values()) > total + 1e-9:
            raise AssertionError(f"the callers of {name} have more than it has")
    return figures


def python_csv(path):
    figures = Figures()
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    for row in rows:
        # What a spreadsheet would take for a formula begins with a blank.
        text = folded_text(*(re.sub("^ (?=[=+@-])", "", row[key]) for key in ("name", "file")))
        figures.total += float(row["self_seconds"]) * 1e9
        figures.self[text] += float(row["self_seconds"]) * 1e9
        figures.all[text] += float(row["total_seconds"]) * 1e9
    return figures


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

    def real(self):
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
    def check(self):
        expected = self.folded([NAME])
        skipped = []
        for reader, output, program, options in (
                (strict_pprof, "pprof", None, ()),
                (go_pprof, "pprof", "go", ()),
                (callgrind_annotate, "callgrind", "callgrind_annotate", ()),
                (python_pstats, "pstats", None, ()),
                (python_csv, "csv", None, ("--by", "function"))):
            if program and not shutil.which(program):
                skipped.append(f"that {reader.__name__} reads what we write: no {program}")
                continue
            with self.subTest(reader=reader.__name__):
                self.agree(reader(self.export(output, [NAME], *options)), expected)
        if skipped:
            self.skipTest("; ".join(skipped))

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
