#!/bin/sh
# Builds everything and runs the tests.
#
#   sh tests/run.sh [--group GROUP]... [-k PATTERN] [-v] [--minutes N] [--seed N]
#
# Groups: style unit-linux unit-linux32 unit-wine sim fuzz monitoring pe system soak (default: all).
# -k: only what has PATTERN in "group/program/case".
# soak: --minutes N of load (2); --seed N repeats the load of another run, which has printed it.
# fuzz: --minutes N for each target (5 seconds); --seed N for other inputs than those of every run. -k fuzz/NAME: one target.
# The last line is `N passed, N failed` (and `, N skipped` if any); exit code 0 only if nothing failed and something ran.
set -eu
cd "$(dirname "$0")/.."

presets=
previous=
system=
monitoring=
for word; do
    case $previous$word in
        --help | -h) exec sed -n '2,10s/^# \{0,1\}//p' tests/run.sh ;;
        --groupunit-linux | --group=unit-linux | --groupsim | --group=sim | --groupfuzz | --group=fuzz) presets="$presets linux" ;;
        --groupmonitoring | --group=monitoring) presets="$presets linux" monitoring=1 ;;
        --groupunit-linux32 | --group=unit-linux32) presets="$presets linux32" ;;
        --groupunit-wine | --groupsoak | --group=unit-wine | --group=soak) presets="$presets win64" ;;
        --groupsystem | --group=system) presets="$presets win64" system=1 ;;
        --groupstyle | --group=style) presets="$presets none" ;;
        --grouppe | --group=pe) presets="$presets win64 win32" ;;
    esac
    previous=
    [ "$word" != --group ] || previous=$word
done
case $presets in
    "") presets="linux linux32 win64 win32" system=1 monitoring=1 ;;
    *) presets=$(echo "$presets" | sed 's/none//g') ;;
esac

[ -z "$system" ] || sh tools/setup.sh --tests || {
    echo "0 passed, 1 failed"
    exit 1
}
[ -z "$monitoring" ] || sh tests/monitoring/setup.sh || {
    echo "0 passed, 1 failed"
    exit 1
}
# shellcheck disable=SC2086 # a list of words
if [ -z "${presets# }" ]; then sh tools/setup.sh; else sh tools/build.sh $presets; fi || {
    echo "0 passed, 1 failed"
    exit 1
}
# shellcheck source=tools/wine-env.sh
. tools/wine-env.sh
exec $wine_heap /usr/bin/python3 tests/run.py "$@"
