#!/bin/sh
# Installs what only tests of monitoring need: Debian's packages prometheus (promtool, and the server) and python3-yaml.
#
#   sh tests/monitoring/setup.sh
#
# A second run finds everything done. Exit code 1, and a sentence on stderr, if it cannot be had.
set -eu
umask 022
cd "$(dirname "$0")/../.."
LC_ALL=C
export LC_ALL
me=monitoring
log=build/monitoring-setup.log
packages="prometheus python3-yaml"
. tools/debian.sh

mkdir -p build
exec 9>build/.setup.lock
flock 9
: >"$log"
[ -n "$(missing_packages)" ] || exit 0
install_packages
# The package starts a server of its own, where it can: nobody has asked for it.
[ ! -d /run/systemd/system ] || run "$log" $as_root systemctl disable --now prometheus
