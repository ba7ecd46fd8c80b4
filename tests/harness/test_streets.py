"""Segmentation scores of whole runs: label maps of the test pictures, the photos' own row, and every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

import evaluation
from evaluation.label_maps import coding_of
from harness.cli import main
from harness.data.folders import open_dataset
from harness.data.label_maps import label_maps, training_pairs
from harness.errors import UserError
from harness.job import Job
from harness.planning import open_for, plan, reference_specs
from harness.runs import RunFolder, all_runs
from harness.work import work
from tests.harness.streets import make_streets

NAMES = ("miou", "pixacc", "classacc")
NARROW = ["ngf=8", "ndf=8", "num_patches=9", "netF_nc=16"]
SMALL = [
    "--size",
    "32",
    "--steps",
    "1",
    "--device",
    "cpu",
    "--set",
    "ngf=8",
    "--set",
    "ndf=8",
    "--set",
    "num_patches=9",
]


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache folder; no file named."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("HARNESS_DRN", raising=False)


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    return make_streets(tmp_path / "streets")


def fails(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    capfd.readouterr()
    assert main(list(words)) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0, error
    return error


@pytest.fixture
def runs(tmp_path: Path, streets: Path) -> dict[str, RunFolder]:
    """A run of each kind on the streets, not worked on yet, by method."""
    dataset, data = open_for(str(streets), "BtoA")
    specs = plan(["cut"], dataset, data, [0], NARROW, 32, None, steps=1)
    made = {}
    for spec in [*reference_specs(specs), *specs]:
        made[spec.method] = RunFolder(tmp_path / "r" / spec.name)
        made[spec.method].create(spec)
    return made


def test_scores_of_a_run_and_of_the_reference_rows(
    tmp_path: Path, streets: Path, runs: dict[str, RunFolder], first_drn: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All rows in one column; the row ``real`` is scored as the test photos at the size of the run are."""
    job = Job(metrics=("fd-random", *NAMES), device="cpu", drn=str(first_drn), drn_size="64x32")
    for run in runs.values():
        assert work(run.path, job) == 0
    rows = {method: {row.metric: row for row in run.rows()} for method, run in runs.items()}
    for name in NAMES:
        found = [rows[method][name] for method in ("identity", "real", "cut")]
        assert len({(row.protocol, row.n_fake, row.n_real, row.reference) for row in found}) == 1, "one column"
        assert "64x32 photos=bicubic labels=nearest colours-of-cityscapes" in found[0].protocol
        assert (found[0].n_fake, found[0].n_real) == (4, 4)
    assert "psnr" not in rows["real"]
    (tmp_path / "photos").mkdir()
    for path in (streets / "testA").iterdir():
        small = Image.open(path).resize((32, 32), Image.Resampling.BICUBIC)
        small.save(tmp_path / "photos" / path.name)
    (score,) = evaluation.score(
        tmp_path / "photos", streets / "testB", ["pixacc"], labels=streets / "testB", drn=first_drn, drn_size=(64, 32)
    )
    assert rows["real"]["pixacc"].value == score.value
    again = ["run", "--methods", "cut", "--dataset", str(streets), "--direction", "BtoA", "--runs", str(tmp_path / "r")]
    again += ["--size", "32", "--steps", "1", "--metrics", "fd-random,swd"]
    again += [word for option in NARROW for word in ("--set", option)]
    assert main(again) == 0
    assert "note: 1 finished run without swd: harness eval RUN --metrics swd adds them" in capfd.readouterr().err
    capfd.readouterr()
    assert main(["table", "--runs", str(tmp_path / "r")]) == 0
    out = capfd.readouterr().out
    head = out.splitlines()[2]
    assert all(title in head for title in ("mAP (mIoU) (%) ↑", "pixAcc (%) ↑", "classAcc (%) ↑"))
    assert "mAP (mIoU), pixAcc, classAcc: drn-d-22/v1[drn=" in out, "one note for the three"
    assert "The row real is the test photos themselves in mAP (mIoU), pixAcc, classAcc" in " ".join(out.split())


def test_index_maps_beside_the_photos_are_preferred(streets: Path) -> None:
    dataset = open_dataset(str(streets), "BtoA")
    assert label_maps(dataset)["0_B"] == streets / "testB" / "0_B.png"
    assert training_pairs(dataset)[0] == (streets / "trainA" / "0_A.png", streets / "trainB" / "0_B.png")
    for split, count in (("train", 6), ("test", 4)):
        (streets / f"{split}GT").mkdir()
        for number in range(count):
            Image.new("L", (8, 8), 255).save(streets / f"{split}GT" / f"{number}_B.png")
    assert label_maps(dataset)["0_B"] == streets / "testGT" / "0_B.png"
    assert training_pairs(dataset)[5][1] == streets / "trainGT" / "5_B.png"
    (streets / "testGT" / "2_B.png").unlink()
    with pytest.raises(UserError, match=r"2_B.png has no label map of its name .* \(1 of 4 pictures have none"):
        label_maps(dataset)


def test_label_maps_of_camvid(real_data: Path) -> None:
    """Photos of 480x360 with painted label maps of the same names, from A to B; the other way is refused."""
    dataset = open_dataset(str(real_data / "camvid"))
    maps = label_maps(dataset)
    assert len(maps) == len(dataset.test_a)
    assert coding_of(list(maps.values())).name == "colours of camvid"
    assert [(photo.name, label.parent.name) for photo, label in training_pairs(dataset)] == [
        (path.name, "trainA") for path in dataset.train_b
    ]
    with pytest.raises(UserError, match="label map of another palette"):
        label_maps(open_dataset(str(real_data / "camvid"), "BtoA"))


def test_what_is_missing_is_said_before_training(
    tmp_path: Path, streets: Path, first_drn: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "r"), *SMALL, "--metrics", "miou"]
    words = ["run", "--methods", "cut", "--dataset", str(streets), *runs, "--direction"]
    assert "no weights of DRN-D-22" in (error := fails(capfd, *words, "BtoA"))
    assert f"`harness drn train --dataset {streets} --direction BtoA`" in error
    named = ["--drn", str(first_drn)]
    assert "is no translation of Cityscapes-like label maps into photos" in fails(capfd, *words, "AtoB", *named)
    assert "100x64: expected multiples of 8" in fails(capfd, *words, "BtoA", *named, "--drn-size", "100x64")
    assert "expected WIDTHxHEIGHT" in fails(capfd, *words, "BtoA", *named, "--drn-size", "256")
    torch.save(torch.nn.Conv2d(3, 4, 3).state_dict(), tmp_path / "other.pth")
    assert "weights of another network" in fails(capfd, *words, "BtoA", "--drn", str(tmp_path / "other.pth"))
    assert "no such file" in fails(capfd, *words, "BtoA", "--drn", str(tmp_path / "absent.pth"))
    assert not list(all_runs(tmp_path / "r"))
