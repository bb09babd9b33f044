# shellcheck shell=sh
# The Wine that demo and tests run in; to be sourced from the top folder of the project:
#
#   . tools/wine-env.sh     sets and exports the environment: nothing of the user's own Wine is used or changed
#   wine_start              makes the prefix if there is none, and starts its server (programs then start in 50 ms)
#   wine_stop               ends the server and with it every program in it, unless another run still uses it
#   $wine_heap COMMAND...   runs a command so that every Wine program which it starts has its heap where it can do no harm:
#       Linux begins the heap of a program anywhere in the GiB behind it (since 6.9), and once in some 4,000 starts that is
#       where Wine must map what Windows programs share. Such a program dies at once: CreateProcess fails with error 1359.
#       Empty where the machine does not allow it.
#
# One prefix serves several runs at a time: each holds a shared lock on build/.wine.lock, and only the last one out stops the
# server. tests/wine.py goes through this file too; it passes its own lock's descriptor in FCGIEXT_WINE_LOCK_FD.

WINEPREFIX=${FCGIEXT_WINEPREFIX:-$(pwd)/build/wineprefix}
WINEARCH=win64
WINEDEBUG=-all
# No Mono, no browser, no menus; no debugger: with it a crashed program can exit with code 0.
WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d;winedbg.exe=d"
LANG=C.UTF-8
LC_ALL=C.UTF-8
export WINEPREFIX WINEARCH WINEDEBUG WINEDLLOVERRIDES LANG LC_ALL
unset DISPLAY WAYLAND_DISPLAY WINELOADER WINESERVER || true
wine_heap=$(setarch -R echo setarch -R 2>/dev/null) || wine_heap=

wine_start() {
    mkdir -p build "$(dirname "$WINEPREFIX")"
    if [ -z "${FCGIEXT_WINE_LOCK_FD:-}" ]; then
        exec 8>>build/.wine.lock
        FCGIEXT_WINE_LOCK_FD=8
    fi
    flock -s "$FCGIEXT_WINE_LOCK_FD"
    if [ ! -e "$WINEPREFIX/fcgiext-complete" ]; then
        flock "$FCGIEXT_WINE_LOCK_FD"
        if [ ! -e "$WINEPREFIX/fcgiext-complete" ]; then
            wineserver -k >/dev/null 2>&1 || true
            rm -rf "$WINEPREFIX"
            timeout 120 $wine_heap wineboot -i >/dev/null 2>&1 </dev/null 8>&- ||
                { echo "wine: error: wineboot cannot make the prefix $WINEPREFIX" >&2 && return 1; }
            : >"$WINEPREFIX/fcgiext-complete"
        fi
        flock -s "$FCGIEXT_WINE_LOCK_FD"
    fi
    # Fails if one is running already: as good.
    $wine_heap wineserver -p >/dev/null 2>&1 </dev/null 8>&- || true
    # The first program starts Wine's services; they live as long as the server, and would keep that program's output open.
    timeout 60 $wine_heap wineboot >/dev/null 2>&1 </dev/null 8>&- || true
}

wine_stop() {
    [ -z "${FCGIEXT_WINE_LOCK_FD:-}" ] || flock -n "$FCGIEXT_WINE_LOCK_FD" || return 0
    wineserver -k >/dev/null 2>&1 </dev/null || true
}
