# SPDX-License-Identifier: Apache-2.0
"""Where traces go: the same folder as that of the command (cli/trace_dir.c). What becomes of a template is the collector's
business (collector/trace_name.c), which goes on to the next file by itself."""

import os

# With the process id: a cap on what this library writes is none on what `live-trace run` does.
DEFAULT_NAME = "%Y-%m-%d-%H-%M-%S-p%p.ltrace"


def default_template() -> str:
    """In DIR of `live-trace --help`; made, and refused if it is another user's."""
    own = os.environ.get("LIVE_TRACE_DIR")
    parent = os.environ.get("TMPDIR") or os.environ.get("TMP") or "/tmp"
    folder = own or os.path.join(parent, "live_trace")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if os.stat(folder).st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user: set LIVE_TRACE_DIR to a folder of yours")
    return os.path.join(os.path.abspath(folder).replace("%", "%%"), DEFAULT_NAME)


class _Fields:
    """Stands for the time in "{:%Y/%m/%d}": leaves the fields to strftime."""

    def __format__(self, fields: str) -> str:
        return fields or "%Y-%m-%d %H:%M:%S"


def to_template(text: str) -> str:
    """strftime's fields and %p, from what may also have fields as in "{:%Y/%m/%d}"; where it is now, whatever the working folder
    becomes."""
    try:
        text = text.format(_Fields())
    except (ValueError, LookupError, AttributeError) as error:
        raise ValueError(f"{text!r} is no template ({error}): write fields as {{:%Y/%m/%d}} or %Y/%m/%d, and {{{{ for a"
                         " brace") from None
    try:
        folder = os.getcwd().replace("%", "%%")
    except OSError:  # it was removed
        return text
    return os.path.normpath(os.path.join(folder, text))


def open_exactly(path: str) -> int:
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOCTTY, 0o666)
