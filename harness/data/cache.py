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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import PIL

from harness.cachedir import cache_folder
from harness.data.decode import BrokenPicture, Pixels, decode, read_bytes, resize
from harness.data.folders import SPLITS, Dataset, Split
from harness.data.sizes import check_size, default_load_size

FORMAT = 1
"""raised when the decoding or the files below change meaning"""
STALE_SECONDS = 3600
"""an unfinished file that nobody wrote to for so long belongs to a process that was killed"""
NAMED_ERRORS = 5
"""broken files named in one message; the rest are counted"""

Progress = Callable[[int, int], None]
"""called with (pictures read, pictures to read)"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stamp:
    """What is known of one source file."""

    path: str
    """inside the split folder, with forward slashes"""
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Pictures:
    """The decoded pictures of one split at one size."""

    array: Pixels
    """uint8 [pictures, size, size, 3]; a read-only memory map, or memory where the cache cannot be written"""
    stamps: tuple[Stamp, ...]
    """the source files, in the order of the array"""

    def fingerprint(self) -> str:
        """SHA-256 over the names and digests of the files: the identity of the split, whatever the size."""
        lines = "".join(f"{stamp.sha256}  {stamp.path}\n" for stamp in self.stamps)
        return hashlib.sha256(lines.encode()).hexdigest()


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
    job = _Job(folder, paths, size, _read(store, size), progress)
    if job.old is not None and job.is_current():
        return job.old
    try:
        return _write(store, job)
    except OSError as error:
        _say_unwritable(str(cache_folder()), error.strerror or str(error))
        return _into_memory(job)


class _Job:
    """The decoding of one split, with what an older cache already knows."""

    def __init__(
        self, folder: Path, paths: Sequence[Path], size: int, old: Pictures | None, progress: Progress | None
    ) -> None:
        self.folder, self.paths, self.size, self.old, self.progress = folder, paths, size, old, progress
        stamps = old.stamps if old else ()
        self.known = {stamp.path: stamp for stamp in stamps}
        self.row_of = {stamp.sha256: row for row, stamp in enumerate(stamps)}

    def is_current(self) -> bool:
        """Whether the old cache holds exactly these files, unchanged and in this order."""
        return [*self.known] == [self._inside(path) for path in self.paths] and not any(
            self._is_changed(path) for path in self.paths
        )

    def rows(self) -> Iterator[tuple[Stamp, Pixels]]:
        """Every picture in order; all broken files are found before the error is raised."""
        changed = sum(map(self._is_changed, self.paths)) if self.progress else 0
        workers = min(8, os.cpu_count() or 1)
        done, broken = 0, list[str]()
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(self.paths), 8 * workers):  # in portions: few pictures wait in memory
                for result in pool.map(self._row, self.paths[start : start + 8 * workers]):
                    if isinstance(result, BrokenPicture):
                        broken.append(str(result))
                        continue
                    stamp, row, was_read = result
                    if was_read and self.progress:
                        done += 1
                        self.progress(done, changed)
                    yield stamp, row
        if broken:
            more = f"; and {len(broken) - NAMED_ERRORS} more files" if len(broken) > NAMED_ERRORS else ""
            raise BrokenPicture("; ".join(broken[:NAMED_ERRORS]) + more)

    def _row(self, path: Path) -> tuple[Stamp, Pixels, bool] | BrokenPicture:
        """Stamp and pixels of one file, and whether the file had to be read."""
        try:
            if not self._is_changed(path):
                stamp = self.known[self._inside(path)]
                return stamp, self._old_row(stamp.sha256), False
            status = path.stat()  # before reading: a file that changes meanwhile is then seen as changed next time
            data = read_bytes(path)
            digest = hashlib.sha256(data).hexdigest()
            row = self._old_row(digest) if digest in self.row_of else resize(decode(data, path), self.size)
            return Stamp(self._inside(path), status.st_size, status.st_mtime_ns, digest), row, True
        except BrokenPicture as error:
            return error
        except OSError as error:
            return BrokenPicture(f"{path} cannot be read: {error.strerror or error}")

    def _old_row(self, digest: str) -> Pixels:
        assert self.old is not None
        return self.old.array[self.row_of[digest]]

    def _inside(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _is_changed(self, path: Path) -> bool:
        stamp = self.known.get(self._inside(path))
        if stamp is None:
            return True
        try:
            status = path.stat()
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns) != (stamp.size, stamp.mtime_ns)


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
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if array.dtype == np.uint8 and array.shape == (len(stamps), size, size, 3):
            return Pictures(array, stamps)
    return None


def _write(store: Path, job: _Job) -> Pictures:
    """Decode into a new array, rename it into place, then the index that names it."""
    store.mkdir(parents=True, exist_ok=True)
    _remove_stale(store)
    shape = (len(job.paths), job.size, job.size, 3)
    if shutil.disk_usage(store).free < np.prod(shape) + 2**20:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    stamps = []
    with _beside(store) as unfinished:
        with unfinished.open("xb") as file:  # not a writable memory map: on a full disk that ends the process
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for stamp, row in job.rows():
                file.write(row.tobytes())
                stamps.append(stamp)
            file.flush()
            os.fsync(file.fileno())
        array = np.load(unfinished, mmap_mode="r")  # stays valid whatever another process does to the name
        content = hashlib.sha256("".join(stamp.sha256 for stamp in stamps).encode()).hexdigest()[:24]
        os.replace(unfinished, store / f"{content}.npy")
    _write_index(store, f"{content}.npy", stamps, job.folder)
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


def _into_memory(job: _Job) -> Pictures:
    array = np.empty((len(job.paths), job.size, job.size, 3), np.uint8)
    stamps = []
    for row, (stamp, pixels) in enumerate(job.rows()):
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
