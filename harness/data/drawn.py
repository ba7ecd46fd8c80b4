"""What the two embedded datasets share: drawing enlarged, and writing a whole dataset at once."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from evaluation.cache import cache_folder
from harness.errors import UserError

SIDE = 64
"""pixels of a finished picture"""
ENLARGED = 4
"""pictures are drawn so many times larger, then reduced: smooth edges"""


def write_once(name: str, counts: dict[str, int], pictures: Iterable[tuple[str, Image.Image]]) -> Path:
    """The folder of an embedded dataset in the cache; written whole if it is not there.

    Written beside and renamed, so that another process sees all pictures or none.

    Args:
        name: of the folder; holds the version of the drawing.
        counts: pictures in each split.
        pictures: path inside the folder without extension, and picture; drawn only if needed.

    Raises:
        UserError: the cache cannot be written, or pictures were removed from it.
    """
    folder = cache_folder() / "datasets" / name
    if not folder.is_dir():
        unfinished = folder.with_name(f"{name}.{uuid.uuid4().hex}.unfinished")
        try:
            for split in counts:
                (unfinished / split).mkdir(parents=True)
            for path, picture in pictures:
                picture.save(unfinished / f"{path}.png")
            _rename_first(unfinished, folder)
        except OSError as error:
            raise UserError(
                f"dataset {name} cannot be drawn into the cache folder {folder.parent} ({error.strerror}):"
                " set HARNESS_CACHE to a folder with room"
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    held = {split: len(list((folder / split).glob("*.png"))) for split in counts}
    if held != counts:
        raise UserError(f"{folder} is not as it was drawn (found {held}): remove it, it will be drawn again")
    return folder


def _rename_first(unfinished: Path, folder: Path) -> None:
    """Rename, unless another process drew the same folder meanwhile."""
    try:
        os.rename(unfinished, folder)
    except OSError:
        if not folder.is_dir():
            raise
