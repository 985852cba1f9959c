# SPDX-License-Identifier: Apache-2.0
"""The programs and libraries that people open our files with: each is given a file, and gives Figures of what it has seen.

One that cannot be had raises NotHad, which says why.
"""

import csv
import gzip
import html
import io
import json
import os
import pstats
import re
import shutil
import sqlite3
import subprocess
import sys
import time

from figures import Figures, control_to_blank, figures_of_boxes, figures_of_folded, frame_text, function_text, without_file
from lt_e2e import CACHE, HERE, LIVE_TRACE

sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from decode_pprof import Profile  # noqa: E402 (after the path)
from fetch import debian_package, inferno, npm_package, sdist  # noqa: E402

PROFILER_CLI = "0.10.0"  # the Firefox Profiler's own code, as its command line packs it
ORIGINAL = "2017.25.0"  # the first live-trace


class NotHad(Exception):
    """The reader cannot be had here: why."""


def program(name):
    path = shutil.which(name)
    if not path:
        raise NotHad(f"no {name}")
    return path


def had(path, reason):
    if not path:
        raise NotHad(reason)
    return path


def output_of(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                          errors="replace", timeout=300, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{command[0]}: {done.stderr}")
    return done.stdout


def pprof(path):
    with open(path, "rb") as file:
        return Profile(file.read())


def strict_pprof(path):
    """By the decoder of tests/support."""
    profile, figures = pprof(path), Figures()
    column = profile.columns.index(("wall", "nanoseconds"))
    for sample in profile.samples:
        figures.add([function_text(frame.name, frame.file) for frame in reversed(sample.stack)], sample.values[column])
    return figures


def functions_of(path):
    """(name, file) of all functions in a profile of pprof."""
    return {(frame.name, frame.file) for frame in pprof(path).locations.values()}


def go_pprof(path):
    # Newer versions of Go build the tool when it is first asked for.
    out = output_of(program("go"), "tool", "pprof", "-top", "-filefunctions", "-nodecount=0", "-nodefraction=0", "-unit=ns", path)
    texts = {f"{name} {file}" if file else name: function_text(name, file) for name, file in functions_of(path)}
    figures = Figures()
    figures.total = int(re.search(r" of (\d+)(?:ns)? total$", out, re.M)[1])
    for line in out.splitlines():
        row = re.match(r" *(\d+)(?:ns)? +[\d.]+% +[\d.]+% +(\d+)(?:ns)? +[\d.]+%  (.*)$", line)
        if row:
            figures.self[texts[row[3]]] += int(row[1])
            figures.all[texts[row[3]]] += int(row[2])
    return figures


def annotated(path, inclusive):
    """The table of callgrind_annotate: {file:function: nanoseconds}."""
    done = subprocess.run([program("callgrind_annotate"), "--threshold=100", "--auto=no", f"--inclusive={inclusive}", path],
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
                texts[f"{file.lstrip()}:{name.lstrip()}"] = function_text(name, file if file != "???" else "")
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
        text = function_text(name, file if file != "~" else "")
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
        text = function_text(*(re.sub("^ (?=[=+@-])", "", row[key]) for key in ("name", "file")))
        figures.total += float(row["self_seconds"]) * 1e9
        figures.self[text] += float(row["self_seconds"]) * 1e9
        figures.all[text] += float(row["total_seconds"]) * 1e9
    return figures




def sqlite_database(path):
    """By the view `top`, whose schema is documented."""
    figures = Figures()
    database = sqlite3.connect(path)
    for name, file, itself, everywhere in database.execute("SELECT name, coalesce(file, ''), self_ns, total_ns FROM top"):
        figures.add_function(function_text(name, file), itself, everywhere)
    database.close()
    return figures


def jq(path):
    """JSON lines: jq sums the weight of each stack."""
    figures = Figures()
    for line in output_of(program("jq"), "-c", 'select(.type == "sample") | [.weight, [.stack[] | [.name, .file]]]', path).splitlines():
        weight, stack = json.loads(line)
        figures.add([function_text(name, file) for name, file in stack], round(weight * 1e9))
    return figures


def drawn(svg, pattern):
    """Boxes that other programs have drawn of folded stacks in microseconds."""
    found = [box.groupdict() for box in re.finditer(pattern, svg)]
    foot = max(int(box["y"]) for box in found)
    return figures_of_boxes((round((foot - int(box["y"])) / 16), float(box["x"]), float(box["width"]),
                             int(box["count"].replace(",", "")) * 1000, html.unescape(box["label"])) for box in found)


TITLE = r"<title>(?P<label>[^<]*) \((?P<count>[\d,]+) samples, [\d.]+%\)</title>"


def flamegraph_folder():
    """Of Brendan Gregg's script, as Debian packs it beside another profiler."""
    return had(debian_package(CACHE, "libdevel-nytprof-perl"), "apt-get cannot fetch the package that carries it")


def flamegraph_version():
    """That of the package: the script itself says none."""
    with gzip.open(os.path.join(flamegraph_folder(), "usr/share/doc/libdevel-nytprof-perl/changelog.Debian.gz"), "rt") as file:
        return re.search(r"\((.*)\)", file.readline())[1]


def flamegraph_pl(path):
    script = os.path.join(flamegraph_folder(), "usr/share/perl5/Devel/NYTProf/flamegraph.pl")
    svg = output_of(program("perl"), script, "--minwidth=0", "--width=1000000", path)
    return drawn(svg, TITLE + r'<rect x="(?P<x>[\d.]+)" y="(?P<y>\d+)" width="(?P<width>[\d.]+)"')


def inferno_program():
    return had(inferno(CACHE), "cargo cannot build it")


def inferno_version():
    """As cargo noted it: the program itself says none."""
    with open(os.path.join(os.path.dirname(inferno_program()), os.pardir, ".crates.toml"), encoding="utf-8") as file:
        return re.search('"inferno ([^ ]+)', file.read())[1]


def inferno_flamegraph(path):
    svg = output_of(inferno_program(), "--minwidth", "0", path)
    return drawn(svg, TITLE + r'<rect x="[\d.]+%" y="(?P<y>\d+)" [^>]*fg:x="(?P<x>\d+)" fg:w="(?P<width>\d+)"')


ROW = re.compile(r' *(\d+(?:\.\d+)?)s? +[\d.]+% (?:File: "(.*)", (?:line (\d+), )?in )?(.*?)(?: {6}<====)?$', re.M)


def report(itself, everywhere):
    """The report that people read, by function and in seconds: of innermost frames, and of all frames."""
    figures = Figures()
    for path, table in ((itself, figures.self), (everywhere, figures.all)):
        with open(path, encoding="utf-8") as file:
            for seconds, name_of_file, _, name in ROW.findall(file.read()):
                table[function_text(name, name_of_file)] += round(float(seconds) * 1e9)
    figures.total = sum(figures.self.values())
    return figures


def slots(path):
    """A table along time: the total, and the self time of the hottest function."""
    figures = Figures()
    with open(path, encoding="utf-8") as file:
        for slot in json.load(file)["slots"]:
            figures.total += round(slot["seconds"] * 1e9)
            top = slot["top"]
            figures.self[function_text(top["name"], top["file"])] += round(top["seconds"] * 1e9)
    return figures


def classic_log(path):
    """By our own reader of the text log, in stack samples."""
    folded = path + ".folded"
    output_of(LIVE_TRACE, "export", "-f", "folded", "--unit", "samples", "-o", folded, path)
    return figures_of_folded(folded, 1)


def original_program():
    folder = had(sdist(CACHE, "live-trace", ORIGINAL), "pip cannot fetch it")
    return os.path.join(folder, f"live-trace-{ORIGINAL}")


def original(path):
    """The first live-trace, in stack samples by line. It passes over lines without source text."""
    figures = Figures()
    for table, options in ((figures.self, ()), (figures.all, ("--sum-all-frames",))):
        out = output_of(sys.executable, "-c", "from live_trace.main import main; main()", "analyze", "--most-common", "1000000",
                        *options, path, env=dict(os.environ, PYTHONPATH=original_program()))
        for count, file, line, name in ROW.findall(out):
            table[frame_text(name, file, int(line), True)] += int(count)
    figures.total = sum(figures.self.values())
    return figures


class FirefoxProfiler:
    """The Firefox Profiler's own code, as its command line packs it; that does not tell files."""

    def __init__(self, folder):
        package = had(npm_package(CACHE, "@firefox-devtools/profiler-cli", PROFILER_CLI), "npm cannot fetch its command line")
        self.program = [program("node"), os.path.join(package, "dist", "profiler-cli.js")]
        self.environment = dict(os.environ, PROFILER_CLI_SESSION_DIR=os.path.join(folder, "sessions"))
        if self.run("--version").returncode:
            raise NotHad("its command line does not run by this node")

    def run(self, *words):
        return subprocess.run([*self.program, *words], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)

    def open(self, path):
        self.close()
        self.run("load", path)

    def close(self):
        self.run("stop", "--all")

    def ask(self, *words):
        """It waits for its server for half a second only: on a busy machine more patience is needed."""
        for _ in range(60):
            done = self.run(*words, "--json")
            if done.returncode == 0:
                return json.loads(done.stdout)
            time.sleep(0.5)
        raise AssertionError(f"{words}: {done.stdout}{done.stderr}")

    def threads(self):
        return [(process, thread) for process in self.ask("profile", "info", "--all")["processes"] for thread in process["threads"]]

    def figures(self):
        figures = Figures()
        for _, thread in self.threads():
            answer = self.ask("thread", "functions", "--thread", thread["threadHandle"], "--include-idle", "--limit", "0")
            for function in answer["functions"]:
                figures.add_function(without_file(control_to_blank(function["name"])), function["selfSamples"] * 1e6,
                                     function["totalSamples"] * 1e6)
        return figures


def firefox(path):
    profiler = FirefoxProfiler(os.path.dirname(path))
    profiler.open(path)
    try:
        return profiler.figures()
    finally:
        profiler.close()
