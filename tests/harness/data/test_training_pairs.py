"""Batches are what the official transform gives, and depend on seed and step alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from harness.data import pipeline
from harness.data.folders import open_dataset
from harness.data.pipeline import TrainingPairs, to_image, to_tensor
from harness.data.sizes import default_load_size
from harness.errors import UserError

MakeDataset = Callable[..., Path]

official_normalise = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])


def official(path: Path, load_size: int, size: int, top: int, left: int, flip: bool) -> torch.Tensor:
    """Resize, crop, flip and scale with Pillow and torchvision, one picture at a time."""
    picture = Image.open(path).convert("RGB").resize((load_size, load_size), Image.Resampling.BICUBIC)
    picture = picture.crop((left, top, left + size, top + size))
    if flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tensor: torch.Tensor = official_normalise(picture)
    return tensor


class Explainer:
    """Finds the file, crop and flip that give a picture bit for bit."""

    def __init__(self, paths: tuple[Path, ...], load_size: int, size: int) -> None:
        shifts = range(load_size - size + 1)
        self.known = {
            official(path, load_size, size, top, left, flip).numpy().tobytes(): (number, top, left, flip)
            for (number, path), top, left, flip in product(enumerate(paths), shifts, shifts, (False, True))
        }

    def __call__(self, batch: torch.Tensor) -> list[tuple[int, int, int, bool]]:
        assert batch.dtype == torch.float32
        assert batch.is_contiguous()
        return [self.known[picture.numpy().tobytes()] for picture in batch]


def test_every_picture_of_a_batch_is_an_official_one(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=3, trainB=7))
    pairs = TrainingPairs(dataset, size=16, batch_size=2, seed=1)
    assert (pairs.load_size, pairs.items, pairs.steps_per_epoch) == (18, 7, 3)
    explain_a, explain_b = Explainer(dataset.train_a, 18, 16), Explainer(dataset.train_b, 18, 16)
    for step in range(20):
        a, b = pairs.batch(step)
        assert a.shape == b.shape == (2, 3, 16, 16)
        assert len(explain_a(a) + explain_b(b)) == 4


def test_fine_tuning_neither_zooms_nor_shifts_but_flips(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=3, trainB=7))
    pairs = TrainingPairs(dataset, size=16, batch_size=2, seed=1)
    explain_a, explain_b = Explainer(dataset.train_a, 16, 16), Explainer(dataset.train_b, 16, 16)
    flips = set()
    for step in range(20):
        a, b = pairs.batch(step, zoom=False)
        flips |= {flip for _, _, _, flip in explain_a(a) + explain_b(b)}
    assert flips == {False, True}


def test_choices_are_uniform_and_independent(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=2, trainB=4))
    pairs = TrainingPairs(dataset, size=16, batch_size=4, seed=5)
    explain_a, explain_b = Explainer(dataset.train_a, 18, 16), Explainer(dataset.train_b, 18, 16)
    counts: dict[str, Counter[object]] = {name: Counter() for name in ("b", "shift a", "shift b", "flips")}
    steps = 450
    for step in range(steps):
        a, b = (explain(x) for explain, x in zip((explain_a, explain_b), pairs.batch(step), strict=True))
        for one, other in zip(a, b, strict=True):
            counts["b"][other[0]] += 1
            counts["shift a"][one[1:3]] += 1
            counts["shift b"][other[1:3]] += 1
            counts["flips"][one[3], other[3]] += 1
    for name, cells in (("b", 4), ("shift a", 9), ("shift b", 9), ("flips", 4)):
        expected = 4 * steps / cells
        assert len(counts[name]) == cells, name
        assert all(abs(n - expected) < 5 * expected**0.5 for n in counts[name].values()), (name, counts[name])


def test_an_epoch_visits_the_larger_split_once_and_is_shuffled(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=8, trainB=3))
    pairs = TrainingPairs(dataset, size=16, batch_size=2, seed=0)
    explain = Explainer(dataset.train_a, 18, 16)
    epochs = [
        tuple(item[0] for step in range(4 * epoch, 4 * epoch + 4) for item in explain(pairs.batch(step)[0]))
        for epoch in range(3)
    ]
    assert all(sorted(order) == list(range(8)) for order in epochs)
    assert len(set(epochs)) == 3


def test_a_smaller_a_is_repeated_within_the_epoch(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=3, trainB=7))
    pairs = TrainingPairs(dataset, size=16, batch_size=1, seed=0)
    explain = Explainer(dataset.train_a, 18, 16)
    seen = Counter(explain(pairs.batch(step)[0])[0][0] for step in range(7))
    assert seen == {0: 3, 1: 2, 2: 2}  # items 0 to 6, modulo 3


def test_a_batch_depends_on_seed_and_step_alone(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=5, trainB=4))
    steps = list(range(12))
    first = [TrainingPairs(dataset, 16, 2, seed=3).batch(step) for step in steps]
    again = TrainingPairs(dataset, 16, 2, seed=3)
    random.Random(0).shuffle(steps)
    for step in steps:
        again.batch(step, zoom=False)
        assert all(torch.equal(x, y) for x, y in zip(again.batch(step), first[step], strict=True))
    other = TrainingPairs(dataset, 16, 2, seed=4)
    assert not all(torch.equal(other.batch(step)[1], first[step][1]) for step in range(12))


def test_global_random_state_is_neither_read_nor_changed(make_dataset: MakeDataset) -> None:
    pairs = TrainingPairs(open_dataset(make_dataset()), 16, 1, seed=0)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = pairs.batch(0)
    after_torch, after_numpy = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert torch.equal(after_torch, torch.rand(1))
    assert after_numpy == np.random.rand()  # noqa: NPY002
    assert torch.equal(before[0], pairs.batch(0)[0])


def test_direction_chooses_the_source(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=3, trainB=7), "BtoA")
    a, b = TrainingPairs(dataset, 16, 1, seed=0, load_size=16).batch(0)
    Explainer(dataset.splits["trainB"], 16, 16)(a)
    Explainer(dataset.splits["trainA"], 16, 16)(b)


def test_load_size_is_the_callers_choice(make_dataset: MakeDataset) -> None:
    assert [default_load_size(size) for size in (256, 128, 64, 32)] == [286, 143, 72, 36]
    dataset = open_dataset(make_dataset())
    pairs = TrainingPairs(dataset, 16, 1, seed=0, load_size=20)
    Explainer(dataset.train_a, 20, 16)(pairs.batch(3)[0])


def test_what_does_not_fit_is_refused(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=3, trainB=2))
    with pytest.raises(UserError, match="batch size 4 does not fit dataset set: expected 1 to 3"):
        TrainingPairs(dataset, 16, 4, seed=0)
    with pytest.raises(UserError, match="size 18 is no multiple of 4"):
        TrainingPairs(dataset, 18, 1, seed=0)
    with pytest.raises(UserError, match="size 18 is no multiple of 4"):
        list(pipeline.test_pictures(dataset.test_a, 18))


def test_test_pictures_are_resized_only(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(testA=3))
    found = list(pipeline.test_pictures(dataset.test_a, 20))
    assert [name for name, _ in found] == ["a0", "a1", "a2"]
    for (_, pixels), path in zip(found, dataset.test_a, strict=True):
        assert pixels.dtype == np.uint8
        assert torch.equal(to_tensor(pixels), official(path, 20, 20, 0, 0, flip=False))


def test_the_official_round_trip_darkens_1_to_63() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    back = to_image(to_tensor(grey))
    assert back.shape == (1, 16, 16, 3)
    changed = (grey != back)[0, ..., 0].ravel().nonzero()[0]
    assert changed.tolist() == list(range(1, 64))
    assert np.array_equal(back[0, ..., 0].ravel()[1:64], np.arange(63))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_tensor_to_image_clamps_and_truncates(dtype: torch.dtype) -> None:
    values = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5], dtype=dtype, requires_grad=True)
    image = to_image(values.expand(3, 1, 7))
    assert image.shape == (1, 7, 3)
    assert image[0, :, 1].tolist() == [0, 0, 63, 127, 191, 255, 255]
