"""The cells and heads of a result table in pieces that every format sets in its own way. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.protocol import METRICS
from harness.cost_columns import COSTS
from harness.footnotes import published_sources
from harness.published import Figure
from harness.table import Cell, Column, Table, TableRow

ABSENT = "–"


@dataclass(frozen=True)
class CellText:
    """One cell in pieces, so that each format can set marks in its own way."""

    mean: str
    std: str
    n: str
    """"" where it is the n of the row, and for a cost"""
    best: bool
    floor: bool
    """does not beat the identity row"""


def cell_text(row: TableRow, cell: Cell, decimals: int) -> CellText:
    n = "" if row.is_reference or cell.n in (0, len(row.seeds)) else f"(n={cell.n})"
    std = "" if cell.std is None else number(cell.std, decimals)
    return CellText(number(cell.mean, decimals), std, n, cell.best, cell.beats_identity is False)


def number(value: float, decimals: int) -> str:
    if math.isfinite(value):
        return f"{value:.{decimals}f}"
    return "nan" if math.isnan(value) else "∞" if value > 0 else "-∞"


def decimals_of(table: Table, i: int) -> int:
    """Decimals that give the largest entry of a column four significant digits, at least one."""
    sizes = [abs(row.cells[i].mean) for row in table.rows if row.cells[i]]  # type: ignore[union-attr]
    largest = max((size for size in sizes if math.isfinite(size)), default=0.0)
    return max(1, 3 - math.floor(math.log10(largest))) if largest > 0 else 1


def texts(table: Table) -> list[list[CellText | None]]:
    """Every cell of a table, row by row."""
    decimals = [decimals_of(table, i) for i in range(len(table.columns))]
    return [
        [cell_text(row, cell, decimals[i]) if cell else None for i, cell in enumerate(row.cells)] for row in table.rows
    ]


def heads(table: Table) -> list[str]:
    """``fid a ↓``, ``psnr (dB) ↑``."""
    return [head(column, mark) for column, mark in zip(table.columns, table.marks, strict=True)]


def head(column: Column, mark: str) -> str:
    unit = METRICS[column.metric].unit if column.metric in METRICS else ""
    title = column.title
    if column.is_cost:
        title, unit = COSTS[column.metric]
    inside = ", ".join(filter(None, (unit, column.note)))
    arrow = "↑" if column.higher_is_better else "↓"
    return f"{title}{' ' + mark if mark else ''}{f' ({inside})' if inside else ''} {arrow}"


def count(row: TableRow) -> str:
    """The n of a row; reference rows are not repeated, costs have none."""
    return "" if row.is_reference or not row.seeds else str(len(row.seeds))


def unscored_line(table: Table, runs_option: str) -> str:
    runs = f"{table.runs} run{'s' if table.runs != 1 else ''}"
    return f"{table.title}: {runs}, none with scores yet: harness status{runs_option}"


def published_grid(figures: Sequence[Figure]) -> tuple[list[list[str]], dict[str, int]]:
    """Printed figures as a grid with a head, and the numbers of their sources."""
    sources = published_sources(figures)
    columns = list(dict.fromkeys((f.metric, f.column, f.unit, f.higher_is_better) for f in figures))
    grid = [["", *(f"{c}{f' ({u})' if u else ''} {'↑' if h else '↓'}" for _, c, u, h in columns)]]
    for title in dict.fromkeys(figure.title for figure in figures):
        own = {figure.metric: figure for figure in figures if figure.title == title}
        shown = [own.get(metric) for metric, *_ in columns]
        grid.append([title, *(f"{f.text} ({sources[f.measured_by]})" if f else ABSENT for f in shown)])
    return grid, sources
