"""Find a dataset by name or path and list its pictures; nothing is opened here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.data.registry import REGISTRY, Direction, Entry, unknown_dataset
from harness.errors import UserError

Split = Literal["trainA", "trainB", "testA", "testB"]
SPLITS: tuple[Split, ...] = ("trainA", "trainB", "testA", "testB")
EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})
FOLDER_SIZE = 256
"""default side in pixels for a folder that is no registered dataset: that of the papers"""


@dataclass(frozen=True)
class Dataset:
    """The pictures of one dataset, by split, and the direction of translation.

    A method always translates from its own A to its own B; with direction BtoA its A is the folder's B.
    `train_a`, `train_b`, `test_a`, `test_b` are the method's point of view, `splits` the folder's.
    """

    name: str
    root: Path
    splits: Mapping[Split, tuple[Path, ...]]
    """the files of each split in the order of their paths inside the folder; none is empty"""
    folders: Mapping[Split, Path]
    """the folder of each split (testA may lie in valA)"""
    direction: Direction
    default_size: int
    """side in pixels of the pictures a method sees when the user asks for nothing else"""
    counterparts: bool
    """whether every test picture has a true counterpart: a file with the same stem in the other test split"""

    @property
    def train_splits(self) -> tuple[Split, Split]:
        """The folder's names of the method's training A and B."""
        return ("trainA", "trainB") if self.direction == "AtoB" else ("trainB", "trainA")

    @property
    def test_splits(self) -> tuple[Split, Split]:
        """The folder's names of the method's test A (what is translated) and test B (the reference)."""
        return ("testA", "testB") if self.direction == "AtoB" else ("testB", "testA")

    @property
    def train_a(self) -> tuple[Path, ...]:
        """Training pictures of the domain that is translated."""
        return self.splits[self.train_splits[0]]

    @property
    def train_b(self) -> tuple[Path, ...]:
        """Training pictures of the domain that is translated into."""
        return self.splits[self.train_splits[1]]

    @property
    def test_a(self) -> tuple[Path, ...]:
        """Test pictures of the domain that is translated."""
        return self.splits[self.test_splits[0]]

    @property
    def test_b(self) -> tuple[Path, ...]:
        """Test pictures of the domain that is translated into."""
        return self.splits[self.test_splits[1]]

    def pairs(self) -> tuple[tuple[Path, Path], ...]:
        """Each picture of `test_a` with its true translation in `test_b`; empty without `counterparts`."""
        if not self.counterparts:
            return ()
        a = _by_key(self.folders["testA"], self.splits["testA"], "A")
        b = _by_key(self.folders["testB"], self.splits["testB"], "B")
        source, target = (a, b) if self.direction == "AtoB" else (b, a)
        return tuple((path, target[key]) for key, path in source.items())


def open_dataset(name_or_path: str | Path, direction: Direction | None = None) -> Dataset:
    """The dataset of a registered name, of a name under `$HARNESS_DATA` or `./datasets`, or of a folder.

    The embedded datasets are drawn into the cache folder when they are asked for the first time. A registered
    name wins over a folder of that name in the current directory; write `./toy` for the folder.

    Args:
        name_or_path: a name without a path separator, or the path of a folder.
        direction: instead of the registered one (of a folder: AtoB).

    Raises:
        UserError: nothing of that name, or the folder lacks a split or a split holds no picture.
    """
    if direction not in (None, "AtoB", "BtoA"):
        raise UserError(f"direction {direction!r} is not known: expected AtoB or BtoA")
    text = str(name_or_path)
    if not text.strip():
        raise UserError("no dataset given: expected a name (see `harness datasets`) or the path of a folder")
    known = REGISTRY.get(text)
    if known is not None:
        root = _draw(known) if known.embedded else _search(known)
        return _dataset(text, root, direction or known.direction, known.size, known)
    root = _folder(text)
    return _dataset(root.name, root, direction or "AtoB", FOLDER_SIZE)


def _draw(known: Entry) -> Path:
    """The folder of an embedded dataset, drawn if need be."""
    from harness.data import toy, toy_cityscapes

    return {"toy": toy.draw_dataset, "toy-cityscapes": toy_cityscapes.draw_dataset}[known.name]()


def _places(name: str) -> list[Path]:
    roots = [Path(os.path.expanduser(own))] if (own := os.environ.get("HARNESS_DATA")) else []
    return [root / name for root in [*roots, Path("datasets")]]


def _search(known: Entry) -> Path:
    places = _places(known.name)
    for place in places:
        if os.path.isdir(place):
            return place.absolute()
    unset = "" if os.environ.get("HARNESS_DATA") else " (HARNESS_DATA is not set)"
    raise UserError(
        f"dataset {known.name!r} is not here: expected a folder {' or '.join(map(str, places))}{unset} with"
        f" {', '.join(SPLITS)}; {known.get}, or pass the path of the folder. Licence: {known.licence}"
    )


def _folder(text: str) -> Path:
    """The folder a text means that is no registered name."""
    path = Path(os.path.expanduser(text))
    if os.path.isdir(path):
        return path.absolute() if path.name not in ("", "..") else path.resolve()
    if os.path.exists(path):
        raise UserError(f"{text} is a file: expected a folder with {', '.join(SPLITS)}")
    if Path(text).name != text:
        raise UserError(
            f"no folder {text} (current directory {Path.cwd()}): expected a folder with {', '.join(SPLITS)}"
        )
    for place in _places(text):
        if os.path.isdir(place):
            return place.absolute()
    raise unknown_dataset(text)


def _dataset(name: str, root: Path, direction: Direction, size: int, known: Entry | None = None) -> Dataset:
    folders = _split_folders(root)
    splits = {split: _listed(folder) for split, folder in folders.items()}
    a = _by_key(folders["testA"], splits["testA"], "A")
    b = _by_key(folders["testB"], splits["testB"], "B")
    matched = a.keys() == b.keys() and len(a) == len(splits["testA"]) == len(splits["testB"])
    return Dataset(name, root, splits, folders, direction, size, matched and (known is None or known.paired))


def _split_folders(root: Path) -> dict[Split, Path]:
    """The folder of each split; valA and valB serve as the test where both test folders are absent."""
    test = "val" if not any(os.path.isdir(root / f"test{letter}") for letter in "AB") else "test"
    wanted = {split: root / split.replace("test", test) for split in SPLITS}
    missing = [split for split, folder in wanted.items() if not os.path.isdir(folder)]
    if missing:
        try:
            found = ", ".join(sorted(path.name for path in root.iterdir())[:12]) or "nothing"
        except OSError as error:
            found = f"it cannot be listed ({error.strerror})"
        raise UserError(
            f"dataset folder {root} lacks {', '.join(missing)}: expected the folders {', '.join(SPLITS)}"
            f" (valA, valB may stand for the test); found: {found}"
        )
    return wanted


def _listed(folder: Path) -> tuple[Path, ...]:
    """Every picture below a split folder, sorted by its path inside the folder."""
    files = list(_walk(folder))
    pictures = [path for path in files if path.suffix.lower() in EXTENSIONS]
    if not pictures:
        held = f"{len(files)} other files" if files else "no file"
        raise UserError(
            f"{folder} holds no picture: expected files ending in {' '.join(sorted(EXTENSIONS))}, found"
            f" {held}; put the pictures of this split there"
        )
    return tuple(sorted(pictures, key=lambda path: path.relative_to(folder).as_posix()))


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder, without hidden ones and what macOS adds to archives; a loop of links is cut."""

    def fail(error: OSError) -> None:
        raise UserError(f"the folder {error.filename} cannot be listed: {error.strerror}") from error

    seen: set[str] = set()
    for here, below, names in os.walk(folder, followlinks=True, onerror=fail):
        real = os.path.realpath(here)
        below[:] = [] if real in seen else [n for n in below if not n.startswith(".") and n != "__MACOSX"]
        if real not in seen:
            yield from (Path(here, name) for name in names if not name.startswith("."))
        seen.add(real)


def _by_key(folder: Path, paths: Sequence[Path], letter: str) -> dict[str, Path]:
    """Pictures by what a true counterpart has in common with them.

    That is the path inside the split without its extension, and without the final `_A` or `_B` that the
    paired archives of CycleGAN and the Cityscapes preparation add.
    """
    inside = (path.relative_to(folder).with_suffix("").as_posix() for path in paths)
    return {key.removesuffix(f"_{letter}"): path for key, path in zip(inside, paths, strict=True)}


def picture_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """One name for each picture, by which its translation is stored.

    The stem of the file; where two files share one, the path below their common folder with `__` for the
    slashes, if need be with the extension. Names differ also on a disk that ignores case.

    Raises:
        UserError: even so two names are equal.
    """
    common = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    inside = [path.relative_to(common) for path in paths]
    for names in (
        [path.stem for path in paths],
        ["__".join(path.with_suffix("").parts) for path in inside],
        ["__".join(path.parts) for path in inside],
    ):
        if len({name.casefold() for name in names}) == len(names):
            return tuple(names)
    raise UserError(
        f"pictures below {common} cannot be told apart by their names: rename those that differ in case only"
    )
