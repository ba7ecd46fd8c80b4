"""Datasets are found by name or path; what is missing is said in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.folders import open_dataset, picture_names
from harness.data.registry import REGISTRY
from harness.errors import UserError

from .conftest import noise

MakeDataset = Callable[..., Path]


def test_a_folder_path_gives_its_four_splits(make_dataset: MakeDataset) -> None:
    root = make_dataset(trainA=3, trainB=5)
    dataset = open_dataset(root)
    assert (dataset.name, dataset.direction, dataset.default_size) == ("set", "AtoB", 256)
    assert [len(dataset.splits[s]) for s in ("trainA", "trainB", "testA", "testB")] == [3, 5, 2, 2]
    assert dataset.train_a == tuple(root / "trainA" / f"a{i}.png" for i in range(3))
    assert dataset.test_b == tuple(root / "testB" / f"b{i}.png" for i in range(2))


def test_direction_swaps_the_methods_view(make_dataset: MakeDataset) -> None:
    root = make_dataset(trainA=3, trainB=5)
    dataset = open_dataset(str(root), direction="BtoA")
    assert dataset.train_a == dataset.splits["trainB"]
    assert dataset.train_b == dataset.splits["trainA"]
    assert (dataset.test_a, dataset.test_b) == (dataset.splits["testB"], dataset.splits["testA"])
    with pytest.raises(UserError, match="direction 'AB' is not known: expected AtoB or BtoA"):
        open_dataset(root, direction="AB")  # type: ignore[arg-type]


def test_files_are_found_by_extension_sorted_by_path(make_dataset: MakeDataset) -> None:
    folder = make_dataset() / "trainA"
    for path in folder.iterdir():
        path.unlink()
    names = ["z.JPG", "b/1.Jpeg", "b-1.png", "b.bmp", "x.tif", "x.TIFF", "x.webp", "x.ppm"]
    ignored = [".hidden.png", "._z.JPG", "__MACOSX/z.jpg", ".git/x.png", "notes.txt", "Thumbs.db", "x.gif"]
    for name in names + ignored:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "folder.png").mkdir()
    found = [path.relative_to(folder).as_posix() for path in open_dataset(folder.parent).train_a]
    assert found == sorted(names)


def test_a_loop_of_links_is_cut(make_dataset: MakeDataset) -> None:
    folder = make_dataset() / "trainA"
    (folder / "again").symlink_to(folder, target_is_directory=True)
    assert len(open_dataset(folder.parent).train_a) == 2


def test_linked_splits_are_followed(make_dataset: MakeDataset, tmp_path: Path) -> None:
    root = make_dataset()
    (root / "trainA").rename(tmp_path / "elsewhere")
    (root / "trainA").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert len(open_dataset(root).train_a) == 2


def test_val_stands_for_a_missing_test(make_dataset: MakeDataset) -> None:
    root = make_dataset()
    for letter in "AB":
        (root / f"test{letter}").rename(root / f"val{letter}")
    assert open_dataset(root).test_a[0] == root / "valA" / "a0.png"
    (root / "testA").mkdir()  # now there is a test, and it is incomplete
    with pytest.raises(UserError, match="lacks testB"):
        open_dataset(root)


def test_missing_splits_are_named_with_what_was_found(make_dataset: MakeDataset) -> None:
    root = make_dataset()
    (root / "trainB").rename(root / "train_B")
    (root / "testA").rename(root / "test_A")
    with pytest.raises(UserError) as error:
        open_dataset(root)
    assert str(error.value) == (
        f"dataset folder {root} lacks trainB, testA: expected the folders trainA, trainB, testA, testB"
        " (valA, valB may stand for the test); found: testB, test_A, trainA, train_B"
    )


def test_an_empty_split_is_named(make_dataset: MakeDataset) -> None:
    root = make_dataset()
    for path in (root / "testB").iterdir():
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(
        UserError, match=r"testB holds no picture: expected files ending in \.bmp .*found 2 other files"
    ):
        open_dataset(root)
    for path in (root / "testB").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"testB holds no picture: .*found no file"):
        open_dataset(root)


def test_wrong_paths_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no folder \./absent \(current directory .*\): expected a folder with trainA"):
        open_dataset("./absent")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file: expected a folder"):
        open_dataset("file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"lacks trainA, trainB, testA, testB.*found: nothing"):
        open_dataset("empty")
    with pytest.raises(UserError, match=r"unknown dataset 'horse2zbra'\. Did you mean 'horse2zebra'"):
        open_dataset("horse2zbra")
    with pytest.raises(UserError, match="no dataset given"):
        open_dataset("")


def test_a_known_name_that_is_not_here_tells_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        open_dataset("horse2zebra")
    message = str(error.value)
    assert "expected a folder datasets/horse2zebra (HARNESS_DATA is not set)" in message
    assert "horse2zebra.zip" in message
    assert "Licence: " in message
    assert "\n" not in message
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "all"))
    with pytest.raises(UserError, match=r"all/cat2dog or datasets/cat2dog with trainA.*AFHQ version 1"):
        open_dataset("cat2dog")


def test_known_names_are_looked_up(make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_dataset()
    (tmp_path / "datasets").mkdir()
    root.rename(tmp_path / "datasets" / "cityscapes")
    monkeypatch.chdir(tmp_path)
    dataset = open_dataset("cityscapes")
    assert (dataset.name, dataset.direction, dataset.root) == ("cityscapes", "BtoA", tmp_path / "datasets/cityscapes")
    assert open_dataset("cityscapes", "AtoB").direction == "AtoB"
    monkeypatch.chdir("/")
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "datasets"))
    assert open_dataset("cityscapes").root == tmp_path / "datasets/cityscapes"
    (tmp_path / "datasets" / "cityscapes").rename(tmp_path / "datasets" / "mine")
    assert open_dataset("mine").name == "mine"  # a name of the user's own


def test_a_name_without_separator_may_be_a_local_folder(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset()
    monkeypatch.chdir(root.parent)
    assert open_dataset("set").root == root
    monkeypatch.chdir(root)
    assert (open_dataset(".").name, open_dataset(".").root) == ("set", root)


@pytest.mark.parametrize(
    ("a", "b", "known"),
    [
        (["1.png", "2.png"], ["1.jpg", "2.jpg"], True),
        (["1_A.png", "2_A.png"], ["1_B.png", "2_B.png"], True),
        (["x/1.png", "y/1.png"], ["x/1.png", "y/1.png"], True),
        (["1.png", "2.png"], ["1.png", "3.png"], False),
        (["1.png", "2.png"], ["1.png"], False),
        (["1.png", "1.jpg"], ["1.png", "1.jpg"], False),
        (["1_B.png"], ["1_A.png"], False),
    ],
)
def test_counterparts_have_the_same_stem(make_dataset: MakeDataset, a: list[str], b: list[str], known: bool) -> None:
    root = make_dataset(testA=0, testB=0)
    for split, names in (("testA", a), ("testB", b)):
        for name in names:
            (root / split / name).parent.mkdir(exist_ok=True)
            noise(0).save(root / split / name)
    dataset = open_dataset(root)
    assert dataset.counterparts is known
    matched = tuple((root / "testA" / x, root / "testB" / y) for x, y in zip(sorted(a), sorted(b), strict=False))
    assert dataset.pairs() == (matched if known else ())
    backwards = tuple((y, x) for x, y in matched)
    assert open_dataset(root, "BtoA").pairs() == (backwards if known else ())


def test_a_dataset_known_to_be_unpaired_has_no_counterparts(
    make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(testA=0, testB=0)
    for split in ("testA", "testB"):
        noise(0).save(root / split / "0001.png")
    assert open_dataset(root).counterparts
    root.rename(tmp_path / "apple2orange")
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert not open_dataset("apple2orange").counterparts
    assert not REGISTRY["apple2orange"].paired


def test_names_of_results_never_clash() -> None:
    def named(*paths: str) -> tuple[str, ...]:
        return picture_names([Path("/d") / path for path in paths])

    assert named("1.png", "2.JPG") == ("1", "2")
    assert named("x/1.png", "y/1.png", "y/2.png") == ("x__1", "y__1", "y__2")
    assert named("1.png", "1.jpg") == ("1.png", "1.jpg")
    assert named("a.png", "A.jpg") == ("a.png", "A.jpg")
    assert named("v1.5.png", "v1.6.png") == ("v1.5", "v1.6")
    assert named() == ()
    with pytest.raises(UserError, match="cannot be told apart"):
        named("a.png", "A.png")


def test_an_unreadable_folder_is_named(make_dataset: MakeDataset) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every folder")
    root = make_dataset()
    (root / "trainA").chmod(0)
    try:
        with pytest.raises(UserError, match="trainA cannot be listed: Permission denied"):
            open_dataset(root)
    finally:
        (root / "trainA").chmod(0o700)


@pytest.mark.parametrize(
    ("name", "counts", "paired"),
    [
        ("cat2dog", (10, 8, 9, 5), False),
        ("facades", (26, 26, 24, 24), True),
        ("camvid", (24, 24, 16, 16), True),
    ],
)
def test_real_folders(real_data: Path, name: str, counts: tuple[int, ...], paired: bool) -> None:
    dataset = open_dataset(real_data / name)
    assert tuple(len(dataset.splits[s]) for s in ("trainA", "trainB", "testA", "testB")) == counts
    assert dataset.counterparts is paired
