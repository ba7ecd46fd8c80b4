"""Which files count, how they decode, and what is said of broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation import EvaluationError
from evaluation.images import PictureFolder, decode, list_pictures, read_batches
from tests.evaluation.pictures import folder_of, mixed_folder, smooth


def test_lists_pictures_by_name_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.Tiff", ".hidden.png", "notes.txt", "d.webp", "png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "e.png").touch()
    assert [path.name for path in list_pictures(tmp_path)] == ["a.JPG", "b.png", "c.Tiff", "d.webp"]


def test_decodes_every_kind_as_pillow_converts_it(tmp_path: Path) -> None:
    for path in list_pictures(mixed_folder(tmp_path / "mixed")):
        expected = np.asarray(Image.open(path).convert("RGB"))
        assert decode(path).dtype == np.uint8
        np.testing.assert_array_equal(decode(path), expected)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_batches_keep_the_order(tmp_path: Path, batch_size: int, workers: int) -> None:
    files = list_pictures(folder_of(tmp_path / "a", 13, 8, 8))
    batches = list(read_batches(files, batch_size, workers))
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    for path, picture in zip(files, [p for batch in batches for p in batch], strict=True):
        np.testing.assert_array_equal(picture, decode(path))


def test_no_folder_a_file_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="nowhere: no such folder"):
        list_pictures(tmp_path / "nowhere")
    (tmp_path / "file.png").touch()
    with pytest.raises(EvaluationError, match=r"file.png: a file, not a folder"):
        list_pictures(tmp_path / "file.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match="empty: holds no picture"):
        list_pictures(tmp_path / "empty")


@pytest.mark.parametrize("damage", ["cut", "text", "nothing", "scrambled"])
@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "bmp", "tif"])
def test_a_broken_picture_is_named(tmp_path: Path, extension: str, damage: str) -> None:
    path = tmp_path / f"broken.{extension}"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)).save(path)
    content = path.read_bytes()
    damaged = {
        "cut": content[: len(content) // 2],
        "text": b"this is no picture",
        "nothing": b"",
        "scrambled": bytes(255 - byte for byte in content[:64]) + content[64:],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(EvaluationError, match=f"broken.{extension}: broken picture") as caught:
        decode(path)
    assert "\n" not in str(caught.value)


def test_a_broken_picture_among_good_ones_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", 9, 8, 8)
    (folder / "004.png").write_bytes(b"")
    with pytest.raises(EvaluationError, match=r"004\.png: broken picture"):
        list(read_batches(list_pictures(folder), 2))


def test_digest_is_of_content_not_of_names(tmp_path: Path) -> None:
    a = PictureFolder(folder_of(tmp_path / "a", 4, name="same"))
    b = PictureFolder(folder_of(tmp_path / "b", 4, name="same"))
    for i, path in enumerate(list_pictures(b.path)):
        path.rename(b.path / f"renamed{9 - i}.png")
    assert a.digest == b.digest
    assert [decode(p).sum() for p in a.by_content] == [decode(p).sum() for p in b.by_content]
    Image.fromarray(smooth("another", 64, 64)).save(b.path / "renamed6.png")
    assert PictureFolder(b.path).digest != a.digest
