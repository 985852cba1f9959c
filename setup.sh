#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds out of tree, and runs its arguments with the build first on PATH:
#
#     ./setup.sh live-trace run-and-analyze examples/shop.py
#     ./setup.sh make check
#
# `make` runs in the build folder; for it, what the tests need is installed too. The build folder is
# $LIVE_TRACE_BUILD, else ./build; a second call builds only what has changed. Everything but the
# command's own output goes to standard error.
set -eu

top=$(cd "$(dirname "$0")" && pwd)
build=${LIVE_TRACE_BUILD:-$top/build}

to_build="gcc:gcc make:make autoconf:autoconf automake:automake pkg-config:pkg-config python3:python3"
libraries="zlib:zlib1g-dev libcjson:libcjson-dev sqlite3:libsqlite3-dev"
to_test="clang:clang clang-format:clang-format chromium:chromium node:nodejs npm:npm pip3:python3-pip gdb:gdb debootstrap:debootstrap"
to_test="$to_test go:golang-go callgrind_annotate:valgrind jq:jq"
test_libraries="cunit:libcunit1-dev"

say() {
    printf 'setup: %s\n' "$*" >&2
}

# The packages of those COMMAND:PACKAGE pairs whose command is not there.
missing_commands() {
    PATH=$PATH:/usr/sbin
    for pair; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || printf ' %s' "${pair#*:}"
    done
}

missing_libraries() {
    for pair; do
        pkg-config --exists "${pair%%:*}" 2>/dev/null || printf ' %s' "${pair#*:}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "please install what Debian calls:$1"
        exit 1
    fi
    say "installing$1"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >&2
}

# shellcheck disable=SC2086
packages="$(missing_commands $to_build)$(missing_libraries $libraries)"
if [ "${1:-}" = make ]; then
    # shellcheck disable=SC2086
    packages="$packages$(missing_commands $to_test)$(missing_libraries $test_libraries)"
    python3 -c 'import os, sysconfig, venv, ensurepip; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
        packages="$packages python3-dev python3-venv"
    # libFuzzer and the sanitizers of clang.
    [ -n "$(find /usr/lib/llvm* /usr/lib/clang -name 'libclang_rt.fuzzer-*.a' 2>/dev/null | head -n 1)" ] ||
        packages="$packages libclang-rt-dev"
    # The C library's headers: gcc alone does not bring them.
fi
[ -e /usr/include/stdio.h ] || packages="$packages libc6-dev"
[ -z "$packages" ] || install_packages "$packages"

if [ ! -e "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
    "$top/autogen.sh" >&2
fi
mkdir -p "$build"
if [ ! -e "$build/config.status" ] || [ "$top/configure" -nt "$build/config.status" ]; then
    (cd "$build" && "$top/configure" -q) >&2
fi
make -C "$build" -s -j"$(nproc)" >&2

[ $# -gt 0 ] || set -- live-trace --help
PATH=$build:$PATH
export PATH
if [ "$1" = make ]; then
    cd "$build"
fi
exec "$@"
