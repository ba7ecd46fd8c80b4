"""The perceptual distance on Inception maps, by its definition; with the recipe's weights, so nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

import evaluation
from evaluation import EvaluationError
from evaluation.inception import Inception, load_inception
from evaluation.perceptual import LAYERS, perceptual_distance
from tests.evaluation.pictures import folder_of, smooth


@pytest.fixture(scope="module")
def network(recipe_file: Path) -> Inception:
    return load_inception(torch.load(recipe_file, weights_only=True), torch.device("cpu"))


def pictures(n: int, seed: int) -> torch.Tensor:
    return torch.rand(n, 3, 299, 299, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_features_are_the_means_of_the_maps(network: Inception) -> None:
    x = pictures(1, 0)
    with torch.inference_mode():
        maps, features = network.maps(x, LAYERS), network(x, LAYERS)
    assert [tuple(maps[level].shape) for level in LAYERS] == [(1, 64, 73, 73), (1, 192, 35, 35), (1, 768, 17, 17)]
    for level in LAYERS:
        torch.testing.assert_close(maps[level].mean((2, 3)), features[level])


def test_distance_by_definition(network: Inception) -> None:
    x, y = pictures(2, 1), pictures(2, 2)
    with torch.inference_mode():
        ours = perceptual_distance(network, x, y)
        of_x, of_y = network.maps(x, LAYERS), network.maps(y, LAYERS)
    for picture in range(2):
        expected = 0.0
        for level in LAYERS:
            a, b = (maps[level][picture].double().numpy().reshape(level, -1) for maps in (of_x, of_y))
            cosine = (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))
            expected += (2 - 2 * cosine).mean()
        assert float(ours[picture]) == pytest.approx(expected, rel=1e-4)
        assert 0 < float(ours[picture]) < 6


def test_equal_pictures_have_no_distance(tmp_path: Path, recipe_file: Path) -> None:
    folder = folder_of(tmp_path / "a", 2)
    (score,) = evaluation.score(folder, folder, ["perceptual-inception"], inception=recipe_file)
    assert score.value == pytest.approx(0, abs=1e-9)


def test_the_mean_over_pictures_whatever_the_batch(tmp_path: Path, recipe_file: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 3)
    for folder in (fake, real):  # couples of different sizes share a batch
        Image.fromarray(smooth(folder.name, 40, 50)).save(folder / "001.png")
    found = [
        evaluation.score(fake, real, ["perceptual-inception"], inception=recipe_file, batch_size=size)[0]
        for size in (1, 2)
    ]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-5)
    assert found[0].protocol.startswith("perceptual-inception/v1[inception=")
    assert found[0].direction == "lower"
    assert found[0].weights is not None


def test_a_blurred_picture_is_nearer_than_another_one(tmp_path: Path, inception_file: Path) -> None:
    truth, blurred, other = (tmp_path / name for name in ("truth", "blurred", "other"))
    folder_of(truth, 2, 128, 128)
    folder_of(other, 2, 128, 128)
    blurred.mkdir()
    for path in truth.iterdir():
        Image.open(path).resize((64, 64)).resize((128, 128)).save(blurred / path.name)
    near, far = (
        evaluation.score(folder, truth, ["perceptual-inception"], inception=inception_file)[0].value
        for folder in (blurred, other)
    )
    assert 0 < near < far


def test_what_cannot_be_compared_is_said(tmp_path: Path, recipe_file: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 2), folder_of(tmp_path / "real", 2)
    Image.fromarray(smooth("x", 32, 32)).save(real / "001.png")
    with pytest.raises(EvaluationError, match=r"fake/001.png .* different sizes, 64x64 and 32x32"):
        evaluation.score(fake, real, ["perceptual-inception"], inception=recipe_file)
    (real / "001.png").unlink()
    with pytest.raises(EvaluationError, match=r"fake/001.png has no counterpart"):
        evaluation.score(fake, real, ["perceptual-inception"], inception=recipe_file)


def test_its_weights_are_asked_for_in_advance(tmp_path: Path, recipe_file: Path) -> None:
    broken = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, broken)
    with pytest.raises(EvaluationError, match="weights of another network"):
        evaluation.scoring.check_ready(["perceptual-inception"], inception=broken)
    evaluation.scoring.check_ready(["swd", "psnr"], inception=broken)
