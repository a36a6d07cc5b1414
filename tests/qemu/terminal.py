#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The single system on this terminal, until it ends or Ctrl-C is pressed.
"""usage: terminal.py KERNEL PROVISION"""
import contextlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine  # noqa: E402
import run  # noqa: E402

if len(sys.argv) != 3:
    sys.exit(__doc__)
with tempfile.TemporaryDirectory(prefix="dsoftbus-tftp-") as tftp, contextlib.suppress(KeyboardInterrupt):
    with open(os.path.join(tftp, "selftest.txt"), "w", encoding="ascii") as f:
        f.write(run.TFTP_TEXT)
    argv = machine.command(sys.argv[1], sys.argv[2], "stdio", tftp=tftp, deterministic=False)
    sys.exit(subprocess.run(argv).returncode)
