"""Segmentation scores of generated street photos: what DRN-D-22 sees in them against the label maps they were
made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.drn import CLASSES, DRN, STRIDE, normalised
from evaluation.drn_weights import drn_weights, load_drn
from evaluation.errors import EvaluationError
from evaluation.fid import exact_inference
from evaluation.images import Picture, PictureFolder, decode, read_ahead
from evaluation.label_maps import Coding, coding_of, key_of, nearest, read_label_map
from evaluation.palette import IGNORED, TrainIds
from evaluation.protocol import Measurement
from evaluation.resize import bicubic_bytes

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

Histogram = NDArray[np.int64]
"""19 x 19: pixels by true class (rows) and predicted class (columns)"""
Size = tuple[int, int]
"""width, height"""

PIXELS = 2**19
"""pixels that the network sees at once at most: 16 pictures at 256x128, one at 2048x1024"""


@dataclass(frozen=True)
class Scores:
    """What a histogram says, each in percent; classes that do not occur drop out of the two means."""

    miou: float
    """mean over classes of the intersection over union; of classes neither true nor predicted there is none"""
    pixacc: float
    """share of pixels predicted right"""
    classacc: float
    """mean over the true classes of the share of their pixels predicted right"""


def histogram(truth: TrainIds, predicted: TrainIds) -> Histogram:
    """Count the pixels of a label map by true and predicted class; pixels whose truth is ignored are left out."""
    counted = truth != IGNORED
    cells = truth[counted].astype(np.int64) * CLASSES + predicted[counted]
    return np.bincount(cells, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def class_iou(hist: Histogram) -> NDArray[np.float64]:
    """Intersection over union of each class; NaN for classes neither true nor predicted."""
    right = np.diag(hist)
    with np.errstate(invalid="ignore"):
        return right / (hist.sum(axis=1) + hist.sum(axis=0) - right)


def scores_of(hist: Histogram) -> Scores:
    """The three scores of a histogram that counts at least one pixel."""
    right, of_class = np.diag(hist), hist.sum(axis=1)
    seen = of_class > 0
    return Scores(
        miou=float(100 * np.nanmean(class_iou(hist))),
        pixacc=float(100 * right.sum() / hist.sum()),
        classacc=float(100 * np.mean(right[seen] / of_class[seen])),
    )


@dataclass(frozen=True)
class Segmentation:
    """The pictures of one side of a comparison, segmented."""

    hist: Histogram
    details: str
    """weights, sizes, filters and label maps, for the name of the protocol"""
    weights: str
    """digest of the network's tensors"""


def segment(pair: FolderPair) -> Segmentation:
    """Segment the generated pictures of a pair and count against their label maps: one histogram over the set.

    Photos are resized with Pillow's bicubic filter, label maps with the nearest neighbour (fyu/drn resizes
    nothing; CUT, appendix, and the authors of QS-Attn score so).

    Raises:
        EvaluationError: no label maps were given, they do not match the pictures, or are of another palette; no
        weights; a size that is no multiple of 8.
    """
    check_size(pair.drn_size)
    couples = couple(pair.fake.pictures, pair.labels)
    coding = coding_of([label for _, label in couples])
    state, digest = drn_weights(pair.drn)
    width, height = pair.drn_size
    network = load_drn(state, pair.device)
    hist = np.zeros((CLASSES, CLASSES), np.int64)
    labels = dict(couples)
    read = partial(_read_both, labels=labels, coding=coding, size=pair.drn_size)
    done = 0
    for batch in read_ahead(read, list(labels), max(1, min(pair.batch_size, PIXELS // (width * height)))):
        predicted = predict(network, [photo for photo, _ in batch], pair.device)
        for (_, truth), classes in zip(batch, predicted, strict=True):
            hist += histogram(truth, classes)
        done += len(batch)
        pair.report(done, len(couples))
    if not hist.any():
        raise EvaluationError(f"{couples[0][1].parent}: label maps without a pixel of the {CLASSES} classes")
    maps = PictureFolder.of([label for _, label in couples]).digest
    details = f"drn={digest[:8]} {width}x{height} photos=bicubic labels=nearest {coding.name.replace(' ', '-')}"
    return Segmentation(hist, f"{details} maps={maps[:8]}", digest)


def check_size(size: Size) -> None:
    """EvaluationError unless the network's output has the size of its input."""
    width, height = size
    if width < 1 or height < 1 or width % STRIDE or height % STRIDE:
        raise EvaluationError(f"segmentation size {width}x{height}: expected multiples of {STRIDE}, e.g. 256x128")


def couple(pictures: Sequence[Path], labels: Path | Mapping[str, Path] | None) -> list[tuple[Path, Path]]:
    """Each picture with its label map: by ``labels``, from stem to file, or the file of the same key in a folder.

    Raises:
        EvaluationError: a picture without a label map, or a label map without a picture.
    """
    if labels is None:
        raise EvaluationError(
            "mAP (mIoU), pixAcc and classAcc need the label maps of the pictures: name their folder (--labels)"
        )
    if not isinstance(labels, Mapping):
        found = PictureFolder(Path(labels)).pictures
        labels = {key_of(path): path for path in found}
        if len(labels) < len(found):
            raise EvaluationError(f"{found[0].parent}: several label maps for one picture, by their names")
        keys = {path: key_of(path) for path in pictures}
    else:
        keys = {path: path.stem for path in pictures}
    missing = [path for path in pictures if keys[path] not in labels]
    if missing or len(pictures) != len(labels):
        folder = next(iter(labels.values())).parent if labels else "nothing"
        first = f"{missing[0].name} has none" if missing else "there are label maps without a picture"
        counts = f"{len(pictures)} pictures, {len(labels)} label maps in {folder}"
        raise EvaluationError(f"{pictures[0].parent}: every picture needs a label map of its name: {first} ({counts})")
    return [(path, labels[keys[path]]) for path in pictures]


def _read_both(path: Path, labels: Mapping[Path, Path], coding: Coding, size: Size) -> tuple[Picture, TrainIds]:
    return bicubic_bytes(decode(path), *size), nearest(read_label_map(labels[path], coding), *size)


def predict(network: DRN, photos: Sequence[Picture], device: torch.device) -> list[TrainIds]:
    """The most probable class of each pixel of photos of one size."""
    x = normalised(torch.from_numpy(np.stack(photos)).to(device))
    with exact_inference(device):
        _, scores = network(x.to(memory_format=torch.channels_last))
        # the log-softmax does not move the maximum, and is left out
        classes = network.up(scores).argmax(dim=1)
    return list(classes.to(torch.uint8).cpu().numpy())


def measure_miou(pair: FolderPair) -> Measurement:
    """Mean class intersection over union, in percent: what the papers call mAP."""
    return _measured(pair, scores_of(pair.segmentation.hist).miou)


def measure_pixacc(pair: FolderPair) -> Measurement:
    """Pixel accuracy, in percent."""
    return _measured(pair, scores_of(pair.segmentation.hist).pixacc)


def measure_classacc(pair: FolderPair) -> Measurement:
    """Mean class accuracy, in percent."""
    return _measured(pair, scores_of(pair.segmentation.hist).classacc)


def _measured(pair: FolderPair, value: float) -> Measurement:
    return Measurement(value, pair.segmentation.details, pair.segmentation.weights)
