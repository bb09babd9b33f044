#!/bin/sh
# Builds the Windows programs, measures how fast fcgiext is under Wine, and prints that beside what it cannot be faster than.
#
#   sh tests/bench/run.sh [--only NAME,NAME...] [--connections N,N...] [--rounds N] [--seconds N] [--download-mib N]
#                         [--completions inline|thread|late] [--save] [--smoke]
#
# Names: static isapi isapi-async kept new nginx (each over HTTP), rate rate-new rate-plain bare driver, download bare-download, status,
# counters (default: all). rate-plain is rate with Impersonate=0.
# --connections: 1,8,32; --rounds: 5, in each of which everything is measured once; --seconds: 2, for each measurement.
# --download-mib: the size of the long answer, 256. --completions: how isapihost completes what is asynchronous (thread).
# --save writes the result as docs/performance.md. --smoke: all but nginx, so short that the figures mean nothing.
# The first run installs wrk, and fetches and builds nginx for Windows; if nginx cannot be had, it is left out, with the reason.
# Exit code 0 if all could be measured, whatever the figures are; 1 if an answer was wrong or a program failed.
set -eu
cd "$(dirname "$0")/../.."

for word; do
    case $word in
        --help | -h) exec sed -n '2,13s/^# \{0,1\}//p' tests/bench/run.sh ;;
    esac
done
sh tools/build.sh win64
# shellcheck source=tools/wine-env.sh
. tools/wine-env.sh
PYTHONDONTWRITEBYTECODE=1 exec $wine_heap /usr/bin/python3 tests/bench/run.py "$@"
