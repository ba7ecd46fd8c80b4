"""Run folders made by the real code, without training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.runs import Row, RunFolder, Stage, State, write_json
from harness.spec import REFERENCES, RunSpec, resolve_options

FID = "pytorch-fid/v1[inception=c9ce7f36] ref=testB fake=png64"
HIGHER = ("psnr", "ssim")
REFERENCE = "3fa9c1d2" * 8


def make_run(
    runs: Path,
    method: str,
    scores: Mapping[str, float] | None = None,
    *,
    seed: int = 0,
    options: Mapping[str, str] | None = None,
    steps: int = 256,
    stage: Stage = "finished",
    hardware: Mapping[str, str] | None = None,
    protocol: str = FID,
    row: Mapping[str, Any] | None = None,
    **fields: Any,
) -> RunFolder:
    """A run of ``method`` with one row for each of ``scores``.

    Args:
        scores: values by metric; none: a run that is not scored yet.
        options: options of the method as typed on the command line.
        steps: training steps; reference rows have none.
        row: fields of the rows other than usual.
        fields: further fields of the RunSpec.
    """
    is_reference = method in REFERENCES
    values: dict[str, Any] = {
        "dataset": "toy",
        "size": 64,
        "load_size": 72,
        "steps": 0 if is_reference else steps,
    } | fields
    spec = RunSpec(
        method=method, options={} if is_reference else resolve_options(method, options or {}), seed=seed, **values
    )
    run = RunFolder(runs / spec.name)
    run.create(spec)
    run.set_state(State(stage=stage, step=steps, steps=steps, seconds=12.5, losses={"G": 1.25, "D": 0.5}))
    if hardware is not None:
        write_json(run.path / "provenance.json", {"hardware": dict(hardware)})
    run.add_rows([row_of(run, metric, value, protocol, row or {}) for metric, value in (scores or {}).items()])
    return run


def row_of(run: RunFolder, metric: str, value: float, protocol: str, other: Mapping[str, Any]) -> Row:
    spec = run.spec
    fields: dict[str, Any] = {
        "run": run.name,
        "method": spec.label,
        "dataset": spec.dataset,
        "direction": spec.direction,
        "seed": spec.seed,
        "step": spec.steps,
        "metric": metric,
        "value": value,
        "protocol": protocol if metric == "fid" else f"{metric}-rgb/v1 size={spec.size}",
        "higher_is_better": metric in HIGHER,
        "n_fake": 64,
        "n_real": 64,
        "reference": REFERENCE,
    }
    return Row(**fields | dict(other))
