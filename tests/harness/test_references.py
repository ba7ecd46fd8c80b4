"""The pictures that translations are compared with: files, or the official test loop's ``real_B``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.images import PictureFolder
from harness.cli import main
from harness.data.folders import open_dataset
from harness.job import Job
from harness.planning import open_for, plan, reference_specs
from harness.references import digest_of, reference_pictures
from harness.runs import RunFolder
from harness.work import work


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """3 test pictures of A, 5 of B, each of its own colour. Sorted by path, ``b-2`` is before ``b``."""
    root = tmp_path / "greys"
    names = {
        "trainA": ["0", "1", "2"],
        "trainB": ["0", "1", "2", "3"],
        "testA": ["z", "y", "x"],
        "testB": ["b", "b-2", "c", "d", "e"],
    }
    for split, stems in names.items():
        (root / split).mkdir(parents=True)
        for i, stem in enumerate(stems):
            Image.new("RGB", (40, 36), (40 * i, 63, 64)).save(root / split / f"{stem}.png")
    return root


def test_real_b_is_what_the_official_loop_leaves(folder: Path) -> None:
    """Five items in order of paths b-2, b, c, d, e under x, y, z, x, y: b-2 and b are overwritten."""
    dataset = open_dataset(str(folder))
    with reference_pictures(dataset, "real_B", 32) as (paths, called):
        assert called == "real_B"
        found = {path.stem: np.array(Image.open(path)) for path in paths}
    assert {name: int(pixels[0, 0, 0]) for name, pixels in found.items()} == {"x": 120, "y": 160, "z": 80}
    assert found["x"].shape == (32, 32, 3)
    assert set(found["x"][..., 1].flat) == {62}, "the official rule truncates: 63 loses a level"
    assert set(found["x"][..., 2].flat) == {64}


def test_splits_are_taken_as_they_are(folder: Path) -> None:
    dataset = open_dataset(str(folder), "BtoA")
    with reference_pictures(dataset, "testB", 32) as (paths, called):
        assert (called, list(paths)) == ("testA", list(dataset.splits["testA"])), "B of the method, A of the folder"
    with reference_pictures(dataset, "trainB", 32) as (paths, called):
        assert (called, list(paths)) == ("trainA", list(dataset.splits["trainA"]))
    assert digest_of(dataset, "trainB") == PictureFolder(folder / "trainA").digest
    assert digest_of(dataset, "real_B") == PictureFolder(folder / "testA").digest


def test_references_stand_in_columns_of_their_own(
    tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "r")]
    for run in reference_runs(tmp_path / "r", folder):
        assert work(run.path, Job(metrics=("fd-random",), device="cpu", reference="real_B")) == 0
        again = ["eval", run.name, *runs, "--metrics", "fd-random", "--device", "cpu"]
        assert main(again) == 0
        assert main([*again, "--reference", "trainB"]) == 0
        protocols = {row.protocol.split()[1]: row for row in run.rows()}
        counts = {name: (row.n_fake, row.n_real) for name, row in protocols.items()}
        assert counts == {"ref=real_B": (3, 3), "ref=testB": (3, 5), "ref=trainB": (3, 4)}
        assert len({row.value for row in protocols.values()}) == 3
    capfd.readouterr()
    assert main(["table", *runs]) == 0
    header = capfd.readouterr().out.splitlines()[2]
    assert [word for word in header.split() if word in ("a", "b", "c")] == ["a", "b", "c"], header
    assert main(["eval", str(folder / "testA"), str(folder / "testB"), "--reference", "real_B"]) == 2
    assert "--reference real_B is for runs" in capfd.readouterr().err


def reference_runs(runs: Path, folder: Path) -> list[RunFolder]:
    """The rows ``identity`` and ``real`` of a dataset, not worked on yet."""
    dataset, data = open_for(str(folder), None)
    made = []
    for spec in reference_specs(plan(["cut"], dataset, data, [0], [], 32, None)):
        made.append(RunFolder(runs / spec.name))
        made[-1].create(spec)
    return made
