"""What makes a row of a table, and what it is called. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness.catalogue import card, show
from harness.errors import UserError
from harness.runs import Row
from harness.spec import REFERENCES, RunSpec


class Settings(NamedTuple):
    """What a run was given besides its method; runs that differ in it are not averaged."""

    steps: int
    load_size: int
    batch_size: int
    precision: str

    def words(self) -> dict[str, str]:
        """Each setting as a table says it."""
        return {
            "steps": f"{self.steps:,} step{'s' if self.steps != 1 else ''}",
            "load size": f"crops from {self.load_size}x{self.load_size}",
            "batch size": f"batch {self.batch_size}",
            "precision": self.precision,
        }


class RowKey(NamedTuple):
    """What makes a row: runs that differ in their seed alone share one."""

    method: str
    options: tuple[tuple[str, str], ...]
    """changed options"""
    settings: Settings | None
    """None for reference rows"""
    mark: str = ""
    """`` (imported 3fa9c1)`` where weights were not trained here: how, their settings do not say"""


def row_key(spec: RunSpec, row: Row) -> RowKey:
    if spec.is_reference:
        return RowKey(spec.method, (), None)
    settings = Settings(row.step, spec.load_size, spec.batch_size, spec.precision)
    try:
        options = tuple((name, show(value)) for name, value in spec.changed_options().items())
    except UserError:  # the method is not installed any more; its label was stored with the score
        return RowKey(row.method.removesuffix(spec.mark), (), settings, spec.mark)
    return RowKey(spec.method, options, settings, spec.mark)


def all_options(key: RowKey) -> dict[str, str]:
    """Every option of the method of a row as text; only the changed ones where it is not installed any more."""
    try:
        defaults = {option.name: show(option.default) for option in card(key.method).options}
    except UserError:
        defaults = {}
    return defaults | dict(key.options)


def row_order(key: RowKey) -> tuple[object, ...]:
    """Reference rows first, then methods by name; the default configuration before changed ones, then imported ones."""
    is_reference = key.settings is None
    number = REFERENCES.index(key.method) if is_reference else 0
    return not is_reference, number, key.method, key.options, key.mark, key.settings


def labelled(keys: Sequence[RowKey]) -> tuple[tuple[tuple[str, str], ...], dict[RowKey, str]]:
    """The changed options that all rows share, and for each row a label that shows the rest.

    A setting (steps, precision, ...) stands in the labels only where the rows differ in it. A single row keeps
    all its options in its label.
    """
    several = len(keys) > 1
    common = tuple(item for item in keys[0].options if all(item in key.options for key in keys)) if several else ()
    varied = varied_settings([key.settings for key in keys if key.settings and not key.mark])
    labels = {}
    for key in keys:
        inside = ",".join(f"{name}={value}" for name, value in key.options if (name, value) not in common)
        words = key.settings.words() if key.settings else {}
        outside = ", ".join(words[name] for name in varied)
        ending = key.mark or (f" ({outside})" if outside else "")
        labels[key] = key.method + (f"[{inside}]" if inside else "") + ending
    return common, labels


def varied_settings(settings: Sequence[Settings]) -> list[str]:
    """The names of the settings that are not the same in all rows."""
    words = [setting.words() for setting in settings]
    return [name for name in words[0] if len({word[name] for word in words}) > 1] if words else []
