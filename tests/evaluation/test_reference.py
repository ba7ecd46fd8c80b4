"""Kept features: by content, right under several processes, made again when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import evaluation
from tests.conftest import ROOT
from tests.evaluation.pictures import folder_of, smooth


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 5)


def passes(fake: Path, real: Path) -> tuple[float, list[int]]:
    """The score, and the size of each pass over a folder that it took."""
    seen: list[tuple[int, int]] = []
    (score,) = evaluation.score(fake, real, ["fd-random"], progress=lambda done, of: seen.append((done, of)))
    return score.value, [of for done, of in seen if done == of]


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "features").glob("*.npz"))


def test_the_reference_is_computed_once(folders: tuple[Path, Path], cache: Path) -> None:
    first, took = passes(*folders)
    assert sorted(took) == [3, 5]
    assert len(entries(cache)) == 1
    assert passes(*folders) == (first, [3])


def test_it_is_known_by_content(folders: tuple[Path, Path], tmp_path: Path) -> None:
    value, _ = passes(*folders)
    elsewhere = folders[1].rename(tmp_path / "elsewhere")
    for path in elsewhere.iterdir():
        path.rename(path.with_name(f"z{9 - int(path.stem)}.png"))
    assert passes(folders[0], elsewhere) == (value, [3])
    Image.fromarray(smooth("another", 64, 64)).save(elsewhere / "z9.png")
    changed, took = passes(folders[0], elsewhere)
    assert changed != value
    assert sorted(took) == [3, 5]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other rows"])
def test_a_damaged_entry_is_made_again(folders: tuple[Path, Path], cache: Path, damage: str, tmp_path: Path) -> None:
    value, _ = passes(*folders)
    (entry,) = entries(cache)
    content = entry.read_bytes()
    middle = len(content) // 2
    if damage == "other rows":
        passes(folders[1], folder_of(tmp_path / "more", 4))
        entry.write_bytes(next(path for path in entries(cache) if path != entry).read_bytes())
    else:
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        entry.write_bytes({"cut": content[:middle], "flipped": flipped, "empty": b""}[damage])
    again, took = passes(*folders)
    assert again == value
    assert sorted(took) == [3, 5]
    assert entry.read_bytes() != b""
    assert passes(*folders) == (value, [3])


def test_several_processes_compute_it_once(folders: tuple[Path, Path], cache: Path) -> None:
    script = (
        "import sys, evaluation; from pathlib import Path\n"
        "seen = []\n"
        "(s,) = evaluation.score(Path(sys.argv[1]), Path(sys.argv[2]), ['fd-random'], batch_size=1,\n"
        "                        progress=lambda done, of: seen.append((done, of)))\n"
        "print(repr(s.value), sum(pair == (5, 5) for pair in seen))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *map(str, folders)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert all(process.returncode == 0 for process in processes), outputs
    values, computed = zip(*(out.split() for out, _ in outputs), strict=True)
    assert len(set(values)) == 1
    assert sorted(computed) == ["0", "0", "1"]
    assert len(entries(cache)) == 1
    assert not list((cache / "features").glob(".*.tmp"))


def test_nothing_is_written_but_the_cache(folders: tuple[Path, Path], cache: Path, recipe_file: Path) -> None:
    """clean-fid writes its reference statistics into the installed package."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "written = []\n"
        "def seen(event, args):\n"
        "    if event == 'open' and isinstance(args[0], (str, bytes)) and args[2] & (os.O_WRONLY | os.O_RDWR):\n"
        "        written.append(os.fsdecode(args[0]))\n"
        "    elif event in ('os.rename', 'os.mkdir', 'os.link', 'os.symlink'):\n"
        "        written.extend(os.fsdecode(path) for path in args[:2] if isinstance(path, (str, bytes, Path)))\n"
        "import evaluation, evaluation.clean, evaluation.fid, evaluation.kid\n"
        "sys.addaudithook(seen)\n"
        "evaluation.score(*map(Path, sys.argv[1:3]), ['fid', 'clean-fid', 'kid'], inception=Path(sys.argv[3]))\n"
        "print(*sorted({path for path in written if not path.startswith(('/dev/', '/proc/'))}), sep='\\n')"
    )
    command = [sys.executable, "-B", "-c", script, *map(str, folders), str(recipe_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = done.stdout.split()
    assert written
    assert not [path for path in written if not path.startswith(str(cache))]
    assert len(entries(cache)) == 2  # clean-fid and kid share one


def test_a_cache_that_cannot_be_written_is_done_without(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert sorted(passes(*folders)[1]) == [3, 5]
    assert "features are not kept" in caplog.text


def test_a_folder_used_on_both_sides_is_computed_once(folders: tuple[Path, Path]) -> None:
    assert passes(folders[1], folders[1])[1] == [5]
