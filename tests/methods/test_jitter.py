"""Changed colours equal those of torchvision, which changes one picture at a time with numbers from the host."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as reference
from PIL import Image
from torch import Tensor

from methods.interface import Draws
from methods.jitter import color_jitter, turn_hue
from tests.small import pictures

REACH = {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.3}
CHANGES = {
    "brightness": reference.adjust_brightness,
    "contrast": reference.adjust_contrast,
    "saturation": reference.adjust_saturation,
    "hue": reference.adjust_hue,
}


class Told(Draws):
    """Uniform numbers by the part of their name behind the first slash, one row a picture."""

    def __init__(self, **rows: list[float] | list[list[float]]) -> None:
        self.rows = rows

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        told = torch.tensor(self.rows[name.split("/", 1)[1]])
        assert told.shape == shape
        return told


def order_of(places: tuple[int, ...]) -> list[float]:
    """Numbers whose ascending order is ``places``."""
    return [places.index(kind) / 4 for kind in range(4)]


@pytest.mark.parametrize("places", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)])
def test_as_torchvision_changes_tensors(places: tuple[int, ...]) -> None:
    amounts = {"brightness": [0.9, 0.1], "contrast": [0.2, 0.7], "saturation": [1.0, 0.0], "hue": [0.8, 0.15]}
    x = pictures(2, 8, 0)
    orders = [order_of(places), order_of((3, 0, 1, 2))]
    ours = color_jitter(x, Told(order=orders, **amounts), "aug_A", **REACH)
    for i, order in enumerate((places, (3, 0, 1, 2))):
        expected = (x[i] + 1) / 2
        for kind in (list(CHANGES)[place] for place in order):
            amount = REACH[kind] * (2 * amounts[kind][i] - 1)
            expected = CHANGES[kind](expected, amount if kind == "hue" else 1 + amount)
        # Its tensors have 0.2989 of red in the luminance, its Pillow pictures 0.299 as ours.
        torch.testing.assert_close(ours[i], 2 * expected - 1, atol=5e-4, rtol=0)


def test_as_torchvision_changes_pictures_of_pillow() -> None:
    """Up to its rounding to 8 bits after each change."""
    grid = (pictures(1, 8, 0) * 127.5 + 127.5).round()
    x, expected = grid / 127.5 - 1, Image.fromarray(grid[0].permute(1, 2, 0).to(torch.uint8).numpy())
    amounts = {"brightness": [0.4], "contrast": [0.8], "saturation": [0.9], "hue": [0.7]}
    for kind, change in CHANGES.items():
        amount = REACH[kind] * (2 * amounts[kind][0] - 1)
        expected = change(expected, amount if kind == "hue" else 1 + amount)
    ours = color_jitter(x, Told(order=[order_of((0, 1, 2, 3))], **amounts), "aug", **REACH)
    difference = (ours[0] + 1) * 127.5 - torch.from_numpy(np.array(expected)).permute(2, 0, 1)
    # Pillow cuts the hue and its turn to 1/256 of the circle, where a channel takes 6 x 255 / 256 grey levels.
    assert difference.abs().max() < 3 * 6
    assert difference.abs().mean() < 3


def test_no_reach_changes_nothing() -> None:
    x = pictures(3, 4, 1)
    torch.testing.assert_close(color_jitter(x, Draws(), "aug", 0, 0, 0, 0), x)


def test_pictures_differ_and_stay_in_range() -> None:
    torch.manual_seed(0)
    x = pictures(1, 4, 1).expand(40, -1, -1, -1)
    changed = color_jitter(x, Draws(), "aug", **REACH)
    assert changed.min() >= -1
    assert changed.max() <= 1
    assert len(torch.unique(changed.flatten(1), dim=0)) == 40


def test_hue_goes_round_from_red_over_green_to_blue() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    grey = torch.full((1, 3, 1, 1), 0.4)
    third = torch.tensor([1 / 3]).reshape(1, 1, 1, 1)
    torch.testing.assert_close(turn_hue(red, third).flatten(), torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(turn_hue(red, -third).flatten(), torch.tensor([0.0, 0.0, 1.0]))
    torch.testing.assert_close(turn_hue(grey, third), grey)  # grey has no hue
