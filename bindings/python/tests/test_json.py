"""Encoding and decoding of packets."""

import enum
import json
import math
import random

import pytest

from bellwire._native import dumps, loads


class Color(enum.IntEnum):
    RED = 1


class Text(str):
    pass


class Number(float):
    pass


VALUES = [
    "", "a", "é", "한국어", "😀", '"\\/\b\f\n\r\t\x00\x1f\x7f', "\u2028",
    0, 1, -1, 2**63 - 1, -(2**63), 2**63, 10**40, -(10**40), True, False, None,
    0.0, -0.0, 1.0, 1.5, -2.25, 1e16, 1e300, 5e-324, 0.1 + 0.2,
    [], [[]], {}, {"a": {}}, {"a": [1, {"b": None}]}, {1: 2, None: 3, 1.5: 5}, {True: 4},
    Color.RED, Text("x"), Number(2.5),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_data_that_json_dumps_accepts_is_encoded_with_the_same_meaning(value):
    text, attachments = dumps(value)
    assert attachments == []
    expected = json.loads(json.dumps(value))
    assert json.loads(text) == ([] if value is None else [expected])
    assert repr(loads(text, [])) == repr([] if value is None else [expected])


def test_random_values_survive():
    rng = random.Random(1)

    def value(depth):
        kind = rng.randrange(8 if depth else 5)
        if kind == 0:
            return rng.choice([None, True, False])
        if kind == 1:
            return rng.randrange(-(2**70), 2**70) >> rng.randrange(71)
        if kind == 2:
            return rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300)
        if kind in (3, 4):
            length = rng.randrange(20)
            return "".join(chr(rng.choice([rng.randrange(0xD800), rng.randrange(128)])) for _ in range(length))
        if kind == 5:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(9)))
        if kind == 6:
            return [value(depth - 1) for _ in range(rng.randrange(5))]
        return {str(rng.random()): value(depth - 1) for _ in range(rng.randrange(5))}

    for _ in range(2000):
        args = tuple(value(5) for _ in range(rng.randrange(4)))
        assert loads(*dumps(args)) == list(args)


def test_a_tuple_is_several_arguments_and_a_list_is_one():
    assert dumps((1, [2], (3,)))[0] == b"[1,[2],[3]]"
    assert dumps([1, 2])[0] == b"[[1,2]]"
    assert dumps(())[0] == b"[]"


def test_bytes_of_all_kinds_become_attachments():
    text, attachments = dumps((b"a", {"x": [bytearray(b"b"), memoryview(b"cd")[1:]]}))
    mark = '{"_placeholder":true,"num":%d}'
    assert text.decode() == f'[{mark % 0},{{"x":[{mark % 1},{mark % 2}]}}]'
    assert attachments == [b"a", b"b", b"d"]


def test_only_a_true_placeholder_is_one():
    text = b'[{"_placeholder":true,"num":0},{"_placeholder":"true","num":0},{"_placeholder":1,"num":0}]'
    assert loads(text, [b"x"])[1:] == json.loads(text)[1:]
    assert loads(text, []) == json.loads(text)
    assert loads(b'[{"_placeholder":true,"num":1}]', [b"x"]) == [{"_placeholder": True, "num": 1}]


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, [object()], {"a": {1}}, {(1,): 2}, {b"a": 1}])
def test_data_that_json_dumps_refuses_is_refused_with_the_same_error(value):
    with pytest.raises(TypeError) as ours:
        dumps(value)
    with pytest.raises(TypeError) as theirs:
        json.dumps(value)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinities_are_refused(value):
    with pytest.raises(ValueError):
        dumps([value])


@pytest.mark.parametrize(
    "value", ["\ud800", "a\udfffb", {"\ud800": ["\udc00"]}, "\ud83d\ud83d", "\u00fc\ud800\U0001f600"]
)
def test_half_a_surrogate_pair_is_an_escape_in_json(value):
    text, attachments = dumps(value)
    assert attachments == []
    assert json.loads(text.decode()) == [value]
    assert loads(text, []) == [value]


def test_data_that_contains_itself_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ValueError):
        dumps(endless)
