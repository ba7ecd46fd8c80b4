"""Verdicts and exit codes, from runs that were made without training and a gate recorded from such runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.runs import write_json
from tests.harness.gates.made_gates import check, facts, make_gate, make_new, make_trained

NEW = ("--seeds", "6-8")


@pytest.fixture
def gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = make_gate(tmp_path)
    capsys.readouterr()
    return path


def test_equal_runs_hold(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_new(tmp_path, [50.0, 51.0, 52.0])
    assert check(gate, tmp_path / "new", *NEW) == 0
    out = capsys.readouterr().out
    assert "holds: 16 holds" in out
    assert "fid" in out
    assert "<= 52.5" in out  # 50 + 2.5 sqrt(2) sqrt(1/3 + 1/6)
    assert "1.5" in out, "the margin of 51"


def test_a_worse_score_fails_by_the_rule(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bound for three seeds is 52.5: a mean of 52.49 holds, one of 52.51 does not; a better one holds."""
    for mean, code in ((52.49, 0), (52.51, 1), (10.0, 0)):
        runs = tmp_path / str(mean)
        for seed in (6, 7, 8):
            make_trained(runs, seed, mean)
        assert check(gate, runs, *NEW) == code, mean
    assert "worse than recorded: 1 worse, 15 holds" in capsys.readouterr().out


def test_a_loss_outside_its_band_fails_either_way(gate: Path, tmp_path: Path) -> None:
    """Recorded 2 ± 0.011 (n - 1), so the floor of 1 % is less than three deviations, 0.033."""
    for loss, code in ((2.03, 0), (2.04, 1), (1.97, 0), (1.96, 1)):
        for seed in (6, 7, 8):
            make_trained(tmp_path / str(loss), seed, 50.0, loss)
        assert check(gate, tmp_path / str(loss), *NEW) == code, loss


def test_the_first_step_of_a_recorded_seed_is_compared(gate: Path, tmp_path: Path) -> None:
    """A departure of 0.5 % lies within the band over seeds, and far beyond rounding."""
    make_trained(tmp_path / "r", 0, 50.0, loss=2.01 * 1.005)
    assert check(gate, tmp_path / "r", "--seeds", "0") == 1
    write_json(next((tmp_path / "r").iterdir()) / "provenance.json", facts(0, torch="2.15.0"))
    assert check(gate, tmp_path / "r", "--seeds", "0") == 0, "another torch may draw other numbers"


def test_equal_weights_are_said(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(gate, tmp_path / "runs", "--seeds", "0,1") == 0
    assert "to the bit: 2 of 2 recorded seeds" in capsys.readouterr().out


def test_another_protocol_is_no_regression(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, though the value is far beyond the bound."""
    make_new(tmp_path, [90.0, 90.0, 90.0], protocol="pytorch-fid/v2")
    assert check(gate, tmp_path / "new", *NEW) == 3
    out = capsys.readouterr().out
    assert "pytorch-fid/v1[inception=c9ce7f36] ref=testB fake=png64 -> pytorch-fid/v2" in out
    assert "other protocol" in out


def test_other_counts_are_another_protocol(gate: Path, tmp_path: Path) -> None:
    make_new(tmp_path, [90.0, 90.0, 90.0], row={"n_real": 63})
    assert check(gate, tmp_path / "new", *NEW) == 3


def test_a_worse_figure_outweighs_another_protocol(gate: Path, tmp_path: Path) -> None:
    make_new(tmp_path, [50.0, 50.0, 50.0], loss=9.0, protocol="pytorch-fid/v2")
    assert check(gate, tmp_path / "new", *NEW) == 1


def test_nothing_measured(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(gate, tmp_path / "empty", *NEW) == 3
    assert "is missing" in capsys.readouterr().out
    runs = make_new(tmp_path, [50.0, 50.0, 50.0])
    (runs[0].path / "metrics.jsonl").unlink()
    assert check(gate, tmp_path / "new", *NEW) == 3
    assert "no such score in 1 of 3 runs" in capsys.readouterr().out


def test_a_failed_run_says_nothing_and_a_diverged_one_is_worse(
    gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_new(tmp_path, [50.0, 50.0, 50.0])[1]
    run.set_state(replace(run.state(), stage="failed", message="RuntimeError: out of memory"))
    assert check(gate, tmp_path / "new", *NEW) == 3
    assert "out of memory" in capsys.readouterr().out
    run.set_state(replace(run.state(), stage="failed", message="a loss was not finite at step 12"))
    assert check(gate, tmp_path / "new", *NEW) == 1
    assert "not finite at step 12" in capsys.readouterr().out


def test_a_score_that_is_no_number_is_worse(gate: Path, tmp_path: Path) -> None:
    make_new(tmp_path, [50.0, float("nan"), 50.0])
    assert check(gate, tmp_path / "new", *NEW) == 1


def test_json(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_new(tmp_path, [60.0, 61.0, 62.0])
    assert check(gate, tmp_path / "new", *NEW, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 1
    assert found["verdict"] == "worse"
    assert found["seeds"] == [6, 7, 8]
    fid = next(figure for figure in found["figures"] if figure["name"] == "fid")
    assert fid["measured"] == 61.0
    assert fid["high"] == pytest.approx(52.5)
    assert fid["margin"] == pytest.approx(-8.5)
    assert fid["low"] is None
    assert fid["verdict"] == "worse"


def test_mistakes(gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*words: str) -> str:
        capsys.readouterr()
        assert main(list(words)) == 2
        error = capsys.readouterr().err.strip()
        assert error.count("\n") == 0, error
        return error

    assert "unknown gate 'nothing.json'" in fails("check", "nothing.json")
    assert "0-2,5" in fails("check", str(gate), "--seeds", "x")
    text = gate.read_text()
    gate.write_text(text.replace('"method": "enco"', '"method": "enko"'))
    assert "Did you mean 'enco'" in fails("check", str(gate))
    gate.write_text(text.replace('"options": {}', '"options": {"num_patch": "3"}'))
    assert "num_patches" in fails("check", str(gate))
    gate.write_text(text.replace('"dataset": "toy"', '"dataset": "toi"'))
    assert "Did you mean 'toy'" in fails("check", str(gate))
