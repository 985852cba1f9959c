# SPDX-License-Identifier: Apache-2.0
"""LIVE_TRACE=1 in the environment samples any program of an interpreter in which `python -m live_trace enable` was run once:
that puts one line into its site-packages, which costs a look into the environment."""

import logging
import os
import sys
import sysconfig

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


def begin() -> None:
    """Called while the interpreter starts."""
    from . import start_idempotent
    interval = os.environ.get("LIVE_TRACE_INTERVAL") or "0.1"
    try:
        start_idempotent(float(interval))
    except ValueError as error:
        logging.getLogger("live_trace").warning("LIVE_TRACE_INTERVAL is %r: give seconds, as 0.1 (%s)", interval, error)
