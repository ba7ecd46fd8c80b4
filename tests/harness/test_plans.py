"""What `harness run --dry-run` prints: every run with its budget and state, what it needs, what is missing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from PIL import Image

from harness.cli import main
from harness.data.cache import read_check
from harness.data.folders import open_dataset
from harness.job import Job, write_job
from harness.launchers.queue import Queue
from harness.runs import State, write_json
from tests.harness.made import make_run


@pytest.fixture(autouse=True)
def no_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with none of the datasets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path.with_name("cache")))


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[str]:
    capsys.readouterr()
    assert main(["run", *words, "--dry-run", "--runs", "runs"]) == code
    return capsys.readouterr().out.splitlines()


def line(lines: list[str], *words: str) -> str:
    """The one line in which all words stand."""
    found = [text for text in lines if all(word in text for word in words)]
    assert len(found) == 1, found
    return found[0]


def test_table1_on_a_machine_with_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "table1")
    assert lines[0] == "81 runs in runs: 81 new"
    assert line(lines, "9 methods, 3 datasets, seeds 0-2; and 6 reference rows")
    assert line(lines, "time: unknown (no run was trained on this machine")
    assert line(lines, "disk: about ")
    for dataset, steps in {"cityscapes": "1,190,000", "cat2dog": "2,061,200", "horse2zebra": "533,600"}.items():
        for seed in range(3):
            assert f"400 epochs, {steps} steps" in line(lines, f" cut-{dataset}-s{seed}-")
            assert " 1,000,000 steps" in line(lines, f" munit-{dataset}-s{seed}-")
    assert "200 epochs, 1,030,600 steps" in line(lines, " enco-cat2dog-s0-")
    text = " ".join(" ".join(lines).split())
    assert "3 datasets missing:" in text
    for how in ("https://www.cityscapes-dataset.com", "clovaai/stargan-v2", "horse2zebra.zip"):
        assert how in text
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_a_real_run_names_every_missing_dataset_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--methods", "cut", "--dataset", "toy,cityscapes,cat2dog", "--runs", "runs"]
    assert main(words) == 2
    error = capsys.readouterr().err.strip()
    assert "datasets cityscapes, cat2dog are not here" in error
    assert "\n" not in error
    assert main([*words[:4], "toy,cityscapes", *words[5:]]) == 2
    assert "https://www.cityscapes-dataset.com" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_the_queue_is_not_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waits = make_run(tmp_path / "runs", "cut", seed=0, data="toy")
    waits.set_state(State())
    write_job(waits.path, Job(launcher="local", id=waits.name))
    Queue(tmp_path / "runs").put(waits.name, "cpu")
    lines = printed(capsys, "--methods", "cut", "--dataset", "toy", "--seeds", "0-1", "--steps", "256")
    assert lines[0] == "2 runs in runs: 1 new, 1 queued"
    assert line(lines, "cut-toy-s0-").endswith(" queued")


def test_new_running_done_and_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = {"host": socket.gethostname(), "device": "cpu"}
    made = [
        make_run(tmp_path / "runs", "cut", seed=seed, stage=stage, hardware=here, data="toy")  # type: ignore[arg-type]
        for seed, stage in enumerate(("finished", "stopped", "failed", "finished"))
    ]
    for run in made[1:3]:
        run.set_state(State(stage=run.state().stage, step=64, steps=256, seconds=2.0))
    spec = json.loads((made[3].path / "spec.json").read_text())
    (made[3].path / "spec.json").write_text(json.dumps(spec | {"batch_size": 2}))
    words = ("--methods", "cut", "--dataset", "toy", "--seeds", "0-4", "--steps", "256")
    lines = printed(capsys, *words)
    assert lines[0] == "5 runs in runs: 1 new, 1 stopped, 1 failed, 1 done, 1 changed"
    assert line(lines, "cut-toy-s0-").endswith(" done")
    assert line(lines, "cut-toy-s1-").endswith(" stopped 64/256")
    assert line(lines, "cut-toy-s3-").endswith(" changed: batch_size: 2 -> 1")
    assert line(lines, "cut-toy-s4-").endswith(" new")
    assert line(lines, "time: about ").endswith("as measured here on cpu)")
    assert main(["run", *words, "--runs", "runs"]) == 2
    assert "holds another configuration: batch_size: 2 -> 1" in capsys.readouterr().err


def test_pictures_that_are_not_those_a_run_began_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seen before anything is started, by files that changed; a finished run is left as it is."""
    for split in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / "mine" / split).mkdir(parents=True)
        Image.new("RGB", (32, 32), "red").save(tmp_path / "mine" / split / "one.png")
    digests = read_check(open_dataset("mine/"), 32, 36)
    made = {"dataset": "mine", "data": str(tmp_path / "mine"), "size": 32, "load_size": 36}
    for seed, stage in enumerate(("stopped", "finished")):
        run = make_run(tmp_path / "runs", "cut", seed=seed, stage=stage, **made)  # type: ignore[arg-type]
        write_json(run.path / "provenance.json", {"data": digests})
    words = ("--methods", "cut", "--dataset", "mine/", "--size", "32", "--steps", "256", "--seeds", "0-1")
    assert printed(capsys, *words)[0] == "2 runs in runs: 1 stopped, 1 done"
    Image.new("RGB", (32, 32), "blue").save(tmp_path / "mine" / "trainB" / "one.png")
    lines = printed(capsys, *words)
    assert lines[0] == "2 runs in runs: 1 done, 1 changed"
    assert line(lines, "cut-mine-s0-").endswith("changed: pictures in trainB")
    assert main(["run", *words, "--runs", "runs"]) == 2
    assert "the pictures in trainB of" in capsys.readouterr().err


def test_large_plans_show_a_line_for_all_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs", "cut", seed=3, options={"ngf": "8"}, data="toy")
    words = ("--methods", "cut[ngf=8|16]", "--dataset", "toy", "--seeds", "0-149", "--steps", "256")
    lines = printed(capsys, *words)
    assert lines[0] == "300 runs in runs: 299 new, 1 done"
    assert line(lines, "150 runs", "cut[ngf=8]", "0-149").endswith("149 new, 1 done")
    assert len(lines) < 12
    lines = printed(capsys, *words, "--every-run")
    assert sum("cut-toy-s" in text for text in lines) == 300


def test_a_disk_that_is_too_small_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "--methods", "munit[gen_dim=1024]", "--dataset", "toy", "--seeds", "0-999")
    assert " are free), and " in line(lines, "disk: about ", " TB in runs (where only ")


def test_what_is_already_done_asks_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs", "cut", data="toy")
    lines = printed(capsys, "--methods", "cut", "--dataset", "toy", "--steps", "256")
    assert lines[0] == "1 run in runs: 1 done"
    assert not [text for text in lines if text.startswith(("time:", "disk:"))]


def test_an_exclusion_without_effect_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--methods", "cut", "--dataset", "toy", "--exclude", "enco", "--dry-run"]) == 0
    assert capsys.readouterr().err == "note: --exclude enco excludes nothing\n"
