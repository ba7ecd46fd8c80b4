"""Training pairs and test pictures, by the official transform, as a pure function of seed and step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from torch import Tensor

from harness.data.cache import open_pictures
from harness.data.decode import Pixels, load
from harness.data.folders import Dataset, picture_names
from harness.data.sizes import check_size, default_load_size
from harness.errors import UserError

_ORDER, _STEP = 0, 1  # separate streams of random numbers under one seed


class TrainingPairs:
    """Unpaired batches: item i of an epoch is a shuffled A with a uniformly random B.

    The official transform (`resize_and_crop`): bicubic to `load_size`, random crop of `size`, flip with
    probability 0.5, each independent for A and B. An epoch visits max(|A|, |B|) items; its last short batch
    is dropped. Nothing has to be saved to resume: `batch(step)` depends on the seed and the step alone.
    Source: taesungp/contrastive-unpaired-translation, data/unaligned_dataset.py and data/base_dataset.py.

    Args:
        dataset: A is its source domain, B its target domain.
        size: side of the pictures in pixels, a multiple of 4.
        batch_size: pairs in a batch.
        seed: any integer from 0.
        load_size: side before the crop; None for the official ratio 286 / 256.

    Raises:
        UserError: sizes that do not fit, a batch larger than an epoch, or files that cannot be decoded.
    """

    def __init__(self, dataset: Dataset, size: int, batch_size: int, seed: int, load_size: int | None = None) -> None:
        self.size = size
        self.load_size = default_load_size(size) if load_size is None else load_size
        check_size(self.size, self.load_size)
        self.dataset, self.batch_size, self.seed = dataset, batch_size, seed
        self.items = max(len(dataset.train_a), len(dataset.train_b))
        if not 1 <= batch_size <= self.items:
            raise UserError(
                f"batch size {batch_size} does not fit dataset {dataset.name}: expected 1 to {self.items},"
                " the pictures of its larger training split"
            )
        self._order = lru_cache(maxsize=1)(self._shuffled)

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in max(|A|, |B|) items."""
        return self.items // self.batch_size

    def batch(self, step: int, zoom: bool = True) -> tuple[Tensor, Tensor]:
        """A and B of one step, each float32 [batch, 3, size, size] in [-1, 1].

        Args:
            step: steps done before this one, counted over all epochs.
            zoom: False in the fine-tuning phase: pictures are resized to `size` itself, so nothing is cropped
                away and nothing shifts; flips stay.
        """
        epoch, position = divmod(step, self.steps_per_epoch)
        first = position * self.batch_size
        pictures_a, pictures_b = self._zoomed if zoom else self._whole
        random = Generator(PCG64(SeedSequence([self.seed, _STEP, step])))
        chosen_a = self._order(epoch)[first : first + self.batch_size] % len(pictures_a)
        chosen_b = random.integers(len(pictures_b), size=self.batch_size)
        return self._cut(pictures_a, chosen_a, random), self._cut(pictures_b, chosen_b, random)

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        return Generator(PCG64(SeedSequence([self.seed, _ORDER, epoch]))).permutation(self.items)

    def _cut(self, pictures: Pixels, chosen: NDArray[np.int64], random: Generator) -> Tensor:
        """Random crop and flip of the chosen pictures."""
        tops, lefts = random.integers(pictures.shape[1] - self.size + 1, size=(2, len(chosen)))
        flips = random.random(len(chosen)) < 0.5
        out = np.empty((len(chosen), self.size, self.size, 3), np.uint8)
        for row, (item, top, left, flip) in enumerate(zip(chosen, tops, lefts, flips, strict=True)):
            crop = pictures[item, top : top + self.size, left : left + self.size]
            out[row] = crop[:, ::-1] if flip else crop
        return to_tensor(out)

    @cached_property
    def _zoomed(self) -> tuple[Pixels, Pixels]:
        return self._decoded(self.load_size)

    @cached_property
    def _whole(self) -> tuple[Pixels, Pixels]:
        return self._decoded(self.size)

    def _decoded(self, side: int) -> tuple[Pixels, Pixels]:
        folders, splits = self.dataset.folders, self.dataset.splits
        a, b = self.dataset.train_splits
        return open_pictures(folders[a], splits[a], side).array, open_pictures(folders[b], splits[b], side).array


def test_pictures(paths: Sequence[Path], size: int) -> Iterator[tuple[str, Pixels]]:
    """Pictures to translate, in order: a name for the result and uint8 [size, size, 3].

    The official test transform: bicubic to `size` x `size`, no crop, no flip. The name is the stem of the
    file (`picture_names`).

    Raises:
        UserError: `size` is no multiple of 4, a file cannot be decoded, or names clash.
    """
    check_size(size, size)
    for name, path in zip(picture_names(paths), paths, strict=True):
        yield name, load(path, size)


def to_tensor(pictures: Pixels) -> Tensor:
    """uint8 [..., H, W, 3] -> float32 [..., 3, H, W] in [-1, 1], exactly ToTensor and Normalize(0.5)."""
    channels_first = torch.from_numpy(pictures).movedim(-1, -3).contiguous()
    return channels_first.float().div_(255).sub_(0.5).div_(0.5)


def to_image(tensor: Tensor) -> Pixels:
    """float [..., 3, H, W] -> uint8 [..., H, W, 3] by the official rule (util.tensor2im).

    Clamped to [-1, 1], float32, (x + 1) / 2 * 255, truncated: pictures lose half a grey level on average.
    """
    values = tensor.detach().clamp(-1.0, 1.0).cpu().float().movedim(-3, -1).numpy()
    return ((values + 1) / 2.0 * 255.0).astype(np.uint8)
