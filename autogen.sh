#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes ./configure. Needs autoconf, automake and pkg-config (Debian: the packages of these names).
set -eu
cd "$(dirname "$0")"
autoreconf --install --force --warnings=all "$@"
