"""Decode one picture the way a person sees it, and resize it the official way."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from harness.errors import UserError

Pixels = NDArray[np.uint8]

_ALPHA = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})


class BrokenPicture(UserError):
    """A file that cannot be decoded; the message names it and says what was wrong."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a picture file.

    Raises:
        BrokenPicture: the file cannot be read or is empty.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BrokenPicture(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise BrokenPicture(f"{path} is empty (0 bytes): replace or remove it")
    return data


def decode(data: bytes, path: Path) -> Image.Image:
    """The picture in a file's bytes, as 8-bit RGB, turned as its EXIF entry says.

    Transparent pixels are laid over white; 16-bit grey keeps its high byte, as Pillow does with 16-bit
    colour; of an animation the first frame is taken. (The official loaders ignore EXIF and drop alpha; for
    ordinary RGB files the result is theirs.)

    Args:
        data: the whole file.
        path: named in errors only.

    Raises:
        BrokenPicture: truncated, damaged, not a picture, too large, or pixels without a defined 8-bit
        meaning.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            return _to_rgb(_upright(picture), picture.format)
    except UnidentifiedImageError as error:
        raise BrokenPicture(f"{path} is not a picture that Pillow can read: replace or remove it") from error
    except Image.DecompressionBombError as error:
        raise BrokenPicture(f"{path} is too large ({error}): scale it down first") from error
    except Exception as error:  # on damaged data the decoders raise whatever their parsing trips over
        reason = str(error) or type(error).__name__
        raise BrokenPicture(f"{path} cannot be decoded: {reason}; replace or remove it") from error


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF entry says."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # whatever the parser trips over: the entry is damaged, the pixels are sound
        return picture


def _to_rgb(picture: Image.Image, file_format: str | None) -> Image.Image:
    if picture.mode.startswith("I;16") or (picture.mode == "I" and file_format in ("PNG", "PPM")):
        high = np.clip(np.asarray(picture).astype(np.int64), 0, 65535) >> 8
        picture = Image.fromarray(high.astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(
            f"its pixels are {'32-bit integers' if picture.mode == 'I' else 'floating-point numbers'},"
            " expected 8 or 16 bits"
        )
    if picture.mode in _ALPHA or "transparency" in picture.info:
        colour = picture.convert("RGBA")
        white = Image.new("RGBA", colour.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, colour).convert("RGB")
    return picture.convert("RGB")


def resize(picture: Image.Image, size: int) -> Pixels:
    """The official resize: Pillow bicubic to a square, aspect ratio not kept; uint8 [size, size, 3]."""
    return np.array(picture.resize((size, size), Image.Resampling.BICUBIC))


def load(path: Path, size: int) -> Pixels:
    """One picture file as uint8 [size, size, 3].

    Raises:
        BrokenPicture: the file cannot be decoded.
    """
    return resize(decode(read_bytes(path), path), size)
