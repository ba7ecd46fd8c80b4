"""The file of a gate: readable, whole, and every mistake in it said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.gates.gate import find_gate, read_gate, write_gate
from harness.shipped import shipped
from harness.table import mean_and_std
from tests.harness.gates.made_gates import make_gate


def test_reading_gives_what_was_written(tmp_path: Path) -> None:
    path = make_gate(tmp_path)
    gate = read_gate(path)
    write_gate(tmp_path / "again.json", gate)
    assert read_gate(tmp_path / "again.json") == gate
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_gate_holds_what_a_comparison_needs(tmp_path: Path) -> None:
    gate = read_gate(make_gate(tmp_path))
    assert gate.seeds == (0, 1, 2, 3, 4, 5)
    assert gate.check_seeds == (0, 6, 7)
    assert gate.libraries["torch"] == "2.14.1"
    (case,) = gate.cases
    assert case.weights_sha256["3"].endswith("3")
    fid = next(figure for figure in case.figures if figure.name == "fid")
    assert (fid.mean, fid.std, fid.n) == (50.0, pytest.approx(2**0.5), 6)
    assert fid.values == (50.0, 52.0, 48.0, 51.0, 49.0, 50.0)
    assert {figure.kind for figure in case.figures} == {"score", "loss", "start"}


def test_numbers_of_a_list_stand_on_one_line(tmp_path: Path) -> None:
    assert '"values": [50.0, 52.0, 48.0, 51.0, 49.0, 50.0]' in make_gate(tmp_path).read_text()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    for text, expected in {
        "{": "cannot be read",
        "[]": "schema None",
        '{"schema": 2}': "schema 2",
        '{"schema": 1}': "does not describe a gate",
        '{"schema": 1, "cases": [], "recipe": {"dataset": "toy"}}': "does not describe a gate",
    }.items():
        path.write_text(text)
        with pytest.raises(UserError, match=expected):
            read_gate(path)
    with pytest.raises(UserError, match=r"unknown gate 'toy-fst'. Did you mean 'toy-fast'"):
        find_gate("toy-fst")


@pytest.mark.parametrize("path", sorted(shipped("gates").glob("*.json")), ids=lambda path: path.stem)
def test_shipped_gates_agree_with_their_own_values(path: Path) -> None:
    """Means and deviations are those of the values beside them; bands rest on enough runs; nothing raises alarms."""
    gate = read_gate(path)
    assert gate == read_gate(find_gate(path.stem))
    assert gate.false_alarms < 0.05
    for case in gate.cases:
        for figure in case.figures:
            assert figure.n == len(figure.values)
            if figure.kind != "start":
                assert figure.n == len(gate.seeds) >= 5
                assert (figure.mean, figure.std) == pytest.approx(mean_and_std(figure.values))
    assert json.loads(path.read_text())["schema"] == 1
