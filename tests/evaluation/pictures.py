"""Small folders of pictures drawn from a seed, and small state dicts."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.images import Picture


def smooth(name: str, height: int, width: int, seed: int = 2024) -> Picture:
    """The golden figures' picture ``smooth(name, height, width)``: slopes and folds, its own for each name."""
    rs = np.random.RandomState(zlib.crc32(f"{seed}/smooth/{name}".encode()))
    a, o = rs.randint(1, 4, size=6), rs.randint(0, 256, size=3)
    y, x = np.mgrid[:height, :width]
    planes = [(a[0] * x + a[1] * y + a[2] * ((x * y) // 32) + (a[3] + c) * 17 + o[c]) % 512 for c in range(3)]
    v = np.stack(planes, -1)
    return np.where(v < 256, v, 511 - v).astype(np.uint8)


def noise(name: str, height: int, width: int, seed: int = 2024) -> Picture:
    """The golden figures' picture ``image(name, height, width)``: every byte drawn alone."""
    rs = np.random.RandomState(zlib.crc32(f"{seed}/image/{name}".encode()))
    return rs.randint(0, 256, size=(height, width, 3)).astype(np.uint8)


def folder_of(
    folder: Path, count: int, height: int = 64, width: int = 64, name: str | None = None, seed: int = 2024
) -> Path:
    """A folder of ``count`` PNG files ``000.png``..., different for each ``name`` (default: the folder's)."""
    folder.mkdir(parents=True)
    for i in range(count):
        picture = smooth(f"folder/{name or folder.name}/{i}", height, width, seed)
        Image.fromarray(picture).save(folder / f"{i:03d}.png")
    return folder


def mixed_folder(folder: Path) -> Path:
    """Ten pictures of many sizes, formats and colour modes."""
    folder_of(folder, 3, 64, 64)
    picture = Image.fromarray(smooth("mixed", 90, 120))
    picture.convert("L").save(folder / "grey.png")
    picture.convert("RGBA").save(folder / "alpha.png")
    picture.convert("P").save(folder / "palette.png")
    picture.save(folder / "photo.jpg", quality=90)
    picture.save(folder / "lossless.webp", lossless=True)
    picture.resize((400, 310)).save(folder / "large.bmp")
    picture.resize((299, 299)).save(folder / "exact.ppm")
    return folder
