"""Tensors of an ONNX file written here byte by byte, as the format's schema says."""

from __future__ import annotations

import struct

import pytest

from methods.onnx_initializers import fields, float_initializers


def number(value: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + number(rest)


def whole(field: int, value: int) -> bytes:
    return number(field << 3 | 0) + number(value)


def block(field: int, content: bytes) -> bytes:
    return number(field << 3 | 2) + number(len(content)) + content


def tensor(name: str, dims: bytes, values: bytes, kind: int = 1) -> bytes:
    return block(5, dims + whole(2, kind) + block(8, name.encode()) + block(9, values))


def test_the_encoding_of_numbers() -> None:
    assert number(300) == bytes([0xAC, 0x02])  # the example of the format's manual
    assert list(fields(memoryview(whole(1, 150)))) == [(1, 150)]


def test_float_tensors_by_name() -> None:
    values = struct.pack("<6f", *range(6))
    one_by_one, packed = whole(1, 2) + whole(1, 3), block(1, number(3) + number(2))
    graph = (
        block(1, b"a node")
        + tensor("first", one_by_one, values)
        + tensor("scalar", b"", struct.pack("<f", 7))
        + tensor("whole numbers", whole(1, 1), struct.pack("<q", 5), kind=7)
        + tensor("second", packed, values)
        + block(5, whole(2, 1) + block(8, b"values elsewhere") + block(4, values))
    )
    model = whole(1, 8) + block(2, b"who made it") + number(9 << 3 | 1) + bytes(8) + block(7, graph) + block(8, b"")
    found = float_initializers(model + number(10 << 3 | 5) + bytes(4))
    assert list(found) == ["first", "scalar", "second"]
    assert found["first"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["second"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert found["scalar"].shape == ()
    assert found["scalar"] == 7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (block(7, b"x")[:-1], "field 7 ends behind its message"),
        (number(1 << 3) + b"\x80", "it ends within a number"),
        (number(1 << 3 | 3), "wire type 3 at byte 1"),
        (number(1 << 3 | 1) + bytes(7), "field 1 ends behind its message"),
    ],
)
def test_what_is_no_protocol_buffer(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        float_initializers(content)
