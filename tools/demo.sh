#!/bin/sh
# The demo of fcgiext: installs what is missing, builds, and serves a site whose samples are answered through fcgiext.dll by a
# libfcgi program on named pipes and by PHP. Until Ctrl-C; then nothing is left behind.
#
#   sh tools/demo.sh [--port N]     serve on http://127.0.0.1:N/ (8080; 0 takes a free port)
#   sh tools/demo.sh --check        serve on a free port, try each sample, print a line for each check; exit code 0 or 1
#   sh tools/demo.sh --build-only   only install and build
#
# The server is isapihost under Wine; it listens on this machine only.
set -eu
cd "$(dirname "$0")/.."

usage() {
    echo "demo: error: $1; see sh tools/demo.sh --help" >&2
    exit 2
}

port=
check=
build_only=
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) exec sed -n '2,9s/^# \{0,1\}//p' tools/demo.sh ;;
        --check) check=--check ;;
        --build-only) build_only=1 ;;
        --port)
            [ $# -gt 1 ] || usage "--port wants a number"
            port=$2
            shift
            ;;
        --port=*) port=${1#--port=} ;;
        *) usage "unknown option '$1'" ;;
    esac
    shift
done
[ -n "$port" ] || { [ -n "$check" ] && port=0 || port=8080; }
case $port in
    *[!0-9]* | ??????*) usage "--port wants a number from 0 to 65535, not '$port'" ;;
esac
[ "$port" -le 65535 ] || usage "--port wants a number from 0 to 65535, not '$port'"

sh tools/build.sh win64
install -m 755 tools/demo/fcgictl.sh build/fcgictl
[ -z "$build_only" ] || exit 0

. tools/wine-env.sh
trap 'wine_stop; exit 130' INT TERM HUP
wine_start
# From here on it minds the signals; the lock of wine_start stays in its hands, and it calls wine_stop at the end.
trap '' INT TERM HUP
export FCGIEXT_WINE_LOCK_FD
PYTHONDONTWRITEBYTECODE=1 exec $wine_heap /usr/bin/python3 tools/demo/demo.py $check --port "$port"
