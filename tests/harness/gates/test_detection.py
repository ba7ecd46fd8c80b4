"""The gate that comes with the harness, against real regressions and against runs in which nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.gates.gate import find_gate, read_gate
from harness.gates.running import specs_of
from tests.harness.gates.regressions import REGRESSIONS, SUBTLE, check_with

GATE = "toy-fast"
NEW = ("--seeds", "100-101")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_regression_is_caught_with_other_seeds(name: str, tmp_path: Path) -> None:
    """None of the seeds was recorded, so what is compared are statistics, not numbers of one run."""
    done = check_with(REGRESSIONS[name], tmp_path, GATE, *NEW, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    worse = [figure for figure in json.loads(done.stdout)["figures"] if figure["verdict"] == "worse"]
    assert len(worse) > 1
    assert all(figure["kind"] != "start" for figure in worse)


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBTLE)
def test_what_no_statistic_sees_the_first_step_does(name: str, tmp_path: Path) -> None:
    done = check_with(SUBTLE[name], tmp_path, GATE, "--seeds", "0", "--json")
    found = json.loads(done.stdout)
    worse = {figure["kind"] for figure in found["figures"] if figure["verdict"] == "worse"}
    assert "start" in worse, done.stderr


@pytest.mark.slow
def test_ten_clean_repetitions_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with three seeds of its own, none of them recorded."""
    failed = []
    for k in range(10):
        first = 200 + 3 * k
        seeds = f"{first}-{first + 2}"
        if main(["check", GATE, "--seeds", seeds, "--into", str(tmp_path), "--device", "cpu"]) != 0:
            failed.append(capsys.readouterr().out)
    assert not failed, "\n\n".join(failed)


def test_the_default_check_holds_and_leaves_nothing(tmp_path: Path) -> None:
    """The gate of this project's own CI, by the code as it is, in a temporary folder that is removed."""
    done = check_with(None, tmp_path, GATE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.glob("harness-gate*"))


@pytest.mark.slow
def test_true_fid_of_enco_and_cut_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "toy", "--device", "cpu"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.count("fid ") == 2


def test_runs_of_other_code_are_not_taken_for_those_of_the_present(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies in --into must have been made by this very code."""
    gate = read_gate(find_gate(GATE))
    (spec,) = specs_of(gate.recipe, gate.cases[0].trial, [7])
    folder = tmp_path / spec.name
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps(spec.to_json()))
    (folder / "provenance.json").write_text(json.dumps({"gate_code_sha256": "0" * 64}))
    assert main(["check", GATE, "--seeds", "7", "--into", str(tmp_path)]) == 2
    assert "made by other code" in capsys.readouterr().err
