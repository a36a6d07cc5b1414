#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing: Debian packages, and the pinned lwIP source.
#
#   scripts/deps.sh run     what building and booting the system needs (scripts/qemu-test.sh)
#   scripts/deps.sh test    that, and what all tests need (scripts/test.sh)
#
# As root, or through sudo; otherwise it prints the one line that installs the packages and stops. When
# nothing is missing it only asks dpkg once. On a system without dpkg the packages are the user's business.
set -eu

run_packages='make gcc libc6-dev gcc-riscv64-unknown-elf qemu-system-misc python3 xz-utils'
test_packages='perl libcmocka-dev libsodium-dev libssl-dev libcjson-dev golang-go golang-github-flynn-noise-dev
    python3-dissononce clang lld clang-tidy clang-tools cppcheck valgrind libuv1-dev libinih-dev libseccomp-dev
    libmicrohttpd-dev libqrencode-dev scdoc man-db zsh fish systemd iproute2 g++ cmake pkg-config bochs bochs-term
    bochsbios vgabios llvm python3-z3'

fail() {
    echo "deps: $*" >&2
    exit 1
}

case "${1:-}" in
run) wanted=$run_packages ;;
test) wanted="$run_packages $test_packages" ;;
*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."

missing_packages() {
    # shellcheck disable=SC2086 # a list of words
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null >"$present" || true
    for package in $wanted; do
        grep -qx "installed $package" "$present" || printf '%s ' "$package"
    done
}

# Runs one step as root, output to the log, and prints how long it took.
as_root_timed() {
    what=$1
    shift
    start=$(date +%s)
    $as_root env DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        fail "$what failed; the packages that are missing: $missing"
    }
    echo "deps: $what: $(($(date +%s) - start)) s"
}

install_packages() {
    line="apt-get install --no-install-recommends -y $missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        if ! command -v sudo >/dev/null || { ! [ -t 0 ] && ! sudo -n true 2>/dev/null; }; then
            fail "packages are missing; as root run:  apt-get update && $line"
        fi
    fi
    log=$present.log
    as_root_timed 'package lists' apt-get -q update
    # shellcheck disable=SC2086
    as_root_timed 'package download' apt-get -q --no-install-recommends -y --download-only install $missing
    # shellcheck disable=SC2086
    as_root_timed 'package installation' apt-get -q --no-install-recommends -y install $missing
}

if command -v dpkg-query >/dev/null; then
    present=$(mktemp)
    trap 'rm -f "$present" "$present.log"' EXIT
    missing=$(missing_packages)
    [ -z "$missing" ] || install_packages
else
    for tool in make cc riscv64-unknown-elf-gcc qemu-system-riscv64 python3; do
        command -v "$tool" >/dev/null || fail "$tool is missing; the Debian packages would be: $wanted"
    done
fi

start=$(date +%s)
scripts/fetch-lwip.sh
elapsed=$(($(date +%s) - start))
[ "$elapsed" -lt 2 ] || echo "deps: lwIP source: $elapsed s"
