"""Comparisons of methods over seeds, as text, markdown and json."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from harness.comparison import LEAST_RANKED, Compared
from harness.footnotes import protocol_in_full
from harness.formats.cells import ABSENT, decimals_of, head, number
from harness.formats.data import SCHEMA, finite
from harness.formats.markdown import escape, grid
from harness.table import Column, Table
from harness.terminal import padded, wrapped

Comparisons = Sequence[tuple[Table, dict[Column, list[Compared]]]]
"""each table with what was compared in it"""

HEADS = ("n", "mean", "95 %", "pairs", "difference", "95 %", "p", "Holm", "Wilcoxon", "d_z", "better")
NOTES = (
    "mean and its 95 % interval (Student) over n seeds. difference: the method less {baseline}, with its 95 % interval "
    "and p by the paired t test over the seeds that both have; by Welch's test (w) where fewer than two are common.",
    "Holm: p corrected for the number of methods in the column. Wilcoxon: p of the exact test of signed ranks, from "
    f"{LEAST_RANKED} pairs, since fewer cannot reach 0.05.",
    "d_z: mean of the paired differences over their standard deviation. better: chance that a seed of the method beats "
    "one of {baseline}, over all pairs of seeds; 0.5 is no difference.",
)


def as_text(comparisons: Comparisons, baseline: str) -> str:
    parts = []
    for table, columns in comparisons:
        parts.append(f"{table.title}, compared with {baseline}")
        for column, lines in columns.items():
            body = padded([[title(table, column), *HEADS], *cells(table, column, lines)])
            rule = "─" * max(map(len, body))
            parts.append("\n".join([body[0], rule, *body[1:], wrapped(protocol_in_full(column))]))
    notes = "\n".join(wrapped(note.format(baseline=baseline)) for note in NOTES)
    return "\n\n".join([*parts, notes]) + "\n"


def as_markdown(comparisons: Comparisons, baseline: str) -> str:
    parts = []
    for table, columns in comparisons:
        parts.append(f"**{escape(table.title)}, compared with {escape(baseline)}**")
        for column, lines in columns.items():
            rows = [[escape(text) for text in line] for line in cells(table, column, lines)]
            parts.append("\n".join(grid([[title(table, column), *map(escape, HEADS)], *rows])))
            parts.append(f"- {escape(protocol_in_full(column))}")
    return "\n\n".join([*parts, *(f"- {escape(note.format(baseline=baseline))}" for note in NOTES)]) + "\n"


def as_json(comparisons: Comparisons, baseline: str) -> str:
    values = {
        "schema": SCHEMA,
        "baseline": baseline,
        "tables": [
            {
                "dataset": table.dataset,
                "direction": table.direction,
                "size": table.size,
                "columns": [json_of(column, lines) for column, lines in columns.items()],
            }
            for table, columns in comparisons
        ],
    }
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def json_of(column: Column, lines: Sequence[Compared]) -> dict[str, Any]:
    return {
        "metric": column.metric,
        "better": "higher" if column.higher_is_better else "lower",
        "protocol": column.protocol,
        "selected": column.selected,
        "n_fake": column.n_fake,
        "n_real": column.n_real,
        "reference": column.reference,
        "methods": [finite(asdict(line)) for line in lines],
    }


def title(table: Table, column: Column) -> str:
    return head(column, table.marks[table.columns.index(column)])


def cells(table: Table, column: Column, lines: Sequence[Compared]) -> list[list[str]]:
    """One line for each method: its label, then what `HEADS` say."""
    decimals = decimals_of(table, table.columns.index(column))

    def shown(value: float | None, form: Callable[[float], str]) -> str:
        return ABSENT if value is None else form(value)

    def figure(value: float) -> str:
        return number(value, decimals)

    def interval(ends: Sequence[float] | None) -> str:
        return ABSENT if ends is None else f"{figure(ends[0])} to {figure(ends[1])}"

    return [
        [
            line.label,
            str(line.n),
            figure(line.mean),
            interval(line.interval),
            ABSENT if line.is_baseline else str(line.pairs),
            shown(line.difference, figure),
            interval(line.difference_interval),
            shown(line.p, probability) + (" w" if line.test == "Welch" else ""),
            shown(line.p_holm, probability),
            shown(line.p_wilcoxon, probability),
            shown(line.effect, "{:.2f}".format),
            shown(line.improvement, "{:.2f}".format),
        ]
        for line in lines
    ]


def probability(p: float) -> str:
    return f"{p:.2g}" if p >= 0.0001 else "<0.0001"


FORMATS: dict[str, Callable[[Comparisons, str], str]] = {"text": as_text, "markdown": as_markdown, "json": as_json}
"""each takes the comparisons and the label of the method that others are compared with"""
