"""Decoded pictures, kept once as uint8 outside the dataset folder and read through a memory map.

One folder per split and size, `<cache>/pictures/<key>/`, holds `index.json` (path, size, modification time and
SHA-256 of every file) and the array it names. Both are written beside and renamed, the array first; an array is
named for its content and never changed, so several processes may read and write one folder at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import PIL

from harness.cachedir import cache_folder
from harness.data.decode import BrokenPicture, Pixels, decode, read_bytes, resize
from harness.errors import UserError

FORMAT = 1
"""raised when the decoding or the files below change meaning"""
Progress = Callable[[int, int], None]
"""called with (pictures decoded, pictures to decode)"""

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
    """uint8 [pictures, size, size, 3], read-only; usually a memory map"""
    stamps: tuple[Stamp, ...]

    def fingerprint(self) -> str:
        """SHA-256 over the names and digests of the files: the identity of the split, whatever the size."""
        lines = "".join(f"{stamp.sha256}  {stamp.path}\n" for stamp in self.stamps)
        return hashlib.sha256(lines.encode()).hexdigest()


def open_pictures(folder: Path, paths: Sequence[Path], size: int, progress: Progress | None = None) -> Pictures:
    """The pictures of a split at `size` x `size`, decoded only where the cache does not have them.

    A file whose size or modification time changed is read again, and decoded again if its content changed; the
    others are kept. Where the cache cannot be written the pictures stay in memory, and the log says so once.

    Args:
        folder: the split folder, which all paths lie below.
        paths: the files, in the order of the result.
        size: side in pixels.
        progress: told about pictures that are decoded, not about those in the cache.

    Raises:
        UserError: files that cannot be decoded; the first few are named with the reason.
    """
    store = _store(folder, size)
    old = _read(store)
    known = {stamp.path: stamp for stamp in old.stamps} if old else {}
    stamps = _stamps(folder, paths, known)
    if old and old.stamps == tuple(stamps):
        return old
    rows = {stamp.sha256: row for row, stamp in enumerate(old.stamps)} if old else {}
    ...
