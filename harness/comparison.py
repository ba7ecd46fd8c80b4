"""Methods compared with one of them over seeds: differences, tests and the correction for many. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from harness.table import Cell, Column, Table

if TYPE_CHECKING:
    from harness.statistics import Interval

Test = Literal["paired t", "Welch", ""]
LEAST_RANKED = 6
"""pairs from which Wilcoxon's test can reach 0.05"""


@dataclass(frozen=True)
class Compared:
    """One method in one column, beside the method that others are compared with."""

    label: str
    n: int
    mean: float
    interval: Interval | None
    """95 % of the mean (Student); None for a single seed"""
    is_baseline: bool = False
    pairs: int = 0
    """seeds in common with the baseline"""
    difference: float | None = None
    """its mean less the baseline's: over the common seeds where the test is paired"""
    difference_interval: Interval | None = None
    """95 % of the difference, by Student's or Welch's t"""
    difference_bootstrap: Interval | None = None
    """the same by a percentile bootstrap over the pairs, which of few is too narrow"""
    test: Test = ""
    """"" where there are too few seeds for any"""
    p: float | None = None
    p_holm: float | None = None
    """after Holm's correction over the methods of the column"""
    p_wilcoxon: float | None = None
    """exact, from `LEAST_RANKED` pairs"""
    effect: float | None = None
    """Cohen's d_z of the pairs: mean over standard deviation of the differences"""
    improvement: float | None = None
    """chance that a seed of the method is better than one of the baseline, over all pairs of seeds"""


def compared(table: Table, baseline: str) -> dict[Column, list[Compared]] | None:
    """For each column in which it has scores, ``baseline`` and the methods beside it, in the order of the table.

    Training with the same seed sees the same data in the same order, so common seeds are compared in pairs; with
    fewer than two of them the test is Welch's.

    Args:
        baseline: the label of a row.

    Returns:
        None where the table has no such row.
    """
    rows = [row for row in table.rows if not row.is_reference]
    base = next((row for row in rows if row.label == baseline), None)
    if base is None:
        return None
    found = {}
    for i, column in enumerate(table.columns):
        own = base.cells[i]
        if own is not None and own.n:
            lines = [
                beside(row.label, cell, own, column.higher_is_better, row is base)
                for row in rows
                if (cell := row.cells[i]) is not None and cell.n
            ]
            found[column] = corrected(lines)
    return found


def beside(label: str, cell: Cell, base: Cell, higher: bool, is_baseline: bool) -> Compared:
    """One method in one column, before the correction for many tests."""
    from harness import statistics

    a, b = list(cell.values.values()), list(base.values.values())
    alone = Compared(label, len(a), cell.mean, interval_of(a), is_baseline)
    if is_baseline or not all(map(math.isfinite, [*a, *b])):
        return alone
    below = statistics.probability_below(a, b)
    common = sorted(cell.values.keys() & base.values.keys())
    alone = replace(
        alone, pairs=len(common), difference=cell.mean - base.mean, improvement=1 - below if higher else below
    )
    if len(common) > 1:
        return paired(alone, cell.values, base.values, common)
    if min(len(a), len(b)) > 1:
        outcome = statistics.welch_t(a, b)
        return replace(alone, difference_interval=statistics.welch_interval(a, b), test="Welch", p=outcome.p)
    return alone


def interval_of(values: Sequence[float]) -> Interval | None:
    """95 % of their mean; None for a single value, and where one is not finite."""
    from harness.statistics import student_interval

    return student_interval(values) if len(values) > 1 and all(map(math.isfinite, values)) else None


def paired(alone: Compared, own: Mapping[int, float], base: Mapping[int, float], seeds: Sequence[int]) -> Compared:
    from numpy.random import RandomState

    from harness import statistics

    a, b = [own[seed] for seed in seeds], [base[seed] for seed in seeds]
    differences = [x - y for x, y in zip(a, b, strict=True)]
    return replace(
        alone,
        difference=sum(differences) / len(differences),
        difference_interval=statistics.student_interval(differences),
        test="paired t",
        p=statistics.paired_t(a, b).p,
        difference_bootstrap=statistics.bootstrap_interval(differences, RandomState(0)),
        p_wilcoxon=statistics.wilcoxon_exact(a, b).p if len(seeds) >= LEAST_RANKED else None,
        effect=statistics.cohen_dz(a, b),
    )


def corrected(lines: Sequence[Compared]) -> list[Compared]:
    """The lines of a column with Holm's correction over those that were tested."""
    from harness.statistics import holm

    tested = [line for line in lines if line.p is not None]
    adjusted = dict(zip([line.label for line in tested], holm([line.p or 0.0 for line in tested]), strict=True))
    return [replace(line, p_holm=adjusted.get(line.label)) for line in lines]
