"""What methods cost on a machine: the measurements of `harness profile` on disk, and their summary. Imports no torch.

Each call writes one file below ``profiles`` in the folder of runs: its plan in the first line, then a line for each
measurement as soon as there is one. Of several calls that measured the same, the newest stands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from harness.errors import UserError
from harness.runs import append_lines, read_lines
from harness.spec import RunSpec

SCHEMA = 1
"""version of the files; raised when a field changes meaning"""
FOLDER = "profiles"
PROTOCOL = "profile/v1"
"""how costs are measured; raised when figures change meaning"""
Arithmetic = Literal["fp32", "tf32", "bf16"]


class Setup(NamedTuple):
    """What two figures must agree in to be compared."""

    machine: tuple[tuple[str, str], ...]
    """processor or GPU, threads, libraries, host: (name, value)"""
    size: int
    batch_size: int
    arithmetic: str
    warm_up: int
    """steps before the first timed one"""
    steps: int
    """timed steps in each process"""

    @property
    def on_gpu(self) -> bool:
        return "cuda" in dict(self.machine)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a call measures and how. Two calls with equal plans are one that was interrupted."""

    machine: Mapping[str, str]
    device: str
    """cpu, cuda or cuda:N"""
    arithmetic: Arithmetic
    warm_up: int
    steps: int
    repeats: int
    """processes for each method"""
    specs: Mapping[str, RunSpec]
    """what to measure, by label: the method with its changed options"""
    code: Mapping[str, str]
    """digest of the code of each method, by label"""
    harness: str
    git: Mapping[str, Any] = field(compare=False)

    def setup(self, spec: RunSpec) -> Setup:
        machine = tuple((name, str(value)) for name, value in self.machine.items())
        return Setup(machine, spec.size, spec.batch_size, self.arithmetic, self.warm_up, self.steps)

    def to_json(self) -> dict[str, Any]:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"schema": SCHEMA} | values | {"specs": {k: spec.to_json() for k, spec in self.specs.items()}}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote; UserError where another version wrote it."""
        found = dict(values)
        if found.pop("schema", None) != SCHEMA:
            raise UserError(f"it has schema {values.get('schema')}; this version reads schema {SCHEMA}")
        try:
            specs = {label: RunSpec.from_json(spec) for label, spec in found.pop("specs").items()}
            return Plan(specs=specs, **found)
        except (TypeError, KeyError, AttributeError) as error:
            raise UserError(f"it does not describe a profile: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one process measured of one method."""

    label: str
    """the method with its changed options"""
    repeat: int
    """number of the process, from 0"""
    turns: int
    """steps of a round, in which every network has its turn"""
    step_seconds: Sequence[float]
    """of each timed round, divided by its steps"""
    translate_seconds: Sequence[float]
    """of each timed translation of one picture"""
    memory: Mapping[str, int | None]
    """evaluation.memory.MemoryPeaks, without ``shared``"""
    shared: bool | None
    """whether others used the GPU meanwhile; None where that is not known"""
    parameters: int
    """weights that an optimiser trains"""
    step_flop: int
    """mean over a round"""
    translate_flop: int
    saved_bytes: int
    """the most that is kept for backward passes at any moment"""
    peak: float
    """floating point operations a second of one large convolution"""
    seconds: float
    """of the whole process"""


@dataclass(frozen=True)
class Spread:
    """Several times of the same thing."""

    median: float
    mean: float
    iqr: float
    """distance of the quartiles"""
    min: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        ordered = sorted(values)
        low, middle, high = (quantile(ordered, q) for q in (0.25, 0.5, 0.75))
        return Spread(middle, sum(ordered) / len(ordered), high - low, ordered[0])


def quantile(ordered: Sequence[float], q: float) -> float:
    """The quantile between neighbours, as numpy has it by default."""
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass(frozen=True)
class Profile:
    """The costs of one method in one setup: what the processes of one call measured."""

    label: str
    """the method with its changed options"""
    spec: RunSpec
    setup: Setup
    measurements: tuple[Measurement, ...]

    @cached_property
    def sec_per_iter(self) -> Spread:
        return Spread.of([seconds for one in self.measurements for seconds in one.step_seconds])

    @cached_property
    def translate(self) -> Spread:
        return Spread.of([seconds for one in self.measurements for seconds in one.translate_seconds])

    @property
    def memory(self) -> int:
        """The headline figure, bytes: of tensors on a GPU, else of the process in main memory."""
        most = self.most("allocated" if self.setup.on_gpu else "resident")
        return most if most is not None else 0

    def most(self, kind: str) -> int | None:
        """The most over the processes; None where none of them knows."""
        found = [value for one in self.measurements if (value := one.memory.get(kind)) is not None]
        return max(found, default=None)

    @property
    def share(self) -> float:
        """Arithmetic of a step a second, over the convolution peak of the same process: median over processes."""
        shares = [one.step_flop / Spread.of(one.step_seconds).median / one.peak for one in self.measurements]
        return Spread.of(shares).median

    @property
    def peak(self) -> float:
        return Spread.of([one.peak for one in self.measurements]).median


@dataclass(frozen=True)
class Session:
    """The file of one call."""

    path: Path
    plan: Plan
    measurements: dict[tuple[str, int], Measurement]
    """by label and number of the process"""

    def add(self, measurement: Measurement) -> None:
        append_lines(self.path, [asdict(measurement)])
        self.measurements[measurement.label, measurement.repeat] = measurement

    def missing(self) -> list[tuple[str, int]]:
        """Labels and numbers of what is still to be measured: each method once, then each a second time, ..."""
        return [
            (label, repeat)
            for repeat in range(self.plan.repeats)
            for label in self.plan.specs
            if (label, repeat) not in self.measurements
        ]

    def profiles(self) -> Iterator[Profile]:
        """The methods that were measured, in the order of the plan."""
        for label, spec in self.plan.specs.items():
            own = tuple(one for (name, _), one in self.measurements.items() if name == label)
            if own:
                yield Profile(label, spec, self.plan.setup(spec), own)


def session_for(runs: Path, plan: Plan) -> Session:
    """The newest call with this plan if it was interrupted, else a new one."""
    for path in reversed(session_files(runs)):
        try:
            found = read_session(path)
        except UserError:
            continue
        if found.plan == plan:
            if found.missing():
                return found
            break
    folder = runs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.jsonl"
    append_lines(path, [plan.to_json()])
    return Session(path, plan, {})


def session_files(runs: Path) -> list[Path]:
    """The files of all calls, by the time when they began."""
    return sorted((runs / FOLDER).glob("*.jsonl"))


def read_session(path: Path) -> Session:
    """A call from its file; UserError where another version wrote it. Torn lines are passed over."""
    lines = read_lines(path)
    try:
        plan = Plan.from_json(next(lines, {}))
        found = [Measurement(**values) for values in lines]
    except (TypeError, UserError) as error:
        raise UserError(f"{path} was written by another version of the harness ({error})") from None
    return Session(path, plan, {(one.label, one.repeat): one for one in found})


def read_profiles(runs: Path) -> tuple[list[Profile], dict[str, str]]:
    """The newest profile of each method in each setup, and the files that cannot be read, with the reason."""
    newest: dict[tuple[Setup, str], Profile] = {}
    unreadable: dict[str, str] = {}
    for path in session_files(runs):
        try:
            for profile in read_session(path).profiles():
                newest.pop((profile.setup, profile.label), None)
                newest[profile.setup, profile.label] = profile
        except UserError as error:
            unreadable[f"{FOLDER}/{path.name}"] = str(error)
    return list(newest.values()), unreadable
