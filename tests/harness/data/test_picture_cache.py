"""The cache decodes each file once, notices changes, and survives other processes, kills and full disks."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluation.cache import cache_folder
from harness.data.cache import STALE_SECONDS, open_pictures, read_check
from harness.data.decode import load
from harness.data.folders import open_dataset
from harness.data.reading import Pictures
from harness.errors import UserError

from .conftest import noise

ROOT = Path(__file__).resolve().parents[3]
MakeDataset = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures."""
    (tmp_path / "pictures").mkdir()
    for number in range(10):
        noise(number).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path / "pictures"


def opened(folder: Path, size: int = 16) -> tuple[Pictures, list[tuple[int, int]]]:
    """The pictures and the progress that was told."""
    told: list[tuple[int, int]] = []
    pictures = open_pictures(folder, sorted(folder.iterdir()), size, lambda *progress: told.append(progress))
    return pictures, told


def expected(folder: Path, size: int = 16) -> np.ndarray:
    return np.stack([load(path, size) for path in sorted(folder.iterdir())])


def leftovers(cache: Path) -> list[Path]:
    return list(cache.rglob("*.unfinished"))


def test_pictures_are_decoded_once(folder: Path, cache: Path) -> None:
    first, told = opened(folder)
    assert np.array_equal(first.array, expected(folder))
    assert told == [(done, 10) for done in range(1, 11)]
    second, told = opened(folder)
    assert told == []
    assert isinstance(second.array, np.memmap)
    assert np.array_equal(second.array, first.array)
    assert second.stamps == first.stamps
    assert leftovers(cache) == []
    assert not any(folder.glob("*.npy"))  # nothing is written beside the pictures


def test_sizes_have_their_own_arrays(folder: Path) -> None:
    opened(folder, 16)
    assert np.array_equal(opened(folder, 20)[0].array, expected(folder, 20))
    assert opened(folder, 16)[1] == []


def test_a_changed_file_invalidates_its_own_entry_only(folder: Path, cache: Path) -> None:
    before = opened(folder)[0].array.copy()
    status = (folder / "4.png").stat()
    (folder / "4.png").write_bytes(b"x" * status.st_size)  # if this file were decoded again, it would be an error
    os.utime(folder / "4.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    noise(99).save(folder / "7.png")
    after, told = opened(folder)
    assert told == [(1, 1)]
    assert np.array_equal(after.array[7], load(folder / "7.png", 16))
    assert np.array_equal(np.delete(after.array, 7, 0), np.delete(before, 7, 0))
    assert len(list(cache.rglob("*.npy"))) == 1  # the old array is gone


def test_added_removed_renamed_and_touched_files(folder: Path) -> None:
    opened(folder)
    noise(50).save(folder / "05.png")
    (folder / "3.png").unlink()
    (folder / "8.png").rename(folder / "00.png")
    os.utime(folder / "9.png", ns=(0, 0))
    pictures, told = opened(folder)
    assert len(told) == 3  # new, renamed and touched are read; the others are not
    assert np.array_equal(pictures.array, expected(folder))
    assert [stamp.path for stamp in pictures.stamps] == sorted(path.name for path in folder.iterdir())
    assert opened(folder)[1] == []


def test_the_fingerprint_tells_names_and_content(folder: Path) -> None:
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(folder.iterdir())]
    first = opened(folder)[0].fingerprint()
    assert first == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert opened(folder, 20)[0].fingerprint() == first
    (folder / "0.png").rename(folder / "a.png")
    assert opened(folder)[0].fingerprint() != first


@pytest.mark.parametrize("damage", ["index.json", "*.npy"])
@pytest.mark.parametrize("content", [b"", b"{}", b"damaged", None])
def test_a_damaged_cache_is_made_again(folder: Path, cache: Path, damage: str, content: bytes | None) -> None:
    opened(folder)
    (victim,) = cache.rglob(damage)
    victim.unlink()
    if content is not None:
        victim.write_bytes(content)
    assert np.array_equal(opened(folder)[0].array, expected(folder))
    assert opened(folder)[1] == []


def test_all_broken_files_are_named(folder: Path, cache: Path) -> None:
    (folder / "2.png").write_bytes(b"")
    (folder / "5.png").write_bytes((folder / "5.png").read_bytes()[:200])
    with pytest.raises(UserError) as error:
        opened(folder)
    message = str(error.value)
    assert "2.png is empty (0 bytes)" in message
    assert "5.png cannot be decoded" in message
    assert "\n" not in message
    assert leftovers(cache) == []
    for number in range(10):
        (folder / f"{number}.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"4\.png is empty .*; and 5 more files$"):
        opened(folder)


def test_an_unwritable_cache_keeps_pictures_in_memory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file" / "cache"))  # root may write anywhere but here
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            pictures, told = opened(folder)
            assert np.array_equal(pictures.array, expected(folder))
            assert len(told) == 10
    assert len(caplog.messages) == 1
    assert "cannot be written (Not a directory)" in caplog.messages[0]
    with pytest.raises(ValueError, match="read-only"):
        pictures.array[0] = 0


def run(code: str, *arguments: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


FULL_DISK = """
import resource, sys
from pathlib import Path
from harness.data.cache import open_pictures
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # every longer file fails as on a full disk
folder = Path(sys.argv[1])
print(open_pictures(folder, sorted(folder.iterdir()), 64).array.sum())
"""


def test_a_disk_that_fills_up_keeps_pictures_in_memory(folder: Path, cache: Path) -> None:
    process = run(FULL_DISK, folder)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert int(out) == expected(folder, 64).sum()
    assert "cannot be written (File too large)" in errors
    assert errors.count("\n") == 1
    assert leftovers(cache) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from harness.data.cache import open_pictures
folder = Path(sys.argv[1])
kill = lambda done, total: done == 5 and os.kill(os.getpid(), signal.SIGKILL)
open_pictures(folder, sorted(folder.iterdir()), 16, kill)
"""


def test_a_killed_process_leaves_nothing_wrong(folder: Path, cache: Path) -> None:
    process = run(KILLED, folder)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    (left,) = leftovers(cache)
    assert np.array_equal(opened(folder)[0].array, expected(folder))
    assert leftovers(cache) == [left]  # it might belong to a living process
    os.utime(left, (0, left.stat().st_mtime - STALE_SECONDS - 1))
    noise(98).save(folder / "0.png")
    opened(folder)
    assert leftovers(cache) == []


AT_ONCE = """
import os, sys, time
from pathlib import Path
from harness.data.cache import open_pictures
from harness.data.decode import load
import numpy as np
folder, meeting, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(",")
paths = [folder / name for name in names]
(meeting / str(os.getpid())).touch()
while len(list(meeting.iterdir())) < 3:
    time.sleep(0.01)
for _ in range(30):
    pictures = open_pictures(folder, paths, 16)
    assert np.array_equal(pictures.array, np.stack([load(path, 16) for path in paths]))
    paths = paths[1:] + paths[:1]  # another order is another array under the same key
print("done")
"""


def test_processes_that_write_at_once_read_what_they_asked_for(folder: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "meeting").mkdir()
    names = [path.name for path in sorted(folder.iterdir())]
    processes = [
        run(AT_ONCE, folder, tmp_path / "meeting", Path(",".join(order))) for order in (names, names[::-1], names[:4])
    ]
    for process in processes:
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert out == "done\n"
        assert errors == ""  # never fell back to memory
    assert leftovers(cache) == []
    assert np.array_equal(opened(folder)[0].array, expected(folder))


def test_read_check_fills_the_cache_and_names_the_splits(make_dataset: MakeDataset) -> None:
    dataset = open_dataset(make_dataset(trainA=3))
    told: list[tuple[str, int, int]] = []
    prints = read_check(dataset, 16, fine_tuning=True, progress=lambda *args: told.append(args))
    assert list(prints) == ["trainA", "trainB", "testA", "testB"]
    assert told.count(("trainA", 3, 3)) == 2  # at 18 for the random crop, at 16 for the fine-tuning phase
    assert told.count(("testB", 2, 2)) == 1
    told.clear()
    assert read_check(dataset, 16, fine_tuning=True, progress=lambda *args: told.append(args)) == prints
    assert told == []


def test_read_check_names_the_broken_files_of_all_splits(make_dataset: MakeDataset) -> None:
    root = make_dataset()
    (root / "trainB" / "b0.png").write_bytes(b"")
    (root / "testA" / "a1.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"trainB/b0\.png is empty.*; .*testA/a1\.png is not a picture"):
        read_check(open_dataset(root), 16)


@pytest.mark.parametrize(("size", "load", "message"), [
    (66, None, "size 66 is no multiple of 4: the generators need one; take --size 64"),
    (0, None, "size 0 is no multiple of 4: the generators need one; take --size 4"),
    (64, 60, "load size 60 is smaller than size 64: expected 64 or more"),
])  # fmt: skip
def test_sizes_that_do_not_fit(make_dataset: MakeDataset, size: int, load: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_check(open_dataset(make_dataset()), size, load)


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("HARNESS_CACHE", "")
    assert cache_folder() == tmp_path / "xdg" / "unpaired-harness"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home" / ".cache" / "unpaired-harness"
    monkeypatch.setenv("HARNESS_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "home" / "mine"


def test_real_pictures(real_data: Path) -> None:
    dataset = open_dataset(real_data / "cat2dog")
    read_check(dataset, 64)
    pictures = open_pictures(dataset.folders["trainA"], dataset.splits["trainA"], 72)
    assert np.array_equal(pictures.array[3], load(dataset.splits["trainA"][3], 72))
