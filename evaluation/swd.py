"""Sliced Wasserstein distance of Laplacian pyramids (Karras et al. 2018), with every random draw from one seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from PIL import Image

from evaluation.errors import EvaluationError
from evaluation.images import BROKEN, Picture, PictureFolder, decode, read_ahead
from evaluation.protocol import Measurement
from evaluation.resize import bicubic_bytes

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

Array = NDArray[np.float32]

SEED = 0
FACTOR = 1000
"""SWD is told in thousandths."""
SMALLEST = 16
"""Side of the last level of a pyramid."""
NEIGHBOURHOOD = 7
"""Side of a neighbourhood; at 3 channels a descriptor has 147 numbers."""
BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16
"""The filter of the pyramid along one axis."""


class Sampling(NamedTuple):
    """How much is drawn."""

    minibatch: int = 20
    """pictures whose neighbourhoods are drawn together"""
    neighbourhoods: int = 128
    """of each picture on each level"""
    repeats: int = 4
    directions: int = 128
    """of each repeat"""


SAMPLING = Sampling()
"""that of the official scripts"""


def measure_swd(pair: FolderPair) -> Measurement:
    """SWD x 1000 of a pair of folders, mean over the levels of the pyramid.

    Pictures are compared at the largest side of 16, 32, 64, ... that no generated picture falls short of; those
    of another size are resized to that square (Pillow, bicubic). Both sides need equally many pictures: of the
    larger one those with the lowest digests are taken, which is as good as a random choice and always the same.

    Raises:
        EvaluationError: a generated picture is smaller than 16x16, or a file is broken.
    """
    size = common_size(pair.fake.pictures)
    count = min(len(pair.fake.pictures), len(pair.real.pictures))

    def minibatches(folder: PictureFolder) -> Iterator[list[Picture]]:
        done = 0
        for pictures in read_ahead(partial(read_squared, size=size), folder.by_content[:count], SAMPLING.minibatch):
            yield pictures
            done += len(pictures)
            pair.report(done, count)

    values = swd(minibatches(pair.real), minibatches(pair.fake), size, RandomState(SEED))
    levels = ",".join(map(str, resolutions(size)))
    return Measurement(float(np.mean(values)), details=f"levels={levels} pictures={count} seed={SEED}")


def common_size(pictures: Sequence[Path]) -> int:
    """The largest of 16, 32, 64, ... that no side of a picture falls short of.

    Raises:
        EvaluationError: a picture is smaller than 16x16; names it.
    """
    side, path = min((shorter_side(path), path) for path in pictures)
    if side < SMALLEST:
        raise EvaluationError(f"{path}: a side of {side} pixels; SWD needs at least {SMALLEST}x{SMALLEST}")
    return SMALLEST << ((side // SMALLEST).bit_length() - 1)


def shorter_side(path: Path) -> int:
    """In pixels, from the head of the file; EvaluationError where it is broken."""
    try:
        with Image.open(path) as image:
            return min(image.size)
    except BROKEN:
        return min(decode(path).shape[:2])  # says what is wrong


def read_squared(path: Path, size: int) -> Picture:
    """The picture of a file at ``size`` x ``size``; one of that size unchanged."""
    return bicubic_bytes(decode(path), size, size)


def resolutions(size: int) -> list[int]:
    """Sides of the levels: ``size``, half of it, ... not below 16."""
    return [size] if size < 2 * SMALLEST else [size, *resolutions(size // 2)]


def swd(
    real: Iterable[Sequence[Picture]],
    fake: Iterable[Sequence[Picture]],
    size: int,
    random: RandomState,
    sampling: Sampling = SAMPLING,
) -> list[float]:
    """SWD x 1000 of each level of the pyramid.

    For every minibatch of real, then of fake pictures, and every level, the positions of neighbourhoods are drawn;
    then, level by level, the directions. Equal to the routines of EnCo (util/SWD) and MoNCE (Utils/SWD), up to
    rounding of float32.

    Args:
        real, fake: minibatches of pictures, all ``size`` x ``size``; equally many on both sides.
        size: 16 times a power of two.

    Raises:
        EvaluationError: the sides differ in number.
    """
    ours, theirs = (descriptors(batches, size, random, sampling) for batches in (real, fake))
    if ours[0].shape != theirs[0].shape:
        n_real, n_fake = (len(side[0]) // sampling.neighbourhoods for side in (ours, theirs))
        raise EvaluationError(f"SWD needs equally many pictures on both sides, found {n_fake} fake and {n_real} real")
    return [FACTOR * sliced_wasserstein(a, b, random, sampling) for a, b in zip(ours, theirs, strict=True)]


def descriptors(
    batches: Iterable[Sequence[Picture]], size: int, random: RandomState, sampling: Sampling
) -> list[Array]:
    """For each level the neighbourhoods of all pictures, each channel standardised: [neighbourhoods, 147]."""
    drawn: list[list[Array]] = [[] for _ in resolutions(size)]
    for pictures in batches:
        x = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)  # N x 3 x size x size
        for level, own in zip(laplacian_pyramid(x, len(drawn)), drawn, strict=True):
            own.append(neighbourhoods(level, random, sampling.neighbourhoods))
    return [standardised(np.concatenate(own)) for own in drawn]


def laplacian_pyramid(x: Array, levels: int) -> list[Array]:
    """Differences between successive halvings of ``x`` [N, 3, H, W], and at last what remains.

    level_k = G_k - up(G_{k+1}); G halves by a 5x5 binomial filter with mirrored borders.
    """
    pyramid = []
    for _ in range(levels - 1):
        half = filtered(x)[..., ::2, ::2]
        pyramid.append(x - doubled(half))
        x = half
    return [*pyramid, x]


def doubled(x: Array) -> Array:
    """Twice as many rows and columns: zeros between the values, then the filter times 4."""
    spread = np.zeros((*x.shape[:-2], 2 * x.shape[-2], 2 * x.shape[-1]), x.dtype)
    spread[..., ::2, ::2] = x
    return 4 * filtered(spread)


def filtered(x: Array) -> Array:
    """The binomial filter along rows and columns; borders are mirrored without repeating the border itself."""
    for axis in (-2, -1):
        sides = [(0, 0)] * x.ndim
        sides[axis] = (2, 2)
        padded = np.moveaxis(np.pad(x, sides, mode="reflect"), axis, 0)
        length = x.shape[axis]
        x = np.moveaxis(sum(w * padded[i : i + length] for i, w in enumerate(BINOMIAL)), 0, axis)
    return x


def neighbourhoods(level: Array, random: RandomState, count: int) -> Array:
    """``count`` neighbourhoods of each picture at random places: [N * count, 3, 7 (columns), 7 (rows)]."""
    n, _, height, width = level.shape
    radius = NEIGHBOURHOOD // 2
    x = random.randint(radius, width - radius, size=n * count)
    y = random.randint(radius, height - radius, size=n * count)
    offsets = np.arange(-radius, radius + 1)
    columns = (x[:, None] + offsets)[:, None, :, None]
    rows = (y[:, None] + offsets)[:, None, None, :]
    pictures = np.repeat(np.arange(n), count)[:, None, None, None]
    return level[pictures, np.arange(level.shape[1])[:, None, None], rows, columns]


def standardised(found: Array) -> Array:
    """Neighbourhoods [n, 3, 7, 7] with mean 0 and deviation 1 in each channel over the set, flattened.

    A channel without variation stays zero.
    """
    centred = found - found.mean((0, 2, 3), keepdims=True)
    deviation = found.std((0, 2, 3), keepdims=True)
    return (centred / np.where(deviation > 0, deviation, 1)).reshape(len(found), -1)


def sliced_wasserstein(a: Array, b: Array, random: RandomState, sampling: Sampling = SAMPLING) -> float:
    """Mean absolute difference of the sorted projections of two sets [n, d] on random directions of unit length."""
    found = []
    for _ in range(sampling.repeats):
        directions = random.randn(a.shape[1], sampling.directions)
        directions = (directions / np.sqrt(np.square(directions).sum(0))).astype(np.float32)
        gaps = np.sort((a @ directions).T) - np.sort((b @ directions).T)  # directions x n
        found.append(float(np.abs(gaps).mean()))
    return float(np.mean(found))
