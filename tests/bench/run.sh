#!/bin/sh
# Builds the Windows programs and measures how fast fcgiext is, next to what it cannot be faster than.
#
#   sh tests/bench/run.sh [--only NAME,NAME] [--connections N,N] [--rounds N] [--seconds N] [--download-mib N]
#                         [--completions inline|thread|late] [--save] [--smoke]
set -eu
cd "$(dirname "$0")/../.."
sh tools/build.sh win64
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/bench/run.py "$@"
