#!/bin/sh
# What only tests/bench needs:
#
#   sh tests/bench/setup.sh wrk      the load generator, a Debian package
#   sh tests/bench/setup.sh nginx    nginx for Windows, from trixie's source package (bookworm's has no src/os/win32), into
#                                    build/bench/nginx; FastCGI and files only: no PCRE, zlib, TLS
#
# A second run finds everything done. Exit code 1, and a sentence on stderr, if it cannot be had.
set -eu
umask 022
cd "$(dirname "$0")/../.."
root=$(pwd)
LC_ALL=C
export LC_ALL
me=bench
log=build/bench-setup.log
packages=wrk
. tools/debian.sh

unused="gzip rewrite ssi userid auth_basic mirror autoindex geo map split_clients referer proxy uwsgi scgi grpc memcached
limit_conn limit_req empty_gif browser upstream_hash upstream_ip_hash upstream_random charset access"

nginx() {
    # Whatever shapes the result: this script, the compiler.
    key=$({
        cat tests/bench/setup.sh
        x86_64-w64-mingw32-gcc -dumpfullversion
    } | sha256sum | cut -d ' ' -f 1)
    [ "$(cat build/bench/nginx/key 2>/dev/null)" != "$key" ] || return 0
    say "fetching and building nginx for Windows"
    work=build/bench/nginx.new
    rm -rf "$work" build/bench/nginx
    mkdir -p "$work/download"
    repositories_ready
    fetch_from_trixie nginx "$work/download"
    rm -rf build/apt
    run "$log" dpkg-source --no-copy --skip-patches -x "$work"/download/nginx_*.dsc "$work/source" ||
        die "cannot unpack nginx's source package. The full output is in $log"
    set -- --crossbuild=win32 --with-cc=x86_64-w64-mingw32-gcc --with-cc-opt="-O2 -w -DFD_SETSIZE=1024" --with-ld-opt=-static \
        --prefix= --with-select_module --without-pcre
    for module in $unused; do
        set -- "$@" "--without-http_${module}_module"
    done
    (
        cd "$work/source"
        run "$root/$log" ./configure "$@" && run "$root/$log" make -j2 -f objs/Makefile binary
    ) || die "nginx cannot be built. The full output is in $log"
    mkdir "$work/bin"
    cp "$work/source/objs/nginx.exe" "$work/bin/"
    rm -rf "$work/source" "$work/download"
    echo "$key" >"$work/key"
    mv "$work" build/bench/nginx
}

mkdir -p build/bench
exec 9>build/.setup.lock
flock 9
: >"$log"
for wanted; do
    case $wanted in
        wrk) install_packages ;;
        nginx) nginx ;;
        *) die "nobody knows '$wanted'; there are wrk and nginx" ;;
    esac
done
