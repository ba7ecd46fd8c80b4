"""The runs of a gate: trained for it by the present code, or finished ones read from a folder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from evaluation.errors import EvaluationError
from harness.catalogue import target_of
from harness.errors import UserError
from harness.gates.gate import Recipe, Trial
from harness.interrupts import STOPPED
from harness.job import Job, write_job
from harness.launchers.snapshot import PACKAGES, digest_of, source_of
from harness.planning import check_writable, open_for, plan, representatives
from harness.provenance import record
from harness.runs import RunFolder
from harness.spec import RunSpec

CODE = "gate_code_sha256"
"""where the provenance of a run that was trained for a gate keeps the digest of the code"""


def specs_of(recipe: Recipe, trial: Trial, seeds: Sequence[int]) -> list[RunSpec]:
    """The runs of one method, one for each seed; UserError where the recipe cannot be followed any more."""
    dataset, data = open_for(recipe.dataset, recipe.direction)
    settings = [f"{trial.method}.{name}={value}" for name, value in trial.options.items()]
    return plan(
        [trial.method],
        dataset,
        data,
        seeds,
        settings,
        recipe.size,
        recipe.load_size,
        batch_size=trial.batch_size,
        epochs=recipe.epochs,
        steps=recipe.steps,
        precision=recipe.precision,
    )


def train_all(runs: Path, specs: Sequence[RunSpec], job: Job) -> None:
    """Train and score, as ``job`` asks, every run that is not finished yet, in this process, one after the other.

    What the runs print goes to the error stream. A run that fails does not keep the others from running.

    Raises:
        UserError: something the user can mend, or ``runs`` holds runs of other code.
        EvaluationError: a score that cannot be computed here.
        KeyboardInterrupt: a signal asked to stop; the same call continues.
    """
    from harness.work import keep_memory, work

    keep_memory()
    code = code_sha256({spec.method for spec in specs})
    check_before(runs, specs, job)
    for number, spec in enumerate(specs, 1):
        run = RunFolder(runs / spec.name)
        claim(run, spec, code)
        write_job(run.path, job)
        print(f"[{number}/{len(specs)}] {spec.label} seed {spec.seed}", file=sys.stderr, flush=True)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                ended = work(run.path, job)
        except (UserError, EvaluationError):
            raise
        except Exception as error:  # of the code under test: nothing is measured, and the run's log has the traceback
            print(f"{run.name} failed: {type(error).__name__}: {error}  (see {run.log})", file=sys.stderr, flush=True)
            continue
        if ended == STOPPED:
            raise KeyboardInterrupt


def code_sha256(methods: Iterable[str]) -> str:
    """Digest of the sources of the harness, and of the packages that ``methods`` from elsewhere are in."""
    tops = {target_of(method).partition(":")[0].partition(".")[0] for method in methods}
    return digest_of({name: source_of(name) for name in sorted({*PACKAGES, *tops})})


def check_before(runs: Path, specs: Sequence[RunSpec], job: Job) -> None:
    """UserError or EvaluationError for what would fail later: folder, device, configurations, weights of scores."""
    import torch

    from evaluation.scoring import check_ready
    from harness.training import build
    from harness.work import device_of

    check_writable(runs)
    device_of(job.device)
    for spec in representatives(specs):
        build(spec, torch.device("cpu"))
    check_ready(job.metrics)


def claim(run: RunFolder, spec: RunSpec, code: str) -> None:
    """Make the folder one of a run by the present code; UserError if it is one by other code."""
    run.create(spec)
    made_by = run.provenance().get(CODE)
    if made_by is None and not run.state().step:
        record(run, **{CODE: code})
    elif made_by != code:
        raise UserError(
            f"{run.path} was made by other code than the present one: a gate tests the present code. "
            "Choose an empty folder with --into, or read the runs as they are with --runs"
        )
