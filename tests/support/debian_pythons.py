# SPDX-License-Identifier: Apache-2.0
"""Debian unstable's interpreters and their headers, which run beside those of the machine.

debootstrap puts a small system into a folder, once; deleting the folder fetches a newer one. Its interpreters run
without being in it (no chroot, and no root once it is there): their own dynamic linker starts them with their own
libraries, through a script each that stands where an interpreter installed by hand would, so that Python finds its
library from there, and what Python starts as sys.executable is the same again."""

import contextlib
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

VERSIONS = ("3.13", "3.14", "3.15")
MIRROR = os.environ.get("LIVE_TRACE_DEBIAN_MIRROR")  # None: the one that debootstrap knows
PATIENCE = 900  # seconds for all of it
RETRY_AFTER = 3600  # and between two attempts that failed
NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")

WRAPPER = """#!/bin/sh
exec '{linker}' --argv0 "$0" --library-path '{libraries}' '{python}' "$@"
"""


class CannotBeHad(Exception):
    pass


@contextlib.contextmanager
def only_one(path):
    """Tests may run side by side: the others wait for the one that fetches."""
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def debootstrap(folder, packages, seconds):
    """What it printed, and its exit status. Its mounts are its own, and end with it."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", "--include=" + ",".join(packages), "sid", folder, *([MIRROR] if MIRROR else [])]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, PATH=path), start_new_session=True) as process:
        try:
            out, _ = process.communicate(timeout=max(1, seconds))
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise CannotBeHad(f"debootstrap took longer than {PATIENCE} s") from error
    return out, process.returncode


def bootstrap(folder):
    """Unstable does not have all versions all of the time: what it does not know is left out."""
    deadline = time.monotonic() + PATIENCE
    versions = list(VERSIONS)
    while versions:
        packages = [name for v in versions for name in (f"python{v}", f"libpython{v}-dev")]
        out, status = debootstrap(folder, packages, deadline - time.monotonic())
        if status == 0:
            return
        unknown = re.search(r"Couldn't find these debs: (.*)", out)
        left = [v for v in versions if not unknown or not re.search(rf"python{re.escape(v)}\b", unknown[1])]
        if left == versions:
            raise CannotBeHad("debootstrap failed: " + (out.strip().splitlines() or ["without a word"])[-1])
        versions = left
        shutil.rmtree(folder)
        os.mkdir(folder)
    raise CannotBeHad("Debian unstable has none of them")


def write_wrappers(folder, final):
    """Beside the interpreters, in usr/local/bin."""
    libraries = os.path.relpath(glob.glob(os.path.join(folder, "usr/lib/*-linux-gnu"))[0], folder)
    linker = os.path.relpath(glob.glob(os.path.join(folder, libraries, "ld-linux*.so.*"))[0], folder)
    for version in VERSIONS:
        if os.path.exists(os.path.join(folder, "usr/bin/python" + version)):
            wrapper = os.path.join(folder, "usr/local/bin/python" + version)
            with open(wrapper, "w", encoding="utf-8") as out:
                out.write(WRAPPER.format(linker=os.path.join(final, linker), libraries=os.path.join(final, libraries),
                                         python=os.path.join(final, "usr/bin/python" + version)))
            os.chmod(wrapper, 0o755)


def fetch(cache, final):
    if os.geteuid() != 0:
        raise CannotBeHad("debootstrap needs root, once")
    if not shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        raise CannotBeHad("debootstrap is not installed")
    folder = tempfile.mkdtemp(prefix="debian-sid-", dir=cache)
    try:
        os.chmod(folder, 0o755)
        bootstrap(folder)
        for name in NOT_NEEDED:
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        write_wrappers(folder, final)
        os.rename(folder, final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recent_failure(path):
    try:
        if time.time() - os.stat(path).st_mtime > RETRY_AFTER:
            return None
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def debian_pythons(cache):
    """Paths of commands, fetched if they are not there yet, and if there are none, the reason."""
    final, failed = os.path.join(cache, "debian-sid"), os.path.join(cache, "debian-sid.failed")
    os.makedirs(cache, exist_ok=True)
    if not os.path.exists(final):
        with only_one(os.path.join(cache, "debian-sid.lock")):
            if not os.path.exists(final):
                reason = recent_failure(failed)
                if reason:
                    return [], reason
                try:
                    fetch(cache, final)
                except (CannotBeHad, OSError) as error:
                    with open(failed, "w", encoding="utf-8") as out:
                        out.write(str(error))
                    return [], str(error)
    return sorted(glob.glob(os.path.join(final, "usr/local/bin/python3.*"))), "Debian unstable has it not"
