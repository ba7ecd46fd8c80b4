"""What stands in which row and column of a table, and what is said about it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from harness.collect import collect
from harness.footnotes import footnotes, ranges
from harness.table import Cell, Table, TableRow, letter, mean_and_std, tables
from tests.harness.made import FID, make_run, row_of


def only_table(runs: Path) -> Table:
    (table,) = tables(collect(runs))
    return table


def row(table: Table, label: str) -> TableRow:
    (found,) = [row for row in table.rows if row.label == label]
    return found


def cell(table: Table, label: str, metric: str = "fid") -> Cell:
    (i,) = [i for i, column in enumerate(table.columns) if column.metric == metric]
    found = row(table, label).cells[i]
    assert found is not None
    return found


def labels(table: Table) -> list[str]:
    return [row.label for row in table.rows]


@pytest.mark.parametrize(
    ("values", "mean", "std"),
    [
        ([7.0], 7.0, None),
        ([3.0, 5.0], 4.0, math.sqrt(2)),  # ((-1)^2 + 1^2) / (2 - 1)
        ([2.0, 4.0, 4.0, 6.0], 4.0, math.sqrt(8 / 3)),  # (4 + 0 + 0 + 4) / (4 - 1)
        ([5.0, 5.0, 5.0], 5.0, 0.0),
    ],
)
def test_mean_and_sample_standard_deviation(values: list[float], mean: float, std: float | None) -> None:
    assert mean_and_std(values) == (mean, pytest.approx(std, rel=1e-15) if std is not None else None)


def test_an_infinite_value_has_no_spread() -> None:
    assert mean_and_std([math.inf, 30.0]) == (math.inf, None)


def test_seeds_of_one_method_share_a_cell(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0, "psnr": 14.0}, seed=0)
    make_run(tmp_path, "cut", {"fid": 64.0}, seed=3)
    table = only_table(tmp_path)
    fid, psnr = cell(table, "cut"), cell(table, "cut", "psnr")
    assert (fid.mean, fid.n) == (62.0, 2)
    assert fid.std == pytest.approx(math.sqrt(8), rel=1e-15)
    assert (psnr.mean, psnr.std, psnr.n) == (14.0, None, 1)
    assert row(table, "cut").seeds == (0, 3)


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": FID.replace("pytorch-fid/v1", "clean-fid/v1")},
        {"selected": "best-on-test"},
        {"n_fake": 63},
        {"n_real": 65},
        {"reference": "0" * 64},
    ],
    ids=lambda other: next(iter(other)),
)
def test_scores_that_are_not_comparable_never_share_a_column(tmp_path: Path, other: dict[str, Any]) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0}, seed=0)
    make_run(tmp_path, "cut", {"fid": 30.0}, seed=1, row=other)
    make_run(tmp_path, "enco", {"fid": 50.0}, seed=0)
    table = only_table(tmp_path)
    assert [column.metric for column in table.columns] == ["fid", "fid"]
    assert table.marks == ("a", "b")
    assert sorted(c.mean for c in row(table, "cut").cells if c) == [30.0, 60.0]
    assert [c.n for c in row(table, "cut").cells if c] == [1, 1]
    notes = [note for note in footnotes(table) if note.startswith("fid ")]
    assert [note[:6] for note in notes] == ["fid a:", "fid b:"]
    assert notes[0][6:] != notes[1][6:]


def test_one_protocol_needs_no_letter_and_is_named_in_full(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    table = only_table(tmp_path)
    assert table.marks == ("",)
    assert footnotes(table)[0] == f"fid: {FID}; last checkpoint; 64 against 64 pictures, reference pictures 3fa9c1d2"


def test_the_last_score_of_a_run_wins(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", {"fid": 99.0})
    run.add_rows([row_of(run, "fid", 61.0, FID, {})])
    assert cell(only_table(tmp_path), "cut").values == {0: 61.0}


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({"steps": 512}, ("256 steps", "512 steps")),
        ({"load_size": 64}, ("crops from 72x72", "crops from 64x64")),
        ({"batch_size": 2}, ("batch 1", "batch 2")),
        ({"precision": "bf16"}, ("fp32", "bf16")),
    ],
    ids=["steps", "load_size", "batch_size", "precision"],
)
def test_runs_of_different_budgets_are_never_averaged(
    tmp_path: Path, other: dict[str, Any], names: tuple[str, str]
) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0}, seed=0)
    make_run(tmp_path, "cut", {"fid": 30.0}, seed=1, **other)
    table = only_table(tmp_path)
    assert {label: c.mean for label in labels(table)[2:] for c in row(table, label).cells if c} == {
        f"cut ({names[0]})": 60.0,
        f"cut ({names[1]})": 30.0,
    }
    (budget,) = [note for note in footnotes(table) if note.startswith("Budget")]
    stated, differ, _ = budget.partition("Rows differ in")
    assert differ
    assert names[0] not in stated


def test_the_budget_and_the_seeds_are_stated(tmp_path: Path) -> None:
    for seed in (0, 1, 2, 5):
        make_run(tmp_path, "cut", {"fid": 60.0}, seed=seed)
    assert "Budget: 64x64 pixels, 256 steps, crops from 72x72, batch 1, fp32, seeds 0-2, 5." in footnotes(
        only_table(tmp_path)
    )


def test_different_seeds_of_the_methods_are_said(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0}, seed=0)
    make_run(tmp_path, "enco", {"fid": 60.0}, seed=0)
    make_run(tmp_path, "enco", {"fid": 60.0}, seed=1)
    (budget,) = [note for note in footnotes(only_table(tmp_path)) if note.startswith("Budget")]
    assert budget.endswith("Seeds differ: 0 in cut; 0-1 in enco.")


def test_reference_rows_come_first_and_are_asked_for_where_missing(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    make_run(tmp_path, "real", {"fid": 20.0})
    table = only_table(tmp_path)
    assert labels(table) == ["identity", "real", "cut"]
    assert row(table, "identity").cells == (None,)
    (note,) = [note for note in footnotes(table) if "reference row" in note]
    assert "reference row identity:" in note
    assert "harness run on toy" in note


def test_a_method_must_beat_identity(tmp_path: Path) -> None:
    make_run(tmp_path, "identity", {"fid": 100.0, "psnr": 15.0})
    make_run(tmp_path, "cut", {"fid": 99.9, "psnr": 14.9})
    make_run(tmp_path, "enco", {"fid": 100.0, "psnr": 15.1})
    table = only_table(tmp_path)
    beats = {(label, m): cell(table, label, m).beats_identity for label in ("cut", "enco") for m in ("fid", "psnr")}
    assert beats == {("cut", "fid"): True, ("cut", "psnr"): False, ("enco", "fid"): False, ("enco", "psnr"): True}
    assert cell(table, "identity").beats_identity is None
    assert "! does not beat identity, the source pictures unchanged." in footnotes(table)


def test_identity_by_another_protocol_judges_nothing(tmp_path: Path) -> None:
    make_run(tmp_path, "identity", {"fid": 10.0}, protocol="clean-fid/v1 ref=testB")
    make_run(tmp_path, "cut", {"fid": 60.0})
    (found,) = [c for c in row(only_table(tmp_path), "cut").cells if c]
    assert found.beats_identity is None


def test_the_best_is_chosen_among_the_methods_only(tmp_path: Path) -> None:
    make_run(tmp_path, "real", {"fid": 10.0, "psnr": 90.0})
    make_run(tmp_path, "cut", {"fid": 60.0, "psnr": 14.0})
    make_run(tmp_path, "enco", {"fid": 50.0, "psnr": 13.0})
    table = only_table(tmp_path)
    best = {(label, m) for label in labels(table)[1:] for m in ("fid", "psnr") if cell(table, label, m).best}
    assert best == {("enco", "fid"), ("cut", "psnr")}


def test_a_single_method_is_not_called_best(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    assert not cell(only_table(tmp_path), "cut").best


def test_options_that_all_methods_share_are_said_once(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0}, options={"ngf": "32"})
    make_run(tmp_path, "enco", {"fid": 50.0}, options={"ngf": "32"})
    make_run(tmp_path, "enco", {"fid": 70.0}, options={"ngf": "32", "sampling": "random"})
    table = only_table(tmp_path)
    assert labels(table)[2:] == ["cut", "enco", "enco[sampling=random]"]
    assert "All methods with ngf=32 (not their default)." in footnotes(table)


def test_options_that_differ_stay_in_the_labels(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    make_run(tmp_path, "enco", {"fid": 50.0}, options={"nce_layers": "7,24", "ngf": "32"})
    assert labels(only_table(tmp_path))[2:] == ["cut", "enco[ngf=32,nce_layers=7,24]"]


def test_a_single_row_keeps_its_options(tmp_path: Path) -> None:
    make_run(tmp_path, "enco", {"fid": 50.0}, options={"ngf": "32"})
    assert labels(only_table(tmp_path))[2:] == ["enco[ngf=32]"]


def test_datasets_directions_and_sizes_have_tables_of_their_own(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    make_run(tmp_path, "cut", {"fid": 61.0}, direction="BtoA")
    make_run(tmp_path, "cut", {"fid": 62.0}, size=128, load_size=144)
    make_run(tmp_path, "cut", {"fid": 63.0}, dataset="facades")
    found = {table.title: cell(table, "cut").mean for table in tables(collect(tmp_path))}
    assert found == {
        "facades AtoB 64x64": 63.0,
        "toy AtoB 64x64": 60.0,
        "toy AtoB 128x128": 62.0,
        "toy BtoA 64x64": 61.0,
    }


def test_unfinished_runs_are_counted(tmp_path: Path) -> None:
    make_run(tmp_path, "identity")
    for seed in range(3):
        make_run(tmp_path, "cut", {"fid": 60.0} if seed else None, seed=seed)
    assert "1 of 3 runs unfinished: harness status --runs here" in footnotes(only_table(tmp_path), " --runs here")


def test_one_machine_needs_no_note(tmp_path: Path) -> None:
    here = {"host": "a", "device": "cpu", "cpu": "Xeon", "torch": "2.5"}
    make_run(tmp_path, "cut", {"fid": 60.0}, hardware=here)
    make_run(tmp_path, "enco", {"fid": 60.0}, hardware=here | {"threads": "4"})
    assert not [note for note in footnotes(only_table(tmp_path)) if "machine" in note]


def test_different_machines_are_named(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0}, hardware={"host": "a", "device": "cpu", "cpu": "Xeon", "torch": "2.5"})
    make_run(tmp_path, "cut", {"fid": 61.0}, seed=1, hardware={"host": "b", "device": "H100", "cpu": "Xeon"})
    make_run(tmp_path, "cut", {"fid": 62.0}, seed=2)  # no provenance.json
    (note,) = [note for note in footnotes(only_table(tmp_path)) if "machine" in note]
    assert "1 on a machine that was not recorded" in note
    assert "1 on Xeon, torch 2.5, host a" in note
    assert "1 on H100, torch unknown, host b" in note


def test_a_run_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    broken = make_run(tmp_path, "enco", {"fid": 60.0})
    (broken.path / "spec.json").write_text("{")
    collected = collect(tmp_path)
    assert [run.spec.method for run in collected.scored] == ["cut"]
    assert list(collected.unreadable) == [broken.name]


def test_rows_of_a_newer_version_are_refused_by_name(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut")
    (run.path / "metrics.jsonl").write_text('{"run": "x", "colour": "red"}\n')
    assert "another version" in collect(tmp_path).unreadable[run.name]


def test_a_method_that_is_gone_keeps_the_label_of_its_scores(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", {"fid": 60.0}, options={"ngf": "32"})
    spec = (run.path / "spec.json").read_text()
    (run.path / "spec.json").write_text(spec.replace('"cut"', '"gone"'))
    assert labels(only_table(tmp_path))[2:] == ["cut[ngf=32]"]


@pytest.mark.parametrize(
    ("numbers", "text"), [([0], "0"), ([2, 0, 1], "0-2"), ([0, 1, 5, 7, 8], "0-1, 5, 7-8"), ([], "")]
)
def test_ranges(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


def test_letters_go_on_after_z() -> None:
    assert [letter(i) for i in (0, 1, 25, 26, 27, 701, 702)] == ["a", "b", "z", "aa", "ab", "zz", "aaa"]
