"""Folders of pictures: which files count, how they are decoded, how they are read ahead of their use."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.errors import EvaluationError

S = TypeVar("S")
T = TypeVar("T")

BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""what Pillow raises for broken files"""
Picture = NDArray[np.uint8]
"""One decoded picture: height x width x 3, RGB, 0..255."""

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "ppm", "pgm")
"""Extensions that count as pictures, in lower or upper case (pytorch-fid skips the upper-case ones)."""


def list_pictures(folder: Path) -> list[Path]:
    """The pictures directly in ``folder``, sorted by name; sub-folders and dot-files are ignored.

    Raises:
        EvaluationError: there is no such folder, it cannot be read, or it holds no picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file, not a folder" if folder.exists() else "no such folder"
        raise EvaluationError(f"{folder}: {found}; expected a folder of pictures")
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise EvaluationError(f"{folder}: cannot be listed ({error.strerror})") from error
    pictures = [path for path in entries if _is_picture(path)]
    if not pictures:
        kinds = " ".join(EXTENSIONS)
        raise EvaluationError(f"{folder}: holds no picture; expected files ending in {kinds}")
    return pictures


def _is_picture(path: Path) -> bool:
    is_named = path.suffix.lower().lstrip(".") in EXTENSIONS and not path.name.startswith(".")
    return is_named and path.is_file()


def decode(path: Path) -> Picture:
    """One file as RGB bytes, exactly as pytorch-fid decodes it: Pillow's ``convert("RGB")``, no rotation.

    Raises:
        EvaluationError: the file is broken or not a picture; names it.
    """
    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except BROKEN as error:
        raise broken(path, "picture", error) from error


def broken(path: Path, what: str, error: Exception) -> EvaluationError:
    """What is said of a file that Pillow cannot read."""
    reason = str(error).replace(str(path), "the file").replace("\n", " ")
    return EvaluationError(f"{path}: broken {what} ({reason}); replace it or take it away")


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, hexadecimal.

    Raises:
        EvaluationError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def read_batches(paths: Sequence[Path], batch_size: int, workers: int | None = None) -> Iterator[list[Picture]]:
    """Decode files in order, ``batch_size`` at a time; as `read_ahead`."""
    return read_ahead(decode, paths, batch_size, workers)


def read_ahead(
    read: Callable[[S], T], files: Iterable[S], batch_size: int, workers: int | None = None
) -> Iterator[list[T]]:
    """What ``read`` makes of files, in order, ``batch_size`` at a time, by threads that stay two batches ahead.

    Args:
        read: called once for each file, in any of the threads.
        files: paths, or whatever else says to ``read`` what to read; taken when it is needed.
        batch_size: files of a batch; the last batch may be smaller. Sizes of pictures may differ within a batch.
        workers: reading threads; by default one a processor, eight at most.

    Raises:
        EvaluationError: a file is broken; the first such file in order is named.
    """
    waiting = iter(files)
    pending: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers or min(8, _processors()), thread_name_prefix="read")
    try:
        while True:
            room = 3 * batch_size - len(pending)
            pending.extend(pool.submit(read, file) for file in islice(waiting, room))
            if not pending:
                return
            yield [pending.popleft().result() for _ in range(min(batch_size, len(pending)))]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    """Processors this process may use (a cluster job often has fewer than the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a folder, or some files named one by one, and the digests of their content.

    Raises:
        EvaluationError: (on first use of ``pictures``) as `list_pictures`; (of ``digests``) an unreadable file.
    """

    path: Path
    """the folder, as messages name it"""
    files: tuple[Path, ...] = ()
    """the files that count; none: all pictures directly in the folder"""

    @classmethod
    def of(cls, where: str | Path | Sequence[Path]) -> PictureFolder:
        """A folder, or files that may lie in several folders."""
        if isinstance(where, (str, Path)):
            return cls(Path(where))
        if not where:
            raise EvaluationError("an empty list of pictures was given; expected files, or a folder of pictures")
        return cls(Path(os.path.commonpath([path.parent for path in where])), tuple(where))

    @cached_property
    def pictures(self) -> list[Path]:
        """The files, sorted by name."""
        return sorted(self.files) or list_pictures(self.path)

    @cached_property
    def digests(self) -> list[str]:
        """sha256 of each file, in the order of ``pictures``."""
        return [file_digest(path) for path in self.pictures]

    @cached_property
    def digest(self) -> str:
        """Identity of the set, whatever the files are called: sha256 over the sorted digests."""
        return hashlib.sha256("\n".join(sorted(self.digests)).encode()).hexdigest()

    @cached_property
    def by_content(self) -> list[Path]:
        """The files in the order of their digests, so that no figure depends on names or listing order."""
        return [path for _, path in sorted(zip(self.digests, self.pictures, strict=True))]
