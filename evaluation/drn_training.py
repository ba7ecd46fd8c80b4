"""Training of DRN-D-22 on photos and their label maps, by the recipe of the official repository.

github.com/fyu/drn, README: random crop and flip, SGD with momentum 0.9 and weight decay 1e-4 from learning rate 0.01,
which is divided by 10 after 100 and after 200 of 250 epochs; negative log-likelihood, 255 ignored; the kernel of
``up`` is not trained. There training starts from weights of ImageNet, here from the first weights of a seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from torch import Tensor

from evaluation.drn import DRN, STRIDE, normalised
from evaluation.errors import EvaluationError
from evaluation.images import Picture, decode, read_ahead
from evaluation.label_maps import Coding, coding_of, nearest, read_label_map
from evaluation.palette import IGNORED, TrainIds
from evaluation.resize import bicubic_bytes
from evaluation.segmentation import Size, check_size
from evaluation.weight_files import State

MOMENTUM, WEIGHT_DECAY = 0.9, 1e-4
DECAYS = (0.4, 0.8)
"""shares of the steps after which the learning rate is divided by 10: 100 and 200 of 250 epochs"""
CROP = 7 / 8
"""side of the square crop as a share of the shorter side: 896 of 1024 pixels"""
_ORDER, _STEP = 0, 1  # separate streams of random numbers under one seed

Pair = tuple[Path, Path]
"""a photo and its label map"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained. All of it changes the result."""

    size: Size
    """width and height to which photos (bicubic) and label maps (nearest) are resized, multiples of 8"""
    steps: int
    batch_size: int = 32
    lr: float = 0.01
    """learning rate of the first steps"""
    seed: int = 0
    """of the first weights, the order of the pictures, crops and flips"""

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.steps < 1 or self.batch_size < 1 or not 0 < self.lr < math.inf or self.seed < 0:
            raise EvaluationError(
                f"steps {self.steps}, batch size {self.batch_size}, learning rate {self.lr}, seed {self.seed}: "
                "expected numbers above zero (seed: from 0)"
            )

    @property
    def crop(self) -> int:
        """Side of the square crop, a multiple of 8."""
        return max(STRIDE, math.floor(min(self.size) * CROP / STRIDE) * STRIDE)

    def rate(self, step: int) -> float:
        """The learning rate of the step after ``step`` finished ones."""
        return self.lr * 0.1 ** sum(step >= share * self.steps for share in DECAYS)


@dataclass(frozen=True)
class Draw:
    """One picture of a batch: which, and what is cut out of it."""

    item: int
    top: int
    left: int
    flip: bool


def check_pairs(pairs: Sequence[Pair], progress: Callable[[int, int], None] | None = None) -> Coding:
    """Read every photo and label map once; returns what the label maps' pixels stand for.

    Raises:
        EvaluationError: a broken file, or label maps of another palette.
    """
    coding = coding_of([label for _, label in pairs])

    def read(pair: Pair) -> bool:
        decode(pair[0])
        return bool((read_label_map(pair[1], coding) != IGNORED).any())

    done, any_class = 0, False
    for batch in read_ahead(read, pairs, 16):
        done, any_class = done + len(batch), any_class or any(batch)
        if progress is not None:
            progress(done, len(pairs))
    if not any_class:
        raise EvaluationError(f"{pairs[0][1].parent}: label maps without a pixel of the classes of Cityscapes")
    return coding


class Training:
    """A network in training. The order of the data is a function of seed and step, so a state needs neither."""

    def __init__(self, pairs: Sequence[Pair], coding: Coding, recipe: Recipe, device: torch.device) -> None:
        self.pairs, self.coding, self.recipe, self.device = pairs, coding, recipe, device
        self.step = 0
        """steps done"""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network = DRN().to(device).to(memory_format=torch.channels_last)
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.SGD(trained, recipe.lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def steps(self) -> Iterator[Tensor]:
        """Do the steps that remain, one at a time; yields the loss of each, on the device.

        Raises:
            EvaluationError: a file is broken.
        """
        self.network.train()
        draws = (draw for step in range(self.step, self.recipe.steps) for draw in self.draws(step))
        read = partial(_cut_out, pairs=self.pairs, coding=self.coding, size=self.recipe.size, crop=self.recipe.crop)
        for batch in read_ahead(read, draws, self.recipe.batch_size):
            yield self._update(np.stack([photo for photo, _ in batch]), np.stack([truth for _, truth in batch]))

    def _update(self, photos: Picture, truth: TrainIds) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        x = normalised(torch.from_numpy(photos).to(self.device)).to(memory_format=torch.channels_last)
        target = torch.from_numpy(truth).to(self.device).long()
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.nll_loss(self.network(x)[0], target, ignore_index=IGNORED)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def draws(self, step: int) -> list[Draw]:
        """The pictures of the step after ``step`` finished ones."""
        (width, height), crop, count = self.recipe.size, self.recipe.crop, self.recipe.batch_size
        random = Generator(PCG64(SeedSequence([self.recipe.seed, _STEP, step])))
        tops = random.integers(height - crop + 1, size=count)
        lefts = random.integers(width - crop + 1, size=count)
        flips = random.random(count) < 0.5
        turns = [divmod(step * count + row, len(self.pairs)) for row in range(count)]
        items = [int(self._order(epoch)[position]) for epoch, position in turns]
        return [
            Draw(item, int(top), int(left), bool(flip))
            for item, top, left, flip in zip(items, tops, lefts, flips, strict=True)
        ]

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        return Generator(PCG64(SeedSequence([self.recipe.seed, _ORDER, epoch]))).permutation(len(self.pairs))

    def state(self) -> dict[str, Any]:
        """Everything the rest of the training depends on."""
        return {"step": self.step, "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])

    def weights(self) -> State:
        """The state dict in the official layout, on the CPU."""
        return {key: tensor.detach().cpu().contiguous() for key, tensor in self.network.state_dict().items()}


def _cut_out(draw: Draw, pairs: Sequence[Pair], coding: Coding, size: Size, crop: int) -> tuple[Picture, TrainIds]:
    """The crop of a photo and of its label map, turned over where the draw says so."""
    photo, label = pairs[draw.item]
    window = (slice(draw.top, draw.top + crop), slice(draw.left, draw.left + crop))
    pixels = bicubic_bytes(decode(photo), *size)[window]
    truth = nearest(read_label_map(label, coding), *size)[window]
    return (pixels[:, ::-1], truth[:, ::-1]) if draw.flip else (pixels, truth)
