"""The Cityscapes of Table 1, made from the official archives: 256x256 photos (A) and label maps (B), and index maps.

As ``datasets/prepare_cityscapes_dataset.py`` of the CUT family does it: files sorted, photos and maps matched by name,
``val`` is the test; ``trainA/i_A.jpg`` the photo, ``trainB/i_B.jpg`` the colour map, JPEG at quality 100 without chroma
subsampling. That script names no filter, and Pillow's default was nearest until 7.0 and is bicubic since; here it is
named. ``trainGT/i_B.png`` are the train ids, resized by nearest neighbour, as EnCo's second script adds them.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from PIL import Image

from evaluation.images import BROKEN
from evaluation.palette import CITYSCAPES
from harness.errors import UserError
from harness.runs import read_json, write_json

SIDE = 256
"""pixels of the pictures made"""
MANIFEST = "manifest.json"
SPLITS = {"train": "train", "val": "test"}
"""the official splits that are used, and what they become; the official test has blank label maps"""
Filter = Literal["nearest", "bicubic"]
FILTERS: dict[Filter, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
}
PHOTO, COLOUR = "_leftImg8bit.png", "_gtFine_color.png"
LABEL_IDS, TRAIN_IDS = "_gtFine_labelIds.png", "_gtFine_labelTrainIds.png"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Preparation:
    """How the pictures were made; written into the manifest."""

    photo_filter: Filter
    """of the photos; label maps are always resized by nearest neighbour"""
    side: int = SIDE
    direction: str = "BtoA"
    """the translation of the papers: from label maps (B) to photos (A)"""


class Source(Protocol):
    """An archive or the folder it was unpacked to."""

    where: Path

    def names(self) -> list[str]:
        """Every file, as a path with forward slashes."""

    def read(self, name: str) -> bytes:
        """The content of one file."""


class Folder:
    """An unpacked archive."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def names(self) -> list[str]:
        return [
            Path(here, name).relative_to(self.where).as_posix()
            for here, _, names in os.walk(self.where, followlinks=True)
            for name in names
        ]

    def read(self, name: str) -> bytes:
        return (self.where / name).read_bytes()


class Archive:
    """A zip file. Members are only read, never unpacked: no name in it can lead anywhere on this disk."""

    def __init__(self, where: Path, file: zipfile.ZipFile) -> None:
        self.where, self.file = where, file

    def names(self) -> list[str]:
        return [info.filename for info in self.file.infolist() if not info.is_dir()]

    def read(self, name: str) -> bytes:
        return self.file.read(name)


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The archive or folder ``path``; UserError where it is neither."""
    if path.is_dir():
        yield Folder(path)
        return
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected an archive of Cityscapes or the folder of one") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as a zip archive ({error}); download it again") from None
    with file:
        yield Archive(path, file)


@dataclass(frozen=True)
class Frame:
    """One street: the files of its photo and of its label maps."""

    photo: str
    colours: str
    indices: str
    """train ids or, where these are absent as in the official archive, label ids"""


def frames_of(images: Source, labels: Source, split: str) -> list[Frame]:
    """The streets of an official split, in the order of their names; UserError where photos and maps do not match."""
    photos = files_of(images, "leftImg8bit", split, PHOTO)
    colours, label_ids, train_ids = (files_of(labels, "gtFine", split, end) for end in (COLOUR, LABEL_IDS, TRAIN_IDS))
    indices = label_ids | train_ids
    if not photos:
        raise UserError(f"{images.where}: holds no leftImg8bit/{split}/CITY/*{PHOTO}; is it leftImg8bit_trainvaltest?")
    for kind, maps in ((COLOUR, colours), (LABEL_IDS, indices)):
        if maps.keys() != photos.keys():
            odd = sorted(photos.keys() ^ maps.keys())[0]
            raise UserError(
                f"{labels.where}: {len(maps)} label maps *{kind} of {split} for {len(photos)} photos in "
                f"{images.where}, first without a partner: {odd}"
            )
    return [Frame(photos[key], colours[key], indices[key]) for key in sorted(photos)]


def files_of(source: Source, folder: str, split: str, ending: str) -> dict[str, str]:
    """The files ``folder/split/CITY/*ending`` by CITY and the name they share; the archive may lie in a folder."""
    place = re.compile(rf"(?:^|/){folder}/{split}/([^/]+/[^/]+){re.escape(ending)}$")
    if source.where.name == folder:  # the folder itself was named, not the one it lies in
        place = re.compile(rf"(?:^|/)(?:{folder}/)?{split}/([^/]+/[^/]+){re.escape(ending)}$")
    return {found[1]: name for name in source.names() if (found := place.search(name))}


def prepare(images: Path, labels: Path, out: Path, how: Preparation, progress: Progress) -> dict[str, int]:
    """Make the dataset in ``out``, or continue; returns the number of pictures of each split.

    Raises:
        UserError: archives that do not hold what is expected, a broken picture, or ``out`` holds something else.
    """
    with opened(images) as photos, opened(labels) as maps:
        frames = {split: frames_of(photos, maps, split) for split in SPLITS}
        counts = {SPLITS[split]: len(found) for split, found in frames.items()}
        if begin(out, how, counts):
            return counts
        total, done = sum(counts.values()), 0
        for split, found in frames.items():
            for number, frame in enumerate(found, 1):
                write_frame(out, SPLITS[split], number, frame, photos, maps, how)
                done += 1
                progress(done, total)
    write_json(out / MANIFEST, manifest(how, counts, finished=True))
    return counts


def begin(out: Path, how: Preparation, counts: Mapping[str, int]) -> bool:
    """Make ``out``, or check that it is the same preparation, begun before; returns whether it is finished.

    Raises UserError for a folder with anything else in it: nothing is written over.
    """
    before = read_json(out / MANIFEST)
    if before is None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and was not made by this command: nothing is written over; name another folder")
    wanted = manifest(how, counts, finished=False)
    if before is not None:
        other = [key for key in wanted if key != "finished" and before.get(key) != wanted[key]]
        if other:
            raise UserError(
                f"{out} was prepared otherwise: {other[0]} is {before.get(other[0])}, asked for {wanted[other[0]]}; "
                "name another folder"
            )
        if before.get("finished"):
            return True
    try:
        for split in counts:
            for letter in ("A", "B", "GT"):
                (out / f"{split}{letter}").mkdir(parents=True, exist_ok=True)
        write_json(out / MANIFEST, wanted)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}") from None
    return False


def manifest(how: Preparation, counts: Mapping[str, int], finished: bool) -> dict[str, object]:
    return {
        "dataset": "cityscapes",
        **asdict(how),
        "label_filter": "nearest",
        "format": "JPEG quality 100 4:4:4; index maps PNG",
        "pictures": dict(counts),
        "finished": finished,
    }


def write_frame(
    out: Path, split: str, number: int, frame: Frame, photos: Source, maps: Source, how: Preparation
) -> None:
    """The three files of a street; one that is there already is whole, since files are renamed when they are."""
    wanted = [
        (out / f"{split}A" / f"{number}_A.jpg", photos, frame.photo, FILTERS[how.photo_filter]),
        (out / f"{split}B" / f"{number}_B.jpg", maps, frame.colours, Image.Resampling.NEAREST),
        (out / f"{split}GT" / f"{number}_B.png", maps, frame.indices, Image.Resampling.NEAREST),
    ]
    for path, source, name, resampling in wanted:
        if path.exists():
            continue
        try:
            with Image.open(io.BytesIO(source.read(name))) as picture:
                pixels = to_train_ids(picture, name) if path.suffix == ".png" else picture.convert("RGB")
                small = pixels.resize((how.side, how.side), resampling)
        except (*BROKEN, zipfile.BadZipFile) as error:
            raise UserError(f"{source.where}: {name} cannot be read as a picture ({error})") from None
        save(small, path)


def save(picture: Image.Image, path: Path) -> None:
    """Written beside and renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".jpg":
            picture.save(beside, "JPEG", subsampling=0, quality=100)
        else:
            picture.save(beside, "PNG")
        os.replace(beside, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; make room and give the same command again") from None
    finally:
        beside.unlink(missing_ok=True)


def to_train_ids(picture: Image.Image, name: str) -> Image.Image:
    """The index map as train ids."""
    values = np.asarray(picture)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise ValueError(f"mode {picture.mode}, expected an index map of 8 bits")
    return Image.fromarray(values if name.endswith(TRAIN_IDS) else CITYSCAPES.of_index[values])
