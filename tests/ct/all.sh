#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The constant-time test for each compiler and optimisation level: compilers differ in what they turn into a branch.
set -eu
for compiler in gcc clang; do
    for level in -O1 -O2 -O3 -Os; do
        echo "# $compiler $level"
        make -s HOST_CC="$compiler" OPT="$level" check-ct
    done
done
