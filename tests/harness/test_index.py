"""The index of all runs says what their files say, whatever happened to them or to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness import index
from harness.collect import collect
from harness.index import FILE, FILES, SETTLED_NS, Entry, read_runs
from harness.runs import RunFolder, append_lines
from tests.harness.made import make_run

AGO = 10 * SETTLED_NS


COPIES = 24


def age(run: Path, nanoseconds: int = AGO) -> None:
    """Let the files of a run have been changed so long ago; the time at which their status changed is now."""
    for name in FILES:
        if (run / name).exists():
            past = time.time_ns() - nanoseconds
            os.utime(run / name, ns=(past, past))


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders of three finished runs each, all of which have settled: one for each test."""
    first = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        make_run(first, "cut", {"fid": 60.0 + seed}, seed=seed, hardware={"host": "here"})
    made = [Path(shutil.copytree(first, first.with_name(f"{first.name}-{i}"))) for i in range(COPIES)]
    time.sleep(SETTLED_NS / 1e9 + 0.1)
    return iter(made)


@pytest.fixture
def runs(copies: Iterator[Path]) -> Path:
    return next(copies)


def indexed(runs: Path) -> dict[str, Entry]:
    """What the index holds."""
    return index.Index.read(runs).entries


def truth(runs: Path) -> dict[str, Entry]:
    """What the files say."""
    folders = {name: f"{runs}/{name}" for name in index.run_names(runs)}
    return {name: index.read_files(folder, index.stamps_of(folder)) for name, folder in folders.items()}


def fids(runs: Path) -> list[float]:
    return [row.value for run in collect(runs).scored for row in run.rows]


def test_the_index_is_made_and_used(runs: Path) -> None:
    assert read_runs(runs) == truth(runs)
    assert indexed(runs) == truth(runs)
    assert fids(runs) == [60.0, 61.0, 62.0]
    before = (runs / FILE).stat()
    read_runs(runs)
    assert (runs / FILE).stat() == before, "nothing changed: nothing is written"
    entries = indexed(runs)
    name = min(entries)
    told = replace(entries[name], rows=[{**entries[name].rows[0], "value": 1.5}])
    index.Index().replace(runs, {**entries, name: told}, time.time_ns())
    assert fids(runs) == [1.5, 61.0, 62.0], "what carries the stamps of the files is believed"
    assert [path.name for path in runs.iterdir() if path.name.startswith(".")] == [FILE]


@pytest.mark.parametrize("file", FILES)
def test_each_file_that_changes_is_read_again(file: str, runs: Path) -> None:
    """Also where it is as long as before, its time of change was put back, and the inode is the same."""
    read_runs(runs)
    run = next(path for path in sorted(runs.iterdir()) if path.is_dir())
    before = (run / file).stat()
    text = (run / file).read_text()
    changed = {"spec.json": '"seed": 0', "state.json": "12.5", "metrics.jsonl": "60.0", "provenance.json": "here"}[file]
    other = {"spec.json": '"seed": 7', "state.json": "13.5", "metrics.jsonl": "59.0", "provenance.json": "away"}[file]
    assert text.count(changed) == 1
    (run / file).write_text(text.replace(changed, other))
    os.utime(run / file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (run / file).stat()
    assert (after.st_size, after.st_ino, after.st_mtime_ns) == (before.st_size, before.st_ino, before.st_mtime_ns)
    assert read_runs(runs) == truth(runs)
    assert other.strip('"') in json.dumps(vars(read_runs(runs)[run.name]))


def test_runs_that_come_grow_and_go(runs: Path) -> None:
    read_runs(runs)
    new = make_run(runs, "enco", {"fid": 50.0})
    assert fids(runs) == [60.0, 61.0, 62.0, 50.0]
    append_lines(new.path / "metrics.jsonl", [{**new.rows()[0].__dict__, "value": 49.0}])
    assert fids(runs) == [60.0, 61.0, 62.0, 49.0]
    shutil.rmtree(new.path)
    (runs / min(indexed(runs)) / "spec.json").unlink()
    assert fids(runs) == [61.0, 62.0]
    for path in runs.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    assert read_runs(runs) == {}
    assert indexed(runs) == {}


def test_what_was_still_changing_is_not_kept(runs: Path) -> None:
    """A second change within one tick of the clock would leave the same stamps."""
    make_run(runs, "enco", {"fid": 50.0})
    assert len(read_runs(runs)) == 4
    assert len(indexed(runs)) == 3


def test_files_from_the_future_and_a_clock_that_stepped_back(runs: Path) -> None:
    entries = read_runs(runs)
    ahead, behind = sorted(entries)[:2]
    age(runs / ahead, -AGO)
    assert read_runs(runs) == truth(runs)
    assert set(indexed(runs)) == set(entries) - {ahead}
    shutil.rmtree(runs / behind)
    late = index.Index(indexed(runs), time.time_ns() + AGO)
    late.replace(runs, indexed(runs), late.clock)
    assert read_runs(runs) == truth(runs)
    assert indexed(runs) == {}, "the clock stepped back: stamps may come a second time, so nothing old is kept"
    age(runs / ahead)
    assert read_runs(runs) == truth(runs)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-7],
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: data.replace(b"60.0", b"59.0"),
        lambda data: b"index 0" + data[7:],
        lambda data: data + b"x",
    ],
    ids=["torn", "empty", "zeros", "flipped", "other format", "longer"],
)
def test_an_index_that_is_not_whole_is_made_anew(damage: object, runs: Path) -> None:
    expected = read_runs(runs)
    (runs / FILE).write_bytes(damage((runs / FILE).read_bytes()))  # type: ignore[operator]
    assert read_runs(runs) == expected
    assert indexed(runs) == expected


def test_an_index_that_cannot_be_written_or_read(runs: Path) -> None:
    (runs / FILE).mkdir()
    assert fids(runs) == [60.0, 61.0, 62.0]
    assert [path.name for path in runs.iterdir() if path.name.startswith(".")] == [FILE]
    (runs / FILE).rmdir()
    abandoned, young = runs / f"{FILE}.aa", runs / f"{FILE}.bb"
    abandoned.touch()
    young.touch()
    os.utime(abandoned, (0, 0))
    read_runs(runs)
    assert not abandoned.exists()
    assert young.exists()
    assert read_runs(runs / "nothing") == {}
    assert not (runs / "nothing").exists()


def test_a_run_that_is_being_worked_on_is_asked_now(runs: Path) -> None:
    """The index remembers "running"; whether anybody is still at work, only the lease says."""
    run = make_run(runs, "enco", stage="running", steps=4)
    age(run.path)
    entry = read_runs(runs)[run.name]
    assert (entry.state or {})["stage"] == "running"
    assert index.entry_state(run, entry).stage == "interrupted"


def test_several_processes_at_once(runs: Path) -> None:
    """Readers beside a writer see each run as it was before or after a change, and never fail."""
    code = (
        "import sys; from pathlib import Path; from harness.index import read_runs\n"
        "for _ in range(60):\n"
        "    found = read_runs(Path(sys.argv[1]))\n"
        "    assert len(found) == 3 and all(e.spec and e.state and e.rows for e in found.values()), found\n"
    )
    readers = [subprocess.Popen([sys.executable, "-c", code, str(runs)]) for _ in range(3)]
    folders = [RunFolder(runs / name) for name in sorted(indexed(runs) or truth(runs))]
    step = 0
    while any(reader.poll() is None for reader in readers):
        step += 1
        folders[step % 3].set_state(replace(folders[step % 3].state(), step=step))
        age(folders[step % 3].path)
    assert [reader.returncode for reader in readers] == [0, 0, 0]
    assert read_runs(runs) == truth(runs)
