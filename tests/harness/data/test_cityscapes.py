"""The preparation of Cityscapes, from small archives in the official layout."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.palette import CITYSCAPES
from harness.cli import main
from harness.data.folders import open_dataset
from harness.data.label_maps import label_maps, training_pairs
from tests.harness.streets import make_official, pack_official


@pytest.fixture
def official(tmp_path: Path) -> Path:
    return make_official(tmp_path)


def words(official: Path, out: Path, *more: str) -> list[str]:
    images, labels = official / "leftImg8bit", official / "gtFine"
    return ["data", "prepare", "cityscapes", "--images", str(images), "--labels", str(labels), str(out), *more]


def test_the_set_of_the_papers(official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sorted by city and name, nearest for both, JPEG 4:4:4, train ids; val is the test."""
    out = tmp_path / "out"
    assert main(words(official, out)) == 0
    printed = capsys.readouterr().out
    assert "prepares 4/4" in printed
    assert "--direction BtoA" in printed
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    kinds = ("{}A/{}_A.jpg", "{}B/{}_B.jpg", "{}GT/{}_B.png")
    made = [("train", 1), ("train", 2), ("train", 3), ("test", 1)]
    assert names == {kind.format(*at) for kind in kinds for at in made} | {"manifest.json"}
    source = Image.open(official / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png")
    small = np.asarray(source.resize((256, 256), Image.Resampling.NEAREST)).astype(int)
    with Image.open(out / "trainA/1_A.jpg") as photo:
        assert photo.size == (256, 256)
        assert [layer[1:3] for layer in photo.layer] == [(1, 1)] * 3, "no chroma subsampling"
        assert np.abs(np.asarray(photo).astype(int) - small).max() <= 6
    source = Image.open(official / "gtFine/train/ulm/ulm_000001_000019_gtFine_labelIds.png")
    ids = np.asarray(source.resize((256, 256), Image.Resampling.NEAREST))
    assert (np.asarray(Image.open(out / "trainGT/3_B.png")) == CITYSCAPES.of_index[ids]).all()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["photo_filter"] == manifest["label_filter"] == "nearest"
    assert manifest["direction"] == "BtoA"
    assert manifest["pictures"] == {"train": 3, "test": 1}
    dataset = open_dataset(str(out), "BtoA")
    assert label_maps(dataset) == {"1_B": out / "testGT/1_B.png"}
    assert training_pairs(dataset)[2] == (out / "trainA/3_A.jpg", out / "trainGT/3_B.png")


def test_archives_give_the_same_files(official: Path, tmp_path: Path) -> None:
    for archive in pack_official(official):
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr("../outside.txt", "a name that leads out of any folder")
    assert main(words(official, tmp_path / "a")) == 0
    packed = [
        "--images",
        str(official / "leftImg8bit_trainvaltest.zip"),
        "--labels",
        str(official / "gtFine_trainvaltest.zip"),
    ]
    assert main(["data", "prepare", "cityscapes", str(tmp_path / "b"), *packed]) == 0
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    assert not list(tmp_path.parent.glob("**/outside.txt"))


def test_continues_and_writes_nothing_over(official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    broken = official / "leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    assert main(words(official, out)) == 2
    assert "lindau_000000_000019_leftImg8bit.png cannot be read as a picture" in capsys.readouterr().err
    first = (out / "trainA/1_A.jpg").stat().st_mtime_ns
    assert main(words(official, out, "--photo-filter", "bicubic")) == 2
    assert "was prepared otherwise: photo_filter is nearest, asked for bicubic" in capsys.readouterr().err
    broken.write_bytes(whole)
    assert main(words(official, out)) == 0
    assert (out / "trainA/1_A.jpg").stat().st_mtime_ns == first, "what was there is not made again"
    assert main(words(official, out)) == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    assert main(words(official, tmp_path / "mine")) == 2
    assert "nothing is written over" in capsys.readouterr().err


def test_archives_that_are_not_those(official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*more: str) -> str:
        assert main(words(official, tmp_path / "out", *more)) == 2
        error = capsys.readouterr().err.strip()
        assert error.count("\n") == 0
        return error

    assert "no such file" in said("--images", str(tmp_path / "absent.zip"))
    assert "holds no leftImg8bit/train" in said("--images", str(official / "gtFine"))
    (tmp_path / "text.zip").write_text("no archive")
    assert "cannot be read as a zip archive" in said("--labels", str(tmp_path / "text.zip"))
    (official / "gtFine/train/ulm/ulm_000001_000019_gtFine_color.png").unlink()
    assert "2 label maps *_gtFine_color.png of train for 3 photos" in (error := said())
    assert "first without a partner: ulm/ulm_000001_000019" in error
    assert not (tmp_path / "out").exists()
