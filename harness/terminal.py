"""Columns of plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 100
"""characters of a line of running text"""


def padded(grid: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a grid as lines, each column as wide as its widest entry."""
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in grid]


def wrapped(text: str, first: str = "", then: str = "  ") -> str:
    """Running text in lines of `WIDTH`, each with its indentation; words are not broken."""
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
