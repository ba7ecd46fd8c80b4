"""What can be measured, and what a measured figure says of itself. Imports nothing heavy."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Literal

from evaluation.errors import EvaluationError

Direction = Literal["lower", "higher"]


@dataclass(frozen=True)
class Metric:
    """One score by name: what it means and by which implementation it is made."""

    name: str
    definition: str
    """one sentence"""
    direction: Direction
    """which values are better"""
    range: tuple[float, float]
    """lowest and highest possible value"""
    unit: str
    """"" for a pure number"""
    protocol: str
    """implementation and version; the version rises when values change meaning"""
    source: str
    """paper, and program that values are equal to"""
    measure: str
    """``module:function`` that takes a FolderPair and returns a Measurement"""


@dataclass(frozen=True)
class Measurement:
    """What a metric's function returns."""

    value: float
    details: str = ""
    """what else the protocol's name must say, e.g. ``inception=c9ce7f36``"""
    weights: str | None = None
    """digest of the network's tensors, where there is a network"""


@dataclass(frozen=True)
class Score:
    """One figure with the protocol it was made by. Figures of different protocols are not comparable."""

    metric: str
    value: float
    protocol: str
    """implementation/version[details]; reference split and picture format are the caller's to add"""
    direction: Direction
    n_fake: int
    n_real: int
    weights: str | None
    """digest of the network's tensors, None where there are none"""
    reference: str
    """digest of the real pictures: sha256 over the sorted sha256 of the files"""


_METRICS = (
    Metric(
        name="fid",
        definition="Fréchet distance between Gaussians fitted to the Inception features (2048) of two sets",
        direction="lower",
        range=(0.0, math.inf),
        unit="",
        protocol="pytorch-fid/v1",
        source="Heusel et al. 2017; equal to pytorch-fid 0.3.0",
        measure="evaluation.fid:measure_fid",
    ),
    Metric(
        name="fd-random",
        definition="Fréchet distance between Gaussians fitted to features of a seeded random network; not a FID",
        direction="lower",
        range=(0.0, math.inf),
        unit="",
        protocol="fd-random/v1",
        source="this package, for use where the Inception weights are declined",
        measure="evaluation.fid:measure_fd_random",
    ),
    Metric(
        name="psnr",
        definition="peak signal-to-noise ratio against the known counterpart (peak 255, RGB), mean over pictures",
        direction="higher",
        range=(0.0, math.inf),
        unit="dB",
        protocol="psnr-rgb/v1",
        source="10 log10(255^2 / MSE)",
        measure="evaluation.content:measure_psnr",
    ),
    Metric(
        name="ssim",
        definition="structural similarity to the known counterpart (11x11 Gaussian, RGB), mean over pictures",
        direction="higher",
        range=(-1.0, 1.0),
        unit="",
        protocol="ssim-rgb/v1",
        source="Wang et al. 2004",
        measure="evaluation.content:measure_ssim",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}
"""Every metric by name."""


def find_metric(name: str) -> Metric:
    """The metric called ``name``.

    Raises:
        EvaluationError: there is none; gives the nearest names and all of them.
    """
    if name in METRICS:
        return METRICS[name]
    near = difflib.get_close_matches(name, METRICS, n=3, cutoff=0.5)
    guess = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise EvaluationError(f"unknown metric {name!r}.{guess} Known: {', '.join(sorted(METRICS))}")
