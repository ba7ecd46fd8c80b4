"""A private cache for every test, and folders of small pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of this test; no dataset folder of the user's is seen."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "cache"


def noise(seed: int, width: int = 50, height: int = 40) -> Image.Image:
    """A picture in which every pixel differs."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset folder of noise: `make_dataset(trainA=3, trainB=5)`; other splits get 2 pictures."""

    def make(**counts: int) -> Path:
        root = tmp_path / "set"
        for number, split in enumerate(("trainA", "trainB", "testA", "testB")):
            (root / split).mkdir(parents=True)
            for picture in range(counts.get(split, 2)):
                noise(100 * number + picture).save(root / split / f"{split[-1].lower()}{picture}.png")
        return root

    return make
