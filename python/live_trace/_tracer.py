# SPDX-License-Identifier: Apache-2.0
"""The one recording of this process: what a program may ask of it, and how it goes on in forked children.

Nonsense from the caller is an exception. What the program cannot help (a read-only folder, a full disk, an interpreter that
cannot be sampled) is one warning through `logging`, and stats()["error"]: a program does not stop because it
cannot be watched."""

import atexit
import contextlib
import logging
import math
import os
import sys
import threading
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple, Union

from . import _files
from ._tags import _current, encode_pairs

try:
    from . import _agent
    _missing = None
except ImportError as _error:  # a free-threaded build, a subinterpreter, another machine's file
    _missing = str(_error)

DEFAULT_INTERVAL = 0.1
DEFAULT_ROTATE_SECONDS = 86400.0
DEFAULT_MAX_BYTES = 100_000_000
BOUNDS = ("rotate_seconds", "rotate_bytes", "max_bytes")  # also as settings: LIVE_TRACE_MAX_BYTES
LEAST_BYTES = 16384  # a file of fewer is hardly more than its head
SHORTEST, LONGEST = 0.0001, 100.0  # seconds between ticks
NOTHING = {"duration": 0.0, "bytes": 0, "asked": 0, "taken": 0, "late": 0, "retried": 0, "failed": {},
           "sampler_cpu_seconds": 0.0, "max_lateness_seconds": 0.0, "error": None}

log = logging.getLogger("live_trace")



Path = Union[str, "os.PathLike[str]"]


class TracerAlreadyRunning(RuntimeError):
    """start() was called twice."""


class _Settings(NamedTuple):
    interval: float
    template: Optional[str]  # None: the default; "-": standard output
    rotate_seconds: float  # this and the others: 0 is none
    rotate_bytes: int
    max_bytes: int
    tags: Tuple[bytes, ...]
    source_lines: bool


class _State:
    """`settings` is None unless this process is to be sampled; `alive` says whether samples were being taken at the last look."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.settings: Optional[_Settings] = None
        self.path: Optional[str] = None
        self.last: Dict[str, Any] = dict(NOTHING)  # figures of what has ended, or of what could not begin
        self.held = self.locked = self.hooked = self.warned = False


_state = _State()


def _check_bound(name: str, value: Any, least: int, example: str) -> Any:
    """A number, or None for none."""
    if value is None or value is False or value == 0:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is {value!r}: give a number, as {example}, or None")
    if not least <= value <= 1e15:
        raise ValueError(f"{name} {value} is out of range: give {least} or more, or None")
    return value


def _check(interval: Any, template: Any, tags: Any, source_lines: Any, rotate_seconds: Any = None, rotate_bytes: Any = None,
           max_bytes: Any = None) -> _Settings:
    if isinstance(interval, bool) or not isinstance(interval, (int, float)):
        raise TypeError(f"interval is {interval!r}: give the seconds between two samples, as 0.1")
    if not math.isfinite(interval) or not SHORTEST <= interval <= LONGEST:
        raise ValueError(f"interval {interval} is out of range: give {SHORTEST} to {LONGEST:.0f} seconds")
    if template is not None:
        template = os.fspath(template)
        if not isinstance(template, str) or not template or "\0" in template:
            raise ValueError(f"outfile_template is {template!r}: give the name of a file, as 'traces/%Y-%m-%d.ltrace'")
        template = template if template == "-" else _files.to_template(template)
    if tags is not None and not hasattr(tags, "items"):
        raise TypeError(f"tags is {tags!r}: give a dict, as {{'service': 'shop'}}")
    pairs = encode_pairs(dict(tags or {}))
    if len(pairs) > 2 * 64:
        raise ValueError("too many tags: at most 64")
    return _Settings(float(interval), template,
                     min(float(_check_bound("rotate_seconds", rotate_seconds, 1, "86400")), 1e9),
                     int(_check_bound("rotate_bytes", rotate_bytes, LEAST_BYTES, "10_000_000")),
                     int(_check_bound("max_bytes", max_bytes, LEAST_BYTES, "100_000_000")), pairs, bool(source_lines))


def _warn(problem: str) -> None:
    _state.last = dict(_state.last, error=problem)
    if not _state.warned:
        _state.warned = True
        log.warning("not sampling: %s", problem)


def _command() -> bytes:
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return file.read(1024).rstrip(b"\0").replace(b"\0", b" ")
    except OSError:
        return " ".join(sys.argv).encode("utf-8", "surrogateescape")


def _cwd() -> bytes:
    try:
        return os.getcwdb()
    except OSError:
        return b""


def _begin(settings: _Settings, exactly: Optional[str] = None) -> None:
    """With the lock. What goes wrong is a warning."""
    _state.settings, _state.path, _state.last = settings, None, dict(NOTHING)
    problem = _missing or _agent.obstacle()
    if problem:
        _warn(problem)
        return
    try:
        fd, template, path = _output(settings, exactly)
        files = (os.fsencode(template), 0o666 if settings.template else 0o600, int(settings.rotate_seconds * 1e9),
                 settings.rotate_bytes, settings.max_bytes)
        path = _agent.start(fd, files, int(settings.interval * 1e9), _command(), _cwd(), settings.tags,
                            settings.source_lines, _current) or path
    except (OSError, RuntimeError, MemoryError) as error:
        _warn(f"{error}: choose another file by outfile_template, or set LIVE_TRACE_DIR to a folder that can be written")
        return
    _state.path = path
    _state.warned = False


def _output(settings: _Settings, exactly: Optional[str]) -> Tuple[int, str, str]:
    """A descriptor with its name, or else -1 and the template."""
    if exactly:
        return _files.open_exactly(exactly), "", os.path.abspath(exactly)
    if settings.template == "-":
        return os.dup(1), "", "-"
    return -1, settings.template or _files.default_template(), ""


def _has_recorder() -> bool:
    return _state.path is not None


def _end() -> None:
    """With the lock."""
    if _has_recorder():
        _state.last = _agent.stop()
        if _state.last["error"]:
            _warn(f"{_state.last['file'] or _state.path}: {_state.last['error']}: the recording ended early; what was written can be read")
    _state.settings = None
    _state.path = None


def _hook() -> None:
    if not _state.hooked:
        _state.hooked = True
        os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
        atexit.register(stop)


def start(interval: float = DEFAULT_INTERVAL, outfile_template: Optional[Path] = None, *,
          tags: Optional[Dict[str, Any]] = None, source_lines: bool = True,
          rotate_seconds: Optional[float] = DEFAULT_ROTATE_SECONDS, rotate_bytes: Optional[int] = None,
          max_bytes: Optional[int] = DEFAULT_MAX_BYTES) -> None:
    """Begins to sample this process, and the children that it forks, each to a file of its own, every `interval` seconds.

    outfile_template: the file's name, with strftime's fields ("%Y/%m/%d"), also as "{:%Y/%m/%d}", and %p for the process id;
    folders are made; a number is added to a name that is taken. None: a new file in the trace folder
    (LIVE_TRACE_DIR, or live_trace in the folder for temporary files); "-": standard output.
    tags: of all samples. source_lines: keep the text of the lines that are seen in the trace.
    rotate_seconds, rotate_bytes: a file that is so old or so large is closed, and the next one begun, which is complete in itself.
    max_bytes: of all files that the template names, whichever process wrote them: the oldest ones are removed, never one that
    is being written. None: no such bound."""
    settings = _check(interval, outfile_template, tags, source_lines, rotate_seconds, rotate_bytes, max_bytes)
    with _state.lock:
        if _state.settings is not None and is_running():
            raise TracerAlreadyRunning(f"samples are being taken already, to {_state.path}: call live_trace.stop() first, or"
                                       " live_trace.start_idempotent()")
        _end()
        _hook()
        _begin(settings)


def start_idempotent(interval: float = DEFAULT_INTERVAL, outfile_template: Optional[Path] = None, *,
                     tags: Optional[Dict[str, Any]] = None, source_lines: bool = True,
                     rotate_seconds: Optional[float] = DEFAULT_ROTATE_SECONDS, rotate_bytes: Optional[int] = None,
                     max_bytes: Optional[int] = DEFAULT_MAX_BYTES) -> None:
    """start(), unless it was called before."""
    settings = _check(interval, outfile_template, tags, source_lines, rotate_seconds, rotate_bytes, max_bytes)
    with _state.lock:
        if _state.settings is None:
            _hook()
            _begin(settings)


def stop() -> None:
    """Ends sampling; the file is complete then. Nothing happens if there is nothing to stop."""
    with _state.lock:
        _end()


def is_running() -> bool:
    """Are samples being taken?"""
    return _has_recorder() and bool(_agent.alive())


def _tell(error: Optional[str]) -> None:
    """What has changed since it was told last."""
    if error and _agent.failing():
        _warn(f"{_state.path}: {error}: what was written can be read; another file is tried every 10 seconds")
    elif error:
        _warn(f"{_state.path}: {error}: the recording ended early; what was written can be read")
    elif _state.warned:
        _state.warned = False
        log.warning("sampling again: to %s", _state.path)


def stats() -> Dict[str, Any]:
    """The recording's health: stack samples asked, taken, late, retried and failed by cause, the sampler's CPU time, bytes
    written, the file, and in "error" why nothing is sampled, or None. After stop(): of the recording that ended."""
    with _state.lock:
        figures = dict(_agent.look() if _has_recorder() else _state.last)
        if _has_recorder():
            _state.path = figures["file"] or _state.path
            _tell(figures["error"])
        figures.update(running=is_running(), file=_state.path,
                       interval=_state.settings.interval if _state.settings else None)
        return figures


def notice() -> None:
    """For middlewares, at each request: warns if nothing is recorded any more. Costs nothing while that is as it was."""
    if _has_recorder() and _agent.alive() == _state.warned:
        stats()


def flush() -> None:
    """What was sampled so far can be read from the file when this returns. By itself that is so once a second."""
    with _state.lock:
        if is_running():
            try:
                _agent.flush()
            except OSError as error:
                _warn(f"{_state.path}: {error}")
            notice()


@contextlib.contextmanager
def recording(path: Path, interval: float = 0.01, *, tags: Optional[Dict[str, Any]] = None,
              source_lines: bool = True) -> Iterator[None]:
    """with live_trace.recording("slow.ltrace"): ...     a trace of the block; a file of that name is replaced."""
    exactly = os.fspath(path)
    settings = _check(interval, exactly.replace("%", "%%").replace("{", "{{").replace("}", "}}"), tags, source_lines)
    with _state.lock:
        if is_running():
            raise TracerAlreadyRunning(f"samples are being taken already, to {_state.path}: call live_trace.stop() first")
        _end()
        _hook()
        _begin(settings, exactly)
    try:
        yield
    finally:
        stop()


# ---- forks ----

LOCK_PATIENCE = 1.0


def _before_fork() -> None:
    _state.locked = _state.lock.acquire(timeout=LOCK_PATIENCE)
    _state.held = _state.locked and _has_recorder() and _agent.hold()


def _after_in_parent() -> None:
    if _state.held:
        _agent.let_go()
    _state.held = False
    if _state.locked:
        _state.lock.release()
    _state.locked = False


def _after_in_child() -> None:
    global _state
    parent = _state
    _state = _State()
    _state.hooked, _state.warned = True, parent.warned
    if parent.path is not None:
        _agent.abandon(parent.held)
    if parent.settings is not None:
        _finish_with_multiprocessing()
        _begin(parent.settings)


def _finish_with_multiprocessing() -> None:
    """Its children end without atexit. What they do at their end they ask their own list, which begins empty."""
    util = sys.modules.get("multiprocessing.util")
    if util:
        util.register_after_fork(_state, lambda state: util.Finalize(None, stop, exitpriority=0))
