# SPDX-License-Identifier: Apache-2.0
# How deep the stack gets below a function: from gcc's call graphs with frame sizes (-fcallgraph-info=su).
import re

NODE = re.compile(r'^node: { title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'^edge: { sourcename: "([^"]+)" targetname: "([^"]+)"')
FRAME = re.compile(r"(\d+) bytes \(([a-z,]+)\)")


class Unbounded(Exception):
    """The depth cannot be told: a frame of variable size, recursion, or a function nobody has defined."""


class CallGraph:
    """The union of some files. A call through a pointer counts as a call of `indirect`."""

    def __init__(self, texts, indirect):
        self.frames, self.calls = {}, {}
        self.indirect = indirect
        self.known = {}
        for text in texts:
            for line in text.splitlines():
                self._read(line)

    def _read(self, line):
        node, edge = NODE.match(line), EDGE.match(line)
        if node:
            frame = FRAME.search(node[2])
            if frame and frame[2] == "dynamic":
                raise Unbounded(f"{node[1]}: a frame of variable size")
            if frame:
                self.frames[node[1]] = int(frame[1])
        elif edge:
            self.calls.setdefault(edge[1], set()).add(edge[2])

    def depth(self, function, path=()):
        """Bytes of stack that a call of the function may use, its own frame included, and the calls that do."""
        if function == "__indirect_call":
            function = self.indirect
        if function in path:
            raise Unbounded("recursion: " + " > ".join(path + (function,)))
        if function not in self.frames:
            raise Unbounded(f"{function} is called by {path[-1] if path else 'nobody'} and defined nowhere")
        if function not in self.known:
            below = [self.depth(callee, path + (function,)) for callee in sorted(self.calls.get(function, ()))]
            deepest, names = max(below, default=(0, ()))
            self.known[function] = (self.frames[function] + deepest, (function,) + names)
        return self.known[function]
