"""The embedded datasets are the same at every drawing, paired in the test split, and told apart by style."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data.folders import Dataset, open_dataset
from harness.data.registry import REGISTRY
from harness.data.sheet import contact_sheet, dataset_sheet
from harness.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("toy", "toy-cityscapes")

CITYSCAPES = {  # class: colour, from the table of Cityscapes
    "road": (128, 64, 128), "sidewalk": (244, 35, 232), "building": (70, 70, 70), "pole": (153, 153, 153),
    "traffic light": (250, 170, 30), "traffic sign": (220, 220, 0), "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152), "sky": (70, 130, 180), "person": (220, 20, 60), "car": (0, 0, 142),
}  # fmt: skip


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two caches with both datasets, drawn by two processes."""
    both = [tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")]
    code = "from harness.data.folders import open_dataset; open_dataset('toy'); open_dataset('toy-cityscapes')"
    processes = [_python(code, cache) for cache in both]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    return both


def _python(code: str, cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "HARNESS_CACHE": str(cache)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=ROOT, text=True, stdout=subprocess.PIPE)


@pytest.fixture(scope="module")
def drawn(caches: list[Path]) -> Path:
    """A cache with both datasets."""
    return caches[0]


@pytest.fixture
def datasets(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    monkeypatch.setenv("HARNESS_CACHE", str(drawn))
    return {name: open_dataset(name) for name in NAMES}


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.png")
    }


def pixels(paths: tuple[Path, ...]) -> np.ndarray:
    """All pictures of a split, float [N, 64, 64, 3]."""
    return np.stack([np.asarray(Image.open(path)) for path in paths]).astype(np.float64)


def test_two_drawings_are_equal_file_by_file(caches: list[Path]) -> None:
    first, second = map(_digests, caches)
    assert len(first) == 640 + 500 + 200, "pictures of toy, of toy-cityscapes, and the train ids of its training photos"
    assert first == second
    assert len(set(first.values())) == len(first)  # no picture occurs twice
    assert not [path for cache in caches for path in cache.rglob("*.unfinished")]


DRAW_AT_ONCE = """
import os, sys, time
from pathlib import Path
from PIL import Image
from harness.data.drawn import write_once
def pictures():
    for number in range(100):
        yield f"trainA/{number}", Image.new("RGB", (64, 64))
    meeting = Path(os.environ["HARNESS_CACHE"]) / "meeting"
    meeting.mkdir(parents=True, exist_ok=True)
    (meeting / str(os.getpid())).touch()
    while len(list(meeting.iterdir())) < 3:  # nobody is done before all have begun
        time.sleep(0.01)
print(write_once("set-v1", {"trainA": 100}, pictures()))
"""


def test_processes_that_draw_at_once_find_one_whole_dataset(cache: Path) -> None:
    processes = [_python(DRAW_AT_ONCE, cache) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == [f"{cache / 'datasets' / 'set-v1'}\n"] * 3
    assert [path.name for path in (cache / "datasets").iterdir()] == ["set-v1"]
    assert len(list(cache.rglob("*.png"))) == 100


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_is_what_the_registry_says(datasets: dict[str, Dataset], name: str) -> None:
    dataset, entry = datasets[name], REGISTRY[name]
    assert tuple(len(dataset.splits[s]) for s in ("trainA", "trainB", "testA", "testB")) == entry.counts
    assert (dataset.direction, dataset.default_size) == (entry.direction, entry.size)
    assert dataset.counterparts
    assert all(a.name == b.name for a, b in dataset.pairs())
    for paths in dataset.splits.values():
        assert all(Image.open(path).size == (64, 64) and Image.open(path).mode == "RGB" for path in paths)


def test_drawing_again_is_not_needed(datasets: dict[str, Dataset]) -> None:
    before = {path: path.stat().st_mtime_ns for path in datasets["toy"].root.rglob("*.png")}
    open_dataset("toy")
    assert {path: path.stat().st_mtime_ns for path in datasets["toy"].root.rglob("*.png")} == before


def test_horses_and_zebras_are_told_apart_by_colour(datasets: dict[str, Dataset]) -> None:
    toy = datasets["toy"]
    mean_a, mean_b = (pixels(paths).mean((0, 1, 2)) for paths in (toy.train_a, toy.train_b))
    for paths, own, other in ((toy.test_a, mean_a, mean_b), (toy.test_b, mean_b, mean_a)):
        means = pixels(paths).mean((1, 2))
        assert (np.linalg.norm(means - own, axis=1) < np.linalg.norm(means - other, axis=1)).all()


def _animals(pictures: np.ndarray, domain: str) -> np.ndarray:
    """Where an animal's coat is, by its colour: brown in A, near white or black in B."""
    red, green, blue = np.moveaxis(pictures, -1, 0)
    if domain == "A":
        return (red > green + 30) & (green > blue)
    return (np.ptp(pictures, axis=-1) < 20) & ((red > 180) | (red < 60))


def test_counterparts_show_the_same_scene(datasets: dict[str, Dataset]) -> None:
    toy = datasets["toy"]
    a, b = _animals(pixels(toy.test_a), "A"), _animals(pixels(toy.test_b), "B")

    def overlap(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x & y).sum((1, 2)) / (x | y).sum((1, 2))

    assert overlap(a, b).min() > 0.45  # the edges of a coat and its dark parts are counted in one picture only
    assert overlap(a, b).min() > overlap(a, np.roll(b, 1, 0)).mean()
    assert 0.08 < a.mean() < 0.4


def test_zebras_have_stripes_that_a_small_network_can_see(datasets: dict[str, Dataset]) -> None:
    grey = pixels(datasets["toy"].test_b).mean(-1)
    coat = _animals(pixels(datasets["toy"].test_b), "B")
    # along a row through a coat, black and white change every 2 to 4 pixels
    changes = (np.abs(np.diff(grey, axis=2)) > 60) & (coat[:, :, 1:] | coat[:, :, :-1])
    per_pixel = changes.sum() / coat.sum()
    assert 0.2 < per_pixel < 0.7
    flat = (np.abs(np.diff(pixels(datasets["toy"].test_a).mean(-1), axis=2)) > 60).sum() / coat.sum()
    assert flat < per_pixel / 2


def test_label_maps_hold_palette_colours_only(datasets: dict[str, Dataset]) -> None:
    maps = np.concatenate([pixels(datasets["toy-cityscapes"].splits[s]) for s in ("trainB", "testB")])
    red, green, blue = np.moveaxis(maps.astype(np.int64), -1, 0)
    codes, counts = np.unique(red * 65536 + green * 256 + blue, return_counts=True)
    colours = [(code // 65536, code // 256 % 256, code % 256) for code in codes.tolist()]
    found = dict(zip(colours, counts / counts.sum(), strict=True))
    assert set(found) == set(CITYSCAPES.values())
    for name in ("road", "sidewalk", "building", "vegetation", "sky", "car"):
        assert found[CITYSCAPES[name]] > 0.01, name
    for name in ("person", "pole", "traffic sign", "traffic light", "terrain"):
        assert found[CITYSCAPES[name]] > 0.001, name


def test_the_photos_show_the_classes_of_their_maps(datasets: dict[str, Dataset]) -> None:
    dataset = datasets["toy-cityscapes"]
    photos, maps = pixels(dataset.splits["testA"]), pixels(dataset.splits["testB"])
    names = ["road", "sidewalk", "building", "vegetation", "sky"]
    masks = [(maps == CITYSCAPES[name]).all(-1) for name in names]
    means = np.stack([photos[mask].mean(0) for mask in masks])
    nearest = np.linalg.norm(photos[..., None, :] - means, axis=-1).argmin(-1)
    right = [(nearest[mask] == number).mean() for number, mask in enumerate(masks)]  # by the colour of a pixel alone
    assert np.mean(right) > 0.6, dict(zip(names, right, strict=True))
    assert min(right) > 0.3  # walls have many colours; one in five would be chance


def test_a_folder_that_was_changed_is_refused(drawn: Path, cache: Path) -> None:
    shutil.copytree(drawn / "datasets", cache / "datasets")
    dataset = open_dataset("toy")
    dataset.test_a[0].unlink()
    with pytest.raises(UserError, match=r"toy-v\d+ is not as it was drawn .*'testA': 63.*: remove it"):
        open_dataset("toy")


def test_an_unwritable_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"toy-v\d+ cannot be drawn into the cache folder .*: set HARNESS_CACHE"):
        open_dataset("toy")


def test_the_sheets_in_the_documentation_show_the_datasets(datasets: dict[str, Dataset]) -> None:
    for name, dataset in datasets.items():
        saved = ROOT / "docs" / "images" / f"{name}.png"
        assert saved.stat().st_size < 300_000
        shown, drawn = (np.asarray(x, np.float64) for x in (Image.open(saved), dataset_sheet(dataset, 6, 3)))
        assert np.abs(shown - drawn).mean() < 1  # another Pillow may draw letters and edges a little differently


def test_a_sheet_enlarges_by_repeating_pixels() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    sheet = np.asarray(contact_sheet({"": [picture, picture]}, scale=3))
    assert np.array_equal(sheet[-12:-6, 6:12], picture.repeat(3, 0).repeat(3, 1))
