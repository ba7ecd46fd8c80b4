"""The streets of the dataset `toy-cityscapes`: what stands where, in metres.

x runs to the right from the middle of the road, y up from the ground, z ahead of the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from numpy.random import Generator

Colour = tuple[int, int, int]
Kind = Literal["car", "person", "tree", "lamp", "traffic sign", "traffic light"]

_PAINTS = ((176, 30, 34), (34, 62, 128), (222, 222, 220), (36, 38, 42), (150, 154, 158), (200, 170, 60), (52, 110, 96))
_CLOTHES = ((186, 40, 48), (40, 66, 140), (60, 60, 64), (208, 196, 170), (52, 116, 70), (220, 130, 40))
_WALLS = ((172, 104, 82), (200, 182, 150), (158, 154, 148), (214, 200, 176), (140, 92, 78), (186, 170, 160))


@dataclass(frozen=True)
class Thing:
    """One object that stands on the street."""

    kind: Kind
    x: float
    z: float
    colour: Colour
    """paint or clothes"""
    size: float
    """height in metres (tree, person, pole), ignored for cars"""


@dataclass(frozen=True)
class House:
    """One building of a row along the street."""

    near: float
    far: float
    """where it begins and ends, z"""
    height: float
    colour: Colour


@dataclass(frozen=True)
class Street:
    """One picture's content."""

    vanishing: float
    """where the road meets the horizon, share of the width"""
    horizon: float
    """share of the height"""
    road: float
    """half of its width"""
    sidewalk: float
    """width of each"""
    lawn: float
    """width of the grass between sidewalk and houses; may be 0"""
    houses: tuple[tuple[House, ...], tuple[House, ...]]
    """left and right row, the farthest first"""
    things: tuple[Thing, ...]
    """the farthest first"""
    light: float
    """brightness of the photo"""
    warmth: float
    """-1 a blue morning, 1 a yellow evening"""
    clouds: tuple[tuple[float, float, float], ...]
    """position in shares of the width and height, and width"""


def random_street(random: Generator) -> Street:
    """A street drawn at random."""
    road, sidewalk = random.uniform(2.9, 3.9), random.uniform(2.4, 3.6)
    lawn = random.choice([0.0, random.uniform(1.5, 3.0)])
    things = [*_cars(random, road), *_people(random, road, sidewalk), *_posts(random, road)]
    for side in (-1, 1):
        for z in _every(random, 6, 45, 6, 20):
            x = side * (road + sidewalk * 0.7 + lawn * 0.5)
            things.append(Thing("tree", x, z, _shade(random, (66, 104, 44), 14), random.uniform(4.5, 7.5)))
    return Street(
        vanishing=random.uniform(0.40, 0.60),
        horizon=random.uniform(0.42, 0.50),
        road=road,
        sidewalk=sidewalk,
        lawn=lawn,
        houses=(_row(random), _row(random)),
        things=tuple(sorted(things, key=lambda thing: -thing.z)),
        light=random.uniform(0.86, 1.06),
        warmth=random.uniform(-1, 1),
        clouds=tuple((random.uniform(0, 1), random.uniform(0.02, 0.25), random.uniform(0.2, 0.5)) for _ in range(3)),
    )


def _every(random: Generator, start: float, stop: float, least: float, most: float) -> list[float]:
    """Places between start and stop with gaps from least to most."""
    places = [start + random.uniform(0, most)]
    while places[-1] < stop:
        places.append(places[-1] + random.uniform(least, most))
    return places[:-1]


def _pick(random: Generator, colours: tuple[Colour, ...]) -> Colour:
    return _shade(random, colours[random.integers(len(colours))], 10)


def _shade(random: Generator, colour: Colour, spread: int) -> Colour:
    change = int(random.integers(-spread, spread + 1))
    red, green, blue = (min(255, max(0, part + change)) for part in colour)
    return red, green, blue


def _row(random: Generator) -> tuple[House, ...]:
    ends = [1.5]
    while ends[-1] < 70:
        ends.append(ends[-1] + random.uniform(7, 15))
    houses = [
        House(near, far, random.uniform(7, 17), _pick(random, _WALLS))
        for near, far in pairwise(ends)
        if random.random() < 0.85
    ]
    return tuple(reversed(houses))


def _cars(random: Generator, road: float) -> list[Thing]:
    cars = []
    for side in (-1, 1):
        lane = side * (road - 1.1)
        cars += [Thing("car", lane, z, _pick(random, _PAINTS), 1.5) for z in _every(random, 5, 45, 6, 22)]
    if random.random() < 0.6:
        cars.append(Thing("car", random.uniform(-0.8, 0.8), random.uniform(8, 22), _pick(random, _PAINTS), 1.5))
    return cars


def _people(random: Generator, road: float, sidewalk: float) -> list[Thing]:
    people = []
    for _ in range(int(random.integers(1, 6))):
        x = random.choice([-1, 1]) * (road + random.uniform(0.3, 0.9) * sidewalk)
        if random.random() < 0.2:
            x = random.uniform(-road, road)
        people.append(Thing("person", x, random.uniform(5.5, 16), _pick(random, _CLOTHES), random.uniform(1.6, 1.9)))
    return people


def _posts(random: Generator, road: float) -> list[Thing]:
    posts: list[Thing] = []
    kinds: tuple[Kind, ...] = ("lamp", "traffic sign", "traffic sign", "traffic light")
    for side in (-1, 1):
        for z in _every(random, 5, 30, 5, 14):
            kind = kinds[random.integers(len(kinds))]
            height = {"lamp": 6.0, "traffic sign": 2.9, "traffic light": 3.4}[kind]
            posts.append(Thing(kind, side * (road + 0.35), z, (120, 122, 124), height))
    return posts
