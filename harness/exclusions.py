"""Runs that a grid leaves out. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.catalogue import card
from harness.grid import Choice, Item, parse
from harness.settings import SETTINGS, setting
from harness.spec import RunSpec

EXCLUDE_EXAMPLE = "enco[sampling=random, num_patches=256]"
Axis = tuple[tuple[str, ...], set[tuple[Any, ...]]]
"""what an axis of an exclusion names, and the values it takes out"""


def exclusions_of(texts: Iterable[str]) -> list[Exclusion]:
    return [Exclusion(item, text) for text in texts for item in parse(text, "--exclude", EXCLUDE_EXAMPLE)]


class Exclusion:
    """Runs that a grid leaves out: those of a method that agree with one of the choices in each of its axes."""

    def __init__(self, item: Item, text: str) -> None:
        self.item, self.text = item, text
        self.used = False
        self.parsed: dict[str, list[Axis] | None] = {}
        if item.name != "all":
            self.axes(item.name)

    def takes(self, spec: RunSpec) -> bool:
        """Whether ``spec`` is left out."""
        if self.item.name not in ("all", spec.method):
            return False
        axes = self.axes(spec.method)
        found = axes is not None and all(tuple(value_of(spec, n) for n in names) in taken for names, taken in axes)
        self.used |= found
        return found

    def axes(self, method: str) -> list[Axis] | None:
        """The axes with values as a spec holds them; None where ``all`` names an option that the method lacks."""
        if method not in self.parsed:
            lacks = {*self.item.alternatives()} - {*card(method).by_name} - {*SETTINGS, "dataset", "seed"}
            general = self.item.name == "all"
            self.parsed[method] = None if lacks and general else [axis_of(method, axis) for axis in self.item.axes]
        return self.parsed[method]


def axis_of(method: str, axis: Sequence[Choice]) -> Axis:
    names = tuple(name for name, _ in axis[0])
    return names, {tuple(read(method, name, text) for name, text in choice) for choice in axis}


def read(method: str, name: str, text: str) -> Any:
    """A value in an exclusion as a spec holds it."""
    if name == "dataset":
        return text
    if name == "seed":
        return setting("steps", text, "--exclude")
    if name in SETTINGS and name not in card(method).by_name:
        return setting(name, text, method)
    return card(method).option(name).parse(text)


def value_of(spec: RunSpec, name: str) -> Any:
    return spec.options[name] if name in spec.options else getattr(spec, name)
