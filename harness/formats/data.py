"""Result tables as data: csv with one line a score, and json with everything the other formats show."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from harness.footnotes import footnotes
from harness.table import Cell, Column, Table, TableRow

SCHEMA = 1
"""version of the json; raised when a field changes meaning"""


def as_csv(tables: Sequence[Table], runs_option: str = "") -> str:
    """One line for each row and column that has a value. Printed figures are left out: in one file they would
    be mixed with ours."""
    records: list[dict[str, Any]] = []
    for table in tables:
        where = {"dataset": table.dataset, "direction": table.direction, "size": table.size}
        records += [where | record for record in records_of(table)]
    out = io.StringIO()
    names = list(records[0]) if records else ["dataset"]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for record in records:
        values = " ".join(f"{seed}:{value!r}" for seed, value in record["values"].items())
        writer.writerow(record | {"values": values})
    return out.getvalue()


def as_json(tables: Sequence[Table], runs_option: str = "") -> str:
    """Scores by table, each with its protocol and its values by seed; the printed figures apart."""
    values = {"schema": SCHEMA, "tables": [json_of(table, runs_option) for table in tables]}
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def json_of(table: Table, runs_option: str) -> dict[str, Any]:
    return {
        "dataset": table.dataset,
        "direction": table.direction,
        "size": table.size,
        "runs": table.runs,
        "unfinished": table.unscored,
        "scores": [finite(record) for record in records_of(table)],
        "notes": footnotes(table, runs_option),
        "published": [asdict(figure) for figure in table.published],
    }


def records_of(table: Table) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell:
                yield record_of(row, column, cell)


def record_of(row: TableRow, column: Column, cell: Cell) -> dict[str, Any]:
    settings = None if row.key.mark else row.key.settings
    return {
        "kind": "reference" if row.is_reference else "method",
        "method": row.key.method,
        "label": row.label,
        "options": " ".join(f"{name}={value}" for name, value in row.key.options),
        "steps": settings.steps if settings else None,
        "load_size": settings.load_size if settings else None,
        "batch_size": settings.batch_size if settings else None,
        "precision": settings.precision if settings else None,
        "metric": column.metric,
        "better": "higher" if column.higher_is_better else "lower",
        "mean": cell.mean,
        "std": cell.std,
        "n": cell.n,
        "values": dict(cell.values),
        "best": cell.best,
        "beats_identity": cell.beats_identity,
        "protocol": column.protocol,
        "selected": column.selected,
        "n_fake": column.n_fake,
        "n_real": column.n_real,
        "reference": column.reference,
    }


def finite(value: Any) -> Any:
    """The value as JSON can hold it: numbers that are not finite as text (``"inf"``, ``"nan"``)."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
