# SPDX-License-Identifier: Apache-2.0
# Judges a console log against the markers: whole lines, in order, and no line that ends in FAIL.


class Matcher:
    """Takes the log as bytes, in pieces as they come, and knows at any time what has been seen."""

    def __init__(self, markers):
        """markers: (id, line) in the order in which the lines must appear."""
        if not markers:
            raise ValueError("no markers: nothing would be proved")
        self.markers = markers
        self.matched = 0
        self.failures = []
        self.partial = b""

    def feed(self, data):
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            self._line(line.removesuffix(b"\r").decode("utf-8", "backslashreplace"))

    def end(self):
        """The log is complete. What stands behind the last newline is no whole line, but may be a FAIL."""
        if self.partial.rstrip().endswith(b"FAIL"):
            self.failures.append(self.partial.decode("utf-8", "backslashreplace"))

    def _line(self, line):
        if line.rstrip().endswith("FAIL"):
            self.failures.append(line)
        elif self.matched < len(self.markers) and line == self.markers[self.matched][1]:
            self.matched += 1

    @property
    def complete(self):
        return self.matched == len(self.markers)

    @property
    def missing(self):
        """The first marker that has not been seen, or None."""
        return None if self.complete else self.markers[self.matched]

    def count(self):
        return f"{self.matched}/{len(self.markers)} markers"


def verdict(matcher, exit_status, timed_out, stopped):
    """(passed, why). exit_status is None when the harness itself ended the machine."""
    reasons = []
    if matcher.failures:
        reasons.append(f"line '{matcher.failures[0]}'")
    if not matcher.complete:
        name, line = matcher.missing
        reasons.append(f"missing marker {name}: '{line}'")
    if timed_out:
        reasons.append("time-out")
    if exit_status is None:
        if not stopped and not timed_out:
            reasons.append("no exit status")
    elif exit_status != 0:
        reasons.append(f"exit status {exit_status}")
    if reasons:
        return False, "; ".join(reasons)
    return True, "stopped at the last marker" if stopped else "exit status 0"
