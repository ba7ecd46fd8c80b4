"""New runs against a gate: a verdict on each figure, and the exit code that they make. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from harness.gates.figures import Observation, observe
from harness.gates.gate import Case, Figure, How
from harness.gates.rules import EVERYTHING, Bounds, margin, share_left
from harness.runs import NOT_FINITE, RunFolder

Outcome = Literal["holds", "worse", "not measured", "other protocol"]


class Exit(IntEnum):
    """What ``harness check`` answers a shell with; 2 is a mistake of the user's."""

    HOLDS = 0
    WORSE = 1
    NOTHING = 3
    """nothing was measured, or by another protocol: no regression, and no proof that there is none"""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """On one figure of one method, or on a run that never came to its figures."""

    method: str
    kind: str
    """score, loss, picture or run"""
    name: str
    outcome: Outcome
    why: str = ""
    """of what was not measured or diverged"""
    figure: Figure | None = None
    value: float = math.nan
    """mean over the new seeds"""
    limits: Bounds = EVERYTHING

    @property
    def margin(self) -> float:
        return margin(self.value, self.limits)

    @property
    def share(self) -> float:
        """1 at the recorded mean, 0 at the bound, negative outside; NaN where nothing was measured."""
        return share_left(self.value, self.figure.mean, self.limits) if self.figure else math.nan


def compare(case: Case, runs: Sequence[RunFolder]) -> list[Verdict]:
    """The verdicts on one method, from one run for each new seed."""
    label = case.trial.label
    unfinished = [run for run in runs if run.state().stage != "finished"]
    if unfinished:
        return [on_unfinished(label, run) for run in unfinished]
    observed = [observe(run) for run in runs]
    figures = [figure for figure in case.figures if figure.kind != "start"]
    return [
        *(on_figure(label, figure, observed) for figure in figures),
        *(verdict for made in observed for verdict in on_start(label, case.figures, made)),
    ]


def on_unfinished(method: str, run: RunFolder) -> Verdict:
    """A run whose losses stopped being numbers is worse; one that failed otherwise says nothing."""
    state = run.state()
    missing = state.stage == "new" and not run.path.exists()
    why = f"{run.name} is {'missing' if missing else state.stage}{f' ({state.message})' if state.message else ''}"
    outcome: Outcome = "worse" if state.stage == "failed" and NOT_FINITE in state.message else "not measured"
    return Verdict(method=method, kind="run", name=f"seed {seed_of(run)}", outcome=outcome, why=why)


def seed_of(run: RunFolder) -> str:
    return str(run.spec.seed) if (run.path / "spec.json").is_file() else run.name


def on_figure(method: str, figure: Figure, observed: Sequence[Sequence[Observation]]) -> Verdict:
    """The verdict on one figure, from the observations of each run."""
    named = [[one for one in run if one.key == figure.key] for run in observed]
    alike = [next((one for one in run if dict(one.how) == dict(figure.how)), None) for run in named]
    values = [one.value for one in alike if one is not None]
    if len(values) == len(observed):
        value = math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.nan
        limits = figure.bounds(len(values))
        outcome: Outcome = "holds" if limits.low <= value <= limits.high else "worse"  # NaN does not hold
        return Verdict(
            method=method,
            kind=figure.kind,
            name=figure.name,
            outcome=outcome,
            figure=figure,
            value=value,
            limits=limits,
        )
    absent = [run for run in named if not run]
    others = [run[-1].how for run, one in zip(named, alike, strict=True) if run and one is None]
    why = (
        f"no such {figure.kind} in {len(absent)} of {len(named)} runs" if absent else difference(figure.how, others[0])
    )
    other: Outcome = "not measured" if absent else "other protocol"
    return Verdict(method=method, kind=figure.kind, name=figure.name, outcome=other, why=why, figure=figure)


def on_start(method: str, figures: Sequence[Figure], made: Sequence[Observation]) -> list[Verdict]:
    """The verdicts on the first step of a run whose seed was recorded too, where torch and device are the same."""
    starts = {one.key: one for one in made if one.kind == "start"}
    alike = [figure for figure in figures if figure.key in starts and dict(starts[figure.key].how) == dict(figure.how)]
    return [on_figure(method, figure, [made]) for figure in alike]


def difference(recorded: How, found: How) -> str:
    """``protocol: pytorch-fid/v1 -> pytorch-fid/v2``."""
    names = [name for name in recorded if recorded[name] != found.get(name)]
    return "; ".join(f"{name}: {recorded[name]} -> {found.get(name, 'absent')}" for name in names)


def exit_code(verdicts: Sequence[Verdict]) -> Exit:
    """1 if anything measured is worse; else 3 if anything could not be compared, or nothing was; else 0."""
    outcomes = {verdict.outcome for verdict in verdicts}
    if "worse" in outcomes:
        return Exit.WORSE
    return Exit.HOLDS if outcomes == {"holds"} else Exit.NOTHING


def same_weights(case: Case, runs: Sequence[RunFolder]) -> Mapping[str, bool]:
    """For each seed that was recorded too, whether the trained weights are the same to the bit."""
    found = {str(run.spec.seed): run.provenance().get("weights_sha256") for run in runs if run.path.exists()}
    return {seed: case.weights_sha256[seed] == digest for seed, digest in found.items() if seed in case.weights_sha256}
