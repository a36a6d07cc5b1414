#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds, boots the test image under QEMU, and judges the run. The verdict is the last line.
#
#   scripts/qemu-test.sh
#   RUN_UNTIL_MARKER=1 RUN_TIMEOUT=90s scripts/qemu-test.sh
#
#   RUN_TIMEOUT=90s       how long the machine may run (90s, 2m)
#   RUN_UNTIL_MARKER=1    stop as soon as the last marker has appeared, without waiting for the machine's end
#   UART_LOG=FILE         the console's log (build/uart.log)
#   NET_PCAP=FILE         the capture of the wire (build/net.pcap)
#   NO_DEPS=1             do not look for missing packages
set -eu

case "${1:-}" in
'') ;;
*) sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
cd "$(dirname "$0")/.."
log=${UART_LOG:-build/uart.log}
pcap=${NET_PCAP:-build/net.pcap}
provision=build/provision/test

fail() {
    echo "qemu-test: FAIL $*"
    exit 1
}

mkdir -p build "$(dirname "$log")" "$(dirname "$pcap")"
exec 9>build/.qemu-test.lock
flock -n 9 || fail 'another run in this tree uses the same files'

[ -n "${NO_DEPS:-}" ] || scripts/deps.sh run || fail 'set-up'
make -j"$(nproc)" --no-print-directory build/os/test/neuron.elf build/host/keyscan >build/qemu-test-build.log 2>&1 || {
    tail -n 20 build/qemu-test-build.log
    fail 'build; build/qemu-test-build.log has it all'
}
rm -rf "$provision"
scripts/provision.sh --bringup --out "$provision" || fail 'provisioning'

set -- --provision "$provision" --log "$log" --pcap "$pcap" --timeout "${RUN_TIMEOUT:-90s}"
[ -z "${RUN_UNTIL_MARKER:-}" ] || set -- "$@" --until-marker
verdict=$(mktemp)
trap 'rm -f "$verdict"' EXIT
# The verdict comes last, so it waits until the keys have been looked for.
if python3 tests/qemu/run.py "$@" 9>&- >"$verdict"; then passed=yes; else passed=; fi
[ -n "$passed" ] || { cat "$verdict"; exit 1; }
build/host/keyscan run "$provision" "$log" "$pcap" 9>&- || fail "the key scan of $log and $pcap"
cat "$verdict"
