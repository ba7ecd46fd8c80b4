"""The named tensors of an ONNX file, read without the ONNX package.

An ONNX file is one protocol-buffer message: a sequence of fields, each a tag (number and wire type) and a value.
Of the format's messages only three matter here: the model, its graph, and the tensors the graph starts from.

Source: onnx/onnx, onnx/onnx.proto, ``ModelProto.graph``, ``GraphProto.initializer``, ``TensorProto``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

GRAPH, INITIALIZER = 7, 5
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
FLOAT = 1
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Value = int | memoryview


def float_initializers(content: bytes) -> dict[str, np.ndarray]:
    """The float32 tensors stored as raw bytes in an ONNX model, by name; other tensors are left out.

    Raises:
        ValueError: ``content`` is no protocol buffer.
    """
    found = {}
    for number, graph in fields(memoryview(content)):
        if number == GRAPH and isinstance(graph, memoryview):
            for inner, tensor in fields(graph):
                if inner == INITIALIZER and isinstance(tensor, memoryview):
                    name, array = tensor_of(tensor)
                    if array is not None:
                        found[name] = array
    return found


def tensor_of(message: memoryview) -> tuple[str, np.ndarray | None]:
    """Name and values of one tensor; no values where it is not float32 or not stored as raw bytes."""
    dims: list[int] = []
    kind, name, raw = 0, "", None
    for number, value in fields(message):
        if number == DIMS:  # one by one, or packed into one field
            dims += [value] if isinstance(value, int) else varints(value)
        elif number == DATA_TYPE and isinstance(value, int):
            kind = value
        elif number == NAME and isinstance(value, memoryview):
            name = bytes(value).decode()
        elif number == RAW_DATA:
            raw = value
    if kind != FLOAT or not isinstance(raw, memoryview):
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(dims)


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Number and value of each field of a message; numbers of fixed width are passed as bytes."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = varint(message, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = varint(message, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"not a protocol buffer: wire type {wire} at byte {at}")
        if at + size > len(message):
            raise ValueError(f"not a whole protocol buffer: field {number} ends behind its message")
        yield number, message[at : at + size]
        at += size


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, the lowest first; and where the next thing begins."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("not a whole protocol buffer: it ends within a number")


def varints(packed: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(packed):
        value, at = varint(packed, at)
        numbers.append(value)
    return numbers
