#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Each tool of diag-host and diag-os finds the fault that is made for it, and says nothing about a file without one. TAP.
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import tap

ROOT = os.path.abspath(os.path.join(HERE, "../.."))
WORK = "build/gates/diag"
HEAD = "#include <stddef.h>\n#include <stdint.h>\n"
CLEAN = HEAD + "uint8_t low(uint32_t value);\nuint8_t low(uint32_t value)\n{\n    return (uint8_t)(value & 255);\n}\n"
# The fault, and what only the tool that it is for says of it.
CONVERSION = (CLEAN.replace("(uint8_t)(value & 255)", "value"), "[-Werror=conversion]")
SELF = (HEAD + "int self(int x);\nint self(int x)\n{\n    x = x;\n    return x;\n}\n", "[-Werror,-Wself-assign]")
NULL_READ = (HEAD + "int read(int n);\nint read(int n)\n{\n    const int *p = NULL;\n    return n > 3 ? *p : 0;\n}\n",
             "[-Werror=analyzer-null-dereference]")
DEAD = (HEAD + "int dead(int n);\nint dead(int n)\n{\n    int x = n;\n    int y = x + 1;\n    x = y * 2;\n    return y;\n}\n",
        "deadcode.DeadStores")
NOT_CONST = (HEAD + "int get(int *p);\nint get(int *p)\n{\n    return *p;\n}\n", "[readability-non-const-parameter")
OUTSIDE = (HEAD + "int at(int i);\nint at(int i)\n{\n    int a[4] = {0};\n    if (i == 4) {\n        return a[i] + 1;\n    }\n"
           "    return 0;\n}\n", "arrayIndexOutOfBounds")
HOST = {"gcc": CONVERSION, "clang": SELF, "gcc's analyser": NULL_READ, "clang's analyser": DEAD, "clang-tidy": NOT_CONST,
        "cppcheck": OUTSIDE}
OS = {"gcc": CONVERSION, "clang": SELF, "gcc's analyser": NULL_READ, "clang's analyser": DEAD}


def diag(side, text):
    """(whether it passed, what it printed)"""
    shutil.rmtree(os.path.join(ROOT, WORK), ignore_errors=True)
    shutil.rmtree(os.path.join(ROOT, "build/diag", side, WORK), ignore_errors=True)
    os.makedirs(os.path.join(ROOT, WORK))
    with open(os.path.join(ROOT, WORK, "sample.c"), "w", encoding="ascii") as f:
        f.write(text)
    done = subprocess.run(["make", f"diag-{side}", f"DIAG_{side.upper()}_SOURCES={WORK}/sample.c"], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def each_is_found(side, faults):
    good, text = diag(side, CLEAN)
    assert good, text
    for tool, (fault, words) in faults.items():
        good, text = diag(side, fault)
        assert not good and words in text, f"{tool}: {text}"


def test_each_tool_of_the_host_finds_its_fault():
    each_is_found("host", HOST)


def test_each_tool_of_the_os_finds_its_fault():
    each_is_found("os", OS)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
