"""Making a gate from finished runs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluation.protocol import METRICS
from harness import __version__
from harness.errors import UserError
from harness.gates.figures import Observation, observe
from harness.gates.gate import Case, Figure, Gate, Kind, Name, Recipe, Trial
from harness.gates.resampling import false_alarms
from harness.gates.rules import FLOOR_SHARE, START_LEAST, START_SHARE
from harness.runs import RunFolder
from harness.table import mean_and_std

LEAST_SEEDS = 5
"""recorded runs that a band over seeds needs at least"""


def record_gate(
    recipe: Recipe,
    trials: Sequence[Trial],
    runs: Mapping[str, Sequence[RunFolder]],
    check_seeds: Sequence[int],
    kinds: Sequence[Kind],
) -> Gate:
    """The gate of finished runs: for each method, by its label, one run for each seed, the same seeds for all.

    Of what the runs show it compares ``kinds``.
    UserError where runs are not finished, do not have the same figures, or a figure is not a finite number.
    """
    cases = [case_of(trial, runs[trial.label], recipe.metrics, check_seeds, kinds) for trial in trials]
    some = runs[trials[0].label]
    provenance = some[-1].provenance()
    hardware = provenance.get("hardware", {})
    figures = [figure for case in cases for figure in case.figures if figure.kind != "start"]
    seeds = tuple(run.spec.seed for run in some)
    return Gate(
        recipe=recipe,
        seeds=seeds,
        check_seeds=tuple(check_seeds),
        false_alarms=false_alarms(figures, min(len(check_seeds), len(seeds) - 2)),
        recorded=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        harness=__version__,
        commit=commit_of(provenance),
        libraries={name: version for name, version in provenance.get("packages", {}).items() if version},
        machine=str(hardware.get("cpu") if hardware.get("device") == "cpu" else hardware.get("device", "")),
        cases=tuple(cases),
    )


def commit_of(provenance: Mapping[str, Any]) -> str:
    """The commit of the last session of a run."""
    git = (provenance.get("sessions") or [{}])[-1].get("git") or {}
    return git.get("commit", "") + ("+" if git.get("changed") else "")


def case_of(
    trial: Trial, runs: Sequence[RunFolder], metrics: Sequence[str], check_seeds: Sequence[int], kinds: Sequence[Kind]
) -> Case:
    """What came out of the runs of one method."""
    for run in runs:
        if run.state().stage != "finished":
            stage = run.state().stage if run.path.exists() else "missing"
            raise UserError(f"{run.name} is {stage}; a gate is recorded from finished runs. See {run.path}")
    observed = [[one for one in observe(run) if one.kind in kinds] for run in runs]
    asked = [[one for one in made if asked_for(one, metrics)] for made in observed]
    found = with_floors([figure_of(alike) for alike in by_key(asked, runs)])
    for run, made in zip(runs, observed, strict=True):
        if run.spec.seed in check_seeds:
            found += [start_of(one) for one in made if one.kind == "start"]
    weights = {str(run.spec.seed): str(run.provenance().get("weights_sha256")) for run in runs}
    return Case(trial=trial, weights_sha256=weights, figures=tuple(found))


def asked_for(one: Observation, metrics: Sequence[str]) -> bool:
    """Whether every run of the recipe has this figure; one that is read may have been scored by more metrics."""
    return one.kind in ("loss", "picture") or (
        one.kind == "score" and (one.name in metrics or METRICS[one.name].counterparts)
    )


def by_key(observed: Sequence[Sequence[Observation]], runs: Sequence[RunFolder]) -> list[list[Observation]]:
    """For each figure of the first run that figure of every run; UserError where they are not comparable."""
    found: list[list[Observation]] = []
    for first in observed[0]:
        alike = [[one for one in run if one.key == first.key and one.how == first.how] for run in observed]
        for run, same in zip(runs, alike, strict=True):
            if not same:
                raise UserError(f"{run.name} has no {first.name} by the protocol of {runs[0].name}; score them alike")
        found.append([same[-1] for same in alike])
    return found


def figure_of(alike: Sequence[Observation]) -> Figure:
    first, values = alike[0], tuple(one.value for one in alike)
    mean, std = mean_and_std(values)
    if std is None:
        raise UserError(f"{first.name} is {values} in these runs; expected finite numbers")
    return Figure(
        kind=first.kind,
        name=first.name,
        better=first.better,
        how=first.how,
        mean=mean,
        std=std,
        n=len(values),
        values=values,
    )


def start_of(one: Observation) -> Figure:
    """A loss of the first step of one seed, which may differ by what rounding makes of it."""
    if not math.isfinite(one.value):
        raise UserError(f"{one.name} is {one.value}; expected a finite number")
    return Figure(
        kind=one.kind,
        name=one.name,
        better=one.better,
        how=one.how,
        mean=one.value,
        std=0.0,
        n=1,
        floor=max(START_SHARE * abs(one.value), START_LEAST),
        values=(one.value,),
    )


def with_floors(figures: Sequence[Figure]) -> list[Figure]:
    """The figures, each band with a floor: a share of the largest mean of the same loss, or of its own mean."""
    largest: dict[Name, float] = {}
    for figure in figures:
        key = term(figure)
        largest[key] = max(largest.get(key, 0.0), abs(figure.mean))
    return [
        replace(figure, floor=FLOOR_SHARE * largest[term(figure)]) if figure.better == "neither" else figure
        for figure in figures
    ]


def term(figure: Figure) -> Name:
    """The loss without its steps; any other figure itself."""
    return Name("loss", figure.name.rpartition(" ")[0]) if figure.kind == "loss" else figure.key
