# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the program, the interpreters that there are, and readings of traces."""

import atexit
import functools
import glob
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
import decode_trace  # noqa: E402 (after the path)
from debian_pythons import debian_pythons  # noqa: E402

TOP = os.path.normpath(os.path.join(HERE, os.pardir, os.pardir))
DECODER = os.path.join(HERE, os.pardir, "support", "decode_trace.py")
INPUTS = os.path.join(HERE, os.pardir, "golden", "inputs")
# What tests and benches fetch, outside of the tree.
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "live-trace-tests")
MAKE_TRACE = os.environ.get("MAKE_TRACE", "make_trace")
BUILD = os.environ.get("LIVE_TRACE_BUILD", "build")
LIVE_TRACE = os.environ.get("LIVE_TRACE") or shutil.which("live-trace") or "live-trace"
VERSIONS = [(3, minor) for minor in range(8, 16)]


def version_of(python):
    try:
        out = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(map(int, out.split()))


@functools.lru_cache(maxsize=None)
def look_for_interpreters():
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    debian, reason = debian_pythons(CACHE)
    candidates = [path for path in os.environ.get("LIVE_TRACE_TEST_PYTHONS", "").split(":") if path]
    candidates += sorted(glob.glob(os.path.join(root, "versions", "*", "bin", "python"))) + debian
    candidates += [shutil.which(f"python{major}.{minor}") for major, minor in VERSIONS]
    candidates += [shutil.which("python3"), sys.executable]
    found = {}
    for path in candidates:
        version = version_of(path) if path else None
        if version in VERSIONS:
            found.setdefault(version, os.path.realpath(path))
    return found, reason


def interpreters():
    """{(major, minor): command} of the supported interpreters: those that were asked for, pyenv's, Debian unstable's, those on
    PATH."""
    return dict(sorted(look_for_interpreters()[0].items()))


def interpreters_of(versions):
    """Decorates a test class: each of its tests once for every version, as self.version, which self.python runs."""
    def with_version(method, version):
        def test(self):
            self.version, self.python = version, interpreters().get(version)
            if not self.python:
                self.skipTest(f"no Python {version[0]}.{version[1]}: pyenv has it not; {look_for_interpreters()[1]}")
            method(self)
        test.__doc__ = method.__doc__
        return test

    def decorate(cls):
        for name, method in [item for item in vars(cls).items() if item[0].startswith("test")]:
            delattr(cls, name)
            for version in versions:
                setattr(cls, f"{name}_{version[0]}_{version[1]:02}", with_version(method, version))
        return cls
    return decorate


every_interpreter = interpreters_of(VERSIONS)


def decoded(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def in_order(events):
    """Totals come in any order: rows of samples are sorted."""
    for is_sample, row in itertools.groupby(events, lambda event: event["event"] == "sample"):
        yield from sorted(row, key=json.dumps) if is_sample else row


def check_decoders(test, trace):
    """What the C reader delivers is what the independent decoder of the written format finds."""
    for totals in ((), ("--totals",)):
        ours = decoded(os.path.join(BUILD, "trace_events"), *totals, trace)
        theirs = decoded(sys.executable, DECODER, *totals, trace)
        if totals:
            ours, theirs = list(in_order(ours)), list(in_order(theirs))
        for number, (one, other) in enumerate(zip(ours, theirs)):
            test.assertEqual(one, other, f"event {number} of {trace} {totals}")
        test.assertEqual(len(ours), len(theirs))


def read(trace, *selection):
    """The trace as JSON lines: (meta, [samples], health)."""
    out = subprocess.run([LIVE_TRACE, "export", "-f", "jsonl", *selection, trace], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    return lines[0], [line for line in lines if line["type"] == "sample"], lines[-1]


def info(trace):
    return json.loads(subprocess.run([LIVE_TRACE, "info", "--json", trace], stdout=subprocess.PIPE, text=True,
                                     check=True).stdout)


def without_totals(trace, path):
    """A copy without the blocks that say what segments sum up to."""
    with open(trace, "rb") as file:
        data = file.read()
    at = 0
    with open(path, "wb") as out:
        while at < len(data):
            item, behind = decode_trace.item_at(data, at)
            if item[0] == "header" or item[1] != decode_trace.TOTALS:
                out.write(data[at:behind])
            at = behind
    return path


def high_water(pid):
    """Greatest resident memory so far, in MB; 0 when the process has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def measured(command, **options):
    """Seconds, CPU seconds and peak resident MB of a command."""
    begun, memory, pid = time.monotonic(), 0, 0
    options.setdefault("stdout", subprocess.DEVNULL)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **options)
    while not pid:
        # That of wait4 would be this program's own, from before the command began.
        memory = high_water(process.pid) or memory
        time.sleep(0.002)
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = status
    if status:
        raise RuntimeError(f"{' '.join(command)}: status {status}")
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime, memory


@functools.lru_cache(maxsize=None)
def package():
    """A folder for PYTHONPATH with the package live_trace of this build; None where the build has no extension."""
    extension = os.path.join(BUILD, "_agent.abi3.so")
    if not os.path.exists(extension):
        return None
    site = tempfile.mkdtemp(prefix="live-trace-package-")
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    shutil.copytree(os.path.join(TOP, "python", "live_trace"), os.path.join(site, "live_trace"),
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(extension, os.path.join(site, "live_trace"))
    return site


@functools.lru_cache(maxsize=None)
def package_environment():
    """The variables that let an interpreter import that package: also where it was built with AddressSanitizer, whose runtime has
    to be the first library of a program."""
    variables = {"PYTHONPATH": package(), "PYTHONDONTWRITEBYTECODE": "1"}
    libraries = subprocess.run(["ldd", os.path.join(package(), "live_trace", "_agent.abi3.so")], stdout=subprocess.PIPE, text=True,
                               check=True).stdout
    runtime = re.search(r"libasan\.so\S* => (\S+)", libraries)
    if runtime:
        variables.update(LD_PRELOAD=runtime[1], PYTHONMALLOC="malloc", ASAN_OPTIONS="detect_leaks=0")
    return variables


@functools.lru_cache(maxsize=None)
def virtual_environment(version, *packages):
    """The folder of programs of a virtual environment in the cache, or why there is none."""
    python = interpreters().get(version)
    if not python or "debian" in python:
        return None, f"no Python {version[0]}.{version[1]}"
    folder = os.path.join(CACHE, "venv-" + "-".join(["%d.%d" % version, *packages]).replace("<", "-").replace(">", "-"))
    programs = os.path.join(folder, "bin")
    done = os.path.join(folder, "complete")
    if not os.path.exists(done):
        try:
            for command in ([python, "-m", "venv", "--clear", folder],
                            [os.path.join(programs, "pip"), "install", "-q", *packages]):
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180)
        except (OSError, subprocess.SubprocessError):
            return None, "pip cannot install " + " ".join(packages)
        with open(done, "w", encoding="ascii"):
            pass
    return programs, None


def write_faults():
    """A disk that fails, for LD_PRELOAD (tests/support/write_faults.c)."""
    library = os.path.join(os.path.abspath(BUILD), "write_faults.so")
    source = os.path.join(HERE, os.pardir, "support", "write_faults.c")
    subprocess.run([os.environ.get("CC", "cc"), "-I", BUILD, "-O", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library,
                    source, "-ldl"], check=True)
    return library


class TraceTest(unittest.TestCase):
    """A folder of its own for each test, scripts in it, and a trace."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="live-trace-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.trace = self.path("out.ltrace")
        self.addCleanup(self.check_recording)
        self.environment = dict(os.environ, LIVE_TRACE_DIR=self.path("traces"), LIVE_TRACE_PYTHON=sys.executable)
        for name in ("VIRTUAL_ENV", "NO_COLOR", "LIVE_TRACE_EXPORTERS"):
            self.environment.pop(name, None)

    def check_recording(self):
        """Every recording that a test has made is read by both decoders."""
        if os.path.exists(self.trace):
            check_decoders(self, self.trace)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, name, path=None):
        """The trace of a golden input."""
        subprocess.run([MAKE_TRACE, os.path.join(INPUTS, name + ".txt"), path or self.trace], check=True)

    def script(self, text, name="script.py"):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(textwrap.dedent(text))
        return self.path(name)

    def live_trace(self, *arguments, python=None, **options):
        environment = dict(self.environment)
        if python:
            environment["LIVE_TRACE_PYTHON"] = python
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([LIVE_TRACE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment, cwd=self.folder, timeout=120, check=False, **options)

    def record(self, script, *arguments, rate=200, python=None):
        done = self.live_trace("run", "-o", self.trace, "-r", str(rate), script, *arguments, python=python)
        self.assertEqual(done.returncode, 0, done.stderr)
        return read(self.trace)
