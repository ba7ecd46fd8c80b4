"""From the words of a command line to the runs they ask for, checked before anything expensive. No torch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.catalogue import card
from harness.data.facts import remembered
from harness.data.folders import Dataset, open_dataset
from harness.data.registry import REGISTRY
from harness.data.sizes import default_load_size
from harness.errors import UserError
from harness.frozen import with_weights_here
from harness.index import Entry, entry_state
from harness.job import read_job
from harness.jobs import job_states
from harness.launchers import JobState
from harness.runs import RunFolder, State
from harness.spec import REFERENCES, RunSpec, resolve_options

PicturesNow = Callable[[str, int, int], Mapping[str, str]]
FREE_BYTES = 500_000_000
"""free space that a run needs at least: two checkpoints, translations, samples"""


@dataclass(frozen=True)
class Cell:
    """One run that was asked for, and how far it is."""

    spec: RunSpec
    run: RunFolder
    state: State
    changed: tuple[str, ...] = ()
    """how the configuration in its folder differs from ``spec``"""
    other_pictures: tuple[str, ...] = ()
    """the splits whose pictures are not those that it began with"""
    waits: JobState = "ended"
    """what the launcher says that it was handed to"""

    @property
    def finished(self) -> bool:
        return self.state.stage == "finished" and not self.changed

    @property
    def blocked(self) -> str:
        """Why it cannot be continued; "" where it can."""
        if self.changed:
            return (
                f"{self.run.path} holds another configuration: {'; '.join(self.changed)}. "
                "Choose another folder with --runs, or move that one away"
            )
        if self.other_pictures:
            return (
                f"{self.run.path}: the pictures in {', '.join(self.other_pictures)} of {self.spec.data} are not those "
                "this run began with. Restore them, or start anew with another --runs folder"
            )
        return ""


def options_of(method: str, methods: Sequence[str], settings: Sequence[str]) -> dict[str, str]:
    """The ``--set`` settings that concern ``method``: ``method.option=value`` or ``option=value`` for all that have
    the option. UserError for one that concerns none of ``methods``."""
    found = {}
    for setting in settings:
        left, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting}: expected option=value or method.option=value")
        owner, dot, option = left.strip().rpartition(".")
        if dot and owner not in methods:
            raise UserError(
                f"--set {setting}: {owner!r} is not among the methods of this command: {', '.join(methods)}"
            )
        if dot and owner == method:
            card(method).option(option)
            found[option] = value
        elif not dot:
            having = [m for m in methods if option in {o.name for o in card(m).options}]
            if not having:
                card(methods[0]).option(option)  # says which options there are
            if method in having:
                found[option] = value
    return found


def plan(
    methods: Sequence[str],
    dataset: Dataset,
    data: str,
    seeds: Iterable[int],
    settings: Sequence[str],
    size: int | None,
    load_size: int | None,
    batch_size: int | None = None,
    **common: Any,
) -> list[RunSpec]:
    """One spec for each method and seed. ``common`` are further fields of RunSpec.

    Without ``batch_size`` a method gets the smallest it can be trained with, which is 1 for all but a few.
    """
    side = size or dataset.default_size
    fields = {
        "dataset": dataset.name,
        "data": data,
        "direction": dataset.direction,
        "size": side,
        "load_size": load_size or default_load_size(side),
        **common,
    }
    given = {m: options_of(m, methods, settings) for m in methods}
    resolved = {m: with_weights_here(resolve_options(m, given[m]), given[m]) for m in methods}
    batches = {m: batch_size or card(m).min_batch_size for m in methods}
    small = [m for m in methods if batches[m] < card(m).min_batch_size]
    if small:
        raise UserError(f"--batch-size {batch_size}: {small[0]} needs at least {card(small[0]).min_batch_size}")
    return [
        RunSpec(method=m, options=resolved[m], seed=seed, batch_size=batches[m], **fields)
        for m in methods
        for seed in seeds
    ]


def reference_specs(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """The reference rows that a table of ``specs`` needs: one of each kind for each dataset, direction and size."""
    kinds = dict.fromkeys((spec.dataset, spec.data, spec.direction, spec.size) for spec in specs)
    found = [
        RunSpec(
            method=name,
            dataset=dataset,
            data=data,
            direction=direction,
            size=size,
            load_size=default_load_size(size),
        )
        for dataset, data, direction, size in kinds
        for name in REFERENCES
    ]
    return list({reference.name: reference for reference in found}.values())


def cells(runs: Path, specs: Iterable[RunSpec], entries: Mapping[str, Entry]) -> list[Cell]:
    """The cells of a plan with their state on disk, of which ``entries`` were read (`index.read_runs`)."""
    asked_once = cache(pictures_now)
    found = [cell_of(RunFolder(runs / spec.name), spec, entries.get(spec.name), asked_once) for spec in specs]
    begun = [cell.run for cell in found if cell.run.name in entries and not cell.finished]
    waits = job_states(runs, {run.name: read_job(run.path) for run in begun})
    return [replace(cell, waits=waits.get(cell.run.name, "ended")) for cell in found]


def cell_of(run: RunFolder, spec: RunSpec, entry: Entry | None, pictures: PicturesNow) -> Cell:
    if entry is None:
        return Cell(spec, run, State())
    state, changed = entry_state(run, entry), changes(run, spec, entry.spec)
    begun = entry.pictures and state.stage != "finished" and not changed
    now = pictures(spec.data, spec.size, spec.load_size) if begun else {}
    other = tuple(split for split, digest in now.items() if entry.pictures.get(split, digest) != digest)
    return Cell(spec, run, state, tuple(changed), other)


def pictures_now(data: str, size: int, load_size: int) -> Mapping[str, str]:
    """Digests of the pictures of a dataset by split, of those that were read before; embedded ones never change."""
    if data in REGISTRY and REGISTRY[data].embedded:
        return {}
    from harness.data.cache import fingerprints_now

    try:
        found = fingerprints_now(open_dataset(data), size, load_size)
    except UserError:  # missing or damaged: said elsewhere, with what to do
        return {}
    return {str(split): digest for split, digest in found.items()}


def changes(run: RunFolder, spec: RunSpec, held: Mapping[str, Any] | None) -> list[str]:
    """How the configuration that a folder holds differs from ``spec``; UserError where it cannot be read."""
    if held is None:
        return run.spec.differences(spec)
    wanted = spec.to_json()
    same = all(held.get(name) == value for name, value in wanted.items() if name != "data")
    return [] if same and len(held) == len(wanted) else RunSpec.from_json(held).differences(spec)


def representatives(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Few of ``specs`` in which every value of every option, size and batch size of every method stands."""
    chosen, seen = [], set[tuple[object, ...]]()
    for spec in specs:
        values = {*spec.options.items(), ("size", spec.size), ("batch_size", spec.batch_size)}
        new = {(spec.method, *value) for value in values} - seen
        if new:
            chosen.append(spec)
            seen |= new
    return chosen


def check_writable(runs: Path) -> None:
    """UserError unless ``runs`` can be made and written and has room."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        probe = runs / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write to {runs}: {error.strerror}. Choose another folder with --runs") from None
    free = shutil.disk_usage(runs).free
    if free < FREE_BYTES:
        raise UserError(
            f"{runs} has {free / 1e6:.0f} MB free; a run needs {FREE_BYTES / 1e6:.0f} MB. "
            "Make room or choose another folder with --runs"
        )


def open_for(name: str, direction: str | None) -> tuple[Dataset, str]:
    """A dataset and what a run folder remembers to find it again."""
    dataset = open_dataset(name, direction)  # type: ignore[arg-type]
    return dataset, remembered(name, dataset)
