"""Result tables as aligned plain text."""

from __future__ import annotations

from collections.abc import Sequence

from harness.footnotes import BEST, FLOOR, footnotes, published_title
from harness.formats.cells import ABSENT, CellText, count, heads, published_grid, texts, unscored_line
from harness.published import table1
from harness.table import Table
from harness.terminal import padded, wrapped


def as_text(tables: Sequence[Table], runs_option: str = "") -> str:
    return "\n\n".join(text_of(table, runs_option) for table in tables) + "\n"


def text_of(table: Table, runs_option: str) -> str:
    if not table.columns:
        return unscored_line(table, runs_option)
    cells = texts(table)
    columns = [aligned([row[i] for row in cells]) for i in range(len(table.columns))]
    grid = [["", "n", *heads(table)]]
    grid += [[row.label, count(row), *(column[r] for column in columns)] for r, row in enumerate(table.rows)]
    lines = padded(grid)
    references = sum(row.is_reference for row in table.rows)
    rule = "─" * max(map(len, lines))
    body = [lines[0], rule, *lines[1 : references + 1], rule, *lines[references + 1 :]]
    notes = [wrapped(note) for note in footnotes(table, runs_option)]
    return "\n".join([table.title, "", *body, "", *notes, "", *published_text(table)])


def aligned(cells: Sequence[CellText | None]) -> list[str]:
    """One column with the means, the spreads and the marks each below one another."""
    present = [cell for cell in cells if cell]
    mean = max((len(cell.mean) for cell in present), default=0)
    std = max((len(cell.std) for cell in present), default=0)
    out = []
    for cell in cells:
        if cell is None:
            out.append(f"{ABSENT:>{mean}}")
            continue
        spread = f" ± {cell.std:>{std}}" if cell.std else " " * (std + 3) if std else ""
        marks = (BEST if cell.best else "") + (FLOOR if cell.floor else "")
        out.append(f"{cell.mean:>{mean}}{spread}{' ' + cell.n if cell.n else ''}{' ' + marks if marks else ''}")
    return out


def published_text(table: Table) -> list[str]:
    lines = [wrapped(published_title(table))]
    if not table.published:
        return lines
    grid, sources = published_grid(table.published)
    lines += ["  " + line for line in padded(grid)]
    return [*lines, *(wrapped(f"({i}) {source}") for source, i in sources.items()), wrapped(table1().note)]
