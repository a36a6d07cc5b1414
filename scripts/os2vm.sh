#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds, boots two machines on one link, and judges both. The verdict is the last line.
#
#   scripts/os2vm.sh [RUNS]
#   RUN_OS2VM=1 RUN_TIMEOUT=180s scripts/os2vm.sh
#
#   RUN_OS2VM=0           do nothing, successfully; 1 or unset: run
#   RUN_TIMEOUT=180s      how long the machines may run (90s, 2m)
#   RUN_WALL=20           how many seconds of RUNS runs each one may take
#   OS2VM_DIR=DIR         where each node's log and capture are left (build/os2vm)
#   NO_DEPS=1             do not look for missing packages
#
# Exit status: 0; 1 set-up; 2 usage; the phase's as in services/two-machine.manifest (boot 10, discovery 11, session 12,
# and so on); 20 a capture lacks something; 21 a key was found, or a session cannot be reconstructed; 22 too slow.
set -u

usage() {
    sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 2
}

case "${1:-1}" in
'' | *[!0-9]* | 0) usage ;;
esac
[ $# -le 1 ] || usage
[ "${RUN_OS2VM:-1}" != 0 ] || exit 0
cd "$(dirname "$0")/.." || exit 1
work=${OS2VM_DIR:-build/os2vm}
runs=${1:-1}

fail() {
    status=$1
    shift
    echo "os2vm: FAIL $*"
    exit "$status"
}

mkdir -p "$work"
exec 9>"$work/.lock"
flock -n 9 || fail 1 "another run uses $work"

[ -n "${NO_DEPS:-}" ] || scripts/deps.sh run || fail 1 'phase set-up'
make -j"$(nproc)" --no-print-directory build/os/test/neuron.elf build/host/keyscan >"$work/build.log" 2>&1 || {
    tail -n 20 "$work/build.log"
    fail 1 "phase build; $work/build.log has it all"
}

# Fresh keys, and seeds, from which the key scan recomputes what the nodes made of them.
one_run() {
    rm -rf "$work/provision" "$work"/node-?.log "$work"/node-?.pcap
    scripts/provision.sh --out "$work/provision" --a node-a --b node-b --seed >"$work/provision.log" ||
        fail 1 'phase provisioning'
    python3 tests/qemu/os2vm.py --work "$work" --timeout "${RUN_TIMEOUT:-180s}" 9>&- >"$work/verdict" || {
        status=$?
        cat "$work/verdict"
        exit "$status"
    }
    build/host/keyscan nodes "$work/provision/node-a" "$work/node-a.log" "$work/node-a.pcap" \
        "$work/provision/node-b" "$work/node-b.log" "$work/node-b.pcap" >"$work/keyscan.log" 2>&1 || {
        cat "$work/keyscan.log"
        fail 21 "phase keys: the key scan of $work"
    }
    tail -n 1 "$work/keyscan.log"
    cat "$work/verdict"
}

i=1
while [ "$i" -le "$runs" ]; do
    start=$(date +%s)
    one_run
    took=$(($(date +%s) - start))
    if [ "$runs" -gt 1 ]; then
        echo "ok $i - run $i: $took s"
        [ "$took" -lt "${RUN_WALL:-20}" ] || fail 22 "run $i took $took s"
    fi
    i=$((i + 1))
done
[ "$runs" -eq 1 ] || echo "1..$runs"
