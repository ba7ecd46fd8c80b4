"""Figures that papers print, as data: never measured here, never ranked with measured ones. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.shipped import shipped

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One printed figure and what is known of how it was made."""

    method: str
    """registered name"""
    title: str
    """the method as printed"""
    dataset: str
    metric: str
    """name of the metric here, e.g. ``fid``, ``miou``"""
    column: str
    """head of the column as printed, e.g. ``mAP``"""
    value: float
    decimals: int
    """decimals as printed"""
    unit: str
    """"" for a pure number"""
    higher_is_better: bool
    paper: str
    table: str
    measured_by: str
    """who measured it, on what and by which rule, as far as it is known"""
    protocol: str
    """what the figure is"""

    @property
    def text(self) -> str:
        """The value with its decimals as printed."""
        return f"{self.value:.{self.decimals}f}"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the official protocol of a dataset is."""

    title: str
    direction: str
    size: int
    """side, pixels"""
    test_pictures: tuple[int, int]
    """of the source and of the target domain"""


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One printed table."""

    paper: str
    short: str
    """authors, venue, year"""
    table: str
    note: str
    settings: dict[str, Setting]
    """by dataset"""
    figures: tuple[Figure, ...]

    def select(self, dataset: str, direction: str, methods: Collection[str]) -> tuple[Figure, ...]:
        """The figures of one dataset and direction for ``methods``, in the order of the printed table."""
        setting = self.settings.get(dataset)
        if setting is None or setting.direction != direction:
            return ()
        return tuple(f for f in self.figures if f.dataset == dataset and f.method in methods)


@cache
def table1() -> PublishedTable:
    """Table 1 of the EnCo paper."""
    return read_table(shipped("published") / "table1.json")


def read_table(path: Path) -> PublishedTable:
    """A file in the format that ``results/published/README.md`` describes."""
    values = json.loads(path.read_text(encoding="utf-8"))
    if values["schema"] != SCHEMA:
        raise ValueError(f"{path} has schema {values['schema']}; this version reads schema {SCHEMA}")
    settings = {
        name: Setting(**known | {"test_pictures": tuple(known["test_pictures"])})
        for name, known in values["datasets"].items()
    }
    return PublishedTable(
        paper=values["paper"],
        short=values["short"],
        table=values["table"],
        note=values["note"],
        settings=settings,
        figures=tuple(figure_of(found, values) for found in values["figures"]),
    )


def figure_of(found: dict[str, Any], table: dict[str, Any]) -> Figure:
    metric = table["metrics"][found["metric"]]
    return Figure(
        method=found["method"],
        title=found["title"],
        dataset=found["dataset"],
        metric=found["metric"],
        column=metric["title"],
        value=found["value"],
        decimals=metric["decimals"],
        unit=found["unit"],
        higher_is_better=metric["direction"] == "higher",
        paper=table["paper"],
        table=table["table"],
        measured_by=table["measured_by"][found["measured_by"]],
        protocol=metric["note"],
    )
