"""Read the files of one split, decoding only those whose content is not known yet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.data.decode import BrokenPicture, Pixels, decode, read_bytes, resize

NAMED_ERRORS = 5
"""broken files named in one message; the rest are counted"""

Progress = Callable[[int, int], None]
"""called with (pictures read, pictures to read)"""


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
        return fingerprint(self.stamps)


def fingerprint(stamps: Iterable[Stamp]) -> str:
    lines = "".join(f"{stamp.sha256}  {stamp.path}\n" for stamp in stamps)
    return hashlib.sha256(lines.encode()).hexdigest()


class Reader:
    """Reads the files of one split at one size; `old` is what an earlier reading knows, maybe of other files."""

    def __init__(
        self, folder: Path, paths: Sequence[Path], size: int, old: Pictures | None, progress: Progress | None = None
    ) -> None:
        self.folder, self.paths, self.size, self.old, self.progress = folder, paths, size, old, progress
        stamps = old.stamps if old else ()
        self._known = {stamp.path: stamp for stamp in stamps}
        self._row_of = {stamp.sha256: row for row, stamp in enumerate(stamps)}

    def is_current(self) -> bool:
        """Whether `old` holds exactly these files, unchanged and in this order."""
        inside = [self._inside(path) for path in self.paths]
        return [*self._known] == inside and not any(map(self._is_changed, self.paths))

    def fingerprint(self) -> str:
        """The fingerprint of the files as they are now; only those that changed are read, none is decoded.

        Raises:
            OSError: one cannot be read.
        """
        return fingerprint(self._stamp(path) for path in self.paths)

    def _stamp(self, path: Path) -> Stamp:
        inside = self._inside(path)
        if not self._is_changed(path):
            return self._known[inside]
        status = path.stat()
        return Stamp(inside, status.st_size, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())

    def rows(self) -> Iterator[tuple[Stamp, Pixels]]:
        """Every picture in order, uint8 [size, size, 3].

        Raises:
            BrokenPicture: at the end, after all broken files are known; the first few are named.
        """
        changed = sum(map(self._is_changed, self.paths)) if self.progress else 0
        done, broken = 0, list[str]()
        workers = min(8, os.cpu_count() or 1)
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
                stamp = self._known[self._inside(path)]
                return stamp, self._old_row(stamp.sha256), False
            status = path.stat()  # before reading: a file that changes meanwhile is then seen as changed next time
            data = read_bytes(path)
            digest = hashlib.sha256(data).hexdigest()
            row = self._old_row(digest) if digest in self._row_of else resize(decode(data, path), self.size)
            return Stamp(self._inside(path), status.st_size, status.st_mtime_ns, digest), row, True
        except BrokenPicture as error:
            return error
        except OSError as error:
            return BrokenPicture(f"{path} cannot be read: {error.strerror or error}")

    def _old_row(self, digest: str) -> Pixels:
        assert self.old is not None
        return self.old.array[self._row_of[digest]]

    def _inside(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _is_changed(self, path: Path) -> bool:
        stamp = self._known.get(self._inside(path))
        if stamp is None:
            return True
        try:
            status = path.stat()
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns) != (stamp.size, stamp.mtime_ns)
