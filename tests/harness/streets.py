"""Small sets of label maps and photos that belong to them: a dataset, and archives as Cityscapes has them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.palette import CITYSCAPES

FRAMES = {
    "train": ["ulm_000001_000019", "aachen_000000_000019", "aachen_000002_000019"],
    "val": ["lindau_000000_000019"],
    "test": ["berlin_000000_000019"],
}
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


def make_official(root: Path) -> Path:
    """``leftImg8bit`` and ``gtFine`` as unpacked archives: 64x32, label maps with every label of the palette."""
    random = np.random.default_rng(0)
    colours = np.array([label.colour for label in CITYSCAPES.labels], np.uint8)
    ids = np.array([label.index for label in CITYSCAPES.labels], np.uint8)
    for split, frames in FRAMES.items():
        for frame in frames:
            label = random.integers(len(ids), size=(32, 64))
            photo = random.integers(256, size=(32, 64, 3)).astype(np.uint8)
            place = f"{split}/{frame.partition('_')[0]}/{frame}"
            for name, pixels in {
                f"leftImg8bit/{place}_leftImg8bit.png": photo,
                f"gtFine/{place}_gtFine_color.png": colours[label],
                f"gtFine/{place}_gtFine_labelIds.png": ids[label],
                f"gtFine/{place}_gtFine_instanceIds.png": ids[label],
            }.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(root / name)
    return root


def pack_official(root: Path) -> list[Path]:
    """The two as zip files beside them, by the names they are downloaded under."""
    archives = []
    for top in ("leftImg8bit", "gtFine"):
        archives.append(root / f"{top}_trainvaltest.zip")
        with zipfile.ZipFile(archives[-1], "w") as archive:
            archive.writestr("README", "")
            for path in sorted((root / top).rglob("*.png")):
                archive.write(path, path.relative_to(root))
    return archives
