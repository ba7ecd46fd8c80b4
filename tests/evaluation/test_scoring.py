"""The public call: what it returns, what it refuses, and that listing metrics is light."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import evaluation
from evaluation import METRICS, EvaluationError
from tests.conftest import ROOT
from tests.evaluation.pictures import folder_of


def test_importing_and_listing_load_nothing_heavy() -> None:
    script = (
        "import sys, evaluation; print(*evaluation.METRICS);"
        "print(*{m for m in ('torch', 'numpy', 'PIL', 'pandas', 'scipy') if m in sys.modules})"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert out == [" ".join(METRICS), ""]


def test_a_notebook_needs_nothing_but_this_package(tmp_path: Path, recipe_file: Path) -> None:
    """In a process where no other package of the project can be imported, every metric that compares two sets."""
    metrics = ["fid", "clean-fid", "kid", "precision", "recall", "fd-random", "swd", "psnr", "ssim"]
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('harness', 'baselines', 'methods')))\n"  # importing them fails
        "from pathlib import Path; import evaluation\n"
        "fake, real, weights, *metrics = sys.argv[1:]\n"
        "scores = evaluation.score(fake, real, metrics, inception=Path(weights))\n"
        "print(*(score.metric for score in scores))"
    )
    folders = [folder_of(tmp_path / side, 4) for side in ("fake", "real")]
    command = [sys.executable, "-c", script, *map(str, folders), str(recipe_file), *metrics]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, metrics), done.stderr


@pytest.mark.parametrize("metric", METRICS.values(), ids=str)
def test_every_metric_says_what_it_is(metric: evaluation.Metric) -> None:
    assert METRICS[metric.name] is metric
    assert all([metric.definition, metric.source, "/v" in metric.protocol])
    assert metric.range[0] < metric.range[1]
    module, function = metric.measure.split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_scores_come_in_the_order_asked_with_their_reference(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 3)
    names = ["ssim", "fd-random", "psnr"]
    scores = evaluation.score(fake, real, names)
    assert [score.metric for score in scores] == names
    assert all(math.isfinite(score.value) for score in scores)
    assert len({score.reference for score in scores}) == 1
    assert scores[0].reference != evaluation.score(real, fake, ["ssim"])[0].reference


def test_features_are_computed_once_for_several_metrics(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 4)
    seen: list[tuple[int, int]] = []
    evaluation.score(
        fake, real, ["fd-random", "fd-random"], batch_size=2, progress=lambda done, of: seen.append((done, of))
    )
    assert seen == [(2, 3), (3, 3), (2, 4), (4, 4)]


def test_unknown_metric_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        EvaluationError, match=r"unknown metric 'fdi'. Did you mean 'fid'.*Known: .*clean-fid, fd-random"
    ):
        evaluation.score(tmp_path, tmp_path, ["fdi"])


def test_one_picture_is_too_few_for_a_distance(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 1), folder_of(tmp_path / "real", 3)
    for metric in ("fid", "fd-random"):
        for sides in ((fake, real), (real, fake)):
            with pytest.raises(EvaluationError, match=r"fake: holds 1 picture; .* needs at least 2"):
                evaluation.score(*sides, [metric], fetch=False)


def test_a_bad_folder_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    fake = folder_of(tmp_path / "fake", 3)
    (tmp_path / "empty").mkdir()
    for folder, message in ((tmp_path / "empty", "holds no picture"), (tmp_path / "none", "no such folder")):
        for sides in ((fake, folder), (folder, fake)):
            with pytest.raises(EvaluationError, match=message):
                evaluation.score(*sides, ["fid"], fetch=False)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    fake = folder_of(tmp_path / "fake", 5)
    (fake / "003.png").write_bytes((fake / "003.png").read_bytes()[:100])
    for metric in ("fd-random", "psnr"):
        with pytest.raises(EvaluationError, match=r"fake/003\.png: broken picture"):
            evaluation.score(fake, folder_of(tmp_path / metric, 5), [metric])


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "tpu!", "privateuseone"])
def test_a_device_that_is_not_there(tmp_path: Path, device: str) -> None:
    fake = folder_of(tmp_path / "fake", 2)
    with pytest.raises(EvaluationError, match=f"device '{device}' cannot be used") as caught:
        evaluation.score(fake, fake, ["fd-random"], device=device)
    assert "\n" not in str(caught.value)


def test_batch_size_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="batch size 0"):
        evaluation.score(tmp_path, tmp_path, ["fid"], batch_size=0)


def test_the_callers_default_dtype_does_not_matter(
    tmp_path: Path, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, real = folder_of(tmp_path / "fake", 2), folder_of(tmp_path / "real", 2)
    names = ["fid", "fd-random"]
    expected = evaluation.score(fake, real, names, inception=recipe_file)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "another"))
    torch.set_default_dtype(torch.float64)
    try:
        assert evaluation.score(fake, real, names, inception=recipe_file) == expected
    finally:
        torch.set_default_dtype(torch.float32)
