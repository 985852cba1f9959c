# SPDX-License-Identifier: Apache-2.0
"""Other profilers, fetched from PyPI into a cache outside of the tree."""

import glob
import os
import subprocess
import sys

from lt_e2e import CACHE  # the caller has its folder on the path


def peer(package, program):
    """The path of a peer's program, or None where it cannot be had."""
    folder = os.path.join(CACHE, "peers")
    path = os.path.join(folder, "bin", program)
    if os.path.exists(path):
        return path
    try:
        if not os.path.exists(os.path.join(folder, "bin", "pip")):
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([os.path.join(folder, "bin", "pip"), "install", "-q", "--disable-pip-version-check", package],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    except (OSError, subprocess.SubprocessError):
        return None
    return path if os.path.exists(path) else None


def runnable(path):
    """The words that run a peer's program: one that wants a newer C library than this machine has gets Debian unstable's,
    which the tests fetch for their interpreters. None if neither does."""
    unstable = os.path.join(CACHE, "debian-sid")
    ways = [[path]]
    for libraries in glob.glob(os.path.join(unstable, "usr", "lib", "*-linux-gnu")):
        ways += [[linker, "--library-path", libraries, path] for linker in glob.glob(os.path.join(libraries, "ld-linux*.so.*"))]
    for words in ways:
        if subprocess.run([*words, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return words
    return None
