"""Pictures of how a run does: one row for the source, one for the translation, one for the truth if known."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from harness.data.decode import Pixels, load
from harness.data.folders import Dataset
from harness.data.pipeline import to_image, to_tensor
from methods.interface import Method

SHOWN = 8
"""test pictures in a grid"""


def translate_pictures(method: Method, pictures: Pixels, device: torch.device) -> Pixels:
    """uint8 [N, H, W, 3] -> uint8 [N, H, W, 3], by the official tensor-to-image rule. In float32, no gradient.

    Pictures of different batches do not influence each other: all networks here normalise each by itself.
    """
    with torch.no_grad():
        translated: Tensor = method.translate(to_tensor(pictures).to(device))
    return to_image(translated)


def save_samples(folder: Path, method: Method, dataset: Dataset, size: int, step: int, device: torch.device) -> Path:
    """Write ``step-N.png``: the first test pictures, their translations, and their counterparts if known."""
    pairs = dataset.pairs()[:SHOWN]
    sources = [a for a, _ in pairs] or list(dataset.test_a[:SHOWN])
    pictures = np.stack([load(path, size) for path in sources])
    rows = [pictures, translate_pictures(method, pictures, device)]
    if pairs:
        rows.append(np.stack([load(b, size) for _, b in pairs]))
    return save_grid(folder / f"step-{step:09d}.png", rows)


def save_grid(path: Path, rows: list[Pixels]) -> Path:
    """Write rows of pictures uint8 [N, H, W, 3] as one PNG, two pixels of white between them."""
    gap = 2
    n, height, width, _ = rows[0].shape
    canvas = np.full((len(rows) * (height + gap) - gap, n * (width + gap) - gap, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            top, left = r * (height + gap), c * (width + gap)
            canvas[top : top + height, left : left + width] = picture
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        Image.fromarray(canvas).save(beside, format="PNG")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path
