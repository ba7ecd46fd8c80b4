"""The embedded dataset `toy-cityscapes`: street photos (A) and their label maps (B), drawn from a seed.

Folders as the Cityscapes preparation of the CUT family makes them: A holds photos, B label maps, and the usual task
is B to A. Label maps hold exact palette colours. Training A and B show different streets; test A and B the same. The
folder trainGT holds the label maps of the photos in trainA: a segmentation network learns from them, no method does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from harness.data.drawn import ENLARGED, SIDE, write_once
from harness.data.street import Colour, House, Street, Thing, random_street

VERSION = 2
"""raised when the folder changes"""
_SEED = 20250102
_CANVAS = SIDE * ENLARGED
_FOCAL = 0.9 * _CANVAS
_CAMERA = 2.2  # metres above the ground

PALETTE: dict[str, Colour] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "car": (0, 0, 142),
}
"""the classes that occur, in the colours of cityscapesScripts"""
_CLASSES = list(PALETTE)
_GRAIN = {"road": 5, "sidewalk": 6, "building": 5, "vegetation": 17, "terrain": 11, "sky": 2, "car": 4, "person": 4}
"""standard deviation of the grain of each surface, grey levels"""

Point = tuple[float, float]


class _Pen:
    """Draws a shape into photo and label map at once."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.photo = Image.new("RGB", (_CANVAS, _CANVAS))
        self.label = Image.new("L", (_CANVAS, _CANVAS), _CLASSES.index("sky"))
        self._photo, self._label = ImageDraw.Draw(self.photo), ImageDraw.Draw(self.label)

    def at(self, x: float, y: float, z: float) -> Point:
        """Metres to pixels of the enlarged canvas."""
        scale = _FOCAL / z
        return (
            self.street.vanishing * _CANVAS + scale * x,
            self.street.horizon * _CANVAS + scale * (_CAMERA - y),
        )

    def face(self, name: str | None, corners: Sequence[tuple[float, float, float]], colour: Colour) -> None:
        """A polygon given in metres; without a class it is a detail of the photo only."""
        points = [self.at(*corner) for corner in corners]
        self._photo.polygon(points, fill=colour)
        if name:
            self._label.polygon(points, fill=_CLASSES.index(name))

    def upright(
        self, name: str | None, x: float, z: float, left: float, right: float, low: float, high: float, colour: Colour
    ) -> None:
        """A rectangle that faces the camera, relative to the place (x, z)."""
        corners = [(x + left, low, z), (x + right, low, z), (x + right, high, z), (x + left, high, z)]
        self.face(name, corners, colour)

    def disc(self, name: str | None, centre: tuple[float, float, float], rx: float, ry: float, colour: Colour) -> None:
        """An ellipse that faces the camera."""
        x, y = self.at(*centre)
        scale = _FOCAL / centre[2]
        box = [x - rx * scale, y - ry * scale, x + rx * scale, y + ry * scale]
        self._photo.ellipse(box, fill=colour)
        if name:
            self._label.ellipse(box, fill=_CLASSES.index(name))


def draw(street: Street, random: Generator) -> tuple[Image.Image, Image.Image]:
    """Photo and label map of a street, both RGB, 64 x 64; `random` gives the grain of the photo."""
    pen = _Pen(street)
    _sky(pen)
    _ground(pen)
    for side, houses in zip((-1, 1), street.houses, strict=True):
        for house in houses:
            _house(pen, house, side)
    for thing in street.things:
        _DRAWERS[thing.kind](pen, thing)
    classes = np.asarray(pen.label)[ENLARGED // 2 :: ENLARGED, ENLARGED // 2 :: ENLARGED]
    label = np.array([PALETTE[name] for name in _CLASSES], np.uint8)[classes]
    reduced = np.asarray(pen.photo.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    return Image.fromarray(_expose(reduced, classes, street, random)), Image.fromarray(label)


def _expose(
    photo: NDArray[np.float64], classes: NDArray[np.uint8], street: Street, random: Generator
) -> NDArray[np.uint8]:
    """Grain of the surfaces, light of the day, darker corners."""
    grain = np.array([_GRAIN.get(name, 0) for name in _CLASSES])[classes]
    photo = photo + (grain * random.standard_normal((SIDE, SIDE)))[..., None]
    axis = np.linspace(-1, 1, SIDE)
    corners = 1 - 0.10 * (axis[:, None] ** 2 + axis[None, :] ** 2)
    tint = 1 + 0.06 * street.warmth * np.array([1, 0, -1])
    return np.clip(photo * street.light * tint * corners[..., None], 0, 255).astype(np.uint8)


def _sky(pen: _Pen) -> None:
    horizon = pen.street.horizon * _CANVAS
    share = np.clip((np.arange(_CANVAS) + 0.5) / horizon, 0, 1)[:, None, None]
    rows = np.array([132, 176, 220]) * (1 - share) + np.array([214, 226, 236]) * share
    pen.photo.paste(Image.fromarray(np.repeat(rows.astype(np.uint8), _CANVAS, axis=1)))
    brush = ImageDraw.Draw(pen.photo)
    for x, y, width in pen.street.clouds:
        w = width * _CANVAS / 2
        brush.ellipse(
            [x * _CANVAS - w, y * _CANVAS - w / 5, x * _CANVAS + w, y * _CANVAS + w / 5], fill=(226, 232, 238)
        )


def _ground(pen: _Pen) -> None:
    street = pen.street
    far, near = 400.0, 2.0
    for name, width, colour in (
        ("terrain", 300.0, (104, 138, 70)),
        ("sidewalk", street.road + street.sidewalk, (176, 168, 162)),
        ("road", street.road, (92, 92, 98)),
    ):
        pen.face(name, [(-width, 0, near), (width, 0, near), (width, 0, far), (-width, 0, far)], colour)
    for z in np.arange(3, 60, 5.0):  # a broken line in the middle, joints of the sidewalk's slabs
        pen.face(None, [(-0.1, 0, z), (0.1, 0, z), (0.1, 0, z + 2.2), (-0.1, 0, z + 2.2)], (214, 214, 208))
        for side in (-1, 1):
            inner, outer = side * street.road, side * (street.road + street.sidewalk)
            pen.face(None, [(inner, 0, z), (outer, 0, z), (outer, 0, z + 0.25), (inner, 0, z + 0.25)], (140, 132, 128))
    for side in (-1, 1):  # kerb
        x = side * street.road
        pen.face(
            None, [(x, 0, near), (x + side * 0.25, 0, near), (x + side * 0.25, 0, 60), (x, 0, 60)], (200, 196, 190)
        )
    pen.upright("vegetation", 0, 70, -60, 60, 0, 6, (86, 112, 82))  # trees where the street ends


def _house(pen: _Pen, house: House, side: int) -> None:
    wall = side * (pen.street.road + pen.street.sidewalk + pen.street.lawn)
    near, far, top = house.near, house.far, house.height
    pen.face(
        "building",
        [(wall, 0, near), (wall + side * 14, 0, near), (wall + side * 14, top, near), (wall, top, near)],
        _dim(house.colour, 0.72),
    )
    pen.face("building", [(wall, 0, near), (wall, 0, far), (wall, top, far), (wall, top, near)], house.colour)
    pen.face(
        None,
        [(wall, top - 0.5, near), (wall, top - 0.5, far), (wall, top, far), (wall, top, near)],
        _dim(house.colour, 0.6),
    )
    columns = max(2, round((far - near) / 3))
    step = (far - near) / columns
    for floor in np.arange(1.0, top - 2.2, 3.0):
        for column in range(columns):
            begin = near + (column + 0.3) * step
            end = begin + 0.45 * step
            glass = (58, 70, 88) if (column + int(floor)) % 3 else (112, 130, 150)
            pen.face(
                None,
                [(wall, floor, begin), (wall, floor, end), (wall, floor + 1.7, end), (wall, floor + 1.7, begin)],
                glass,
            )


def _car(pen: _Pen, car: Thing) -> None:
    x, z, paint = car.x, car.z, car.colour
    inner = x - 0.9 * np.sign(x)  # the flank that the camera sees
    back = z + 4.2
    pen.disc(None, (x, 0.02, z + 0.6), 1.15, 0.16, (52, 52, 56))
    pen.face("car", [(inner, 0.25, z), (inner, 0.25, back), (inner, 0.95, back), (inner, 0.95, z)], _dim(paint, 0.75))
    pen.face(
        "car",
        [
            (inner, 0.95, z + 0.3),
            (inner, 0.95, back - 1),
            (inner * 0.98, 1.45, back - 1.6),
            (inner * 0.98, 1.45, z + 0.7),
        ],
        (44, 52, 62),
    )
    for left in (-0.85, 0.5):
        pen.upright("car", x, z, left, left + 0.35, 0.0, 0.4, (24, 24, 26))
    pen.upright("car", x, z, -0.9, 0.9, 0.25, 0.95, paint)
    pen.face("car", [(x - 0.82, 0.95, z), (x + 0.82, 0.95, z), (x + 0.62, 1.5, z), (x - 0.62, 1.5, z)], paint)
    pen.face(None, [(x - 0.68, 0.98, z), (x + 0.68, 0.98, z), (x + 0.54, 1.4, z), (x - 0.54, 1.4, z)], (48, 58, 70))
    for left in (-0.86, 0.58):
        pen.upright(None, x, z, left, left + 0.28, 0.66, 0.86, (216, 40, 36))
    pen.upright(None, x, z, -0.28, 0.28, 0.5, 0.64, (226, 226, 220))


def _person(pen: _Pen, person: Thing) -> None:
    x, z, tall = person.x, person.z, person.size
    pen.disc(None, (x, 0.02, z), 0.4, 0.08, (70, 68, 70))
    for left in (-0.2, 0.03):
        pen.upright("person", x, z, left, left + 0.17, 0, 0.5 * tall, (44, 48, 62))
    pen.upright("person", x, z, -0.28, 0.28, 0.46 * tall, 0.86 * tall, person.colour)
    pen.disc("person", (x, 0.92 * tall, z), 0.16, 0.17, (214, 168, 138))


def _tree(pen: _Pen, tree: Thing) -> None:
    x, z, tall = tree.x, tree.z, tree.size
    pen.upright("vegetation", x, z, -0.16, 0.16, 0, 0.5 * tall, (78, 60, 46))
    for dx, y, r, light in (
        (0, 0.62, 0.30, 0.8),
        (-0.16, 0.70, 0.20, 0.95),
        (0.15, 0.68, 0.21, 0.9),
        (0, 0.82, 0.20, 1.15),
    ):
        pen.disc("vegetation", (x + dx * tall, y * tall, z), r * tall, r * tall, _dim(tree.colour, light))


def _post(pen: _Pen, post: Thing) -> None:
    x, z, tall = post.x, post.z, post.size
    pen.upright("pole", x, z, -0.08, 0.08, 0, tall, post.colour)
    if post.kind == "lamp":
        reach = -1.4 * np.sign(x)
        pen.upright("pole", x, z, min(0, reach), max(0, reach), tall - 0.12, tall, post.colour)
    elif post.kind == "traffic sign":
        pen.disc("traffic sign", (x, tall - 0.2, z), 0.42, 0.42, (196, 36, 40))
        pen.disc(None, (x, tall - 0.2, z), 0.26, 0.26, (238, 236, 232))
    else:
        pen.upright("traffic light", x, z, -0.24, 0.24, tall - 1.1, tall, (34, 36, 36))
        for drop, lamp in ((0.2, (226, 48, 40)), (0.55, (70, 62, 30)), (0.9, (34, 78, 52))):
            pen.disc(None, (x, tall - drop, z), 0.15, 0.15, lamp)


_DRAWERS = {"car": _car, "person": _person, "tree": _tree, "lamp": _post, "traffic sign": _post, "traffic light": _post}


def _dim(colour: Colour, share: float) -> Colour:
    red, green, blue = (min(255, int(part * share)) for part in colour)
    return red, green, blue


def draw_dataset() -> Path:
    """The folder of the dataset in the cache, drawn the first time (200, 200, 50, 50 pictures, 200 in trainGT)."""
    counts = {"trainA": 200, "trainB": 200, "testA": 50, "testB": 50, "trainGT": 200}
    return write_once(f"toy-cityscapes-v{VERSION}", counts, _pictures(counts))


def _pictures(counts: dict[str, int]) -> Iterator[tuple[str, Image.Image]]:
    for number in range(counts["trainA"]):
        for split, picture in zip(("trainA", "trainGT"), _picture(0, number), strict=True):
            yield f"{split}/{number:04d}", picture
    for number in range(counts["trainB"]):
        yield f"trainB/{number:04d}", _picture(1, number)[1]
    for number in range(counts["testA"]):
        for split, picture in zip(("testA", "testB"), _picture(2, number), strict=True):
            yield f"{split}/{number:04d}", picture


def _picture(stream: int, number: int) -> tuple[Image.Image, Image.Image]:
    random = Generator(PCG64(SeedSequence([_SEED, stream, number])))
    return draw(random_street(random), random)
