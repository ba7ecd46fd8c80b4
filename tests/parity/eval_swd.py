"""Golden figures of the sliced Wasserstein distance of Laplacian pyramids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState

from evaluation.images import Picture
from evaluation.swd import Array, Sampling, laplacian_pyramid, resolutions, sliced_wasserstein, swd
from tests.evaluation.pictures import smooth
from tests.parity import recipe
from tests.parity.compare import Report

PREFIXES = ("eval_swd",)


def check(data: Mapping[str, Any]) -> Report:
    report, seed = Report(), recipe.seed_of(data)
    golden = data["swd_x1e3_per_level_then_mean"]
    real, fake = sides(data, seed)
    size, batch = real[0].shape[0], batch_of(data)
    report.same("levels", resolutions(size), data["resolutions"])
    values = swd(minibatches(real, batch), minibatches(fake, batch), size, RandomState(seed), sampling_of(data, batch))
    for level, ours, theirs in zip([*data["resolutions"], "mean"], [*values, np.mean(values)], golden, strict=True):
        report.relative("swd", f"level {level}", float(ours), theirs)
    x = np.stack(real).transpose(0, 3, 1, 2).astype(np.float32)
    for k, (ours, theirs) in enumerate(
        zip(laplacian_pyramid(x, len(data["resolutions"])), data["real_pyramid"], strict=True)
    ):
        told = {"positions": theirs["pos"], "values": theirs["val"]}
        report.tensor("swd", f"level {k} of the pyramid", torch.from_numpy(ours).double(), {**theirs, **told})
    one_call(report, data["one_call"], seed)
    return report


def sides(data: Mapping[str, Any], seed: int) -> tuple[list[Picture], list[Picture]]:
    """Real pictures are smooth; of the fake ones those of even number are noise."""
    n, _, height, width = data["real_pyramid"][0]["shape"]
    real = [smooth(f"swd/real/{i}", height, width, seed) for i in range(n)]
    fake = [(smooth if i % 2 else noise)(f"swd/fake/{i}", height, width, seed) for i in range(n)]
    return real, fake


def noise(name: str, height: int, width: int, seed: int) -> Picture:
    """The recipe's ``image(name, height, width)``."""
    return recipe.random_state(seed, f"image/{name}").randint(0, 256, size=(height, width, 3)).astype(np.uint8)


def minibatches(pictures: list[Picture], size: int) -> list[list[Picture]]:
    return [pictures[i : i + size] for i in range(0, len(pictures), size)]


def batch_of(data: Mapping[str, Any]) -> int:
    return int(found(r"minibatch (\d+)", data)[0])


def sampling_of(data: Mapping[str, Any], batch: int) -> Sampling:
    """How much is drawn, as the notes say it."""
    (count,) = found(r"N = (\d+) \* batch", data)
    repeats, directions = found(r"(\d+) draws of randn\(\d+, (\d+)\)", data)
    return Sampling(batch, int(count), int(repeats), int(directions))


def found(pattern: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    match = re.search(pattern, " ".join(data["notes"]))
    assert match, f"the notes do not say {pattern}"
    return match.groups()


def one_call(report: Report, golden: Mapping[str, Any], seed: int) -> None:
    """The distance of two sets, of the sizes and with the factors that ``how`` names."""
    how = golden["how"]
    n, d = map(int, re.search(r"input\('swd/A', \((\d+), (\d+)\)\)", how).groups())  # type: ignore[union-attr]
    pattern = r"float32\(([\d.]+)\*input\('swd/B', \((\d+), (\d+)\)\) ([+-]) ([\d.]+)\)"
    scale, *shape, sign, shift = re.search(pattern, how).groups()  # type: ignore[union-attr]
    repeats, directions = re.search(r"(\d+) repeats of randn\(\d+, (\d+)\)", how).groups()  # type: ignore[union-attr]
    a: Array = recipe.picture(seed, "swd/A", (n, d)).numpy().astype(np.float32)
    b = float(scale) * recipe.picture(seed, "swd/B", (int(shape[0]), int(shape[1]))).numpy() + float(sign + shift)
    sampling = Sampling(repeats=int(repeats), directions=int(directions))
    ours = sliced_wasserstein(a, b.astype(np.float32), RandomState(seed + 1), sampling)
    report.relative("swd", "one call", ours, golden["value"])
