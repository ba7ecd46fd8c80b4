"""What planning needs to know of a dataset, also of one whose pictures are not here. Nothing is drawn or decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.data.folders import SPLITS, Dataset, open_dataset
from harness.data.registry import REGISTRY, Direction
from harness.errors import UserError


@dataclass(frozen=True)
class Facts:
    """One dataset as planning sees it."""

    name: str
    data: str
    """what a run folder remembers to find it again: its name, or the absolute path of a folder"""
    direction: Direction
    """the default translation"""
    size: int
    """default side of the pictures a method sees, pixels"""
    counts: tuple[int, int, int, int]
    """pictures in trainA, trainB, testA, testB: those that are here, or as the publisher says"""
    missing: str = ""
    """why it cannot be used and how to get it; "" where it can"""

    def test_pictures(self, direction: Direction) -> int:
        """Pictures that a run translates."""
        return self.counts[2] if direction == "AtoB" else self.counts[3]

    def steps_per_epoch(self, batch_size: int) -> int:
        return max(self.counts[:2]) // batch_size


def facts_of(name_or_path: str) -> Facts:
    """The facts of a registered name, also where its pictures are missing, or of a folder.

    Raises:
        UserError: nothing is known by that name, or the folder is no dataset.
    """
    known = REGISTRY.get(name_or_path)
    if known is not None and known.embedded:
        return Facts(known.name, known.name, known.direction, known.size, known.counts)
    try:
        dataset = open_dataset(name_or_path)
    except UserError as error:
        if known is None:
            raise
        return Facts(known.name, known.name, known.direction, known.size, known.counts, str(error))
    counts = tuple(len(dataset.splits[split]) for split in SPLITS)
    return Facts(dataset.name, remembered(name_or_path, dataset), dataset.direction, dataset.default_size, counts)  # type: ignore[arg-type]


def remembered(name_or_path: str, dataset: Dataset) -> str:
    """What a run folder remembers to find its dataset again: its name, or the absolute path of a folder."""
    is_folder = Path(name_or_path).is_dir() or "/" in name_or_path
    return str(dataset.root.resolve()) if is_folder else name_or_path
