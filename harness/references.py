"""What translations are compared with: the files of the target's test split, or one of two other sets.

Papers quote distances to different references, which are points of FID apart; so protocols name theirs. Names are
from the method's point of view: B is what is translated into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from evaluation.images import PictureFolder
from evaluation.official_order import kept_as_real_b
from harness.data.decode import load
from harness.data.folders import Dataset, picture_names
from harness.data.pipeline import to_image, to_tensor
from harness.job import Reference


@contextmanager
def reference_pictures(dataset: Dataset, choice: Reference, size: int) -> Iterator[tuple[Sequence[Path], str]]:
    """The pictures that ``choice`` means, and what protocols call them (folders by their own names).

    ``testB``, ``trainB``: all files of that split, unmodified. ``real_B``: what the official test loop leaves in its
    folder of this name, made anew at ``size``.
    """
    if choice == "testB":
        yield dataset.test_b, dataset.test_splits[1]
    elif choice == "trainB":
        yield dataset.train_b, dataset.train_splits[1]
    else:
        with TemporaryDirectory(prefix="real-B-") as folder:
            write_real_b(Path(folder), dataset, size)
            yield sorted(Path(folder).iterdir()), "real_B"


def digest_of(dataset: Dataset, choice: Reference) -> str:
    """Identity of the reference: that of the files it is made of, since PNG files of equal pictures may differ."""
    return PictureFolder.of(dataset.train_b if choice == "trainB" else dataset.test_b).digest


def write_real_b(folder: Path, dataset: Dataset, size: int) -> None:
    """What the official test loop saves of B: one picture under each name of A, by later ones overwritten.

    Each is resized with Pillow's bicubic filter, scaled to [-1, 1] and back by the official rule, which truncates:
    values from 1 to 63 lose a grey level.
    """
    names = dict(zip(map(str, dataset.test_a), picture_names(dataset.test_a), strict=True))
    for path_a, path_b in kept_as_real_b(list(names), list(map(str, dataset.test_b))).items():
        pixels = to_image(to_tensor(load(Path(path_b), size)))
        Image.fromarray(pixels).save(folder / f"{names[path_a]}.png")


def spaced(paths: Sequence[Path], wanted: int) -> list[Path]:
    """At most ``wanted`` pictures, evenly spaced: a Fréchet distance falls with the number of pictures."""
    chosen = np.linspace(0, len(paths) - 1, min(wanted, len(paths))).round().astype(int)
    return [paths[i] for i in chosen]
