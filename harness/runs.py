"""The folder of one run, and the folder of all runs. Whoever reads them needs no lock; imports no torch.

``spec.json`` what it is; ``provenance.json`` where and with what it ran; ``state.json`` how far it is;
``metrics.jsonl`` its scores, ``losses.jsonl`` its training curve, both append-only; ``checkpoints/``,
``samples/``, ``translations/``, ``log.txt``.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.errors import UserError
from harness.lease import holder_of
from harness.spec import RunSpec

T = TypeVar("T")
Stage = Literal["new", "running", "stopped", "interrupted", "failed", "trained", "finished"]
"""trained: all steps done, scores missing; stopped: by a signal, cleanly; interrupted: nobody holds its lease"""

NOT_FINITE = "a loss was not finite"
"""how the message of a run that diverged begins"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One score of one checkpoint of one run. Rows of different protocols never share a column."""

    run: str
    method: str
    """the method with its changed options, as the table shows it"""
    dataset: str
    direction: str
    seed: int
    step: int
    metric: str
    value: float
    protocol: str
    """implementation and version, weights, reference split, resize, picture format"""
    higher_is_better: bool
    n_fake: int
    n_real: int
    selected: str = "last"
    """how the checkpoint was chosen"""
    reference: str = ""
    """digest of the reference pictures"""
    spread: float | None = None
    """standard deviation of the value over random parts of the pictures, where the metric makes one"""
    time: float = 0.0
    """when, seconds since 1970"""


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a run is."""

    stage: Stage = "new"
    step: int = 0
    steps: int = 0
    """steps in all"""
    seconds: float = 0.0
    """training time so far, summed over all sessions"""
    message: str = ""
    losses: Mapping[str, float] | None = None
    pid: int = 0
    host: str = ""
    updated: float = 0.0

    @property
    def seconds_left(self) -> float:
        """Estimated training time that remains; 0 before the first step."""
        return self.seconds / self.step * (self.steps - self.step) if self.step else 0.0


@dataclass(frozen=True)
class RunFolder:
    """Paths and small files of one run."""

    path: Path
    check: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """called before anything is written; that of whoever works on the run raises LeaseLost when it may not any more"""

    @cached_property
    def spec(self) -> RunSpec:
        """The configuration; UserError where the file is missing or cannot be read."""
        values = read_json(self.path / "spec.json")
        if values is None:
            raise UserError(f"{self.path} is not a run: it holds no readable spec.json")
        return RunSpec.from_json(values)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def translations(self) -> Path:
        return self.path / "translations"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def create(self, spec: RunSpec) -> None:
        """Make the folder hold ``spec``; UserError with the difference if it holds another."""
        if (self.path / "spec.json").exists():
            differences = self.spec.differences(spec)
            if differences:
                raise UserError(
                    f"{self.path} holds another configuration: {'; '.join(differences)}. "
                    "Choose another folder with --runs, or move that one away"
                )
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.path / "spec.json", spec.to_json())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}. Choose another folder with --runs") from None

    def state(self) -> State:
        """The state on disk; a run that is said to be running, but whose lease nobody holds, is ``interrupted``."""
        values = read_json(self.path / "state.json")
        if values is None:
            return State()
        state = known_fields(State, values)
        if state.stage == "running" and not self.is_held:
            return replace(state, stage="interrupted")
        return state

    @property
    def is_held(self) -> bool:
        """Whether a process works on the run now, as far as a reader can tell."""
        return holder_of(self.path) is not None

    def set_state(self, state: State) -> None:
        self.check()
        who = {"pid": os.getpid(), "host": socket.gethostname(), "updated": time.time()}
        write_json(self.path / "state.json", asdict(state) | who)

    def provenance(self) -> dict[str, Any]:
        return read_json(self.path / "provenance.json") or {}

    def sweep(self) -> None:
        """Remove what killed processes left half written; to be called by whoever holds the lease."""
        for pattern in (".state.json.*", ".provenance.json.*", "samples/.step-*", "checkpoints/.step-*"):
            for leftover in self.path.glob(pattern):
                leftover.unlink(missing_ok=True)

    def add_rows(self, rows: list[Row]) -> None:
        self.check()
        append_lines(self.path / "metrics.jsonl", [asdict(row) for row in rows])

    def rows(self) -> list[Row]:
        """All scores, in the order they were made."""
        return [known_fields(Row, values) for values in read_lines(self.path / "metrics.jsonl")]

    def add_losses(self, step: int, losses: Mapping[str, float]) -> None:
        self.check()
        append_lines(self.path / "losses.jsonl", [{"step": step} | dict(losses)])

    def losses(self) -> list[dict[str, float]]:
        """The training curve; of steps that were repeated after an interruption, the last values."""
        return list({row["step"]: row for row in read_lines(self.path / "losses.jsonl")}.values())


def known_fields(cls: type[T], values: Mapping[str, Any]) -> T:
    """A Row or State from what is on disk; UserError where another version wrote fields this one does not know."""
    try:
        return cls(**values)
    except TypeError as error:
        raise UserError(
            f"a {cls.__name__.lower()} on disk was written by another version of the harness ({error})"
        ) from None


def all_runs(runs: Path) -> Iterator[RunFolder]:
    """Every run below ``runs``, by name."""
    if runs.is_dir():
        for path in sorted(runs.iterdir()):
            if (path / "spec.json").is_file():
                yield RunFolder(path)


def find_run(runs: Path, name: str) -> RunFolder:
    """The run with this name, unique part of a name, or path; UserError if none or several match."""
    if (Path(name) / "spec.json").is_file():
        return RunFolder(Path(name))
    found = [run for run in all_runs(runs) if name in run.name]
    exact = [run for run in found if run.name == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise UserError(f"no run {name!r} in {runs}. `harness status` lists the runs")
    some = ", ".join(run.name for run in found[:5])
    raise UserError(f"{name!r} matches {len(found)} runs: {some}{', ...' if len(found) > 5 else ''}. Give more of it")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write an object so that a reader never sees half of it."""
    write_text(path, json.dumps(values, indent=1))


def write_text(path: Path, text: str) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None where there is none that can be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def append_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Append rows in one write, behind a line that a killed process may have left torn."""
    if not rows:
        return
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
            file.seek(0, os.SEEK_END)
        else:
            torn = False
        text = "".join(json.dumps(row) + "\n" for row in rows)
        file.write((("\n" if torn else "") + text).encode())
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSONL file; a torn line is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row
