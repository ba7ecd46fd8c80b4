"""What one run is: a frozen value, readable JSON on disk, and the id that its contents give it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

from harness.catalogue import Value, card, show
from harness.data.registry import Direction
from harness.errors import UserError

SCHEMA = 1
"""version of spec.json; raised when a field changes meaning"""
REFERENCES = ("identity", "real")
"""rows that every table shows without training: the source pictures unchanged, and training pictures of B"""
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One cell of a study. Every field but ``data`` changes results and so belongs to the identity of the run.

    Workers, devices, paths and launchers are not here: they are declared not to change results.
    """

    method: str
    """registered name, ``package.module:Class``, or a reference row (``identity``, ``real``)"""
    options: Mapping[str, Value] = field(default_factory=dict)
    """every option of the method, defaults included; empty for reference rows"""
    dataset: str
    """name of the dataset"""
    direction: Direction = "AtoB"
    """which folder is the source: AtoB or BtoA"""
    size: int = 256
    """side of the training crop and of the translations, pixels"""
    load_size: int = 286
    """side the pictures are resized to before the crop, pixels"""
    batch_size: int = 1
    """pictures of each domain in a step"""
    epochs: int = 0
    """passes through the data; 0: the epochs of the method's own schedule"""
    steps: int = 0
    """training steps; 0: as many as the epochs take"""
    seed: int = 0
    """seed of weights, data order and every draw"""
    precision: Precision = "fp32"
    """fp32, or bf16 autocast"""
    imported: str = ""
    """SHA-256 of the file its weights were imported from; "" where they are trained here"""
    data: str = field(default="", compare=False)
    """where the pictures are: a dataset name or a folder; not part of the identity"""

    def __post_init__(self) -> None:
        for name, least in (("size", 32), ("load_size", 32), ("batch_size", 1), ("epochs", 0), ("steps", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}; expected at least {least}")
        if self.size % 4:
            raise UserError(f"size is {self.size}; expected a multiple of 4, which the networks need")
        if self.load_size < self.size:
            raise UserError(f"load_size {self.load_size} is smaller than size {self.size}; expected at least as large")
        if self.epochs and self.steps:
            raise UserError(f"both epochs ({self.epochs}) and steps ({self.steps}) were given; give one budget")

    @property
    def is_reference(self) -> bool:
        return self.method in REFERENCES

    @property
    def is_trained(self) -> bool:
        """Whether its weights are trained here."""
        return not self.is_reference and not self.imported

    @cached_property
    def label(self) -> str:
        """The method with what differs from its defaults: ``enco[sampling=random]``, ``cut (imported 3fa9c1)``."""
        changed = self.changed_options()
        inside = ",".join(f"{name}={show(value)}" for name, value in changed.items())
        return (f"{self.method}[{inside}]" if inside else self.method) + self.mark

    @property
    def mark(self) -> str:
        """What sets imported weights apart from those of other files: the first digits of the digest."""
        return f" (imported {self.imported[:6]})" if self.imported else ""

    def changed_options(self) -> dict[str, Value]:
        """The options whose value is not the method's default."""
        if self.is_reference:
            return {}
        defaults = card(self.method).defaults
        return {name: value for name, value in self.options.items() if defaults.get(name) != value}

    def identity(self) -> dict[str, Any]:
        """What the id is made of: the fields that differ from their defaults, so that new fields keep old ids."""
        kept = {name: value for name, value in vars(self).items() if name in DEFAULTS and value != DEFAULTS[name]}
        return kept | {"method": self.method, "dataset": self.dataset, "options": jsonable(self.changed_options())}

    @cached_property
    def id(self) -> str:
        text = json.dumps(self.identity(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def name(self) -> str:
        """The name of the run folder: ``enco-toy-s0-3fa9c1d2e0``."""
        method = self.method.rpartition(":")[2] if ":" in self.method else self.method
        seed = "" if self.is_reference else "-imported" if self.imported else f"-s{self.seed}"
        return f"{method}-{self.dataset}{seed}-{self.id}"

    def to_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in NAMES}
        return {"schema": SCHEMA} | values | {"options": jsonable(self.options)}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> RunSpec:
        """The spec that :meth:`to_json` wrote; UserError if it was written by a newer version."""
        found = dict(values)
        if found.pop("schema", None) != SCHEMA:
            raise UserError(f"spec.json has schema {values.get('schema')}; this version reads schema {SCHEMA}")
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in found.pop("options").items()}
        try:
            return RunSpec(options=options, **found)
        except TypeError as error:
            raise UserError(f"spec.json does not describe a run: {error}") from None

    def differences(self, other: RunSpec) -> list[str]:
        """Every result-changing field in which two specs differ, ``lr: 0.0002 -> 0.0001``."""
        mine, theirs = self.flat(), other.flat()
        names = sorted(mine.keys() | theirs.keys())
        return [f"{n}: {mine.get(n)} -> {theirs.get(n)}" for n in names if mine.get(n) != theirs.get(n)]

    def flat(self) -> dict[str, str]:
        """All result-changing fields as text."""
        values = {n: v for n, v in self.to_json().items() if n not in ("data", "options", "schema")}
        return {n: str(v) for n, v in values.items()} | {n: show(v) for n, v in self.options.items()}


NAMES = tuple(field.name for field in fields(RunSpec))
DEFAULTS = {field.name: field.default for field in fields(RunSpec) if field.default is not MISSING and field.compare}
"""of the plain fields that belong to the identity"""


def jsonable(options: Mapping[str, Value]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def resolve_options(method: str, given: Mapping[str, str]) -> dict[str, Value]:
    """Every option of ``method``: the texts ``given`` on the command line over the defaults.

    Raises UserError for an unknown option or a value that cannot be read.
    """
    known = card(method)
    return known.defaults | {name: known.option(name).parse(text) for name, text in given.items()}
