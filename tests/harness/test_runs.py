"""Run folders: what is written is read, whatever happened in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.lease import lease
from harness.runs import RunFolder, State, all_runs, find_run, read_json, write_json
from tests.harness.made import FID, make_run, row_of


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", {"fid": 61.25, "psnr": 14.5})
    assert [(row.metric, row.value) for row in run.rows()] == [("fid", 61.25), ("psnr", 14.5)]
    assert run.rows()[0] == row_of(run, "fid", 61.25, FID, {})


def test_a_torn_line_is_passed_over_and_nothing_is_glued_to_it(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", {"fid": 60.0, "psnr": 14.0})
    file = run.path / "metrics.jsonl"
    whole = file.read_bytes()
    inside = range(len(whole.splitlines()[0]) + 2, len(whole))  # the second line
    for cut in {*inside[::23], *inside[-3:]}:
        file.write_bytes(whole[:cut])
        run.add_rows([row_of(run, "ssim", 0.5, FID, {})])
        metrics = [row.metric for row in run.rows()]
        assert metrics in (["fid", "ssim"], ["fid", "psnr", "ssim"])  # whole where only its newline was lost
        assert metrics[1] == "ssim" or cut == len(whole) - 1


def test_noise_in_a_file_of_rows_is_passed_over(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", {"fid": 60.0})
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\x00\n[1, 2]\n\n")
    assert [row.metric for row in run.rows()] == ["fid"]


def test_steps_that_were_repeated_count_once(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut")
    for step, loss in ((10, 3.0), (20, 2.0), (10, 2.5), (20, 1.5)):
        run.add_losses(step, {"G": loss})
    assert run.losses() == [{"step": 10, "G": 2.5}, {"step": 20, "G": 1.5}]


def test_a_folder_refuses_another_configuration_and_names_the_difference(tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco")
    other = make_run(tmp_path / "other", "enco", seed=1, options={"num_patches": "64"}).spec
    with pytest.raises(UserError, match="another configuration: num_patches: 256 -> 64; seed: 0 -> 1"):
        RunFolder(run.path).create(other)
    assert RunFolder(run.path).spec == run.spec


def test_the_same_configuration_is_taken_again(tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco")
    before = (run.path / "spec.json").read_bytes()
    RunFolder(run.path).create(run.spec)
    assert (run.path / "spec.json").read_bytes() == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    spec = make_run(tmp_path, "enco").spec
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        RunFolder(tmp_path / "file" / "run").create(spec)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run"):
        _ = RunFolder(tmp_path).spec


def test_a_running_run_that_nobody_holds_is_interrupted(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", stage="running")
    assert run.state().stage == "interrupted"
    with lease(run.path):
        assert run.state().stage == "running"
    assert run.state().stage == "interrupted"


def test_the_time_left_follows_from_the_time_spent() -> None:
    assert State(step=25, steps=100, seconds=50.0).seconds_left == 150.0
    assert State(steps=100).seconds_left == 0.0


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_json(file, {"step": 1})
    with pytest.raises(TypeError):
        write_json(file, {"step": object()})
    assert read_json(file) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_runs_are_listed_by_name(tmp_path: Path) -> None:
    names = [make_run(tmp_path, method).name for method in ("enco", "cut", "identity")]
    (tmp_path / "notes").mkdir()
    assert [run.name for run in all_runs(tmp_path)] == sorted(names)
    assert list(all_runs(tmp_path / "nowhere")) == []


def test_a_run_is_found_by_name_part_or_path(tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco")
    make_run(tmp_path, "cut")
    for name in (run.name, "enco", run.name[-6:], str(run.path)):
        assert find_run(tmp_path, name).path == run.path


def test_no_run_or_several_of_a_name(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "enco", seed=seed) for seed in range(2)]
    with pytest.raises(UserError, match="no run 'munit'"):
        find_run(tmp_path, "munit")
    with pytest.raises(UserError, match=f"matches 2 runs: {runs[0].name}, {runs[1].name}"):
        find_run(tmp_path, "enco")
