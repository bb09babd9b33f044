# shellcheck shell=sh
# What the scripts need that install Debian packages and fetch source packages; to be sourced from the top folder of the
# project, with $me (the script's name, for messages), $log (a file in build/), $root (the top folder's path) and $packages set.
#
# Source packages come from the Debian mirror that this machine already uses, through apt, which checks their signatures; apt's
# own lists are not touched. Who uses build/apt holds the lock on build/.setup.lock.

say() { echo "$me: $*"; }
die() {
    echo "$me: error: $*" >&2
    exit 1
}

# run LOG COMMAND...: quietly; what it said is shown only if it fails.
run() {
    run_log=$1
    shift
    "$@" >>"$run_log" 2>&1 </dev/null || {
        tail -n 25 "$run_log" >&2
        return 1
    }
}

# missing_packages: those of $packages that are not installed.
missing_packages() {
    # shellcheck disable=SC2086 # a list of words
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null >build/.packages.$$ || true
    for package in $packages; do
        grep -q "^$package installed$" build/.packages.$$ || printf ' %s' "$package"
    done
    rm -f build/.packages.$$
}

install_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "packages are missing and I am not root. Run as root: apt-get update && apt-get install$missing"
        as_root=sudo
    fi
    # shellcheck disable=SC2086 # lists of words
    {
        run "$log" $as_root apt-get update || say "apt-get update reported errors; trying with what it has"
        run "$log" $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
    } || die "apt-get could not install:$missing. Is there a network connection? The full output is in $log"
    missing=$(missing_packages)
    [ -z "$missing" ] || die "still missing after installing:$missing"
}

# apt-get with a state of its own in build/apt.
private_apt() {
    apt-get -o Dir::State::Lists="$root/build/apt/lists" -o Dir::Cache="$root/build/apt/cache" \
        -o Dir::Etc::SourceList="$root/build/apt/sources.list" -o Dir::Etc::SourceParts="$root/build/apt/sources.d" \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# The machine's Debian repositories, "URI RELEASE" a line, others left out. $@ = options for apt-get.
debian_repositories() {
    apt-get "$@" indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian main //p' | sort -u
}

# use_repositories "URI RELEASE lines": makes them the private apt's only sources, and loads their lists.
use_repositories() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    option=
    [ ! -r $keyring ] || option="[signed-by=$keyring] "
    echo "$1" | sed "s|^|deb-src $option|; s|\$| main|" >build/apt/sources.list
    run "$log" private_apt -o APT::Update::Error-Mode=any update
}

# repositories_ready: an empty build/apt, and the machine's repositories in $repositories, which are made its sources.
repositories_ready() {
    rm -rf build/apt
    mkdir -p build/apt/lists/partial build/apt/cache/archives/partial build/apt/sources.d build/apt/empty
    repositories=$(debian_repositories)
    if [ -z "$repositories" ]; then # the machine's lists are empty, as in container images: load them into our own folder
        run "$log" apt-get -o Dir::State::Lists="$root/build/apt/empty" -o APT::Sandbox::User=root update || true
        repositories=$(debian_repositories -o Dir::State::Lists="$root/build/apt/empty")
    fi
    [ -n "$repositories" ] ||
        die "found no Debian repository in /etc/apt, or no network to reach it. This script needs Debian 12 and its mirror"
}

# fetch_from_this_release SOURCE FOLDER: the newest version, or that of one of the repositories: a list can name files that have
# gone from the mirror, those of the security updates first. After use_repositories.
fetch_from_this_release() {
    for release in "" $(echo "$repositories" | sed 's|.* |/|' | sort -u); do
        (cd "$2" && private_apt source --download-only "$1$release") >>"$root/$log" 2>&1 && return 0
        rm -f "$2/$1"_*
    done
    return 1
}

# fetch_from_trixie SOURCE FOLDER: from the release after this one. After repositories_ready.
fetch_from_trixie() {
    main=$(echo "$repositories" | sed -n 's|^\([^ ]*/debian/*\) .*|\1|p' | head -n 1)
    [ -n "$main" ] || main=$(echo "$repositories" | sed -n '1s| .*||p')
    use_repositories "$repositories
$main trixie" || die "the list of trixie cannot be read from the mirror. The full output is in $log"
    (cd "$2" && run "$root/$log" private_apt source --download-only "$1/trixie") ||
        die "cannot fetch the source package $1. The full output is in $log"
}
