"""Scores by Inception features: golden folders, independence of batches, names, readers and sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evaluation
from evaluation import FolderPair
from evaluation.clean import clean_features
from evaluation.features import compute_features
from evaluation.fid import random_features
from evaluation.images import list_pictures
from tests.evaluation.conftest import golden
from tests.evaluation.pictures import folder_of, mixed_folder

INCEPTION = ["fid", "clean-fid", "kid", "precision", "recall"]


def test_golden_folders(recipe_file: Path, tmp_path: Path) -> None:
    folders = golden("eval_inception_fid")["folders"]
    plain, clean = folders["pytorch_fid"]["2048"], folders["clean_fid_clean_mode"]
    fake, real = folder_of(tmp_path / "fake", 12), folder_of(tmp_path / "real", 14)
    metrics = ["fid", "clean-fid", "precision", "recall"]
    scores = evaluation.score(fake, real, metrics, inception=recipe_file)
    fid, clean_fid, precision, recall = (score.value for score in scores)
    assert fid == pytest.approx(plain["frechet_exact_lowrank_float32_network"], rel=3e-6)
    assert clean_fid == pytest.approx(clean["frechet_exact_lowrank"], rel=3e-6)
    assert precision == pytest.approx(plain["precision_recall_k3"]["precision"], rel=1e-6)
    assert recall == pytest.approx(plain["precision_recall_k3"]["recall"], rel=1e-6)
    score = scores[0]
    assert (score.n_fake, score.n_real, score.direction) == (12, 14, "lower")
    assert score.weights is not None
    assert [score.protocol for score in scores] == [
        f"pytorch-fid/v1[inception={score.weights[:8]}]",
        f"clean-fid/v1[inception={score.weights[:8]}]",
        f"precision-inception/v1[k=3 inception={score.weights[:8]}]",
        f"recall-inception/v1[k=3 inception={score.weights[:8]}]",
    ]
    assert "c9ce7f36" not in score.protocol  # other weights, another protocol


def test_batch_size_does_not_matter(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, real = folder_of(tmp_path / "fake", 7), folder_of(tmp_path / "real", 5)
    found = []
    for size in (1, 3, 16):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / f"cache{size}"))
        scores = evaluation.score(fake, real, INCEPTION, inception=recipe_file, batch_size=size)
        found.append([score.value for score in scores])
    np.testing.assert_allclose(found, [found[0]] * 3, rtol=1e-5)


def test_names_and_listing_order_do_not_matter_at_all(recipe_file: Path, tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 6), folder_of(tmp_path / "real", 5)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for i, path in enumerate(list_pictures(fake)):
        (renamed / f"{(5 * i) % 6}.png").write_bytes(path.read_bytes())
    names = [*INCEPTION, "fd-random"]
    one, two = (
        evaluation.score(folder, real, names, batch_size=4, inception=recipe_file) for folder in (fake, renamed)
    )
    assert one == two


def test_number_of_readers_does_not_matter_at_all(recipe_file: Path, tmp_path: Path) -> None:
    files = list_pictures(mixed_folder(tmp_path / "mixed"))
    pair = FolderPair.of(tmp_path / "mixed", tmp_path / "mixed", inception=recipe_file)
    for extractor in (random_features(pair), clean_features(pair)):
        one, many = (compute_features(files, extractor, 3, pair.report, workers) for workers in (1, 7))
        np.testing.assert_array_equal(one, many)


def test_fd_random_is_named_and_seeded(tmp_path: Path) -> None:
    fake, real = folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 4)
    (score,) = evaluation.score(fake, real, ["fd-random"])
    assert score.protocol == "fd-random/v1[seed=0]"
    assert score.weights is None
    assert evaluation.score(fake, real, ["fd-random"]) == [score]
    assert evaluation.score(real, real, ["fd-random"])[0].value < 1e-6 * score.value
