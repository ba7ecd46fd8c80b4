"""``harness run`` as a user meets it: whole runs on small pictures, and every mistake said in one line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from harness.cli import main
from harness.runs import RunFolder, all_runs

SMALL = ["--size", "32", "--steps", "4", "--device", "cpu", "--metrics", "fd-random"]
NARROW = ["--set", "ngf=8", "--set", "ndf=8", "--set", "num_patches=16"]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset of tiny pictures in two colours."""
    root = tmp_path / "colours"
    for split, colour in {"trainA": "red", "trainB": "blue", "testA": "red", "testB": "blue"}.items():
        (root / split).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (40 + i, 36), colour).save(root / split / f"{split}-{i}.png")
    return root


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a mistake is answered with; exit code 2 and no traceback."""
    capsys.readouterr()
    assert main(list(words)) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0, error
    assert "Traceback" not in error
    return error


def test_from_nothing_to_a_table(tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two methods and two seeds run through; asking again does nothing; the table has every row."""
    words = ["run", "--methods", "enco,cut", "--dataset", str(folder), "--seeds", "0-1", "--runs", str(tmp_path / "r")]
    assert main([*words, *SMALL, *NARROW]) == 0
    out = capfd.readouterr().out
    for expected in ("identity", "real", "enco", "cut", "fd-random", "n"):
        assert expected in out
    runs = list(all_runs(tmp_path / "r"))
    assert len(runs) == 6
    assert all(run.state().stage == "finished" for run in runs)
    trained = [run for run in runs if not run.spec.is_reference]
    assert len({run.provenance()["weights_sha256"] for run in trained}) == 4
    assert all(len(list(run.translations.glob("*.png"))) == 3 for run in trained)
    assert main([*words, *SMALL, *NARROW]) == 0
    assert "nothing to do" in capfd.readouterr().out
    assert main(["table", "--runs", str(tmp_path / "r"), "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)
    assert main(["report", "--runs", str(tmp_path / "r")]) == 0
    page = (tmp_path / "r" / "index.html").read_text()
    assert page.count("data:image/png;base64,") == 8  # samples and curves of four runs
    assert "http" not in page.replace("http-equiv", "")
    source, output = folder / "testA", tmp_path / "out"
    assert main(["translate", trained[0].name, str(source), str(output), "--runs", str(tmp_path / "r")]) == 0
    assert {p.name: p.read_bytes() for p in output.iterdir()} == {
        p.name: p.read_bytes() for p in trained[0].translations.iterdir()
    }, "translate repeats what was scored"


def test_same_seed_same_weights(tmp_path: Path, folder: Path) -> None:
    digests = []
    for name in "ab":
        words = ["--methods", "cut", "--dataset", str(folder), "--runs", str(tmp_path / name)]
        assert main(["run", *words, *SMALL, *NARROW]) == 0
        (run,) = [run for run in all_runs(tmp_path / name) if not run.spec.is_reference]
        digests.append(run.provenance()["weights_sha256"])
    assert digests[0] == digests[1]


def test_dry_run_writes_nothing(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--methods", "all", "--dataset", str(folder), "--runs", str(tmp_path / "r"), "--dry-run"]
    assert main(words) == 0
    assert "enco" in capsys.readouterr().out
    assert not (tmp_path / "r").exists()


def test_names_that_do_not_exist(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = ["--runs", str(tmp_path / "r")]
    at = ["--dataset", str(folder), *runs]
    assert "Did you mean 'enco'" in fails(capsys, "run", "--methods", "enko", *at)
    assert "Did you mean 'toy'" in fails(capsys, "run", "--methods", "enco", "--dataset", "toi", *runs)
    assert "num_patches" in fails(capsys, "run", "--methods", "enco", *at, "--set", "enco.num_patch=3")
    assert "num_patches" in fails(capsys, "run", "--methods", "enco", *at, "--set", "num_patch=3")
    assert "not among the methods" in fails(capsys, "run", "--methods", "enco", *at, "--set", "cut.ngf=3")
    assert "a whole number" in fails(capsys, "run", "--methods", "enco", *at, "--set", "ngf=many")
    assert "'dag'" in fails(capsys, "run", "--methods", "enco", *at, "--set", "sampling=dog")
    assert "multiple of 4" in fails(capsys, "run", "--methods", "enco", *at, "--size", "33")
    assert "0-2,5" in fails(capsys, "run", "--methods", "enco", *at, "--seeds", "x")
    assert "metric" in fails(capsys, "run", "--methods", "enco", *at, "--metrics", "fdi")
    assert "device" in fails(capsys, "run", "--methods", "enco", *at, *SMALL, "--device", "cuda:77")
    assert not [run for run in all_runs(tmp_path / "r") if run.state().step]


def test_folders_that_cannot_be_used(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("run", "--methods", "enco", "--runs", str(tmp_path / "r"), *SMALL, "--dataset")
    assert "nothing" in fails(capsys, *words, str(tmp_path / "nothing"))
    broken = folder / "trainB" / "trainB-1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    assert "trainB-1.png" in fails(capsys, *words, str(folder))
    broken.unlink()
    shutil.rmtree(folder / "testB")
    assert "testB" in fails(capsys, *words, str(folder))
    (folder / "testB").mkdir()
    assert "testB" in fails(capsys, *words, str(folder))


def test_values_that_a_method_refuses(tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--methods", "enco", "--dataset", str(folder), "--runs", str(tmp_path), *SMALL, *NARROW]
    assert main([*words, "--set", "random_ratio=7"]) == 2
    error = capfd.readouterr().err
    assert "random_ratio is 7.0; expected 0 to 1" in error
    assert "Traceback" not in error


def test_changed_run_and_changed_data(tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--methods", "enco", "--dataset", str(folder), "--runs", str(tmp_path / "r"), *SMALL, *NARROW]
    assert main(words) == 0
    (run,) = [run for run in all_runs(tmp_path / "r") if not run.spec.is_reference]
    values = json.loads((run.path / "spec.json").read_text())
    values["options"]["lr_G"] = 0.25
    (run.path / "spec.json").write_text(json.dumps(values))
    assert "lr_G: 0.25 -> 5e-05" in fails(capfd, *words)  # type: ignore[arg-type]
    values["options"]["lr_G"] = 5e-5
    (run.path / "spec.json").write_text(json.dumps(values))
    run.set_state(type(run.state())(stage="interrupted", step=2, steps=4))
    Image.new("RGB", (40, 36), "green").save(folder / "trainA" / "trainA-0.png")
    assert main(words) != 0
    error = capfd.readouterr().err
    assert "trainA" in error
    assert "not those this run began with" in error


def test_unwritable_folder(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    words = ("run", "--methods", "enco", "--dataset", str(folder), *SMALL, "--runs", str(tmp_path / "file" / "r"))
    assert "cannot write to" in fails(capsys, *words)


@pytest.fixture
def little_room(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB: two checkpoints of a narrow EnCo fit, a third does not."""
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(mount)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small file system needs root")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_no_space_left(little_room: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said at the start where it can be known; else a clean stop with the last good checkpoint intact."""
    from harness import checkpoint
    from harness.planning import open_for, plan

    words = ("run", "--methods", "enco", "--dataset", str(folder), *SMALL, *NARROW)
    assert "MB free" in fails(capsys, *words, "--runs", str(little_room / "r"))
    dataset, data = open_for(str(folder), None)
    (spec,) = plan(["enco"], dataset, data, [0], ["ngf=8", "ndf=8", "num_patches=16", "netF_nc=32"], 32, None, steps=40)
    run = RunFolder(little_room / spec.name)
    run.create(spec)
    command = [sys.executable, "-m", "harness", "work", str(run.path), "--device", "cpu", "--metrics", "fd-random"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 2, done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    kept = checkpoint.checkpoints(run.checkpoints)
    assert kept
    assert all(checkpoint.read(path) is not None for path in kept)


def test_loss_that_is_not_finite(tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--methods", "enco", "--dataset", str(folder), "--runs", str(tmp_path), *SMALL, *NARROW]
    assert main([*words, "--set", "lr_G=1e38", "--set", "warmup_epochs=0"]) == 1
    out = capfd.readouterr().out
    assert "a loss was not finite at step 2" in out
    (run,) = [run for run in all_runs(tmp_path) if not run.spec.is_reference]
    assert run.state().stage == "failed"
