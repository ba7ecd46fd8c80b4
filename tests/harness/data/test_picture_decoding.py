"""Every kind of file is decoded as a person sees it; a broken one is named."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data.decode import BrokenPicture, decode, load, read_bytes, resize
from harness.errors import UserError

from .conftest import noise


def pixels(path: Path) -> np.ndarray:
    picture = decode(read_bytes(path), path)
    assert picture.mode == "RGB"
    return np.asarray(picture)


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "a.bmp", "a.tif", "a.tiff", "a.ppm", "lossless.webp"])
def test_lossless_colour_keeps_every_pixel(tmp_path: Path, name: str) -> None:
    noise(1).save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    assert np.array_equal(pixels(tmp_path / name), np.asarray(noise(1)))


def test_jpeg_is_what_pillow_decodes(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.JPG", quality=80)
    assert np.array_equal(pixels(tmp_path / "a.JPG"), np.asarray(Image.open(tmp_path / "a.JPG")))


def test_grey_is_repeated_in_three_channels(tmp_path: Path) -> None:
    grey = noise(1).convert("L")
    grey.save(tmp_path / "a.png")
    assert np.array_equal(pixels(tmp_path / "a.png"), np.repeat(np.asarray(grey)[..., None], 3, axis=2))


def test_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False], [False, True]])).save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png")[..., 0].tolist() == [[255, 0], [0, 255]]


def test_palette_gives_its_colours(tmp_path: Path) -> None:
    reduced = noise(1).quantize(16)
    reduced.save(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").mode == "P"
    assert np.array_equal(pixels(tmp_path / "a.png"), np.asarray(reduced.convert("RGB")))


def test_transparent_pixels_show_white(tmp_path: Path) -> None:
    colour = Image.new("RGBA", (3, 1), (200, 0, 0, 0))
    colour.putpixel((1, 0), (200, 0, 0, 255))
    colour.putpixel((2, 0), (200, 0, 0, 51))  # one fifth
    colour.save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png")[0].tolist() == [[255, 255, 255], [200, 0, 0], [244, 204, 204]]


def test_transparent_palette_entry_and_grey_with_alpha_show_white(tmp_path: Path) -> None:
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.putpixel((1, 0), 1)
    indexed.save(tmp_path / "p.png", transparency=0)
    assert pixels(tmp_path / "p.png")[0].tolist() == [[255, 255, 255], [40, 50, 60]]
    Image.new("LA", (1, 1), (0, 0)).save(tmp_path / "la.png")
    assert pixels(tmp_path / "la.png")[0].tolist() == [[255, 255, 255]]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey_keeps_its_high_byte(tmp_path: Path, name: str) -> None:
    deep = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / name)
    assert pixels(tmp_path / name)[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_16_bit_colour(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    _write_png(tmp_path / "a.png", header, b"\0" + struct.pack(">HHH", 65535, 32768, 255))
    assert pixels(tmp_path / "a.png")[0, 0].tolist() == [255, 128, 0]


def _write_png(path: Path, header: bytes, rows: bytes) -> None:
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def test_a_turned_photo_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned clockwise
    for name, options in (("a.png", {}), ("a.webp", {"lossless": True}), ("a.tif", {})):
        noise(1).save(tmp_path / name, exif=exif, **options)
        assert np.array_equal(pixels(tmp_path / name), np.rot90(np.asarray(noise(1)), k=-1)), name
    noise(1).save(tmp_path / "a.jpg", exif=exif)
    assert pixels(tmp_path / "a.jpg").shape == (50, 40, 3)


def test_a_damaged_exif_entry_is_ignored(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12")
    assert np.array_equal(pixels(tmp_path / "a.png"), np.asarray(noise(1)))


def test_cmyk_jpeg_and_tiny_pictures(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = pixels(tmp_path / "a.jpg")[4, 4].tolist()
    assert red > 200
    assert green < 60
    assert blue < 60
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "one.png")
    assert load(tmp_path / "one.png", 4).tolist() == [[[9, 8, 7]] * 4] * 4


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (17, 31), (64, 64)])
def test_resize_is_pillows_bicubic_without_aspect_ratio(shape: tuple[int, int]) -> None:
    picture = noise(2, *shape)
    expected = np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(resize(picture, 20), expected)


def _truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.tif", "a.ppm"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    noise(1).save(tmp_path / name)
    _truncated(tmp_path / name)
    with pytest.raises(BrokenPicture, match=f"{name} cannot be decoded: .+; replace or remove it"):
        load(tmp_path / name, 8)


def test_other_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(UserError, match=r"empty\.png is empty \(0 bytes\)"):
        load(tmp_path / "empty.png", 8)
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(UserError, match=r"text\.jpg is not a picture"):
        load(tmp_path / "text.jpg", 8)
    with pytest.raises(UserError, match=r"absent\.jpg cannot be read: No such file"):
        load(tmp_path / "absent.jpg", 8)
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(UserError, match=r"float\.tif.*floating-point"):
        load(tmp_path / "float.tif", 8)
    _write_png(tmp_path / "bomb.png", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0), b"")
    with pytest.raises(UserError, match=r"bomb\.png is too large"):
        load(tmp_path / "bomb.png", 8)
