"""One horse or zebra of the dataset `toy`: pose, silhouette and coat.

Shapes are given in units of the body length, facing right: x from rump (-0.5) to chest (0.5), y upwards from the
ground. Stripes are functions of the same coordinates, so the coat of a zebra follows from its pose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness.data.drawn import ENLARGED

Coat = Literal["horse", "zebra"]
Points = NDArray[np.float64]


def _smooth(corners: list[tuple[float, float]], pieces: int = 6) -> Points:
    """A closed Catmull-Rom curve through the corners."""
    p = np.array(corners)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = (np.arange(pieces) / pieces)[None, :, None]
    p0, p1, p2, p3 = (part[:, None] for part in (before, p, after, beyond))
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.asarray(curve.reshape(-1, 2))


# fmt: off
_BODY = _smooth([
    (-0.52, 0.88), (-0.42, 0.99), (-0.28, 1.01), (-0.05, 0.95), (0.12, 0.97), (0.28, 1.03), (0.42, 0.93),
    (0.52, 0.80), (0.50, 0.66), (0.38, 0.55), (0.05, 0.50), (-0.20, 0.54), (-0.36, 0.56), (-0.52, 0.64), (-0.57, 0.78),
])
_NECK = _smooth([
    (0.10, 0.97), (0.26, 1.08), (0.40, 1.26), (0.50, 1.40), (0.58, 1.47), (0.68, 1.46), (0.77, 1.36), (0.90, 1.18),
    (0.99, 1.07), (1.02, 1.00), (0.97, 0.93), (0.89, 0.95), (0.81, 1.03), (0.73, 1.10), (0.65, 1.12), (0.60, 1.04),
    (0.56, 0.90), (0.53, 0.74), (0.38, 0.64), (0.20, 0.74),
])
_MANE = _smooth([
    (0.18, 1.00), (0.27, 1.15), (0.41, 1.36), (0.51, 1.50), (0.62, 1.53), (0.68, 1.44), (0.56, 1.38), (0.48, 1.24),
    (0.36, 1.06),
])
_EAR = np.array([(0.555, 1.44), (0.58, 1.60), (0.66, 1.46)])
_MUZZLE = _smooth([(0.94, 1.13), (1.01, 1.06), (1.02, 0.99), (0.97, 0.93), (0.90, 0.95), (0.90, 1.05)])
_EYE = _smooth([(0.735, 1.27), (0.77, 1.30), (0.735, 1.33), (0.70, 1.30)])
_NECK_BASE = np.array([0.36, 0.88])
_TAIL = _smooth([
    (-0.50, 0.94), (-0.60, 0.90), (-0.68, 0.70), (-0.70, 0.44), (-0.63, 0.36), (-0.60, 0.60), (-0.53, 0.82),
])
# fmt: on

_BROWN, _DARK_LEGS = np.array([150, 88, 44]), np.array([58, 38, 28])
_WHITE, _BLACK = np.array([246, 244, 240]), np.array([30, 28, 30])
_INK: dict[Coat, dict[str, tuple[int, int, int]]] = {
    "horse": {"mane": (38, 24, 18), "muzzle": (66, 40, 28), "hoof": (34, 26, 24), "eye": (16, 14, 14)},
    "zebra": {"mane": (26, 24, 26), "muzzle": (44, 40, 42), "hoof": (34, 30, 30), "eye": (16, 14, 14)},
}


@dataclass(frozen=True)
class Animal:
    """Where one animal stands and how; the same for a horse and a zebra."""

    x: float
    """middle of the body, pixels of the finished picture"""
    ground: float
    """where its hooves stand, pixels from the top"""
    length: float
    """from chest to rump, pixels"""
    facing: int
    """1 to the right, -1 to the left"""
    neck: float
    """turn of neck and head, radians; positive is higher"""
    stride: float
    """how far the legs swing, body lengths"""


def random_animals(random: Generator, side: int) -> list[Animal]:
    """One or two animals that stand on the ground, the farther one first."""
    if random.random() < 0.6:
        return [_random_animal(random, random.uniform(0.42, 0.58) * side, side, 0.42, 0.50)]
    left, right = random.uniform(0.24, 0.32) * side, random.uniform(0.68, 0.76) * side
    pair = [_random_animal(random, x, side, 0.30, 0.38) for x in (left, right)]
    return sorted(pair, key=lambda animal: animal.ground)


def _random_animal(random: Generator, x: float, side: int, smallest: float, largest: float) -> Animal:
    size, facing = random.uniform(smallest, largest), int(random.choice([-1, 1]))
    return Animal(
        x=x - 0.2 * size * side * facing,  # the middle of body and head together
        ground=side * (0.70 + 0.45 * size + random.uniform(-0.04, 0.04)),
        length=side * size,
        facing=facing,
        neck=random.uniform(-0.30, 0.12),
        stride=random.uniform(-0.10, 0.10),
    )


def draw_animal(canvas: Image.Image, animal: Animal, coat: Coat) -> None:
    """Draw an animal onto an enlarged RGB canvas."""
    _Painter(canvas, animal, coat).paint()


class _Painter:
    def __init__(self, canvas: Image.Image, animal: Animal, coat: Coat) -> None:
        self.canvas, self.animal, self.coat = canvas, animal, coat
        self.scale = animal.length * ENLARGED
        self.stripes = max(4, round(animal.length / 5.5))  # per body length: 5 to 6 pixels from one to the next
        self.neck_angle = animal.neck + np.radians(48)

    def paint(self) -> None:
        swing = self.animal.stride
        for hip, shift in ((-0.36, -swing), (0.30, swing)):
            self._leg(hip, shift, shade=0.72)
        self._plain(_TAIL, "mane")
        self._fur(_BODY, self._along_body)
        for hip, shift in ((-0.42, swing), (0.38, -swing)):
            self._leg(hip, shift, shade=1.0)
        self._plain(self._raised(_MANE), "mane")
        self._fur(self._raised(_NECK), self._along_neck)
        self._fur(self._raised(_EAR), self._along_neck)
        self._plain(self._raised(_MUZZLE), "muzzle")
        self._plain(self._raised(_EYE), "eye")

    def _leg(self, hip: float, shift: float, shade: float) -> None:
        """One leg from hip or shoulder over the joint to the hoof; the hind leg has a thigh."""
        hind = hip < 0
        joint = hip + 0.4 * shift - (0.05 if hind else 0.0)
        foot = hip + 1.3 * shift
        top = 0.13 if hind else 0.085
        outline = [
            (hip - top, 0.68), (joint - 0.055, 0.34), (foot - 0.045, 0.0),
            (foot + 0.055, 0.0), (joint + 0.05, 0.34), (hip + top, 0.62),
        ]  # fmt: skip
        self._fur(np.array(outline), lambda x, y: 1.25 * y, shade)
        hoof = [(foot - 0.05, 0.0), (foot - 0.045, 0.07), (foot + 0.05, 0.07), (foot + 0.07, 0.0)]
        self._plain(np.array(hoof), "hoof")

    def _raised(self, points: Points) -> Points:
        """Neck and head turned around the shoulder."""
        cos, sin = np.cos(self.animal.neck), np.sin(self.animal.neck)
        return np.asarray((points - _NECK_BASE) @ np.array([[cos, sin], [-sin, cos]]) + _NECK_BASE)

    def _along_body(self, x: Points, y: Points) -> Points:
        """From the shoulder to the rump, where the stripes lean back."""
        return x + 0.55 * np.clip(-x, 0, 1) * (y - 0.4)

    def _along_neck(self, x: Points, y: Points) -> Points:
        """From the shoulder towards the head."""
        x0, y0 = _NECK_BASE
        return (x - x0) * np.cos(self.neck_angle) + (y - y0) * np.sin(self.neck_angle)

    def _fur(self, outline: Points, along: Callable[[Points, Points], Points], shade: float = 1.0) -> None:
        """Fill a part with the coat; the stripes of a zebra cross the direction in which `along` grows."""
        pixels = self._pixels(outline)
        left, top = np.floor(pixels.min(0)).astype(int)
        right, bottom = np.ceil(pixels.max(0)).astype(int) + 1
        x = self.animal.facing * ((np.arange(left, right) + 0.5) / self.scale - self.animal.x / self.animal.length)
        y = (self.animal.ground / self.animal.length - (np.arange(top, bottom) + 0.5) / self.scale)[:, None]
        light = shade * (0.80 + 0.25 * np.clip((y - 0.4) / 0.6, 0, 1))
        if self.coat == "horse":
            lower = np.clip((0.30 - y) / 0.15, 0, 1)
            colour = np.repeat(_bytes((_BROWN * (1 - lower) + _DARK_LEGS * lower) * light)[:, None], len(x), axis=1)
        else:
            black = np.sin(2 * np.pi * self.stripes * (along(x, y) + 0 * x)) > 0.1
            colour = np.where(black[..., None], _bytes(_BLACK * light)[:, None], _bytes(_WHITE * light)[:, None])
        mask = Image.new("1", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon(_pairs(pixels - (left, top)), fill=1)
        self.canvas.paste(Image.fromarray(colour), (left, top), mask)

    def _plain(self, outline: Points, part: str) -> None:
        ImageDraw.Draw(self.canvas).polygon(_pairs(self._pixels(outline)), fill=_INK[self.coat][part])

    def _pixels(self, points: Points) -> Points:
        """Body lengths to pixels of the enlarged canvas."""
        x = self.animal.x * ENLARGED + self.animal.facing * self.scale * points[:, 0]
        return np.stack([x, self.animal.ground * ENLARGED - self.scale * points[:, 1]], 1)


def _bytes(colours: Points) -> NDArray[np.uint8]:
    return np.minimum(colours, 255).astype(np.uint8)


def _pairs(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points.tolist()]
