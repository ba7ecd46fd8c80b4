"""Files that several processes may want at once: where they are kept, how they are written."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from evaluation.errors import EvaluationError

try:
    import fcntl
except ImportError:  # not a POSIX system: work may be done twice there, never wrongly
    fcntl = None  # type: ignore[assignment]  # a module elsewhere


def cache_folder() -> Path:
    """The cache folder: `$HARNESS_CACHE`, `$XDG_CACHE_HOME/unpaired-harness` or `~/.cache/unpaired-harness`.

    The folder need not exist yet. An empty variable counts as not set.

    Raises:
        EvaluationError: no variable is set and the user has no home folder.
    """
    if own := os.environ.get("HARNESS_CACHE"):
        return Path(os.path.expanduser(own)).absolute()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(os.path.expanduser(xdg)).absolute() / "unpaired-harness"
    try:
        return Path.home() / ".cache" / "unpaired-harness"
    except RuntimeError as error:
        message = "this user has no home folder for the cache: set HARNESS_CACHE to a folder"
        raise EvaluationError(message) from error


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then rename it: readers see the whole file or none.

    Raises:
        OSError: the folder cannot be written, or no space is left; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("wb") as file:
            write(file)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def one_at_a_time(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` of a folder, so that one process works and the others find its result.

    The system frees the lock of a process that dies. Where no lock can be had (a folder that cannot be
    written, a file system without locks) the work goes on without: it is done twice, never wrongly.
    """
    try:
        locks = folder / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        handle = (locks / name).open("ab")
    except OSError:
        yield
        return
    with handle:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
