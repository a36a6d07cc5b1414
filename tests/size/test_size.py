# SPDX-License-Identifier: Apache-2.0
# The size report: depths add up along the deepest path, what cannot be told is an error, and passed limits are failures.
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, HERE)
import callgraph
import report
import tap


def node(name, size, kind="static"):
    return f'node: {{ title: "{name}" label: "{name}\\na.c:1:1\\n{size} bytes ({kind})" }}\n'


def calls(*names):
    """A function for each name, which calls the next."""
    return "".join(f'edge: {{ sourcename: "{a}" targetname: "{b}" label: "a.c:2:1" }}\n' for a, b in zip(names, names[1:]))


def graph(*texts):
    return callgraph.CallGraph(texts, "random")


def unbounded(*texts):
    try:
        return graph(*texts).depth("a")
    except callgraph.Unbounded as e:
        return str(e)


def test_the_deepest_path_counts():
    first = node("a", 16) + node("b", 60) + node("c", 32) + calls("a", "b") + calls("a", "c")
    second = node("d", 64) + node("e", 8) + calls("c", "d") + calls("b", "e")
    assert graph(first, second).depth("a") == (16 + 32 + 64, ("a", "c", "d"))


def test_a_call_through_a_pointer_counts():
    text = node("a", 16) + node("random", 48) + calls("a", "__indirect_call")
    assert graph(text).depth("a") == (64, ("a", "random"))


def test_what_cannot_be_told_is_an_error():
    good = node("a", 16) + node("b", 16) + calls("a", "b")
    assert unbounded(good) == (32, ("a", "b"))
    assert "recursion" in unbounded(good + calls("b", "a"))
    assert "defined nowhere" in unbounded(good + calls("b", "c"))
    assert "defined nowhere" in unbounded(good + calls("b", "__indirect_call"))
    assert "variable size" in unbounded(good + node("c", 16, "dynamic"))
    assert unbounded(good + node("c", 16, "dynamic,bounded")) == (32, ("a", "b"))


def test_limits():
    inside = dict(report.LIMITS)
    assert list(report.over_limits(inside)) == []
    for name in inside:
        assert list(report.over_limits({**inside, name: inside[name] + 1})) == [f"{name} is {inside[name] + 1}, {inside[name]} are allowed"]
        assert list(report.over_limits({n: v for n, v in inside.items() if n != name})) == [f"{name} was not measured"]


def test_stack_that_is_not_wiped():
    with tempfile.TemporaryDirectory() as at:
        os.mkdir(os.path.join(at, "noise"))
        with open(os.path.join(at, "noise", "x.ci"), "w", encoding="ascii") as f:
            f.write(node("dh", 64) + node("base", 32) + node("ladder", 500) + node("comb", 600) + node("ct_wipe_stack", 700))
            f.write(calls("dh", "ladder") + calls("base", "comb") + calls("base", "ct_wipe_stack") + calls("dh", "ct_wipe_stack"))
        assert report.wiped_too_little(at, {"ct_wipe_stack": 600}) is None
        assert "base leaves 600 bytes" in report.wiped_too_little(at, {"ct_wipe_stack": 592})
        assert "nobody calls more" in report.wiped_too_little(at, {"ct_wipe_stack": 600, "more": 900})
    with tempfile.TemporaryDirectory() as at:
        assert "nobody" in report.wiped_too_little(at, {"ct_wipe_stack": 600})


def test_every_public_function_is_measured():
    names = report.public_functions(os.path.join(HERE, "..", "..", report.EXPORTS))
    assert "xk_initiator_write_message_1" in names and "xk_split" in names and len(names) == len(set(names)) > 25


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
