"""Label maps of street scenes: from the files that data sets come with to the 19 train ids of Cityscapes.

A label map is an index image (train ids or label ids of Cityscapes, indices of CamVid) or a colour map. Tables:
Cityscapes, cityscapesScripts, ``helpers/labels.py``; CamVid with the 11 classes and indices of SegNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

TrainIds = NDArray[np.uint8]
"""height x width; 0..18, or `IGNORED`"""
Colour = tuple[int, int, int]

IGNORED = 255
"""train id of what takes no part in training and scores"""
CLASSES = (
    *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
)
"""names in the order of the train ids"""
NEAR = 24
"""largest sum over RGB of differences by which a colour may miss one of a palette: twice what JPEG at quality 100
without chroma subsampling errs by (4 a channel)"""
FOREIGN_SHARE = 0.25
"""share of pixels with other colours from which a map is of another palette; edges of maps that were resized with
a smoothing filter are a few hundredths"""


@dataclass(frozen=True)
class Label:
    """One class of a palette."""

    name: str
    index: int
    """value in the palette's own index images"""
    train_id: int
    colour: Colour


@dataclass(frozen=True)
class Palette:
    """The classes of one data set. Where two labels share a colour the first one is meant."""

    name: str
    labels: tuple[Label, ...]

    @cached_property
    def colours(self) -> NDArray[np.int16]:
        """labels x 3"""
        return np.array([label.colour for label in self.labels], np.int16)

    @cached_property
    def train_ids(self) -> TrainIds:
        """train id of each label, in order"""
        return np.array([label.train_id for label in self.labels], np.uint8)

    @cached_property
    def of_index(self) -> TrainIds:
        """train id of every index 0..255; what is no index of the palette is ignored"""
        table = np.full(256, IGNORED, np.uint8)
        for label in self.labels:
            table[label.index] = label.train_id
        return table


def _cityscapes() -> Palette:
    void = IGNORED
    rows: list[tuple[int, str, int, Colour]] = [
        (7, "road", 0, (128, 64, 128)),
        (8, "sidewalk", 1, (244, 35, 232)),
        (11, "building", 2, (70, 70, 70)),
        (12, "wall", 3, (102, 102, 156)),
        (13, "fence", 4, (190, 153, 153)),
        (17, "pole", 5, (153, 153, 153)),
        (19, "traffic light", 6, (250, 170, 30)),
        (20, "traffic sign", 7, (220, 220, 0)),
        (21, "vegetation", 8, (107, 142, 35)),
        (22, "terrain", 9, (152, 251, 152)),
        (23, "sky", 10, (70, 130, 180)),
        (24, "person", 11, (220, 20, 60)),
        (25, "rider", 12, (255, 0, 0)),
        (26, "car", 13, (0, 0, 142)),
        (27, "truck", 14, (0, 0, 70)),
        (28, "bus", 15, (0, 60, 100)),
        (31, "train", 16, (0, 80, 100)),
        (32, "motorcycle", 17, (0, 0, 230)),
        (33, "bicycle", 18, (119, 11, 32)),
        (0, "unlabeled", void, (0, 0, 0)),
        (1, "ego vehicle", void, (0, 0, 0)),
        (2, "rectification border", void, (0, 0, 0)),
        (3, "out of roi", void, (0, 0, 0)),
        (4, "static", void, (0, 0, 0)),
        (5, "dynamic", void, (111, 74, 0)),
        (6, "ground", void, (81, 0, 81)),
        (9, "parking", void, (250, 170, 160)),
        (10, "rail track", void, (230, 150, 140)),
        (14, "guard rail", void, (180, 165, 180)),
        (15, "bridge", void, (150, 100, 100)),
        (16, "tunnel", void, (150, 120, 90)),
        (18, "polegroup", void, (153, 153, 153)),
        (29, "caravan", void, (0, 0, 90)),
        (30, "trailer", void, (0, 0, 110)),
    ]
    return Palette("cityscapes", tuple(Label(name, index, train, colour) for index, name, train, colour in rows))


def _camvid() -> Palette:
    rows: list[tuple[str, int, Colour]] = [
        ("sky", 10, (128, 128, 128)),
        ("building", 2, (128, 0, 0)),
        ("pole", 5, (192, 192, 128)),
        ("road", 0, (128, 64, 128)),
        ("pavement", 1, (60, 40, 222)),
        ("tree", 8, (128, 128, 0)),
        ("sign or symbol", 7, (192, 128, 128)),
        ("fence", 4, (64, 64, 128)),
        ("car", 13, (64, 0, 128)),
        ("pedestrian", 11, (64, 64, 0)),
        ("bicyclist", 18, (0, 128, 192)),
        ("unlabelled", IGNORED, (0, 0, 0)),
    ]
    return Palette("camvid", tuple(Label(name, i, train, colour) for i, (name, train, colour) in enumerate(rows)))


CITYSCAPES, CAMVID = _cityscapes(), _camvid()
PALETTES = (CITYSCAPES, CAMVID)


def find_palette(maps: Sequence[NDArray[np.uint8]]) -> Palette | None:
    """The palette that colour maps [H, W, 3] are of; None where too many pixels have other colours."""
    shares = {p.name: np.mean([foreign_share(colours, p)[0] for colours in maps]) for p in PALETTES}
    best = min(PALETTES, key=lambda palette: shares[palette.name])
    return best if shares[best.name] <= FOREIGN_SHARE else None


def foreign_share(colours: NDArray[np.uint8], palette: Palette) -> tuple[float, Colour]:
    """The share of pixels whose colour is near none of a palette, and the commonest such colour."""
    found, counts, _ = _unique(colours)
    distance = _distances(found, palette).min(axis=1)
    foreign = counts * (distance > NEAR)
    commonest = found[foreign.argmax()]
    return float(foreign.sum() / counts.sum()), (int(commonest[0]), int(commonest[1]), int(commonest[2]))


def from_colours(colours: NDArray[np.uint8], palette: Palette = CITYSCAPES) -> TrainIds:
    """Train ids [H, W] of a colour map [H, W, 3]: those of the nearest colour, by the sum over RGB of differences."""
    found, _, where = _unique(colours)
    return palette.train_ids[_distances(found, palette).argmin(axis=1)][where].reshape(colours.shape[:2])


def _unique(colours: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.intp], NDArray[np.intp]]:
    """The colours that occur [K, 3], how often each does, and which of them each pixel has."""
    packed = colours.reshape(-1, 3).astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    found, where, counts = np.unique(packed, return_inverse=True, return_counts=True)
    parts = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.int16)
    return parts, counts, where.reshape(-1)


def _distances(colours: NDArray[np.int16], palette: Palette) -> NDArray[np.int16]:
    """Sum over RGB of absolute differences, colours x labels."""
    difference: NDArray[np.int16] = np.abs(colours[:, None] - palette.colours[None])
    return difference.sum(axis=2, dtype=np.int16)
