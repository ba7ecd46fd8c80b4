"""Golden figures ``eval_resize``: the resizes of four programs and of the official loaders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from evaluation.fid import INCEPTION_SIZE
from evaluation.images import Picture
from evaluation.resize import bicubic, bilinear
from harness.data.decode import resize
from tests.evaluation.pictures import noise, smooth
from tests.parity import recipe
from tests.parity.compare import Report

PREFIXES = ("eval_resize",)
CPU = torch.device("cpu")
Array = NDArray[np.float32]


def clean(picture: Picture) -> Array:
    return bicubic(picture, INCEPTION_SIZE).transpose(1, 2, 0)


def plain(picture: Picture, antialias: bool = False) -> Array:
    """Bilinear, 0..255."""
    return 255 * bilinear([picture], INCEPTION_SIZE, CPU, antialias)[0].permute(1, 2, 0).numpy()


def network_input(picture: Picture) -> Array:
    return 2 * (plain(picture) / 255) - 1


def tf1_bilinear(picture: Picture) -> Array:
    """torch-fidelity's: row i of the result lies at i * height / size of the picture, not at pixel centres.

    No score here is made with it; it leads torch-fidelity's figures to the network.
    """
    x = picture.astype(np.float32)
    for axis in (0, 1):
        length = x.shape[axis]
        at = np.arange(INCEPTION_SIZE, dtype=np.float32) * np.float32(length / INCEPTION_SIZE)
        low = at.astype(int)
        share = (at - low).reshape(-1, *[1] * (2 - axis))
        x = x.take(low, axis) * (1 - share) + x.take(np.minimum(low + 1, length - 1), axis) * share
    return x


RESIZES: dict[str, tuple[Callable[[Picture], Array], float]] = {
    "clean": (clean, 1),
    "legacy_pytorch": (plain, 1),
    "pytorch_fid_network_input": (network_input, 127.5),
    "tf1_like_bilinear": (tf1_bilinear, 1),
    "torchmetrics_antialias_bilinear": (lambda picture: plain(picture, antialias=True), 1),
}
"""name -> function, and grey levels in a unit of its result"""
EXACT = "pil_bicubic_uint8_"


def check(data: Mapping[str, Any]) -> Report:
    report, seed = Report(), recipe.seed_of(data)
    draw = {"noise": noise, "smooth": smooth}
    for case in data["cases"]:
        picture = draw[case["kind"]](case["name"], case["h"], case["w"], seed)
        check_exact(report, f"{case['name']} (of the recipe)", picture, case["input"])
        for name, golden in case["results"].items():
            where = f"{case['name']} {name}"
            if name.startswith(EXACT):
                side = int(name.removeprefix(EXACT))
                check_exact(report, where, resize(Image.fromarray(picture), side), golden)
            else:
                function, levels = RESIZES[name]
                check_grey(report, where, function(picture), golden, levels)
    return report


def check_exact(report: Report, name: str, ours: Picture, golden: Mapping[str, Any]) -> None:
    report.error("exact", f"{name} sum", abs(int(ours.sum()) - golden["sum"]))
    differences = abs(ours.ravel()[golden["pos"]].astype(int) - np.array(golden["val"]))
    report.error("exact", f"{name} values", float(differences.max()))
    if "shape" in golden:
        report.same(f"{name} shape", list(ours.shape), golden["shape"])


def check_grey(report: Report, name: str, ours: Array, golden: Mapping[str, Any], levels: float = 1) -> None:
    """Statistics and samples of a resized picture, [H, W, 3], in grey levels."""
    x = ours.astype(np.float64)
    found = {
        "mean": x.mean(),
        "std": x.std(),
        "abs_mean": abs(x).mean(),
        "sum": x.sum() / x.size,
        "l2": np.linalg.norm(x) / x.size**0.5,
        "min": x.min(),
        "max": x.max(),
    }
    parts = {"sum": x.size, "l2": x.size**0.5}
    for key in found.keys() & golden.keys():
        report.error("grey", f"{name} {key}", levels * float(abs(found[key] - golden[key] / parts.get(key, 1))))
    for position, value in zip(golden["pos"], golden["val"], strict=True):
        report.error("grey", f"{name}[{position}]", levels * float(abs(x.flat[position] - value)))
    if "shape" in golden:
        report.same(f"{name} shape", list(ours.shape), golden["shape"])
