"""The side of the pictures a method sees, and the larger side they are cropped from."""

from __future__ import annotations

from harness.errors import UserError


def default_load_size(size: int) -> int:
    """The official ratio: 286 pixels for a crop of 256, rounded to whole pixels."""
    return round(size * 286 / 256)


def check_size(size: int, load_size: int) -> None:
    """Refuse sizes the official transform would change or cannot crop.

    The official code rounds both sides to a multiple of 4 after the crop; here other sizes are refused
    instead.

    Raises:
        UserError: `size` is no positive multiple of 4, or `load_size` is smaller.
    """
    if size <= 0 or size % 4:
        near = max(4, round(size / 4) * 4)
        raise UserError(f"size {size} is no multiple of 4: the generators need one; take --size {near}")
    if load_size < size:
        raise UserError(f"load size {load_size} is smaller than size {size}: expected {size} or more")
