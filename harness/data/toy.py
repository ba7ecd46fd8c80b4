"""The embedded dataset `toy`: horses on a meadow (A) and zebras in the savanna (B), drawn from a seed.

A scene (horizon, hills, trees, clouds, one or two animals with their pose) knows nothing of the style it is
drawn in, and scenes of both domains come from one distribution. Training A and B show different scenes; test A
and B show the same scenes, so the true translation of every test picture is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness.data.drawn import ENLARGED, SIDE, write_once
from harness.data.equine import Animal, Coat, draw_animal, random_animals

VERSION = 1
"""raised when the pictures change"""
_SEED = 20250101
_CANVAS = SIDE * ENLARGED

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """What is in a picture, in pixels of the finished picture; without any style."""

    horizon: float
    hills: tuple[tuple[float, float, float], ...]
    """height, wave length and shift of each chain"""
    trees: tuple[tuple[float, float], ...]
    """position and height"""
    clouds: tuple[tuple[float, float, float], ...]
    """position and width"""
    grass: tuple[tuple[float, float], ...]
    """positions of tufts"""
    animals: tuple[Animal, ...]


@dataclass(frozen=True)
class Style:
    """The colours of one domain and the coat of its animals."""

    coat: Coat
    sky: tuple[Colour, Colour]
    """top and horizon"""
    cloud: Colour
    hills: tuple[Colour, Colour]
    crown: Colour
    trunk: Colour
    ground: tuple[Colour, Colour]
    """horizon and front"""
    tuft: Colour
    shadow: Colour


STYLES: dict[str, Style] = {
    "A": Style(
        coat="horse",
        sky=((70, 140, 222), (178, 214, 242)),
        cloud=(244, 248, 252),
        hills=((118, 160, 170), (84, 136, 104)),
        crown=(38, 92, 44),
        trunk=(84, 60, 40),
        ground=((122, 182, 78), (62, 132, 46)),
        tuft=(44, 104, 36),
        shadow=(42, 92, 36),
    ),
    "B": Style(
        coat="zebra",
        sky=((244, 204, 150), (255, 240, 208)),
        cloud=(255, 250, 234),
        hills=((222, 178, 136), (196, 148, 100)),
        crown=(124, 116, 48),
        trunk=(96, 70, 46),
        ground=((232, 200, 116), (206, 160, 72)),
        tuft=(176, 128, 52),
        shadow=(164, 122, 60),
    ),
}


def random_scene(random: Generator) -> Scene:
    """A scene from the distribution of both domains."""
    horizon = random.uniform(0.42, 0.56) * SIDE
    return Scene(
        horizon=horizon,
        hills=tuple((random.uniform(3, 9), random.uniform(18, 40), random.uniform(0, 40)) for _ in range(2)),
        trees=tuple((random.uniform(0, SIDE), random.uniform(8, 15)) for _ in range(random.integers(0, 4))),
        clouds=tuple(
            (random.uniform(4, SIDE - 4), random.uniform(4, 14), random.uniform(10, 18))
            for _ in range(random.integers(0, 3))
        ),
        grass=tuple((random.uniform(0, SIDE), random.uniform(horizon + 4, SIDE)) for _ in range(14)),
        animals=tuple(random_animals(random, SIDE)),
    )


def draw(scene: Scene, style: Style) -> Image.Image:
    """A scene in a style, RGB, 64 x 64."""
    canvas = _background(scene, style)
    pen = ImageDraw.Draw(canvas)
    for x, y, width in scene.clouds:
        for shift, size in ((-0.3, 0.6), (0.0, 1.0), (0.32, 0.65)):
            _ellipse(pen, x + shift * width, y + 1.2 * (1 - size), 0.3 * width * size, 0.16 * width * size, style.cloud)
    for x, height in scene.trees:
        base = scene.horizon + 1.5
        _box(pen, x - 0.7, base - 0.6 * height, x + 0.7, base, style.trunk)
        _ellipse(pen, x, base - 0.72 * height, 0.36 * height, 0.30 * height, style.crown)
    for x, y in scene.grass:
        for lean in (-1.0, 0.0, 1.0):
            start, end = (x * ENLARGED, y * ENLARGED), ((x + lean) * ENLARGED, (y - 2.2) * ENLARGED)
            pen.line([start, end], fill=style.tuft, width=3)
    for animal in scene.animals:
        _ellipse(pen, animal.x, animal.ground, 0.72 * animal.length, 0.09 * animal.length, style.shadow)
        draw_animal(canvas, animal, style.coat)
    return canvas.resize((SIDE, SIDE), Image.Resampling.BOX)


def _background(scene: Scene, style: Style) -> Image.Image:
    """Sky, two chains of hills and the ground, enlarged."""
    rows = (np.arange(_CANVAS) + 0.5) / ENLARGED
    sky = _blend(style.sky, rows / scene.horizon)
    ground = _blend(style.ground, (rows - scene.horizon) / (SIDE - scene.horizon))
    column = np.where((rows > scene.horizon)[:, None], ground, sky)
    canvas = Image.fromarray(column[:, None]).resize((_CANVAS, _CANVAS), Image.Resampling.NEAREST)
    x = np.arange(_CANVAS + 1) / ENLARGED
    foot = [(_CANVAS, scene.horizon * ENLARGED), (0, scene.horizon * ENLARGED)]
    for (height, length, shift), colour in zip(scene.hills, style.hills, strict=True):
        ridge = scene.horizon - height * (0.6 + 0.4 * np.sin(2 * np.pi * (x + shift) / length))
        outline = [(a, b) for a, b in (np.stack([x, ridge], 1) * ENLARGED).tolist()]
        ImageDraw.Draw(canvas).polygon(outline + foot, fill=colour)
    return canvas


def _blend(colours: tuple[Colour, Colour], share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """From the first colour to the second; [..., 3]."""
    first, second = np.array(colours, np.float64)
    return (first + (second - first) * np.clip(share, 0, 1)[..., None]).round().astype(np.uint8)


def _ellipse(pen: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
    _shape = [(x - rx) * ENLARGED, (y - ry) * ENLARGED, (x + rx) * ENLARGED, (y + ry) * ENLARGED]
    pen.ellipse(_shape, fill=fill)


def _box(pen: ImageDraw.ImageDraw, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
    pen.rectangle([left * ENLARGED, top * ENLARGED, right * ENLARGED, bottom * ENLARGED], fill=fill)


def draw_dataset() -> Path:
    """The folder of the dataset in the cache, drawn the first time (256, 256, 64, 64 pictures)."""
    counts = {"trainA": 256, "trainB": 256, "testA": 64, "testB": 64}
    return write_once(f"toy-v{VERSION}", counts, _pictures(counts))


def _pictures(counts: dict[str, int]) -> Iterator[tuple[str, Image.Image]]:
    for stream, (domain, style) in enumerate(STYLES.items()):
        for number in range(counts[f"train{domain}"]):
            yield f"train{domain}/{number:04d}", draw(_scene(stream, number), style)
    for number in range(counts["testA"]):
        scene = _scene(2, number)
        for domain, style in STYLES.items():
            yield f"test{domain}/{number:04d}", draw(scene, style)


def _scene(stream: int, number: int) -> Scene:
    return random_scene(Generator(PCG64(SeedSequence([_SEED, stream, number]))))
