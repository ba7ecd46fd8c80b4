"""Result tables in GitHub's markdown."""

from __future__ import annotations

from collections.abc import Sequence

from harness.footnotes import BEST, FLOOR, footnotes, published_title
from harness.formats.cells import ABSENT, CellText, count, heads, published_grid, texts, unscored_line
from harness.published import table1
from harness.table import Table


def as_markdown(tables: Sequence[Table], runs_option: str = "") -> str:
    return "\n\n".join(markdown_of(table, runs_option) for table in tables) + "\n"


def markdown_of(table: Table, runs_option: str) -> str:
    if not table.columns:
        return unscored_line(table, runs_option)
    rows = [
        [f"*{escape(row.label)}*" if row.is_reference else escape(row.label), count(row), *map(cell_of, cells)]
        for row, cells in zip(table.rows, texts(table), strict=True)
    ]
    notes = [note.replace(f"{BEST} best", "**bold**: best") for note in footnotes(table, runs_option)]
    lines = [f"**{escape(table.title)}**", "", *grid([["method", "n", *heads(table)], *rows]), ""]
    lines += [f"- {escape(note) if '**' not in note else note}" for note in notes]
    lines += ["", escape(published_title(table))]
    if table.published:
        published, sources = published_grid(table.published)
        published[0][0] = "method"
        lines += ["", *grid(published), "", *(f"- ({i}) {escape(text)}" for text, i in sources.items())]
        lines += [f"- {escape(table1().note)}"]
    return "\n".join(lines)


def cell_of(cell: CellText | None) -> str:
    if cell is None:
        return ABSENT
    text = f"{cell.mean} ± {cell.std}" if cell.std else cell.mean
    text = f"**{text}**" if cell.best else text
    return text + (f" {cell.n}" if cell.n else "") + (f" {FLOOR}" if cell.floor else "")


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], "| --- |" + " ---: |" * (len(rows[0]) - 1), *lines[1:]]


def escape(text: str) -> str:
    """Text in which nothing is taken for markup."""
    for character in "\\|*_`<":
        text = text.replace(character, "\\" + character)
    return text
