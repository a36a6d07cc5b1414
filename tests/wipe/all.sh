#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is left of secrets, for each compiler, without and with link-time optimisation: what lies in which frame is theirs to
# choose. One TAP line for each build; what failed in it stands above.
set -eu
number=0
failed=0
for compiler in gcc clang; do
    for lto in '' 1; do
        number=$((number + 1))
        name="$compiler -O2${lto:+ -flto}"
        if out=$(make -s -j2 HOST_CC="$compiler" OPT=-O2 LTO="$lto" check-wipe-build 2>&1); then
            rows=$(printf '%s\n' "$out" | grep -c '^ok')
            echo "ok $number - $name: $rows rows, on $(printf '%s\n' "$out" | grep '^ok' | grep -v SKIP | sed 's/^ok [0-9]* - \([^:]*\):.*/\1/' | uniq | tr '\n' ' ')"
        else
            failed=1
            printf '%s\n' "$out" | grep -v '^ok' | sed 's/^/# /'
            echo "not ok $number - $name"
        fi
    done
done
echo "1..$number"
exit $failed
