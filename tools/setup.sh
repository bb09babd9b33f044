#!/bin/sh
# Prepares a Debian 12 machine for building and testing fcgiext: installs the packages that are missing, then fetches the source
# packages of the libraries and builds them once into build/deps/{linux,linux32,win64,win32}/{include,lib}.
#
#   sh tools/setup.sh             what building, running and the demo need
#   sh tools/setup.sh --tests     and what only tests need: a browser
#
# A second run finds everything done and returns at once. An interrupted run leaves nothing half done: downloads and libraries
# appear under their final names only when complete. Two runs at the same time wait for each other.
#
# Why from source, and natively too: Debian has no mingw builds of these libraries, and all four builds must use the same
# versions. The source packages come from the Debian mirror that this machine already uses, through apt, which checks their
# signatures; apt's own lists are not touched.
set -eu
umask 022
cd "$(dirname "$0")/.."
root=$(pwd)
LC_ALL=C
export LC_ALL

packages="wine wine64 gcc-mingw-w64-x86-64 gcc-mingw-w64-i686 binutils-mingw-w64-x86-64 binutils-mingw-w64-i686
gcc gcc-multilib clang clang-format libclang-rt-14-dev cmake ninja-build dpkg-dev patch xz-utils curl python3 php-cgi"
sources="cjson cmocka civetweb libfcgi php8.2 libinih"
case ${1:-} in
    --tests) packages="$packages chromium" ;;
    "") ;;
    *) echo "setup: error: unknown option '$1'" >&2 && exit 2 ;;
esac

me=setup
log=build/setup.log
. tools/debian.sh

# -------------------------------------------------------------------------------------------------------------- sources

fetch_sources() {
    [ ! -d build/downloads ] || [ "$(cat build/downloads/complete 2>/dev/null)" != "$sources" ] || return 0
    say "fetching source packages: $sources"
    rm -rf build/downloads build/downloads.new
    mkdir -p build/downloads.new
    repositories_ready
    use_repositories "$repositories" ||
        die "the Debian mirror cannot be read. Is there a network connection? The full output is in build/setup.log"
    for source in $sources; do
        fetch_from_this_release "$source" build/downloads.new && continue
        # Bookworm's libinih has gone from mirrors; the next release's does as well.
        say "$source cannot be fetched from this release; taking it from trixie"
        fetch_from_trixie "$source" build/downloads.new
    done
    echo "$sources" >build/downloads.new/complete
    mv build/downloads.new build/downloads
    rm -rf build/apt
}

# ------------------------------------------------------------------------------------------------------------ libraries

inih_defines() { sed -n "/^INI_/s/^/-D/p" cmake/inih-options.txt | tr -d '\r'; }

# archive LIBRARY SOURCE... -- OPTION...: compiles C files into a static library in $out/lib.
archive() {
    library=$1
    shift
    objects=
    files=
    while [ "$1" != -- ]; do
        files="$files $1"
        shift
    done
    shift
    for file in $files; do
        object=$work/obj/$target/$library-$(basename "$file" .c).o
        # shellcheck disable=SC2086 # $flags is a list of words
        $cc $flags "$@" -c "$file" -o "$object"
        objects="$objects $object"
    done
    rm -f "$out/lib/$library.a"
    # shellcheck disable=SC2086 # a list of words
    $ar crs "$out/lib/$library.a" $objects
}

build_inih() {
    set --
    while read -r define; do
        set -- "$@" "$define"
    done <"$work/inih-defines"
    archive libinih "$src/libinih/ini.c" -- "$@"
    cp "$src/libinih/ini.h" "$out/include/"
}

build_cmocka() {
    mkdir -p "$work/cmocka-$target"
    # shellcheck disable=SC2086 # $cmake_options is a list of words
    cmake -S "$src/cmocka" -B "$work/cmocka-$target" -G Ninja -DCMAKE_BUILD_TYPE=Release -DWITH_STATIC_LIB=ON \
        -DBUILD_SHARED_LIBS=OFF -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF -DCMAKE_C_COMPILER="$cc" $cmake_options
    cmake --build "$work/cmocka-$target" --target cmocka-static
    cp "$(find "$work/cmocka-$target" -name 'libcmocka-static.a' | head -n 1)" "$out/lib/"
    # mingw: C99's formats (%zu) in print_message and its like.
    case $target in
        win*)
            sed 's/__format__ (__printf__,/__format__ (__gnu_printf__,/' "$src/cmocka/include/cmocka.h" >"$out/include/cmocka.h"
            grep -q __gnu_printf__ "$out/include/cmocka.h"
            ;;
        *) cp "$src/cmocka/include/cmocka.h" "$out/include/" ;;
    esac
}

build_civetweb() {
    # mingw's time.h declares winpthread's clock_gettime, which calls GetTickCount64 (not on XP): civetweb is to use its own.
    # The source goes along with the library: isapihost includes it, to reach what the interface does not offer.
    mkdir -p "$out/include/civetweb-source"
    cp "$src/civetweb/src/"*.inl "$src/civetweb/include/civetweb.h" "$out/include/civetweb-source/"
    sed 's/WIN_PTHREADS_TIME_H/CIVETWEB_CLOCK_OF_WINPTHREAD/' "$src/civetweb/src/civetweb.c" \
        >"$out/include/civetweb-source/civetweb.c"
    # Plain HTTP/1.1 with files; no TLS, CGI, Lua, websockets or caching of its own.
    archive libcivetweb "$out/include/civetweb-source/civetweb.c" -- -DNO_SSL -DNO_CGI -DNO_CACHING -DNDEBUG
    cp "$src/civetweb/include/civetweb.h" "$out/include/"
}

build_libfcgi() {
    cp "$src/libfcgi/include/"*.h "$out/include/"
    cp "$src/libfcgi/include/fcgi_config_x86.h" "$out/include/fcgi_config.h"
    archive libfcgi "$src/libfcgi/libfcgi/fcgiapp.c" "$src/libfcgi/libfcgi/fcgi_stdio.c" "$src/libfcgi/libfcgi/os_win32.c" \
        "$src/libfcgi/libfcgi/strerror.c" -- -I"$out/include" -DDLLAPI=
}

# Of php two files: its side of FastCGI, for programs of the tests (tests/helpers/php_fastcgi).
copy_php() {
    mkdir -p "$out/include/php-source"
    cp "$src/php8.2/main/fastcgi.c" "$src/php8.2/main/fastcgi.h" "$out/include/php-source/"
}

# build_target NAME: all libraries that this target needs.
build_target() {
    target=$1
    out=$work/deps/$target
    mkdir -p "$out/include/cjson" "$out/lib" "$work/obj/$target"
    # ffile-prefix-map: __FILE__ must not carry this machine's folders into the products.
    flags="-O2 -w -ffunction-sections -fdata-sections -ffile-prefix-map=$work=deps"
    cmake_options=
    ar=ar
    case $target in
        linux) cc=gcc ;;
        linux32) cc=gcc flags="$flags -m32" cmake_options="-DCMAKE_C_FLAGS=-m32" ;;
        win64) prefix=x86_64-w64-mingw32 ;;
        win32) prefix=i686-w64-mingw32 ;;
    esac
    case $target in
        win*)
            cc=$prefix-gcc ar=$prefix-ar
            flags="$flags -D_WIN32_WINNT=0x0501 -DWINVER=0x0501"
            cmake_options="-DCMAKE_SYSTEM_NAME=Windows -DCMAKE_RC_COMPILER=$prefix-windres -DCMAKE_C_FLAGS=-D__USE_MINGW_ANSI_STDIO=1"
            ;;
    esac
    # Without it what links it exports its functions, on Windows.
    archive libcjson "$src/cjson/cJSON.c" -- -DCJSON_HIDE_SYMBOLS
    cp "$src/cjson/cJSON.h" "$out/include/cjson/"
    build_inih
    build_cmocka
    case $target in
        win*)
            build_civetweb
            build_libfcgi
            copy_php
            ;;
    esac
    echo "built $target"
}

# unpack SOURCE: into $src/SOURCE. Of php, which is large, two files; no patch of Debian's touches them.
unpack() {
    case $1 in
        php*)
            mkdir -p "$src/$1"
            run build/setup.log tar -xf build/downloads/"$1"_*.orig.tar.*z -C "$src/$1" --strip-components=1 --wildcards \
                '*/main/fastcgi.c' '*/main/fastcgi.h'
            ;;
        *) run build/setup.log dpkg-source --no-copy -x build/downloads/"$1"_*.dsc "$src/$1" ;;
    esac
}

build_libraries() {
    # Whatever shapes the result: this script, inih's options, the compilers, the sources.
    key=$({
        cat tools/setup.sh cmake/inih-options.txt
        gcc -dumpfullversion
        x86_64-w64-mingw32-gcc -dumpfullversion
        i686-w64-mingw32-gcc -dumpfullversion
        ls build/downloads
    } | sha256sum | cut -d ' ' -f 1)
    [ "$(cat build/deps/key 2>/dev/null)" != "$key" ] || return 0
    say "building the libraries for linux, linux32, win64, win32"
    work=$root/build/deps.new
    rm -rf "$work"
    src=$work/src
    mkdir -p "$src" "$work/deps"
    for source in $sources; do
        unpack "$source" || die "cannot unpack the source package $source: delete build/downloads and try again"
    done
    inih_defines >"$work/inih-defines"
    for one in linux linux32 win64 win32; do
        (
            set -e
            build_target "$one"
        ) >"build/setup-$one.log" 2>&1 </dev/null &
        jobs="$jobs $!"
    done
    failed=
    for job in $jobs; do
        wait "$job" || failed=1
    done
    if [ -n "$failed" ]; then
        for one in linux linux32 win64 win32; do
            tail -n 1 "build/setup-$one.log" | grep -q "^built" || tail -n 25 "build/setup-$one.log" >&2
        done
        die "a library could not be built; see build/setup-*.log"
    fi
    echo "$key" >"$work/deps/key"
    rm -rf build/deps
    mv "$work/deps" build/deps
    rm -rf "$work"
    say "done: build/deps"
}

# ----------------------------------------------------------------------------------------------------------------- main

command -v apt-get >/dev/null 2>&1 && [ "$(dpkg --print-architecture)" = amd64 ] ||
    die "this script prepares Debian 12 on amd64. On Windows use vcpkg and the preset windows-msvc (see README.md)"
mkdir -p build
exec 9>build/.setup.lock
flock -n 9 || {
    say "another run is at work; waiting for it"
    flock 9
}
jobs=
# Children keep the lock's descriptor: a next run starts only when the last of them has gone.
trap 'kill $jobs 2>/dev/null; exit 130' INT TERM HUP
: >build/setup.log
install_packages
fetch_sources
build_libraries
