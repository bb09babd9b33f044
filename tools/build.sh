#!/bin/sh
# Builds presets of CMakePresets.json, quietly; what the compiler says is shown only if it fails.
#
#   sh tools/build.sh [linux|linux32|win64|win32]...        (none: all four)
#
# Installs and builds what is missing first (tools/setup.sh). Runs at the same time wait for each other.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- linux linux32 win64 win32
sh tools/setup.sh
LC_ALL=C.UTF-8
export LC_ALL
exec 9>build/.build.lock
flock 9

build() {
    if [ ! -f "build/$1/build.ninja" ] || [ CMakePresets.json -nt "build/$1/build.ninja" ]; then
        cmake --preset "$1" || return 1
        touch "build/$1/build.ninja"
    fi
    cmake --build --preset "$1" -- -k 0
}

for preset; do
    echo "build: $preset"
    build "$preset" >"build/build-$preset.log" 2>&1 </dev/null || {
        # Left out: ninja's steps that went well, and the commands.
        grep -vE '^\[[0-9]+/[0-9]+\] |^(Preset CMake|  CMAKE_|  FCGIEXT_|-- |: && |/usr/bin/[a-z0-9_-]+ )' \
            "build/build-$preset.log" | tail -n 60 >&2
        echo "build: error: preset $preset failed; the full output is in build/build-$preset.log" >&2
        exit 1
    }
done
