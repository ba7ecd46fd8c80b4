"""Features kept between runs, by content: the same pictures and protocol are never computed twice."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
import torch

from evaluation.cache import cache_folder, one_at_a_time, write_atomically
from evaluation.features import Extractor, Features
from evaluation.images import PictureFolder

logger = logging.getLogger(__name__)
T = TypeVar("T")


def cached_features(folder: PictureFolder, extractor: Extractor[T], compute: Callable[[], Features]) -> Features:
    """The features of a folder's pictures in the order of their content, from the cache or ``compute``.

    Several processes may ask for the same features: one computes, the others wait and read. A damaged entry
    is computed again. Where the cache folder cannot be written the features are computed and not kept.
    """
    entry = _entry(folder, extractor)
    if (kept := _read(entry, len(folder.pictures))) is not None:
        return kept
    with one_at_a_time(entry.parent, entry.stem[:2]):
        if (kept := _read(entry, len(folder.pictures))) is not None:
            return kept
        features = compute()
        try:
            write_atomically(entry, partial(np.savez, features=features))
        except OSError as error:
            logger.warning("features are not kept: %s (%s)", entry.parent, error.strerror)
    return features


def _entry(folder: PictureFolder, extractor: Extractor[T]) -> Path:
    """The file of an entry; its name covers all that changes features by more than the rounding of a device."""
    versions = f"torch {torch.__version__}, pillow {PIL.__version__}"  # rounding, and decoding of JPEG
    identity = "\n".join([extractor.name, versions, folder.digest])
    return cache_folder() / "features" / f"{hashlib.sha256(identity.encode()).hexdigest()}.npz"


def _read(entry: Path, rows: int) -> Features | None:
    """The features of an entry; None where it is absent, cut short or damaged (the archive has checksums)."""
    try:
        with np.load(entry, allow_pickle=False) as archive:
            features: Features = archive["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return features if features.ndim == 2 and len(features) == rows else None
