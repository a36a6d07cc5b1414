#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boots the lab image under QEMU; nodes made with python3-dissononce and flynn/noise talk to it from outside. TAP.
#
#   scripts/foreign-test.sh
#
#   FOREIGN_DIR=DIR       where log, capture and the sessions' keys are left (build/foreign)
set -eu

case "${1:-}" in
'') ;;
*) sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
cd "$(dirname "$0")/.."
work=${FOREIGN_DIR:-build/foreign}

fail() {
    echo "Bail out! foreign-test: $*"
    exit 1
}

mkdir -p "$work"
exec 9>"$work/.lock"
flock -n 9 || fail "another run uses $work"
# Debian's own python3: the library is installed for no other.
/usr/bin/python3 -c 'import dissononce' 2>/dev/null || fail 'python3-dissononce is missing (scripts/deps.sh test)'
make --no-print-directory build/os/lab/neuron.elf build/interop/foreign-flynn build/host/keyscan >"$work/build.log" 2>&1 || {
    tail -n 20 "$work/build.log" | sed 's/^/# /'
    fail "build; $work/build.log has it all"
}
rm -rf "$work/provision" "$work/uart.log" "$work/net.pcap" "$work/sessions.json"
scripts/provision.sh --bringup --out "$work/provision" >/dev/null || fail 'provisioning'
rm "$work/provision/selftest-client"
exec python3 tests/qemu/foreign_run.py build/os/lab/neuron.elf "$work" \
    "dissononce=/usr/bin/python3 tests/interop/foreign_dissononce.py" "flynn=build/interop/foreign-flynn" 9>&-
