# SPDX-License-Identifier: Apache-2.0
"""LIVE_TRACE=1 in the environment samples any program of an interpreter in which `python -m live_trace enable` was run once:
that puts one line into its site-packages, which costs a look into the environment."""

import logging
import os
import sys
import sysconfig
from typing import Optional

NAME = "live_trace.pth"
LINE = "import os; os.environ.get('LIVE_TRACE') == '1' and __import__('live_trace._startup', fromlist=['begin']).begin()\n"


def _path() -> str:
    return os.path.join(sysconfig.get_path("purelib"), NAME)


def enable() -> int:
    try:
        with open(_path(), "w", encoding="ascii") as out:
            out.write(LINE)
    except OSError as error:
        print(f"live-trace: cannot write {_path()}: {error.strerror}: use a virtual environment of yours", file=sys.stderr)
        return 1
    print(f"{_path()}: LIVE_TRACE=1 in the environment now samples programs of {sys.executable}")
    return 0


def disable() -> int:
    try:
        os.unlink(_path())
    except FileNotFoundError:
        pass
    except OSError as error:
        print(f"live-trace: cannot remove {_path()}: {error.strerror}: run it as the owner", file=sys.stderr)
        return 1
    return 0


def _number(name: str) -> Optional[float]:
    """None: not set, or nonsense, which is said."""
    text = os.environ.get(name)
    try:
        return float(text) if text else None
    except ValueError:
        logging.getLogger("live_trace").warning("%s is %r: give a number", name, text)
        return None


def begin() -> None:
    """Called while the interpreter starts."""
    from ._tracer import BOUNDS, DEFAULT_INTERVAL, start_idempotent
    interval = _number("LIVE_TRACE_INTERVAL")
    bounds = {name: _number(f"LIVE_TRACE_{name.upper()}") for name in BOUNDS}
    try:
        start_idempotent(DEFAULT_INTERVAL if interval is None else interval,
                         **{name: value for name, value in bounds.items() if value is not None})  # type: ignore[arg-type]
    except ValueError as error:
        logging.getLogger("live_trace").warning("LIVE_TRACE_...: %s", error)
