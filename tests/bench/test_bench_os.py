# SPDX-License-Identifier: Apache-2.0
# What makes bench-os fail: a figure above its limit or missing, and a name that two parts have.
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, HERE)
import join_json
import os_noise
import tap


def test_limits():
    assert os_noise.missed(dict(os_noise.LIMITS)) == []
    for name, limit in os_noise.LIMITS.items():
        assert os_noise.missed({**os_noise.LIMITS, name: limit + 1}) == [name]
        assert os_noise.missed({n: v for n, v in os_noise.LIMITS.items() if n != name}) == [name]


def test_parts_are_joined():
    assert join_json.join([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    try:
        join_json.join([{"a": 1, "b": 1}, {"b": 1}])
    except ValueError as e:
        assert "b" in str(e)
    else:
        raise AssertionError("a name in two parts is accepted")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
