"""A small dataset of label maps and photos that belong to them, by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.palette import CITYSCAPES

COLOURS = {"road": (90, 90, 90), "sky": (190, 210, 230), "car": (180, 20, 30), "vegetation": (40, 120, 40)}
"""of the photos, by class"""


def make_streets(root: Path, train: int = 6, test: int = 4, size: tuple[int, int] = (48, 40)) -> Path:
    """Photos (A) and label maps in the palette of Cityscapes (B); width and height in ``size``."""
    palette = {label.name: label.colour for label in CITYSCAPES.labels}
    random = np.random.default_rng(0)
    for split, count in {"train": train, "test": test}.items():
        for letter in "AB":
            (root / f"{split}{letter}").mkdir(parents=True)
        for number in range(count):
            photo, label = (Image.new("RGB", size) for _ in range(2))
            for name, colour in COLOURS.items():
                box = (*(int(v) for v in random.integers(0, (size[0] // 2, size[1] // 2))), *size)
                photo.paste(colour, box)
                label.paste(palette[name], box)
            photo.save(root / f"{split}A" / f"{number}_A.png")
            label.save(root / f"{split}B" / f"{number}_B.png")
    return root
