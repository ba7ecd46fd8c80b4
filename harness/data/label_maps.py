"""The label maps of a dataset that translates them into photos: of its test pictures, and of its training photos."""

from __future__ import annotations

from pathlib import Path

from evaluation.errors import EvaluationError
from evaluation.images import list_pictures
from evaluation.label_maps import coding_of, key_of
from harness.data.folders import Dataset, Split, picture_names
from harness.errors import UserError

TRUTH = "GT"
"""the folders trainGT and testGT (or valGT) hold the label maps of photos under the photos' names, as the preparation
of EnCo makes them: index maps, which tell more classes apart than colours do"""


def label_maps(dataset: Dataset) -> dict[str, Path]:
    """The label map of each test picture, by the name of its translation.

    Those in the folder testGT where there is one; else the pictures that are translated themselves.

    Raises:
        UserError: they are no label maps of street scenes, or testGT lacks some.
    """
    truths = _truths(dataset, dataset.test_splits[0])
    names = picture_names(dataset.test_a)
    if truths:
        _require(dataset, dataset.test_a, truths)
    maps = {name: truths[key_of(path)] if truths else path for name, path in zip(names, dataset.test_a, strict=True)}
    _check(dataset, sorted(maps.values()))
    return maps


def training_pairs(dataset: Dataset) -> list[tuple[Path, Path]]:
    """Each training photo with its label map, in the order of the photos.

    Label maps are those in the folder trainGT where there is one, else the training pictures of the other domain
    with the same names.

    Raises:
        UserError: photos without a label map, or label maps of other things than street scenes.
    """
    maps = _truths(dataset, dataset.train_splits[1]) or {key_of(path): path for path in dataset.train_a}
    _require(dataset, dataset.train_b, maps)
    pairs = [(photo, maps[key_of(photo)]) for photo in dataset.train_b]
    _check(dataset, [label for _, label in pairs])
    return pairs


def _truths(dataset: Dataset, split: Split) -> dict[str, Path]:
    """Label maps that are kept for a split in a folder of their own, by key; empty where there is no such folder."""
    folder = dataset.folders[split]
    beside = folder.with_name(folder.name.removesuffix(split[-1]) + TRUTH)
    return {key_of(path): path for path in list_pictures(beside)} if beside.is_dir() else {}


def _require(dataset: Dataset, pictures: tuple[Path, ...], maps: dict[str, Path]) -> None:
    missing = [path for path in pictures if key_of(path) not in maps]
    if missing:
        raise UserError(
            f"{missing[0]} has no label map of its name in {next(iter(maps.values())).parent} ({len(missing)} of "
            f"{len(pictures)} pictures have none; {dataset.name} {dataset.direction}): put label maps under the names "
            f"of the photos into {dataset.root}/train{TRUTH} and test{TRUTH}, or give the other --direction"
        )


def _check(dataset: Dataset, maps: list[Path]) -> None:
    try:
        coding_of(maps)
    except EvaluationError as error:
        raise UserError(
            f"{dataset.name} {dataset.direction} is no translation of Cityscapes-like label maps into photos: {error}"
        ) from None
