# SPDX-License-Identifier: Apache-2.0
"""python -m live_trace: the command `live-trace`, and `enable` and `disable` of this interpreter's own."""

import importlib.metadata
import os
import shutil
import sys
from typing import List, Optional

from ._startup import disable, enable


def command() -> Optional[str]:
    """The program that was installed with this package, else one on PATH."""
    try:
        files = importlib.metadata.files("live-trace") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = str(file.locate())
        if file.name == "live-trace" and os.access(path, os.X_OK):
            return os.path.normpath(path)
    return shutil.which("live-trace")


def main(arguments: List[str]) -> int:
    if arguments[:1] == ["enable"] or arguments[:1] == ["disable"]:
        return enable() if arguments[0] == "enable" else disable()
    program = command()
    if not program:
        print("live-trace: the command is not installed: install the package again, or put live-trace on PATH", file=sys.stderr)
        return 1
    os.environ.setdefault("LIVE_TRACE_PYTHON", sys.executable)
    os.execv(program, ["live-trace", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
