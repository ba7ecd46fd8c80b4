"""Segmentation scores of runs that translate label maps into street photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import evaluation
from evaluation.protocol import METRICS, Score
from harness.data.folders import Dataset
from harness.data.label_maps import label_maps
from harness.drn import default_size, find_network
from harness.errors import UserError
from harness.job import Job

if TYPE_CHECKING:
    from evaluation.segmentation import Size


def street_metrics(metrics: Sequence[str]) -> list[str]:
    """Those of ``metrics`` that compare what DRN-D-22 sees with label maps."""
    return [name for name in metrics if name in METRICS and METRICS[name].network == "drn"]


def size_of(text: str) -> Size:
    """``256x128`` -> (256, 128).

    Raises:
        UserError: it is no size.
        EvaluationError: a size that the network cannot take.
    """
    from evaluation.segmentation import check_size

    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise UserError(f"segmentation size {text}: expected WIDTHxHEIGHT, e.g. 256x128")
    size = int(width), int(height)
    check_size(size)
    return size


def network_for(dataset: Dataset, job: Job) -> tuple[Path, Size]:
    """The weights for the segmentation scores of a job, and the size at which they see pictures.

    Raises UserError or EvaluationError where these scores cannot be made: a size that does not fit, a dataset that
    does not translate label maps, no weights.
    """
    size = size_of(job.drn_size) if job.drn_size else default_size(dataset)
    label_maps(dataset)
    return find_network(dataset, job.drn, size), size


def score_streets(
    folder: Path, dataset: Dataset, job: Job, device: str, progress: Callable[[int, int], None]
) -> list[Score]:
    """Scores of the photos in ``folder``, named as translations are; what they are compared with are label maps."""
    drn, size = network_for(dataset, job)
    labels = label_maps(dataset)
    return evaluation.score(
        folder,
        sorted(labels.values()),
        street_metrics(job.metrics),
        device=device,
        progress=progress,
        labels=labels,
        drn=drn,
        drn_size=size,
    )
