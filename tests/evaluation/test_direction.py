"""Scores get worse as pictures do: equally good ones, blurred ones, noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import evaluation
from evaluation.images import list_pictures

LOWER = ["fid", "clean-fid", "kid", "fd-random"]


def variants(files: list[Path], folder: Path) -> dict[str, Path]:
    """Three folders of the same pictures: unchanged, blurred, and noise of their sizes."""
    noise = np.random.RandomState(0)
    made = {name: folder / name for name in ("same", "blurred", "noise")}
    for path in made.values():
        path.mkdir(parents=True)
    for file in files:
        picture = Image.open(file).convert("RGB")
        picture.save(made["same"] / f"{file.stem}.png")
        picture.filter(ImageFilter.GaussianBlur(3)).save(made["blurred"] / f"{file.stem}.png")
        random = noise.randint(0, 256, (picture.height, picture.width, 3)).astype(np.uint8)
        Image.fromarray(random).save(made["noise"] / f"{file.stem}.png")
    return made


def assert_direction(files: list[Path], place: Path, inception: Path) -> None:
    """One half of the pictures against the other, which is the reference."""
    real = variants(files[1::2], place / "real")["same"]
    fake = variants(files[::2], place / "fake")
    found = {
        kind: {
            score.metric: score.value
            for score in evaluation.score(fake[kind], real, [*LOWER, "precision", "recall"], inception=inception)
        }
        for kind in fake
    }
    for metric in LOWER:
        assert found["same"][metric] < found["blurred"][metric] < found["noise"][metric], metric
    for metric in ("precision", "recall"):
        assert found["same"][metric] > found["noise"][metric] == 0, metric


def test_real_pictures(real_data: Path, inception_file: Path, tmp_path: Path) -> None:
    assert_direction(list_pictures(real_data / "facades" / "trainB")[:20], tmp_path, inception_file)


def test_toy_pictures(inception_file: Path, tmp_path: Path) -> None:
    from harness.data.toy import draw_dataset

    assert_direction(list_pictures(draw_dataset() / "trainB")[:20], tmp_path, inception_file)


def test_kid_of_one_distribution_is_about_zero(real_data: Path, inception_file: Path, tmp_path: Path) -> None:
    files = list_pictures(real_data / "facades" / "trainB")
    same = [variants(files[i::2], tmp_path / str(i))["same"] for i in (0, 1)]
    (score,) = evaluation.score(*same, ["kid"], inception=inception_file)
    assert score.spread is not None
    assert score.spread > 0
    assert abs(score.value) < 3 * score.spread
    assert score.value == pytest.approx(evaluation.score(*same, ["kid"], inception=inception_file)[0].value, abs=0)
