#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sets up, and runs the tests that have to pass, once. The last line is the verdict: N passed, N failed[, N skipped].
#
#   scripts/test.sh             what has to pass
#   scripts/test.sh --more [NAME...]      the other steps; not all of them pass
#   scripts/test.sh NAME...     only these steps; scripts/test.sh --list names them
#   scripts/test.sh --nightly [NAME...]   the long repetitions: each target nightly-<name> of the makefiles is a step
#
# Each step's output is in build/test/<step>.log (build/nightly). A step that writes TAP counts as its tests, any other as one. With
# CI=true a skipped test is a failure unless scripts/allowed-skips has a line that its text contains.
set -u

# name | command
steps='
build        | make -j"$jobs" all
unit         | make check
vectors-os   | make -j"$jobs" check-vectors-os
differential | make check-differential
interop      | make check-interop
ct           | make check-ct
install      | make -j"$jobs" check-install
kernel       | make kernel-test
proof        | scripts/qemu-test.sh
repeat       | scripts/repeat-test.sh 5
provisioning | make provisioning-test
foreign      | make foreign
os2vm        | scripts/os2vm.sh
faults       | make fault-test
bench        | make check-bench
bench-os     | make bench-os
size         | make -j"$jobs" size
includes     | scripts/check-includes
functions    | scripts/check-functions
kernel-size  | scripts/check-kernel-size
self         | scripts/check-self
dep-gate     | make dep-gate
'

# Steps that do not have to pass before anything lands: not all of them do. scripts/test.sh --more
more='
vectors      | make -j"$jobs" check-vectors
asan-gcc     | make -j"$jobs" check-unit check-vectors SAN=address,undefined
asan-clang   | make -j"$jobs" check-unit check-vectors SAN=address,undefined HOST_CC=clang
unit-clang   | make -j"$jobs" check-unit HOST_CC=clang
vectors-clang | make -j"$jobs" check-vectors HOST_CC=clang
paths        | make -j"$jobs" check-paths
proofs       | make check-proofs
link         | make link-test
emulator     | make -j"$jobs" check-emulator && make -j"$jobs" check-emulator HOST_CC=clang
leaks        | make check-leaks
mutants      | make mutants
diag-host    | make -j"$jobs" diag-host
diag-os      | make -j"$jobs" diag-os
fuzz         | make -j"$jobs" fuzz
'

cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc)
export PROVE_FLAGS=-v
logs=build/test

names() {
    echo "$steps" | sed -n 's/ *|.*//p'
}

case "${1:-}" in
--list) names; exit 0 ;;
--more)
    shift
    steps=$more
    logs=build/more
    ;;
--nightly)
    shift
    steps=$(find Makefile noise dsoftbus kernel services host tests -name Makefile -o -name '*.mk' | sort |
        xargs sed -n 's/^nightly-\([a-z0-9-]*\):.*/\1 | make -j"$jobs" nightly-\1/p')
    [ -n "$steps" ] || { echo 'test: no target nightly-<name> in the makefiles' >&2; exit 2; }
    logs=build/nightly
    ;;
-*) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,11p'; exit 2 ;;
esac
for name; do
    names | grep -qx -- "$name" || { echo "test: no step '$name'; --list names them" >&2; exit 2; }
done

mkdir -p "$logs"
passed=0 failed=0 skipped=0
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
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
    verdict=ok
    if [ "$bad" -gt 0 ]; then
        verdict=FAILED
        grep -E '^ *not ok|FAIL|rror|\*\*\*' "$log" | head -n 20 | sed 's/^/    /'
        tail -n 15 "$log" | sed 's/^/  | /'
    fi
    printf '%-13s %-6s %5d passed %3d failed %3d skipped %4d s\n' "$name" "$verdict" "$good" "$bad" "$skip" \
        $(($(date +%s) - start))
}

scripts/deps.sh test || { echo '0 passed, 1 failed'; exit 1; }
list=$(mktemp)
trap 'rm -f "$list"' EXIT
echo "$steps" | grep '|' >"$list"
while IFS='|' read -r name command <&3; do
    name=$(echo "$name" | tr -d ' ')
    [ $# -eq 0 ] || printf '%s\n' "$@" | grep -qx -- "$name" || continue
    run_step "$name" "$command"
done 3<"$list"
tail=
[ "$skipped" -eq 0 ] || tail=", $skipped skipped"
echo "$passed passed, $failed failed$tail"
[ "$failed" -eq 0 ]
