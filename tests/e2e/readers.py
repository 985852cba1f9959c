# SPDX-License-Identifier: Apache-2.0
"""Every output with those who read it, one row each: how to export for that reader, and how what it has seen is told from
what it should have seen. `see` holds a reader against the folded stacks, or JSON lines, of the same recording."""

import platform
import sqlite3
import subprocess
from typing import Callable, NamedTuple, Optional

import file_readers as files
import page_readers as pages
from figures import Figures, figures_of_folded, figures_of_lines, frame_text, without_file, without_names

# What rounding may differ by, in nanoseconds: half a microsecond a stack in folded, other readers as they say.
MICROSECONDS, MILLISECONDS, HUNDREDTHS = 1e5, 5e6, 3e7


def said(command, *words):
    """The last word of the first line in which a program says its version."""
    done = subprocess.run([files.program(command), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.splitlines()[0]


def of_file(read, *options):
    return lambda export: read(export(*options))


def of_report(export):
    options = ("--by", "function", "--idle", "--unit", "time", "-O", "most-common=1000000")
    return files.report(export(*options), export(*options, "-O", "sum-all-frames=1"))


def of_slots(export):
    """In one slot, however long the recording."""
    return files.slots(export("--by", "function", "--idle", "--unit", "time", "-O", "json=1", "-O", "every=100000h"))


def without_angles(function):
    """flamegraph.pl writes <module> as (module)."""
    return function.replace("<", "(").replace(">", ")")


def by_function(export):
    return figures_of_folded(export("folded", "--unit", "time"))


def by_stack_sample(export):
    return figures_of_folded(export("folded", "--unit", "samples"), 1)


def by_line(export):
    return figures_of_lines(export("jsonl"), lambda frame: pages.line_text(frame["name"], frame["file"], frame["line"]))


def by_line_and_stack_sample(export):
    """Without frames that have no source text: <frozen ...>, <string>."""
    return figures_of_lines(export("jsonl"), lambda frame: frame_text(frame["name"], frame["file"], frame["line"], True), True,
                            lambda frame: not frame["file"].startswith("<"))


class Reader(NamedTuple):
    output: str
    name: str
    version: Callable[[], str]
    read: Callable[..., Figures]  # of export(*options), which gives a path
    expected: Callable[..., Figures] = by_function  # of export(output, *options)
    rename: Callable[[str], str] = str
    rounding: float = MICROSECONDS
    counts: bool = False  # stack samples, not nanoseconds
    all_functions: bool = True  # else only the total and the self time of one is shown
    needs_source: bool = False  # passes over lines whose text was not recorded
    keeps_names: bool = True  # also such as try to break out of lines, quotes and pages, or are 1 MB long


def chromium():
    return said(pages.browser(), "--version").split()[1]


READERS = [
    Reader("callgrind", "callgrind_annotate", lambda: said("valgrind", "--version").partition("-")[2],
           of_file(files.callgrind_annotate)),
    Reader("chrome", "Perfetto's page and trace processor", pages.perfetto_version, of_file(pages.perfetto), keeps_names=False),
    Reader("csv", "Python's csv", platform.python_version, of_file(files.python_csv, "--by", "function")),
    Reader("firefox", "Firefox Profiler's own code (profiler-cli)", lambda: files.PROFILER_CLI, of_file(files.firefox),
           rename=without_file, keeps_names=False),
    Reader("flamechart", "Chromium", chromium, of_file(pages.flame_svg, "-O", "min-width=0"), keeps_names=False),
    Reader("folded", "flamegraph.pl", files.flamegraph_version, of_file(files.flamegraph_pl, "--unit", "time"), rename=without_angles),
    Reader("folded", "inferno-flamegraph", files.inferno_version, of_file(files.inferno_flamegraph, "--unit", "time"), keeps_names=False),
    Reader("folded", "speedscope's page", lambda: pages.SPEEDSCOPE, of_file(pages.speedscope, "--unit", "samples"),
           by_stack_sample, rounding=0, counts=True, keeps_names=False),
    Reader("heatmap", "Chromium", chromium, of_file(pages.heatmap), by_line),
    Reader("html", "Chromium", chromium, of_file(pages.html_page), keeps_names=False),
    Reader("jsonl", "jq", lambda: said("jq", "--version").partition("-")[2], of_file(files.jq)),
    Reader("log", "live-trace itself", lambda: said(files.LIVE_TRACE, "version").split()[-1], of_file(files.classic_log),
           by_stack_sample, rounding=0, counts=True, keeps_names=False),
    Reader("log", "the first live-trace", lambda: files.ORIGINAL, of_file(files.original), by_line_and_stack_sample,
           rounding=0, counts=True, needs_source=True, keeps_names=False),
    Reader("pprof", "go tool pprof", lambda: said("go", "version").split()[2][2:], of_file(files.go_pprof)),
    Reader("pprof", "speedscope's page", lambda: pages.SPEEDSCOPE, of_file(pages.speedscope), rename=without_file, rounding=HUNDREDTHS, keeps_names=False),
    Reader("pstats", "Python's pstats", platform.python_version, of_file(files.python_pstats)),
    Reader("slots", "Python's json", platform.python_version, of_slots, all_functions=False),
    Reader("speedscope", "speedscope's page", lambda: pages.SPEEDSCOPE, of_file(pages.speedscope), rename=without_file,
           rounding=HUNDREDTHS, keeps_names=False),
    Reader("sqlite", "Python's sqlite3", lambda: sqlite3.sqlite_version, of_file(files.sqlite_database)),
    Reader("svg", "Chromium", chromium, of_file(pages.flame_svg, "-O", "min-width=0"), keeps_names=False),
    Reader("text", "people (our own reading)", lambda: "", of_report, rounding=MILLISECONDS, keeps_names=False),
]


class Seen(NamedTuple):
    version: str
    figures: Optional[Figures]
    differences: list
    why_not: str  # it was not opened; "": it was


def see(reader, export, names=True):
    """Has a reader open a recording; export(output, *options) gives a path. Without names, self times are compared alone."""
    try:
        version = reader.version()
        figures = reader.read(lambda *options: export(reader.output, *options))
    except files.NotHad as reason:
        return Seen("", None, [], str(reason))
    except (AssertionError, RuntimeError, TimeoutError) as error:
        return Seen(version, None, [f"it does not open: {error}"], "")
    expected = reader.expected(export).renamed(reader.rename)
    if not reader.all_functions:
        expected = expected.like(figures)
    if not names:
        figures, expected = without_names(figures), without_names(expected)
    return Seen(version, figures, figures.differences(expected, reader.rounding), "")
