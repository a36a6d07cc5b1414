#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Negative controls: each gate passes a good tree and fails on every kind of violation.
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"


def gate(name, files):
    """Runs a gate on a tree of its own. files: {path: text}; returns (exit status, output)."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        argv = [sys.executable, os.path.join(ROOT, "scripts", name), root]
        if name == "check-self":
            argv += sorted(files)
        done = subprocess.run(argv, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def passes(name, files):
    status, output = gate(name, files)
    assert status == 0, output


def fails(name, files, expected):
    status, output = gate(name, files)
    assert status != 0, f"{files} passed: {output}"
    assert expected in output, f"{expected!r} is not in {output!r}"


def test_includes_allowed():
    passes("check-includes", {
        "noise/a.c": '#include "noise/a.h"\n#include <stdint.h>\n',
        "noise/x86.h": "#include <immintrin.h>\n",
        "dsoftbus/a.c": '#include "noise/a.h"\n#include "dsoftbus/b.h"\n',
        "kernel/a.c": '#include "kernel/abi/neuron.h"\n',
        "services/init/a.c": '#include "services/lib/sys.h"\n#include "init_caps.h"\n#include "init_plan.h"\n',
        "services/netstackd/a.c": '#include "lwip/init.h"\n#include "services/lib/virtio.h"\n',
        "services/selftest-client/a.c": '#include "attackers.h"\n',
        "host/a.c": '#include <stdio.h>\n#include "dsoftbus/b.h"\n',
        "tests/a.c": '#include <stdio.h>\n#include "services/keystored/p.h"\n',
        "docs/examples/a.c": '#include <stdio.h>\n#include <nexus/noise_xk.h>\n',
    })


INCLUDE_VIOLATIONS = [
    ("noise/a.c", '"dsoftbus/a.h"'), ("noise/a.c", "<string.h>"), ("noise/a.c", "<stdio.h>"), ("noise/a.c", '"a.h"'),
    ("dsoftbus/a.c", '"kernel/abi/neuron.h"'), ("dsoftbus/a.h", '"services/lib/sys.h"'), ("dsoftbus/a.c", "<stdlib.h>"),
    ("dsoftbus/a.c", '"host/a.h"'), ("kernel/a.c", '"noise/ct.h"'), ("kernel/a.c", '"services/lib/sys.h"'),
    ("kernel/a.S", '"dsoftbus/a.h"'), ("kernel/a.c", '"lwip/init.h"'), ("services/init/a.c", '"kernel/object.h"'),
    ("services/init/a.c", '"services/netstackd/a.h"'), ("services/init/a.c", '"lwip/init.h"'),
    ("services/dsoftbusd/a.c", '"services/lib/virtio.h"'), ("services/dsoftbusd/a.c", '"netstackd_caps.h"'),
    ("services/dsoftbusd/a.c", '"attackers.h"'), ("services/init/a.c", '"tests/a.h"'), ("host/a.c", '"tests/a.h"'),
    ("host/a.c", '"services/lib/sys.h"'), ("host/a.c", '"kernel/abi/neuron.h"'), ("noise/a.c", '"markers.h"'),
    ("services/netstackd/lwip/cc.h", "<stdlib.h>"), ("host/a.c", '"lwip/init.h"'),
    ("noise/a.c", "<immintrin.h>"), ("noise/x86.h", "<stdlib.h>"), ("dsoftbus/a.c", "<immintrin.h>"),
    ("docs/examples/a.c", '"noise/noise_xk.h"'), ("docs/examples/a.c", '"tests/a.h"'),
]


def test_includes_violations():
    for path, name in INCLUDE_VIOLATIONS:
        fails("check-includes", {path: f"#include {name}\n"}, f"{path}:1:")
        fails("check-includes", {path: f"  #  include {name} // why\n"}, f"{path}:1:")


def test_includes_empty_tree_fails():
    fails("check-includes", {}, "no sources")


def c_function(lines):
    return "int f(void)\n{\n" + "    g();\n" * (lines - 3) + "}\n"


def test_function_length():
    passes("check-functions", {"noise/a.c": c_function(70) + "\n" + c_function(70)})
    fails("check-functions", {"noise/a.c": c_function(71)}, "71 lines")
    fails("check-functions", {"noise/a.c": c_function(3) + "static int\nf(void)\n{\n" + "    g();\n" * 67 + "}\n"}, "71 lines")
    fails("check-functions", {"tests/x/a.c": c_function(200)}, "200 lines")
    fails("check-functions", {"docs/examples/a.c": c_function(71)}, "71 lines")


def test_python_function_length():
    passes("check-functions", {"tests/a.py": "def f():\n" + "    g()\n" * 69})
    fails("check-functions", {"tests/a.py": "def f():\n" + "    g()\n" * 70}, "71 lines")


def test_script_length():
    passes("check-functions", {"scripts/a.sh": "#!/bin/sh\n" + ":\n" * 199})
    fails("check-functions", {"scripts/a.sh": "#!/bin/sh\n" + ":\n" * 200}, "201 lines")
    fails("check-functions", {"scripts/check-x": "#!/usr/bin/env python3\n" + "1\n" * 200}, "201 lines")


def test_functions_empty_tree_fails():
    fails("check-functions", {}, "no sources")


def test_self_good():
    passes("check-self", {"README.md": "Boots on QEMU; nothing else.\n", "a.c": LICENCE, "b.sh": "#!/bin/sh\n# " + LICENCE})


def test_self_violations():
    # Written with a | inside, so that the gate finds them in the tree it is tried on and not here.
    for text in ("see /wo|rk/main/x", "in /t|mp/foo", "at /ho|me/me", "on 2024|-05-06", "fixes #|12", "for iss|ue 3", "Ta|sk 4 says",
                 "from deb.de|bian.org", "Auth|or: me", "// TO|DO: later", "written by a language mo|del"):
        fails("check-self", {"README.md": f"fine\n{text.replace('|', '')}\n"}, "README.md:2:")


def test_self_licence_header():
    fails("check-self", {"a.c": "int x;\n"}, "no licence header")
    fails("check-self", {"a.sh": "#!/bin/sh\n"}, "no licence header")


def test_kernel_size():
    passes("check-kernel-size", {"kernel/a.c": "int x;\n" * 3000 + "\n\n// comment\n/* a\n b\n*/\n"})
    fails("check-kernel-size", {"kernel/a.c": "int x;\n" * 3001}, "3001 lines")
    fails("check-kernel-size", {"kernel/a.c": "int x;\n" * 3000, "kernel/abi/b.S": "nop\n"}, "3001 lines")
    fails("check-kernel-size", {}, "no kernel")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
