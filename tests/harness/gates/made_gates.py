"""Gates recorded from runs that were made without training, by the commands that a user gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cli import main
from harness.runs import RunFolder, write_json
from tests.harness.made import make_run

FIDS = (50.0, 52.0, 48.0, 51.0, 49.0, 50.0)
"""mean 50, sample standard deviation sqrt(2)"""
RECIPE = ["--methods", "enco", "--dataset", "toy", "--steps", "64"]


def make_trained(runs: Path, seed: int, fid: float, loss: float = 2.0, **fields: Any) -> RunFolder:
    """A finished run of EnCo over 64 steps with one FID; its loss falls from ``loss`` to half of it."""
    run = make_run(runs, "enco", {"fid": fid, "ssim": 0.8}, seed=seed, steps=64, **fields)
    for step in range(1, 65):
        run.add_losses(step, {"G": loss * (1 - step / 128), "D": 0.25})
    write_json(run.path / "provenance.json", facts(seed))
    return run


def facts(seed: int, torch: str = "2.14.1", device: str = "cpu") -> Mapping[str, Any]:
    return {"weights_sha256": f"{seed:064}", "packages": {"torch": torch}, "hardware": {"device": device, "cpu": "X"}}


def make_gate(folder: Path, *words: str) -> Path:
    """A gate over seeds 0 to 5, from runs in ``folder``/runs."""
    for seed, fid in enumerate(FIDS):
        make_trained(folder / "runs", seed, fid, loss=2.0 + 0.01 * (-1) ** seed)
    gate = folder / "gate.json"
    record = ["gate", "record", str(gate), *RECIPE, "--seeds", "0-5", "--runs", str(folder / "runs")]
    assert main([*record, *words]) == 0
    return gate


def check(gate: Path, runs: Path, *words: str) -> int:
    return main(["check", str(gate), "--runs", str(runs), *words])


def make_new(folder: Path, fids: Sequence[float], loss: float = 2.0, **fields: Any) -> list[RunFolder]:
    """New runs for that gate, with seeds from 6 on."""
    return [make_trained(folder / "new", 6 + i, fid, loss, **fields) for i, fid in enumerate(fids)]
