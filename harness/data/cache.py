"""Decoded pictures, kept once as uint8 outside the dataset folder and read through a memory map.

One folder per split and size, `<cache>/pictures/<key>/`, holds `index.json` (path, size, modification time
and SHA-256 of every file) and the array it names. Both are written beside and renamed, the array first; an
array is named for its content and never changed, so several processes may read and write one folder at once.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import PIL

from evaluation.cache import cache_folder
from harness.data.decode import BrokenPicture
from harness.data.folders import SPLITS, Dataset, Split
from harness.data.reading import Pictures, Progress, Reader, Stamp
from harness.data.sizes import check_size, default_load_size
from harness.errors import UserError

FORMAT = 1
"""raised when the decoding or the files below change meaning"""
STALE_SECONDS = 3600
"""an unfinished file that nobody wrote to for so long belongs to a process that was killed"""

_log = logging.getLogger(__name__)


def read_check(
    dataset: Dataset,
    size: int,
    load_size: int | None = None,
    fine_tuning: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[Split, str]:
    """Decode every picture of a dataset before anything expensive starts; the cache is full afterwards.

    Args:
        dataset: what `open_dataset` found.
        size: side of the pictures a method sees.
        load_size: side before the random crop; None for the official ratio 286 / 256.
        fine_tuning: whether training will also want the training pictures at `size`.
        progress: called with (split, pictures read, pictures to read) for what the cache does not have.

    Returns:
        The fingerprint of each split, for the provenance of a run.

    Raises:
        UserError: a size that does not fit, or files that cannot be decoded: which, and what is wrong with
        them.
    """
    load_size = default_load_size(size) if load_size is None else load_size
    check_size(size, load_size)
    fingerprints: dict[Split, str] = {}
    errors = []
    for split in SPLITS:
        sides = [size] if split.startswith("test") else [load_size, size] if fine_tuning else [load_size]
        tell = partial(progress, split) if progress else None
        try:
            for side in sides:
                pictures = open_pictures(dataset.folders[split], dataset.splits[split], side, tell)
                fingerprints[split] = pictures.fingerprint()
        except BrokenPicture as error:
            errors.append(str(error))
    if errors:
        raise BrokenPicture("; ".join(errors))
    return fingerprints


def fingerprints_now(dataset: Dataset, size: int, load_size: int) -> dict[Split, str]:
    """The fingerprint of each split as its files are now, decoding nothing; splits that were never read are left out.

    Raises:
        UserError: a file cannot be read.
    """
    found: dict[Split, str] = {}
    for split in SPLITS:
        side = size if split.startswith("test") else load_size
        folder, paths = dataset.folders[split], dataset.splits[split]
        old = _read(_store(folder, side), side)
        if old is not None:
            try:
                found[split] = Reader(folder, paths, side, old).fingerprint()
            except OSError as error:
                raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error
    return found


def open_pictures(folder: Path, paths: Sequence[Path], size: int, progress: Progress | None = None) -> Pictures:
    """The pictures of a split at `size` x `size`, decoded only where the cache does not have them.

    A file whose size or modification time changed is read again, and decoded again if its content changed;
    the others are kept. Where the cache cannot be written the pictures stay in memory, and the log says so
    once.

    Args:
        folder: the split folder, which all paths lie below.
        paths: the files, in the order of the result.
        size: side in pixels.
        progress: told about files that are read, not about those in the cache.

    Raises:
        BrokenPicture: files that cannot be decoded; the first few are named with the reason.
    """
    store = _store(folder, size)
    reader = Reader(folder, paths, size, _read(store, size), progress)
    if reader.old is not None and reader.is_current():
        return reader.old
    try:
        return _write(store, reader)
    except OSError as error:
        _say_unwritable(str(cache_folder()), error.strerror or str(error))
        return _into_memory(reader)


def _store(folder: Path, size: int) -> Path:
    """The cache folder of one split at one size, as decoded by this version of Pillow."""
    identity = json.dumps([FORMAT, PIL.__version__, str(folder.resolve()), size])
    return cache_folder() / "pictures" / hashlib.sha256(identity.encode()).hexdigest()[:24]


def _read(store: Path, size: int) -> Pictures | None:
    """The cached pictures, or None where there are none or they are damaged."""
    for _ in range(3):  # another process may replace index and array between our two reads
        try:
            index = json.loads((store / "index.json").read_text(encoding="utf-8"))
            stamps = tuple(Stamp(**entry) for entry in index["files"])
            array = np.load(store / index["array"], mmap_mode="r")
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            continue
        if array.dtype == np.uint8 and array.shape == (len(stamps), size, size, 3):
            return Pictures(array, stamps)
    return None


def _write(store: Path, reader: Reader) -> Pictures:
    """Decode into a new array, rename it into place, then the index that names it."""
    store.mkdir(parents=True, exist_ok=True)
    _remove_stale(store)
    shape = (len(reader.paths), reader.size, reader.size, 3)
    if shutil.disk_usage(store).free < np.prod(shape) + 2**20:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    stamps = []
    with _beside(store) as unfinished:
        with unfinished.open("xb") as file:  # not a writable memory map: on a full disk that ends the process
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for stamp, row in reader.rows():
                file.write(row.tobytes())
                stamps.append(stamp)
            file.flush()
            os.fsync(file.fileno())
        array = np.load(unfinished, mmap_mode="r")  # stays valid whatever another process does to the name
        content = hashlib.sha256("".join(stamp.sha256 for stamp in stamps).encode()).hexdigest()[:24]
        os.replace(unfinished, store / f"{content}.npy")
    _write_index(store, f"{content}.npy", stamps, reader.folder)
    return Pictures(array, tuple(stamps))


def _write_index(store: Path, array: str, stamps: Sequence[Stamp], folder: Path) -> None:
    """Point the index to a new array and remove the array it named before."""
    index = store / "index.json"
    before = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        before = json.loads(index.read_text(encoding="utf-8"))["array"]
    content = {"folder": str(folder), "array": array, "files": [asdict(stamp) for stamp in stamps]}
    with _beside(store) as unfinished:
        with unfinished.open("x", encoding="utf-8") as file:
            json.dump(content, file, indent=0)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, index)
    if before not in (None, array):
        (store / Path(before).name).unlink(missing_ok=True)


def _into_memory(reader: Reader) -> Pictures:
    array = np.empty((len(reader.paths), reader.size, reader.size, 3), np.uint8)
    stamps = []
    for row, (stamp, pixels) in enumerate(reader.rows()):
        array[row] = pixels
        stamps.append(stamp)
    array.flags.writeable = False
    return Pictures(array, tuple(stamps))


@contextlib.contextmanager
def _beside(store: Path) -> Iterator[Path]:
    """A name for an unfinished file that no other process takes; what is left of it at the end is removed."""
    path = store / f"{uuid.uuid4().hex}.unfinished"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _remove_stale(store: Path) -> None:
    """Remove what killed processes left."""
    for path in store.glob("*.unfinished"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


@lru_cache
def _say_unwritable(folder: str, reason: str) -> None:
    """Cached, so that a process says it once."""
    _log.warning(
        "the cache folder %s cannot be written (%s): decoded pictures stay in memory; set HARNESS_CACHE to"
        " a folder with room",
        folder,
        reason,
    )
