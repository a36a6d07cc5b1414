#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boots the test image N times, every second time with the other processors busy, and compares the logs byte by byte.
#
#   scripts/repeat-test.sh [N]
set -eu

case "${1:-1}" in
*[!0-9]* | 0*) sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
cd "$(dirname "$0")/.."
runs=${1:-5}
dir=build/repeat
rm -rf "$dir"
mkdir -p "$dir"
make --no-print-directory build/os/test/neuron.elf
scripts/provision.sh --bringup --out "$dir/provision" >"$dir/provision.log"

busy=
idle_again() {
    for pid in $busy; do
        kill "$pid" 2>/dev/null || true
    done
    busy=
}
trap idle_again EXIT

i=1
while [ "$i" -le "$runs" ]; do
    how=idle
    if [ $((i % 2)) -eq 0 ]; then
        how=busy
        for _ in $(seq "$(nproc)"); do
            (while :; do :; done) &
            busy="$busy $!"
        done
    fi
    python3 tests/qemu/run.py --provision "$dir/provision" --log "$dir/$i.log" --pcap "$dir/$i.pcap" >"$dir/$i.verdict" ||
        { cat "$dir/$i.verdict"; echo "repeat-test: FAIL run $i"; exit 1; }
    idle_again
    cmp "$dir/1.log" "$dir/$i.log" || { echo "repeat-test: FAIL run $i ($how) differs from the first"; exit 1; }
    echo "ok $i - run $i ($how): $(wc -c <"$dir/$i.log") bytes, $(sed 's/.*, //' "$dir/$i.verdict" | tail -n 1)"
    i=$((i + 1))
done
echo "1..$runs"
