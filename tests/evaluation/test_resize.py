"""What the two resizes do that matters; their exact figures are in `check_golden`."""

from __future__ import annotations

import numpy as np
import torch

from evaluation.resize import bicubic, bilinear
from tests.evaluation.pictures import noise, smooth

CPU = torch.device("cpu")


def test_no_change_of_size_changes_no_pixel() -> None:
    picture = noise("a", 299, 299)
    np.testing.assert_array_equal(bicubic(picture, 299), picture.transpose(2, 0, 1).astype(np.float32))
    expected = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    torch.testing.assert_close(bilinear([picture], 299, CPU)[0], expected, rtol=0, atol=1e-7)


def test_clean_reduction_averages_where_the_plain_one_skips() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[1::4] = 255  # every fourth row white: the mean is a quarter
    clean, plain = bicubic(stripes, 16), 255 * bilinear([stripes], 16, CPU)[0].numpy()
    np.testing.assert_allclose(clean.mean(), 255 / 4, atol=1)
    assert abs(plain.mean() - 255 / 4) > 50


def test_clean_values_stay_in_range_and_are_not_rounded() -> None:
    resized = bicubic(noise("b", 40, 50), 64)
    assert (resized.min(), resized.max(), resized.shape, resized.dtype) == (0, 255, (3, 64, 64), np.float32)
    assert (resized != resized.round()).mean() > 0.5


def test_pictures_of_many_sizes_in_one_batch() -> None:
    pictures = [smooth("c", 30, 40), noise("d", 64, 20), smooth("e", 30, 40)]
    together = bilinear(pictures, 32, CPU)
    for picture, row in zip(pictures, together, strict=True):
        torch.testing.assert_close(bilinear([picture], 32, CPU)[0], row, rtol=0, atol=1e-6)
