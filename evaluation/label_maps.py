"""Files of label maps: what their pixels stand for, and their train ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.errors import EvaluationError
from evaluation.images import BROKEN, broken
from evaluation.palette import (
    CITYSCAPES,
    CLASSES,
    FOREIGN_SHARE,
    IGNORED,
    Palette,
    TrainIds,
    find_palette,
    foreign_share,
    from_colours,
)

LOOKED_AT = 8
"""colour maps that decide of which palette a set is"""
_ENDINGS = re.compile(r"(_gtFine|_gtCoarse)?_(labelTrainIds|labelIds|color|leftImg8bit|A|B)$")


@dataclass(frozen=True)
class Coding:
    """What the pixels of label maps stand for."""

    name: str
    """``train ids``, ``label ids``, ``colours of cityscapes``, ``colours of camvid``"""
    palette: Palette = CITYSCAPES
    table: TrainIds | None = None
    """train id of each index 0..255; None for colour maps"""


TRAIN_IDS = Coding("train ids", table=np.array([*range(len(CLASSES)), *[IGNORED] * (256 - len(CLASSES))], np.uint8))
LABEL_IDS = Coding("label ids", table=CITYSCAPES.of_index)
_LAST = {TRAIN_IDS.name: len(CLASSES) - 1, LABEL_IDS.name: max(label.index for label in CITYSCAPES.labels)}
"""largest index of a class"""


def key_of(path: Path) -> str:
    """What a photo and its label map have in common: the stem without the endings of Cityscapes and CycleGAN."""
    return _ENDINGS.sub("", path.stem)


def coding_of(files: Sequence[Path]) -> Coding:
    """What the pixels of a set of label maps stand for.

    Colours say it themselves. Index images say it by their names (``*_labelTrainIds``, ``*_labelIds``, as
    Cityscapes has them) or by a value that only one of the two has: 255 train ids, 19..33 label ids.

    Raises:
        EvaluationError: colours of no palette known here, or index images that may be of any palette.
    """
    if files[0].stem.endswith("labelTrainIds"):
        return TRAIN_IDS
    if files[0].stem.endswith("labelIds"):
        return LABEL_IDS
    largest = 0
    for path in files:
        pixels = read_pixels(path)
        if pixels.ndim == 3:
            return _coding_of_colours(files)
        largest = max(largest, int(pixels.max()))
        if largest == IGNORED:
            return TRAIN_IDS
        if largest > _LAST[TRAIN_IDS.name]:
            return LABEL_IDS
    raise EvaluationError(
        f"{files[0].parent}: index label maps with values 0..{largest} may be of any palette; give colour maps of "
        "Cityscapes or CamVid, or say by file names which Cityscapes indices they are: *_labelTrainIds.png or "
        "*_labelIds.png"
    )


def _coding_of_colours(files: Sequence[Path]) -> Coding:
    step = max(1, len(files) // LOOKED_AT)
    maps = [pixels for path in files[::step] if (pixels := read_pixels(path)).ndim == 3]
    palette = find_palette(maps)
    if palette is None:
        raise _foreign(files[0], read_pixels(files[0]), CITYSCAPES, "Cityscapes or CamVid")
    return Coding(f"colours of {palette.name}", palette)


def _foreign(path: Path, colours: NDArray[np.uint8], palette: Palette, expected: str) -> EvaluationError:
    share, colour = foreign_share(colours, palette)
    return EvaluationError(
        f"{path}: label map of another palette: {100 * share:.0f} % of its pixels have colours such as {colour}; "
        f"expected the colours of {expected}"
    )


def read_label_map(path: Path, coding: Coding) -> TrainIds:
    """The train ids [H, W] of a label map, 0..18 and 255.

    Raises:
        EvaluationError: a broken file, or pixels that do not fit the coding.
    """
    pixels = read_pixels(path)
    if (pixels.ndim == 3) != (coding.table is None):
        raise EvaluationError(f"{path}: expected a label map with {coding.name}, like the others of its folder")
    if coding.table is None:
        if foreign_share(pixels, coding.palette)[0] > FOREIGN_SHARE:
            raise _foreign(path, pixels, coding.palette, coding.palette.name.capitalize())
        return from_colours(pixels, coding.palette)
    last = _LAST[coding.name]
    if ((pixels > last) & (pixels != IGNORED)).any():
        value = pixels[(pixels > last) & (pixels != IGNORED)][0]
        raise EvaluationError(
            f"{path}: label map of another palette: value {value}; expected {coding.name} of Cityscapes, "
            f"0..{last} and {IGNORED}"
        )
    return coding.table[pixels]


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Pixels of a label map: colours, uint8 [H, W, 3], or indices [H, W].

    A picture with a colour table counts as a colour map where its colours are those of a palette.

    Raises:
        EvaluationError: a broken picture, or one that can be no label map.
    """
    try:
        with Image.open(path) as image:
            if image.mode in ("RGB", "RGBA"):
                return np.array(image.convert("RGB"))
            if image.mode == "P":
                colours = np.array(image.convert("RGB"))
                return np.array(image) if find_palette([colours]) is None else colours
            if image.mode == "L":
                return np.array(image)
            mode = image.mode
    except BROKEN as error:
        raise broken(path, "label map", error) from error
    raise EvaluationError(f"{path}: pixels of mode {mode} are no label map; expected indices of 8 bits, or RGB")


def nearest(labels: TrainIds, width: int, height: int) -> TrainIds:
    """A label map at another size, every pixel one of the original ones."""
    return np.array(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))
