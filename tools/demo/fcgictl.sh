#!/bin/sh
# fcgictl.exe in the Wine of the demo: tools/demo.sh puts this to build/fcgictl.
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
FCGIEXT_WINEPREFIX=${FCGIEXT_WINEPREFIX:-$root/build/wineprefix}
# shellcheck source=tools/wine-env.sh
. "$root/tools/wine-env.sh"
exec $wine_heap wine "$root/build/win64/bin/fcgictl.exe" "$@"
