#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, and runs every test, once and short. The last line is the verdict: N passed, N failed[, N skipped].
#
#   scripts/test.sh             all steps; machines and other builds beside the rest
#   scripts/test.sh NAME...     only these steps, one after the other; scripts/test.sh --list names them
#   scripts/test.sh --nightly [NAME...]   the long repetitions: each target nightly-<name> of the makefiles is a step
#
# Each step's output is in build/test/<step>.log (build/nightly). A step that writes TAP counts as its tests, any other as one. With
# CI=true a skipped test is a failure unless scripts/allowed-skips has a line that its text contains.
set -u

# name | command. The first one builds what the others share.
first='
build        | make -j"$jobs" all library build/os/fault/fault.elf build/os/fault/crash.elf build/host/keyscan build/interop/foreign-flynn host-extra
'

# What computes.
steps='
unit         | make check
vectors      | make -j"$jobs" check-vectors
vectors-os   | make -j"$jobs" check-vectors-os
paths        | make -j"$jobs" check-paths
differential | make check-differential
interop      | make check-interop
proofs       | make -j"$jobs" check-proofs
sim          | make -j"$jobs" sim && make sim-mutants
ct           | make -j"$jobs" check-ct-matrix
ct-os        | make check-ct-os
wipe         | make check-wipe
install      | make -j"$jobs" check-install
kernel       | make kernel-test
diag-host    | make -j"$jobs" diag-host
diag-os      | make -j"$jobs" diag-os
diag-control | make diag-control
emulator     | make -j"$jobs" check-emulator && make -j"$jobs" check-emulator HOST_CC=clang
ct-emulator  | make check-ct-emulator
fuzz         | make -j"$jobs" fuzz
size         | make -j"$jobs" size
includes     | scripts/check-includes
functions    | scripts/check-functions
kernel-size  | scripts/check-kernel-size
self         | scripts/check-self
dep-gate     | make dep-gate
bench-os     | make bench-os
bench        | make check-bench
'

# What can run beside that: machines, links and name spaces, which mostly wait; and other builds, each in its own directory.
beside='
proof        | scripts/qemu-test.sh
repeat       | scripts/repeat-test.sh 5
provisioning | make provisioning-test
foreign      | make foreign
production   | make production-test
os2vm        | scripts/os2vm.sh
faults       | make fault-test
link         | make link-test
host         | make host-test
host-more    | make check-host check-host-pairing check-host-guest check-host-package check-host-flood check-host-kill check-host-custody
leaks        | make check-leaks
mutants      | make mutants
asan-gcc     | make -j"$jobs" check-unit check-vectors SAN=address,undefined
asan-clang   | make -j"$jobs" check-unit check-vectors SAN=address,undefined HOST_CC=clang
unit-clang   | make -j"$jobs" check-unit HOST_CC=clang
vectors-clang | make -j"$jobs" check-vectors HOST_CC=clang
'

cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc)
export PROVE_FLAGS=-v
logs=build/test

names() {
    echo "$first$steps$beside" | sed -n 's/ *|.*//p'
}

case "${1:-}" in
--list) names; exit 0 ;;
--nightly)
    shift
    first='' beside=''
    steps=$(find Makefile noise dsoftbus kernel services host tests -name Makefile -o -name '*.mk' | sort |
        xargs sed -n 's/^nightly-\([a-z0-9-]*\):.*/\1 | make -j"$jobs" nightly-\1/p' | sort -u)
    [ -n "$steps" ] || { echo 'test: no target nightly-<name> in the makefiles' >&2; exit 2; }
    logs=build/nightly
    ;;
-*) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '3,9p'; exit 2 ;;
esac
for name; do
    names | grep -qx -- "$name" || { echo "test: no step '$name'; --list names them" >&2; exit 2; }
done

mkdir -p "$logs"
rm -f "$logs"/*.count
count() {
    grep -cE "$1" "$2" || true
}

# A skip that nobody has allowed fails in CI.
forbidden_skips() {
    [ "${CI:-}" = true ] || return 0
    grep -E '^ *ok .*# *[Ss][Kk][Ii][Pp]' "$1" | grep -vFf scripts/allowed-skips || true
}

run_step() {
    name=$1 command=$2 log=$logs/$1.log
    start=$(date +%s)
    # Tests are numbered by what they print, a step without TAP is one test.
    if eval "$command" >"$log" 2>&1 </dev/null; then status=0; else status=1; fi
    skip=$(count '^ *ok .*# *[Ss][Kk][Ii][Pp]' "$log")
    good=$(($(count '^ *ok [0-9]' "$log") - skip))
    bad=$(count '^ *not ok [0-9]' "$log")
    forbidden=$(forbidden_skips "$log")
    if [ -n "$forbidden" ]; then
        echo "$forbidden" | sed 's/^/  not an allowed skip: /'
        bad=$((bad + 1))
    fi
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ $((good + bad + skip)) -gt 0 ] || good=1
    echo "$good $bad $skip" >"$logs/$name.count"
    verdict=ok
    [ "$bad" -eq 0 ] || verdict=FAILED
    {
        printf '%-13s %-6s %5d passed %3d failed %3d skipped %4d s\n' "$name" "$verdict" "$good" "$bad" "$skip" \
            $(($(date +%s) - start))
        if [ "$bad" -gt 0 ]; then
            grep -E '^ *not ok|FAIL|rror|\*\*\*' "$log" | head -n 20 | sed 's/^/    /'
            tail -n 15 "$log" | sed 's/^/  | /'
        fi
    } >"$logs/$name.verdict"
    cat "$logs/$name.verdict" # at once: another step may print at the same time
}

# run_steps LIST [NAME...]: those of the list that are named, or all.
run_steps() {
    list=$(echo "$1" | grep '|')
    shift
    while IFS='|' read -r name command <&3; do
        name=$(echo "$name" | tr -d ' ')
        [ $# -eq 0 ] || printf '%s\n' "$@" | grep -qx -- "$name" || continue
        run_step "$name" "$command"
    done 3<<LIST
$list
LIST
}

scripts/deps.sh test || { echo '0 passed, 1 failed'; exit 1; }
if [ $# -gt 0 ] || [ -z "$beside" ]; then
    run_steps "$first$steps$beside" "$@"
else
    run_steps "$first"
    run_steps "$beside" &
    run_steps "$steps"
    wait
fi
wanted=$#
[ "$wanted" -gt 0 ] || wanted=$(names | grep -c .)
cat "$logs"/*.count | awk -v wanted="$wanted" '{ good += $1; bad += $2; skip += $3 }
    END {
        if (NR != wanted) { bad++; printf "test: %d of %d steps were run\n", NR, wanted }
        printf "%d passed, %d failed%s\n", good, bad, skip ? ", " skip " skipped" : ""
        exit bad > 0
    }'
