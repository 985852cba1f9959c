# SPDX-License-Identifier: Apache-2.0
"""PEP 517 over configure and make: a wheel with the package, its extension and the command; an sdist is what `make dist` packs.

The extension keeps to the stable ABI of 3.8, so one wheel serves all versions from there on."""

import base64
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile
import zipfile

TOP = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = TOP / "python" / "live_trace"
VERSION = re.search(r"^AC_INIT\(\[live-trace\], \[(.*?)\]\)", (TOP / "configure.ac").read_text(encoding="utf-8"), re.MULTILINE)[1]
NAME = f"live_trace-{VERSION}"
TAG = "cp38-abi3-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")

METADATA = f"""\
Metadata-Version: 2.1
Name: live-trace
Version: {VERSION}
Summary: What is your Python interpreter doing all day long? A sampling profiler to leave on.
License: Apache-2.0
Requires-Python: >=3.8
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: Implementation :: CPython
Description-Content-Type: text/markdown

"""


def metadata():
    return (METADATA + (TOP / "README.md").read_text(encoding="utf-8")).encode("utf-8")


def run(command, folder):
    try:
        subprocess.run(command, cwd=folder, check=True)
    except FileNotFoundError:
        raise SystemExit(f"live-trace: {command[0]} is missing: install autoconf, automake, make, gcc, pkg-config, zlib1g-dev and"
                         " libcjson-dev") from None
    except subprocess.CalledProcessError:
        raise SystemExit(f"live-trace: {os.path.basename(command[0])} failed: what is missing stands above; needed are a C compiler,"
                         " make, pkg-config, and the headers of zlib, cJSON and Python (Debian: zlib1g-dev libcjson-dev"
                         " python3-dev)") from None


def configure(folder):
    if not (TOP / "configure").exists():
        run([str(TOP / "autogen.sh")], TOP)
    run([str(TOP / "configure"), "-q", "PYTHON_INCLUDE=" + sysconfig.get_path("include")], folder)


def build(folder):
    """The command and the extension, without their symbols for debugging."""
    configure(folder)
    run(["make", "-s", f"-j{os.cpu_count() or 1}"], folder)
    built = [pathlib.Path(folder, name) for name in ("live-trace", "_agent.abi3.so")]
    if not built[1].exists():
        raise SystemExit("live-trace: there is no Python.h for this interpreter: install its headers (Debian: python3-dev)")
    if shutil.which("strip"):
        run(["strip", *map(str, built)], folder)
    return built


class Wheel:
    """A zip file with a list of what is in it."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.record = []

    def add(self, name, data, mode=0o644):
        info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
        info.external_attr = (0o100000 | mode) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(info, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
        self.record.append(f"{name},sha256={digest},{len(data)}")

    def close(self):
        record = f"{NAME}.dist-info/RECORD"
        self.zip.writestr(record, "\n".join([*self.record, f"{record},,", ""]))
        self.zip.close()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    file_name = f"{NAME}-{TAG}.whl"
    with tempfile.TemporaryDirectory(prefix="live-trace-build-") as folder:
        command, extension = build(folder)
        wheel = Wheel(os.path.join(wheel_directory, file_name))
        for path in sorted(PACKAGE.iterdir()):
            if path.suffix in (".py", ".typed", ".pyi"):
                wheel.add(f"live_trace/{path.name}", path.read_bytes())
        wheel.add(f"live_trace/{extension.name}", extension.read_bytes(), 0o755)
        wheel.add(f"{NAME}.data/scripts/live-trace", command.read_bytes(), 0o755)
    wheel.add(f"{NAME}.dist-info/METADATA", metadata())
    wheel.add(f"{NAME}.dist-info/LICENSE", (TOP / "LICENSE").read_bytes())
    wheel.add(f"{NAME}.dist-info/WHEEL",
              f"Wheel-Version: 1.0\nGenerator: live-trace {VERSION}\nRoot-Is-Purelib: false\nTag: {TAG}\n".encode("ascii"))
    wheel.close()
    return file_name


def build_sdist(sdist_directory, config_settings=None):
    file_name = f"{NAME}.tar.gz"
    with tempfile.TemporaryDirectory(prefix="live-trace-build-") as folder:
        configure(folder)
        run(["make", "-s", "distdir"], folder)
        with tarfile.open(os.path.join(sdist_directory, file_name), "w:gz", format=tarfile.PAX_FORMAT) as archive:
            archive.add(os.path.join(folder, f"live-trace-{VERSION}"), NAME)
            info = tarfile.TarInfo(f"{NAME}/PKG-INFO")
            info.size = len(metadata())
            archive.addfile(info, io.BytesIO(metadata()))
    return file_name
