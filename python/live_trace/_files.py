# SPDX-License-Identifier: Apache-2.0
"""Where traces go: the same rules as those of the command (cli/trace_dir.c)."""

import datetime
import os
import re
from typing import Optional, Tuple

DEFAULT_NAME = "%Y-%m-%d-%H-%M-%S.ltrace"
MAX_SAME_NAME = 10000


def default_folder() -> str:
    """DIR of `live-trace --help`; made, and refused if it is another user's."""
    own = os.environ.get("LIVE_TRACE_DIR")
    parent = os.environ.get("TMPDIR") or os.environ.get("TMP") or "/tmp"
    folder = own or os.path.join(parent, "live_trace")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if os.stat(folder).st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user: set LIVE_TRACE_DIR to a folder of yours")
    return folder


def expand(template: str) -> str:
    """strftime's fields, %p for the process id, and fields as in "{:%Y/%m/%d}"."""
    now = datetime.datetime.now()
    try:
        template = template.format(now)
    except (ValueError, LookupError, AttributeError) as error:
        raise ValueError(f"{template!r} is no template ({error}): write fields as {{:%Y/%m/%d}} or %Y/%m/%d, and {{{{ for a"
                         " brace") from None
    pid = str(os.getpid())
    return now.strftime(re.sub("%(.)", lambda field: pid if field[1] == "p" else field[0], template))


def open_exactly(path: str) -> int:
    _make_folder_of(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOCTTY, 0o666)


def open_new(template: Optional[str]) -> Tuple[int, str]:
    """A file that was not there before: -1, -2, ... is added to a name that is taken, so that the processes of a server may
    share a template."""
    if template == "-":
        return os.dup(1), "-"
    path = expand(template) if template else os.path.join(default_folder(), expand(DEFAULT_NAME))
    _make_folder_of(path)
    stem, extension = os.path.splitext(path)
    mode = 0o666 if template else 0o600
    for number in range(MAX_SAME_NAME):
        name = f"{stem}-{number}{extension}" if number else path
        try:
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOCTTY, mode), name
        except FileExistsError:
            if not os.path.isfile(name):  # a pipe, a device
                return open_exactly(name), name
    raise FileExistsError(f"{path} and {MAX_SAME_NAME} more of its kind are there: remove some")


def _make_folder_of(path: str) -> None:
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
