"""PSNR and SSIM against numbers worked out by hand; what is said where counterparts are missing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evaluation
from evaluation import EvaluationError
from evaluation.content import psnr, ssim
from evaluation.images import Picture
from tests.evaluation.pictures import folder_of, smooth


def flat(value: int, size: int = 16) -> Picture:
    return np.full((size, size, 3), value, np.uint8)


def test_psnr_by_hand() -> None:
    a, b = flat(100), flat(100)
    b[..., 0] = 103  # squared error 9 in one channel of three: MSE 3
    assert psnr(a, b) == pytest.approx(10 * math.log10(255 * 255 / 3))
    assert psnr(flat(0), flat(255)) == 0
    assert psnr(a, a) == math.inf


def test_ssim_of_flat_pictures_by_hand() -> None:
    c1 = (0.01 * 255) ** 2  # no variance: only the luminance term is left
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ssim(flat(100), flat(120)) == pytest.approx(expected, rel=1e-12)


def test_ssim_of_one_window_by_definition() -> None:
    rs = np.random.RandomState(0)
    a, b = (rs.randint(0, 256, (11, 11, 3)).astype(np.uint8) for _ in range(2))
    weights = [[math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2)) for j in range(11)] for i in range(11)]
    total = sum(map(sum, weights))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    channels = []
    for c in range(3):
        cells = [(weights[i][j] / total, float(a[i, j, c]), float(b[i, j, c])) for i in range(11) for j in range(11)]
        mx, my = sum(w * x for w, x, _ in cells), sum(w * y for w, _, y in cells)
        vx, vy = sum(w * (x - mx) ** 2 for w, x, _ in cells), sum(w * (y - my) ** 2 for w, _, y in cells)
        cov = sum(w * (x - mx) * (y - my) for w, x, y in cells)
        channels.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert ssim(a, b) == pytest.approx(sum(channels) / 3, rel=1e-10)


def test_ssim_of_equal_and_of_opposite_pictures() -> None:
    a = smooth("a", 40, 50)
    assert ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert ssim(a, 255 - a) < 0.2


def test_scores_of_folders_are_means_over_pairs(tmp_path: Path) -> None:
    fake, real = tmp_path / "fake", tmp_path / "real"
    fake.mkdir()
    real.mkdir()
    for name, value in (("a", 103), ("b", 110)):
        Image.fromarray(flat(value)).save(fake / f"{name}.png")
        Image.fromarray(flat(100)).save(real / f"{name}.bmp")
    one, two = evaluation.score(fake, real, ["psnr", "ssim"])
    assert one.value == pytest.approx((psnr(flat(103), flat(100)) + psnr(flat(110), flat(100))) / 2)
    assert two.value == pytest.approx((ssim(flat(103), flat(100)) + ssim(flat(110), flat(100))) / 2)
    assert (one.n_fake, one.n_real, one.direction, one.weights) == (2, 2, "higher", None)


def test_unequal_sizes_name_both_files(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 2, 32, 32), folder_of(tmp_path / "real", 2, 32, 40)
    with pytest.raises(EvaluationError, match=r"fake/000.png .*real/000.png have different sizes, 32x32 and 40x32"):
        evaluation.score(fake, real, ["psnr"])


@pytest.mark.parametrize(("n_fake", "n_real", "lonely"), [(3, 2, "fake/002.png"), (2, 4, "real/002.png")])
def test_missing_counterpart_is_named(tmp_path: Path, n_fake: int, n_real: int, lonely: str) -> None:
    fake, real = folder_of(tmp_path / "fake", n_fake), folder_of(tmp_path / "real", n_real)
    with pytest.raises(EvaluationError, match=f"{lonely} has no counterpart"):
        evaluation.score(fake, real, ["ssim"])


def test_two_files_of_one_name_are_unclear(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 2), folder_of(tmp_path / "real", 2)
    Image.fromarray(flat(1)).save(fake / "000.jpg")
    with pytest.raises(EvaluationError, match=r"000.jpg and .*000.png have the same name"):
        evaluation.score(fake, real, ["psnr"])


def test_pictures_smaller_than_the_window(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 2, 8, 20), folder_of(tmp_path / "real", 2, 8, 20)
    with pytest.raises(EvaluationError, match="20x8, smaller than the window"):
        evaluation.score(fake, real, ["ssim"])
    assert evaluation.score(fake, real, ["psnr"])[0].value > 0
