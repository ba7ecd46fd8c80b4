"""Result tables: a view of the rows of all runs, one table for each dataset, direction and size. No torch.

Rows of different protocols never share a column, and runs of different budgets never share a row.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from evaluation.protocol import METRICS
from harness.collect import Collected, Machine, Scored
from harness.cost_columns import COSTS, cost_columns
from harness.labels import RowKey, labelled, row_key, row_order
from harness.profiles import Profile
from harness.published import Figure, table1
from harness.runs import Row
from harness.spec import REFERENCES, RunSpec


class Column(NamedTuple):
    """One metric by one protocol; only rows that agree in all of this are comparable."""

    metric: str
    higher_is_better: bool
    protocol: str
    selected: str
    n_fake: int
    n_real: int
    reference: str
    note: str = ""
    """what the head says besides"""

    @property
    def is_cost(self) -> bool:
        """Whether it holds measurements of a machine, which have no seeds and no pictures."""
        return self.metric in COSTS

    @property
    def title(self) -> str:
        """What papers call a score, where that is not its name: mAP (mIoU) for miou."""
        return (METRICS[self.metric].title if self.metric in METRICS else "") or self.metric


@dataclass(frozen=True)
class Cell:
    """One score of one row, over seeds."""

    values: Mapping[int, float]
    """by seed; none for a cost"""
    mean: float
    std: float | None
    """sample standard deviation (n - 1); None for a single seed"""
    beats_identity: bool | None = None
    """None for reference rows and where the identity row has no value in this column"""
    best: bool = False
    """best mean of the column among two or more methods"""

    @property
    def n(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class TableRow:
    """One line of a table."""

    key: RowKey
    label: str
    cells: tuple[Cell | None, ...]
    """one for each column; None where there is no value"""

    @property
    def is_reference(self) -> bool:
        return self.key.settings is None

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({seed for cell in self.cells if cell for seed in cell.values}))


@dataclass(frozen=True)
class Table:
    """The results on one dataset, in one direction, at one size."""

    dataset: str
    direction: str
    size: int
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    """the reference rows first, whether there are values or not"""
    common_options: tuple[tuple[str, str], ...]
    """changed options that all methods share, left out of the labels"""
    runs: int
    unscored: int
    """how many of ``runs`` have no scores yet; reference runs are not counted"""
    machines: tuple[Machine, ...]
    """of each run with scores"""
    published: tuple[Figure, ...]
    """printed figures of the methods in the table, to be shown apart"""

    @property
    def title(self) -> str:
        return f"{self.dataset} {self.direction} {self.size}x{self.size}"

    @property
    def marks(self) -> tuple[str, ...]:
        """For each column the letter that tells it from others of the same metric; "" where it is the only one."""
        metrics = [column.metric for column in self.columns]
        return tuple(
            letter(metrics[:i].count(metric)) if metrics.count(metric) > 1 else "" for i, metric in enumerate(metrics)
        )


def tables(collected: Collected, metrics: Sequence[str] | None = None) -> list[Table]:
    """All tables of a folder of runs, by dataset; ``metrics`` limits the columns.

    A group without any of the metrics asked for has no table; one without any scores has an empty one.
    """
    groups: dict[tuple[str, str, int], tuple[list[Scored], list[RunSpec]]] = defaultdict(lambda: ([], []))
    for run in collected.scored:
        groups[group_of(run.spec)][0].append(run)
    for spec in collected.unscored:
        groups[group_of(spec)][1].append(spec)
    found = [table_of(group, *groups[group], metrics, collected.profiles) for group in sorted(groups)]
    return [table for table in found if table.columns or not table.machines]


def group_of(spec: RunSpec) -> tuple[str, str, int]:
    return spec.dataset, spec.direction, spec.size


def table_of(
    group: tuple[str, str, int],
    scored: list[Scored],
    unscored: list[RunSpec],
    metrics: Sequence[str] | None,
    profiles: Sequence[Profile] = (),
) -> Table:
    dataset, direction, size = group
    costs_alone = metrics is not None and COSTS.keys() >= set(metrics)
    pool = pooled(scored, None if costs_alone else metrics)
    known = {column for cells in pool.values() for column in cells if not costs_alone}
    columns = sorted(known, key=column_order)
    for name in REFERENCES:
        pool.setdefault(RowKey(name, (), None), {})
    keys = sorted(pool, key=row_order)
    common, labels = labelled([key for key in keys if key.settings is not None])
    costs = [c for c in cost_columns(profiles, size, keys) if metrics is None or c.metric in metrics]
    rows = [
        TableRow(
            key,
            labels.get(key, key.method),
            (
                *(cell_of(pool[key].get(column)) for column in columns),
                *(Cell({}, cost.values[key], None) if key in cost.values else None for cost in costs),
            ),
        )
        for key in keys
    ]
    columns += [Column(cost.metric, False, cost.protocol, "", 0, 0, "", cost.note) for cost in costs]
    pending = sum(not spec.is_reference for spec in unscored)
    return Table(
        dataset=dataset,
        direction=direction,
        size=size,
        columns=tuple(columns),
        rows=judged(rows, columns),
        common_options=common,
        runs=pending + sum(not run.spec.is_reference for run in scored),
        unscored=pending,
        machines=tuple(run.machine for run in scored),
        published=table1().select(dataset, direction, {run.spec.method for run in scored}),
    )


def pooled(scored: Iterable[Scored], metrics: Sequence[str] | None) -> dict[RowKey, dict[Column, dict[int, Row]]]:
    """Scores by row, column and seed; of two runs that differ in none of these, the one scored last."""
    pool: dict[RowKey, dict[Column, dict[int, Row]]] = defaultdict(lambda: defaultdict(dict))
    for run in scored:
        keys: dict[int, RowKey] = {}
        for row in run.rows:
            if metrics is not None and row.metric not in metrics:
                continue
            column = Column(
                row.metric, row.higher_is_better, row.protocol, row.selected, row.n_fake, row.n_real, row.reference
            )
            key = keys.get(row.step) or keys.setdefault(row.step, row_key(run.spec, row))
            values = pool[key][column]
            seed = 0 if run.spec.is_reference else row.seed
            if seed not in values or values[seed].time <= row.time:
                values[seed] = row
    return dict(pool)


def cell_of(values: Mapping[int, Row] | None) -> Cell | None:
    if not values:
        return None
    by_seed = {seed: values[seed].value for seed in sorted(values)}
    mean, std = mean_and_std(list(by_seed.values()))
    return Cell(by_seed, mean, std)


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1), which a single value does not have."""
    n = len(values)
    if not all(math.isfinite(value) for value in values):
        return sum(values) / n, None
    mean = math.fsum(values) / n
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None


def judged(rows: Sequence[TableRow], columns: Sequence[Column]) -> tuple[TableRow, ...]:
    """The rows with each cell of a method compared with the identity row, and the best of each column marked."""
    identity = next(row for row in rows if row.is_reference and row.key.method == "identity")
    best = [
        best_mean([row.cells[i] for row in rows if not row.is_reference], column.higher_is_better)
        for i, column in enumerate(columns)
    ]

    def judge(cell: Cell | None, i: int) -> Cell | None:
        if cell is None:
            return None
        floor = identity.cells[i]
        beats = better(cell.mean, floor.mean, columns[i].higher_is_better) if floor else None
        return replace(cell, beats_identity=beats, best=cell.mean == best[i])

    return tuple(
        row if row.is_reference else replace(row, cells=tuple(judge(cell, i) for i, cell in enumerate(row.cells)))
        for row in rows
    )


def better(a: float, b: float, higher: bool) -> bool:
    return a > b if higher else a < b


def best_mean(cells: Iterable[Cell | None], higher: bool) -> float | None:
    """The best mean of a column; None where fewer than two methods have one, since then nothing was compared."""
    means = [cell.mean for cell in cells if cell and not math.isnan(cell.mean)]
    if len(means) < 2:
        return None
    return max(means) if higher else min(means)


def column_order(column: Column) -> tuple[int, Column]:
    """Metrics in the order of the registry, then by protocol."""
    known = list(METRICS)
    return known.index(column.metric) if column.metric in known else len(known), column


def letter(number: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa."""
    text = chr(ord("a") + number % 26)
    return letter(number // 26 - 1) + text if number >= 26 else text
