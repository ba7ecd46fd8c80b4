"""Result tables as aligned plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.footnotes import BEST, FLOOR, footnotes, published_title
from harness.formats.cells import ABSENT, CellText, count, heads, published_grid, texts, unscored_line
from harness.published import table1
from harness.table import Table

WIDTH = 100
"""characters of a line of notes"""



def as_text(tables: Sequence[Table], runs_option: str = "") -> str:
    return "\n\n".join(text_of(table, runs_option) for table in tables) + "\n"


def text_of(table: Table, runs_option: str) -> str:
    if not table.columns:
        return unscored_line(table, runs_option)
    cells = texts(table)
    columns = [aligned([row[i] for row in cells]) for i in range(len(table.columns))]
    grid = [["", "n", *heads(table)]]
    grid += [[row.label, count(row), *(column[r] for column in columns)] for r, row in enumerate(table.rows)]
    lines = [line.rstrip() for line in padded(grid)]
    references = sum(row.is_reference for row in table.rows)
    rule = "─" * max(map(len, lines))
    body = [lines[0], rule, *lines[1 : references + 1], rule, *lines[references + 1 :]]
    notes = [wrapped(note) for note in footnotes(table, runs_option)]
    return "\n".join([table.title, "", *body, "", *notes, "", *published_text(table)])


def aligned(cells: Sequence[CellText | None]) -> list[str]:
    """One column with the means, the spreads and the marks each below one another."""
    present = [cell for cell in cells if cell]
    mean, std, n = (max((len(getattr(cell, part)) for cell in present), default=0) for part in ("mean", "std", "n"))
    out = []
    for cell in cells:
        if cell is None:
            out.append(f"{ABSENT:>{mean}}")
            continue
        spread = f" ± {cell.std:>{std}}" if cell.std else " " * (std + 3) if std else ""
        marks = (BEST if cell.best else "") + (FLOOR if cell.floor else "")
        out.append(f"{cell.mean:>{mean}}{spread}{' ' + cell.n if cell.n else ''}{' ' + marks if marks else ''}")
    return out


def padded(grid: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in grid]


def wrapped(note: str) -> str:
    return textwrap.fill(note, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def published_text(table: Table) -> list[str]:
    lines = [wrapped(published_title(table))]
    if not table.published:
        return lines
    grid, sources = published_grid(table.published)
    lines += ["  " + line.rstrip() for line in padded(grid)]
    return [*lines, *(wrapped(f"({i}) {source}") for source, i in sources.items()), wrapped(table1().note)]
