"""A gate: what to run, and what came out when it was recorded. A readable JSON file; imports no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from harness.data.registry import Direction
from harness.errors import UserError, unknown
from harness.gates.rules import Better, Bounds, bounds
from harness.runs import write_text
from harness.shipped import shipped
from harness.spec import Precision

SCHEMA = 1
"""version of a gate file; raised when a field changes meaning"""
Kind = Literal["score", "loss", "picture", "start"]
KINDS: tuple[Kind, ...] = get_args(Kind)
How = Mapping[str, str | int]
"""everything that two values must share to be comparable"""


class Name(NamedTuple):
    """What a figure is called."""

    kind: Kind
    name: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of a method that a gate compares."""

    kind: Kind
    name: str
    """``fid``; of losses with the steps averaged over, ``MultiStage 17-32``"""
    better: Better
    how: How
    """the protocol of a score, counts and digest of its reference, the steps of a loss"""
    mean: float
    std: float
    """sample standard deviation (n - 1) over the recorded seeds; 0 of a single one"""
    n: int
    floor: float = 0.0
    """least half-width of a band"""
    values: tuple[float, ...]
    """by seed, in the order of the gate's seeds"""

    @property
    def key(self) -> Name:
        return Name(self.kind, self.name)

    def bounds(self, s: int) -> Bounds:
        """What the mean over ``s`` new seeds must lie in."""
        return bounds(self.better, self.mean, self.std, self.floor, s, self.n)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One method of a gate, as it is run."""

    method: str
    options: Mapping[str, str]
    """those that were set, as typed; the others are the method's defaults of the day"""
    batch_size: int

    @property
    def label(self) -> str:
        inside = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.method}[{inside}]" if inside else self.method


@dataclass(frozen=True, kw_only=True)
class Case:
    """One method of a gate, and what came out."""

    trial: Trial
    weights_sha256: Mapping[str, str]
    """of the trained weights, by seed: equal ones say that nothing changed at all"""
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all runs of a gate share."""

    dataset: str
    """a name, or a folder as it was typed"""
    direction: Direction
    size: int
    load_size: int
    epochs: int
    steps: int
    precision: Precision
    metrics: tuple[str, ...]
    """scores beside the content error"""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What CI compares methods with."""

    recipe: Recipe
    seeds: tuple[int, ...]
    """that were recorded"""
    check_seeds: tuple[int, ...]
    """that a check runs unless told otherwise; of those that were recorded too, the first step is compared"""
    false_alarms: float
    """share of resamplings of the recorded runs in which the gate would have failed"""
    recorded: str
    """when, ISO 8601"""
    harness: str
    """version"""
    commit: str
    """git commit of the code, marked + where files were changed; "" where it lay in no checkout"""
    libraries: Mapping[str, str]
    machine: str
    """processor or GPU"""
    cases: tuple[Case, ...]


def find_gate(text: str) -> Path:
    """The file of a gate: a path, or the name of one that comes with the harness."""
    if Path(text).is_file():
        return Path(text)
    known = {path.stem: path for path in sorted(shipped("gates").glob("*.json"))}
    if text in known:
        return known[text]
    raise unknown("gate", text, known, "or the path of a file made by harness gate record")


def read_gate(path: Path) -> Gate:
    """The gate in a file; UserError where it cannot be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); expected a file made by harness gate record") from None
    schema = values.pop("schema", None) if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise UserError(f"{path} has schema {schema}; this version reads gates of schema {SCHEMA}. Record it again")
    try:
        cases = tuple(case_of(case) for case in values.pop("cases"))
        recipe = Recipe(**tupled(values.pop("recipe")))
        return Gate(recipe=recipe, cases=cases, **tupled(values))
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} does not describe a gate ({error}). Record it again") from None


def case_of(values: dict[str, Any]) -> Case:
    figures = tuple(Figure(**tupled(figure)) for figure in values.pop("figures"))
    return Case(trial=Trial(**values.pop("trial")), figures=figures, **values)


def tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with each list as a tuple."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def write_gate(path: Path, gate: Gate) -> None:
    """Write a gate, whole or not at all; a list of numbers stands on one line."""
    text = json.dumps({"schema": SCHEMA} | asdict(gate), indent=1)
    lists = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")
    text = lists.sub(lambda found: "[" + " ".join(found[1].split()) + "]", text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}. Choose another file") from None
