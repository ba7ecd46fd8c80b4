"""``harness gate record``: what it refuses, and that it overwrites nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.gates.gate import read_gate
from tests.harness.gates.made_gates import RECIPE, make_gate, make_trained


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["gate", "record", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0, error
    return error


def test_a_gate_is_not_overwritten_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = make_gate(tmp_path)
    before = gate.read_bytes()
    again = [str(gate), *RECIPE, "--seeds", "0-4", "--runs", str(tmp_path / "runs")]
    assert "--overwrite" in refused(capsys, *again)
    assert gate.read_bytes() == before
    assert main(["gate", "record", *again, "--overwrite"]) == 0
    assert read_gate(gate).seeds == (0, 1, 2, 3, 4)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_cannot_be_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_gate(tmp_path)
    words = [str(tmp_path / "new.json"), "--runs", str(tmp_path / "runs")]
    assert "at least 5" in refused(capsys, *words, *RECIPE, "--seeds", "0-3")
    assert "is missing" in refused(capsys, *words, *RECIPE, "--seeds", "0-6")
    assert "Did you mean 'enco'" in refused(capsys, *words, "--methods", "enko", "--dataset", "toy")
    run = make_trained(tmp_path / "runs", 6, float("inf"))
    assert "finite" in refused(capsys, *words, *RECIPE, "--seeds", "1-6")
    (run.path / "metrics.jsonl").unlink()
    assert "has no fid" in refused(capsys, *words, *RECIPE, "--seeds", "0-6")
    run.set_state(replace(run.state(), stage="trained"))
    assert "is trained" in refused(capsys, *words, *RECIPE, "--seeds", "0-6")
    assert not (tmp_path / "new.json").exists()


def test_only_the_kinds_asked_for_are_recorded(tmp_path: Path) -> None:
    (case,) = read_gate(make_gate(tmp_path, "--kinds", "score", "picture")).cases
    assert {figure.name for figure in case.figures} == {"fid", "ssim"}


def test_options_that_were_not_set_stay_open(tmp_path: Path) -> None:
    """A check then takes the default of its day, so that a changed default is a change that is tested."""
    for seed in range(5):
        make_trained(tmp_path / "runs", seed, 50.0, options={"num_patches": "64"})
    gate = tmp_path / "g.json"
    words = ["gate", "record", str(gate), *RECIPE, "--set", "num_patches=64", "--seeds", "0-4"]
    assert main([*words, "--runs", str(tmp_path / "runs")]) == 0
    (case,) = read_gate(gate).cases
    assert dict(case.trial.options) == {"num_patches": "64"}
