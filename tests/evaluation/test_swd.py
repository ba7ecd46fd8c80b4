"""The sliced Wasserstein distance: golden figures, its parts by definition, and what the metric does with folders."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from numpy.random import RandomState
from PIL import Image, ImageFilter

import evaluation
from evaluation import EvaluationError
from evaluation.swd import (
    Sampling,
    common_size,
    doubled,
    laplacian_pyramid,
    neighbourhoods,
    resolutions,
    sliced_wasserstein,
    standardised,
    swd,
)
from tests.evaluation.conftest import golden
from tests.evaluation.pictures import folder_of, smooth
from tests.parity import eval_swd


def value_of(fake: Path, real: Path, batch_size: int = 16) -> float:
    return evaluation.score(fake, real, ["swd"], batch_size=batch_size)[0].value


def test_official_figures_are_repeated() -> None:
    report = eval_swd.check(golden("eval_swd"))
    assert report.ok, (report.worst, report.wrong)


def test_a_wrong_figure_is_found() -> None:
    data = copy.deepcopy(golden("eval_swd"))
    data["swd_x1e3_per_level_then_mean"][1] *= 1 + 3e-4
    report = eval_swd.check(data)
    assert not report.ok
    assert report.worst["swd"][1] == "level 32"


def test_a_pyramid_adds_up_to_the_pictures() -> None:
    x = RandomState(0).uniform(0, 255, (2, 3, 64, 64)).astype(np.float32)
    *details, rest = laplacian_pyramid(x, 3)
    assert [level.shape[-1] for level in (*details, rest)] == [64, 32, 16]
    for level in reversed(details):
        rest = level + doubled(rest)
    np.testing.assert_allclose(rest, x, atol=1e-3)


def test_a_flat_picture_has_no_details() -> None:
    detail, rest = laplacian_pyramid(np.full((1, 3, 32, 32), 100, np.float32), 2)
    np.testing.assert_allclose(detail, 0, atol=1e-4)
    np.testing.assert_allclose(rest, 100, atol=1e-4)


def test_neighbourhoods_lie_where_they_were_drawn() -> None:
    level = np.arange(2 * 3 * 16 * 20, dtype=np.float32).reshape(2, 3, 16, 20)
    found = neighbourhoods(level, RandomState(5), 4)
    again = RandomState(5)
    x, y = again.randint(3, 17, size=8), again.randint(3, 13, size=8)
    assert found.shape == (8, 3, 7, 7)
    for k in range(8):
        window = level[k // 4, :, y[k] - 3 : y[k] + 4, x[k] - 3 : x[k] + 4]
        np.testing.assert_array_equal(found[k], window.transpose(0, 2, 1))


def test_a_channel_without_variation_stays_zero() -> None:
    found = RandomState(0).uniform(size=(10, 3, 7, 7)).astype(np.float32)
    found[:, 1] = 4
    flat = standardised(found).reshape(10, 3, 49)
    assert (flat[:, 1] == 0).all()
    np.testing.assert_allclose(flat[:, 0].std(), 1, rtol=1e-5)


def test_a_shift_is_its_length_times_the_mean_of_a_cosine() -> None:
    a = RandomState(0).standard_normal((500, 2)).astype(np.float32)
    found = sliced_wasserstein(a, a + np.float32([3, 0]), RandomState(1), Sampling(repeats=8, directions=2000))
    assert found == pytest.approx(3 * 2 / np.pi, rel=0.02)


def test_the_sides_must_be_equal_in_number() -> None:
    pictures = [smooth(str(i), 16, 16) for i in range(3)]
    with pytest.raises(EvaluationError, match="2 fake and 3 real"):
        swd([pictures], [pictures[:2]], 16, RandomState(0))


@pytest.mark.parametrize(
    ("side", "size"), [(16, 16), (31, 16), (32, 32), (100, 64), (256, 256), (300, 256), (512, 512)]
)
def test_the_size_is_a_power_of_two_that_no_picture_falls_short_of(tmp_path: Path, side: int, size: int) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", (side + 40, side)).save(path)
    assert common_size([path]) == size
    assert resolutions(size)[0] == size
    assert resolutions(size)[-1] == 16


def test_a_picture_that_is_too_small_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "fake", 2, 15, 40)
    with pytest.raises(EvaluationError, match=r"fake/000\.png: a side of 15 pixels; SWD needs at least 16x16"):
        value_of(folder, folder)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 2, 32, 32), folder_of(tmp_path / "real", 2, 32, 32)
    (fake / "001.png").write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match=r"fake/001\.png: broken picture"):
        value_of(fake, real)


def test_neither_names_nor_batches_matter(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 5, 32, 32), folder_of(tmp_path / "real", 5, 32, 32)
    expected = value_of(fake, real)
    for number, path in enumerate(sorted(fake.iterdir(), reverse=True)):
        path.rename(fake / f"other-{number}.png")
    assert value_of(fake, real, batch_size=2) == expected


def test_the_protocol_says_levels_seed_and_how_many_were_compared(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 3, 64, 64), folder_of(tmp_path / "real", 5, 128, 96)
    (score,) = evaluation.score(fake, real, ["swd"])
    assert score.protocol == "swd/v1[levels=64,32,16 pictures=3 seed=0]"
    assert (score.n_fake, score.n_real) == (3, 5)


def test_reference_pictures_are_resized_to_the_generated_ones(tmp_path: Path) -> None:
    fake, small = folder_of(tmp_path / "fake", 3, 32, 32), tmp_path / "small"
    large = folder_of(tmp_path / "large", 3, 80, 120)
    small.mkdir()
    for path in large.iterdir():
        Image.open(path).resize((32, 32), Image.Resampling.BICUBIC).save(small / path.name)
    # of equally many pictures all are taken; the order of content is another, and with it the places drawn
    assert value_of(fake, large) == pytest.approx(value_of(fake, small), rel=0.1)


def test_worse_pictures_are_further_away(tmp_path: Path) -> None:
    real, blurred, noise = (tmp_path / name for name in ("real", "blurred", "noise"))
    folder_of(real, 8, 64, 64)
    blurred.mkdir()
    noise.mkdir()
    random = RandomState(0)
    for path in real.iterdir():
        Image.open(path).filter(ImageFilter.GaussianBlur(2)).save(blurred / path.name)
        Image.fromarray(random.randint(0, 256, (64, 64, 3)).astype(np.uint8)).save(noise / path.name)
    itself, soft, far = (value_of(folder, real) for folder in (real, blurred, noise))
    assert 1.5 * itself < soft < far
