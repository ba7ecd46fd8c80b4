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
    least: int = 1
    """pictures needed on each side"""
    network: Literal["", "inception", "drn"] = ""
    """trained network whose weights are needed"""
    title: str = ""
    """what tables call it, where that is not its name"""
    counterparts: bool = False
    """whether each picture is compared with its known counterpart, not one set with the other"""


@dataclass(frozen=True)
class Measurement:
    """What a metric's function returns."""

    value: float
    details: str = ""
    """what else the protocol's name must say, e.g. ``inception=c9ce7f36``"""
    weights: str | None = None
    """digest of the network's tensors, where there is a network"""
    spread: float | None = None
    """standard deviation of the value over random parts of the pictures, where the metric makes one"""


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
    spread: float | None = None
    """standard deviation of the value over random parts of the pictures; None where the metric makes none"""


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
        least=2,
        network="inception",
    ),
    Metric(
        name="clean-fid",
        definition="FID after a resize without aliasing and rounding (clean mode, pytorch-fid's copy of the weights)",
        direction="lower",
        range=(0.0, math.inf),
        unit="",
        protocol="clean-fid/v1",
        source="Parmar et al. 2022; equal to clean-fid 0.1.35, mode clean",
        measure="evaluation.clean:measure_clean_fid",
        least=2,
        network="inception",
    ),
    Metric(
        name="kid",
        definition="squared maximum mean discrepancy, kernel (x.y/d + 1)^3, of clean-FID's features, times 1000; "
        "unbiased, over all pictures; its spread is that of 100 random halves",
        direction="lower",
        range=(-math.inf, math.inf),
        unit="x 1000",
        protocol="clean-kid/v1",
        source="Bińkowski et al. 2018; 1000 times the value of clean-fid 0.1.35 where its subset is the whole set",
        measure="evaluation.kid:measure_kid",
        least=2,
        network="inception",
    ),
    Metric(
        name="precision",
        definition="share of generated pictures in the 3-nearest-neighbour manifold of the real ones (FID features)",
        direction="higher",
        range=(0.0, 1.0),
        unit="",
        protocol="precision-inception/v1",
        source="Kynkäänniemi et al. 2019; definition of torch-fidelity 0.4.0, resize of pytorch-fid",
        measure="evaluation.precision_recall:measure_precision",
        least=4,
        network="inception",
    ),
    Metric(
        name="recall",
        definition="share of real pictures in the 3-nearest-neighbour manifold of the generated ones (FID features)",
        direction="higher",
        range=(0.0, 1.0),
        unit="",
        protocol="recall-inception/v1",
        source="Kynkäänniemi et al. 2019; definition of torch-fidelity 0.4.0, resize of pytorch-fid",
        measure="evaluation.precision_recall:measure_recall",
        least=4,
        network="inception",
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
        least=2,
    ),
    Metric(
        name="swd",
        definition="sliced Wasserstein distance of 7x7 neighbourhoods on the levels of Laplacian pyramids, from the "
        "pictures' own size halved down to 16, mean over levels, times 1000",
        direction="lower",
        range=(0.0, math.inf),
        unit="x 1000",
        protocol="swd/v1",
        source="Karras et al. 2018; equal to EnCo's util/SWD and MoNCE's Utils/SWD, which draw without a seed",
        measure="evaluation.swd:measure_swd",
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
        counterparts=True,
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
        counterparts=True,
    ),
    Metric(
        name="perceptual-inception",
        definition="squared distance of channel-normalised Inception feature maps (64, 192, 768) to those of the known "
        "counterpart, all channels alike, mean over pictures; in the form of LPIPS, but not LPIPS",
        direction="lower",
        range=(0.0, 6.0),
        unit="",
        protocol="perceptual-inception/v1",
        source="Zhang et al. 2018, equation 1 with w = 1, on the FID Inception",
        measure="evaluation.perceptual:measure_perceptual",
        network="inception",
        counterparts=True,
    ),
    Metric(
        name="miou",
        definition="mean class intersection over union of what DRN-D-22 sees in photos made from label maps, and these "
        "maps; 19 classes, one histogram over the set, 255 ignored; the papers call it mAP",
        direction="higher",
        range=(0.0, 100.0),
        unit="%",
        protocol="drn-d-22/v1",
        source="Yu et al. 2017; equal to the mAP of segment.py in fyu/drn",
        measure="evaluation.segmentation:measure_miou",
        network="drn",
        title="mAP (mIoU)",
    ),
    Metric(
        name="pixacc",
        definition="share of pixels that DRN-D-22 gives the class of the label map, 255 ignored",
        direction="higher",
        range=(0.0, 100.0),
        unit="%",
        protocol="drn-d-22/v1",
        source="Isola et al. 2017 for the score, Yu et al. 2017 for the network",
        measure="evaluation.segmentation:measure_pixacc",
        network="drn",
        title="pixAcc",
    ),
    Metric(
        name="classacc",
        definition="mean over the classes that occur of the share of their pixels that DRN-D-22 finds, 255 ignored",
        direction="higher",
        range=(0.0, 100.0),
        unit="%",
        protocol="drn-d-22/v1",
        source="Isola et al. 2017 for the score, Yu et al. 2017 for the network",
        measure="evaluation.segmentation:measure_classacc",
        network="drn",
        title="classAcc",
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
