"""Scores of a folder of pictures against a folder of real ones."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from evaluation.errors import EvaluationError
from evaluation.protocol import Measurement, Metric, Score, find_metric

if TYPE_CHECKING:
    import torch

    from evaluation.features import Extractor, Features
    from evaluation.images import PictureFolder
    from evaluation.inception import Inception
    from evaluation.segmentation import Segmentation

T = TypeVar("T")


def score(
    fake: str | Path | Sequence[Path],
    real: str | Path | Sequence[Path],
    metrics: Sequence[str] = ("fid",),
    *,
    device: str = "cpu",
    batch_size: int = 16,
    inception: Path | None = None,
    fetch: bool = True,
    progress: Callable[[int, int], None] | None = None,
    labels: Path | Mapping[str, Path] | None = None,
    drn: Path | None = None,
    drn_size: tuple[int, int] = (256, 128),
) -> list[Score]:
    """Score the pictures of ``fake`` against those of ``real``, one `Score` a metric, in the order asked.

    The features of a folder are computed once, however many metrics need them; those of ``real`` are kept
    in the cache folder by content. Values depend on neither file names, listing order nor batch size
    (beyond rounding of the network).

    Args:
        fake: folder of generated pictures (jpg jpeg png webp bmp tif tiff ppm pgm; any sizes, also mixed), or files.
        real: folder of reference pictures, or files.
        metrics: names in `METRICS`.
        device: where networks run, as torch names devices.
        batch_size: pictures a network sees at once.
        inception: file of Inception weights, which protocols then name; by default they are looked for, see
            `evaluation.weights.inception_weights`.
        fetch: whether the weights (81 MB) may be downloaded where none are found.
        progress: called with pictures done and pictures to do, in each pass over a folder.
        labels: label maps of the generated pictures, for miou, pixacc and classacc: a folder with files of the same
            names (less ``_A``, ``_B`` and the endings of Cityscapes), or a mapping from the stem of each picture.
        drn: file of DRN-D-22 weights for the same three; by default the one that `$HARNESS_DRN` names.
        drn_size: width and height at which that network sees pictures, multiples of 8.

    Raises:
        EvaluationError: unknown metric, empty or absent folder, broken file, too few pictures, no weights.
    """
    known = [find_metric(name) for name in metrics]
    pair = FolderPair.of(fake, real, device, batch_size, inception, fetch, progress)
    pair.labels, pair.drn, pair.drn_size = labels, drn, drn_size
    for metric in known:
        pair.require(metric)
    scores = []
    for metric in known:
        module, function = metric.measure.split(":")
        made: Measurement = getattr(importlib.import_module(module), function)(pair)
        scores.append(
            Score(
                metric=metric.name,
                value=made.value,
                protocol=f"{metric.protocol}[{made.details}]" if made.details else metric.protocol,
                direction=metric.direction,
                n_fake=len(pair.fake.pictures),
                n_real=len(pair.real.pictures),
                weights=made.weights,
                reference=pair.real.digest,
                spread=made.spread,
            )
        )
    return scores


def check_ready(
    metrics: Sequence[str], inception: Path | None = None, fetch: bool = True, drn: Path | None = None
) -> None:
    """Make sure that ``metrics`` can be computed later: known by name, and the weights they need are here.

    Raises:
        EvaluationError: unknown metric; no weights, and none can be had.
    """
    needed = {find_metric(name).network for name in metrics}
    if "inception" in needed:
        from evaluation.weights import weights_for_scores

        weights_for_scores(inception, fetch)
    if "drn" in needed:
        from evaluation.drn_weights import drn_weights

        drn_weights(drn)


@dataclass
class FolderPair:
    """Two folders under comparison, and what metrics share: their features and the Inception network."""

    fake: PictureFolder
    real: PictureFolder
    device_name: str
    batch_size: int
    inception_path: Path | None
    fetch: bool
    progress: Callable[[int, int], None] | None
    labels: Path | Mapping[str, Path] | None = None
    drn: Path | None = None
    drn_size: tuple[int, int] = (256, 128)
    _features: dict[tuple[str, str], Features] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        fake: str | Path | Sequence[Path],
        real: str | Path | Sequence[Path],
        device: str = "cpu",
        batch_size: int = 16,
        inception: Path | None = None,
        fetch: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> FolderPair:
        """The pair of two folders; arguments as in `score`.

        Raises:
            EvaluationError: a folder is absent or empty, or the batch size is below one.
        """
        from evaluation.images import PictureFolder

        if batch_size < 1:
            raise EvaluationError(f"batch size {batch_size}: expected at least 1")
        pair = cls(PictureFolder.of(fake), PictureFolder.of(real), device, batch_size, inception, fetch, progress)
        for folder in (pair.fake, pair.real):
            folder.pictures  # noqa: B018 - an absent or empty folder is reported before anything costs time
        return pair

    def require(self, metric: Metric) -> None:
        """Make sure that both sides hold as many pictures as a metric needs.

        Raises:
            EvaluationError: they do not.
        """
        for folder in (self.fake, self.real):
            if (found := len(folder.pictures)) < metric.least:
                pictures = f"{found} picture{'s' if found > 1 else ''}"
                raise EvaluationError(
                    f"{folder.path}: holds {pictures}; {metric.name} needs at least {metric.least} on each side"
                )

    def report(self, done: int, to_do: int) -> None:
        """Tell whoever waits how far a pass over a folder is."""
        if self.progress is not None:
            self.progress(done, to_do)

    def features(self, folder: PictureFolder, extractor: Extractor[T]) -> Features:
        """Features of one side's pictures in the order of their content, computed once; the reference is cached."""
        from evaluation.features import compute_features
        from evaluation.reference import cached_features

        key = (folder.digest, extractor.name)
        if key not in self._features:
            compute = partial(compute_features, folder.by_content, extractor, self.batch_size, self.report)
            is_reference = folder is self.real
            self._features[key] = cached_features(folder, extractor, compute) if is_reference else compute()
        return self._features[key]

    def features_of_both(self, extractor: Extractor[T]) -> tuple[Features, Features]:
        """Features of the generated and of the real pictures, as `features`."""
        return self.features(self.fake, extractor), self.features(self.real, extractor)

    @cached_property
    def device(self) -> torch.device:
        """The device that networks run on.

        Raises:
            EvaluationError: torch knows no such device, or it is not there.
        """
        import torch

        try:
            device = torch.device(self.device_name)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, ImportError) as error:
            reason = str(error).splitlines()[0]
            raise EvaluationError(f"device {self.device_name!r} cannot be used ({reason})") from error
        return device

    @cached_property
    def segmentation(self) -> Segmentation:
        """What DRN-D-22 sees in the generated pictures, against their label maps.

        Raises:
            EvaluationError: as `evaluation.segmentation.segment`.
        """
        from evaluation.segmentation import segment

        return segment(self)

    @cached_property
    def inception(self) -> tuple[Inception, str]:
        """The Inception network, ready on the device, and the digest of its weights.

        Raises:
            EvaluationError: as `weights_for_scores`.
        """
        from evaluation.inception import load_inception
        from evaluation.weights import weights_for_scores

        state, digest = weights_for_scores(self.inception_path, self.fetch)
        return load_inception(state, self.device), digest
