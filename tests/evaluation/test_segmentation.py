"""DRN-D-22 and the three scores: golden figures, first_drn files, and what scores must not depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

import evaluation
from evaluation import EvaluationError
from evaluation.drn import bilinear_kernel
from evaluation.drn_weights import drn_weights, load_drn, read_drn
from evaluation.images import decode
from evaluation.segmentation import histogram, predict, scores_of
from evaluation.weights import tensor_digest
from harness.cli import main
from tests.check_golden import check_file, supported
from tests.conftest import ROOT
from tests.evaluation.pictures import smooth

NAMES = ("miou", "pixacc", "classacc")


@pytest.mark.parametrize(
    ("name", "place"),
    [("eval_drn_d_22", ("runs", 0, "argmax_histogram")), ("eval_seg_metrics", ("cases", 0, "hist_diag"))],
)
def test_one_wrong_pixel_is_found(name: str, place: tuple[Any, ...], tmp_path: Path) -> None:
    data = json.loads((ROOT / "tests" / "golden" / "evaluation" / f"{name}.json").read_text())
    at = data
    for step in place:
        at = at[step]
    at[2] += 1
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(data))
    report = check_file(path, supported())
    assert report is not None
    assert not report.ok


def test_scores_worked_out_by_hand() -> None:
    truth = np.array([[0, 0, 0, 1], [1, 2, 255, 255]], np.uint8)
    predicted = np.array([[0, 0, 1, 1], [1, 3, 0, 5]], np.uint8)
    scores = scores_of(histogram(truth, predicted))
    assert scores.pixacc == pytest.approx(100 * 4 / 6)
    assert scores.classacc == pytest.approx(100 * (2 / 3 + 1 + 0) / 3)  # classes 0, 1, 2 occur
    assert scores.miou == pytest.approx(100 * (2 / 3 + 2 / 3 + 0 + 0) / 4)  # and 3 was predicted


def test_the_kernel_that_enlarges_is_bilinear() -> None:
    kernel = bilinear_kernel()[0, 0]
    assert float(kernel.sum()) == 64
    assert kernel[0].tolist() == [value / 256 for value in (*range(1, 16, 2), *range(15, 0, -2))]


@pytest.fixture(scope="module")
def seen(first_drn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, and label maps that are what the network of ``first_drn`` sees in them, so that it is always right."""
    root = tmp_path_factory.mktemp("seen")
    network = load_drn(read_drn(first_drn), torch.device("cpu"))
    for folder in ("photos", "labels"):
        (root / folder).mkdir()
    photos = [root / "photos" / f"{i}_A.png" for i in range(5)]
    for i, path in enumerate(photos):
        Image.fromarray(smooth(f"photo/{i}", 64, 128)).save(path)
    # Seen at once, as scores see them: alone, a pixel between two classes may round to the other one.
    for i, classes in enumerate(predict(network, [decode(path) for path in photos], torch.device("cpu"))):
        Image.fromarray(classes).save(root / "labels" / f"{i}_labelTrainIds.png")
    return root


def score(root: Path, first_drn: Path, **options: Any) -> list[evaluation.Score]:
    fixed: dict[str, Any] = {"labels": root / "labels", "drn": first_drn, "drn_size": (128, 64)}
    return evaluation.score(root / "photos", root / "photos", NAMES, **fixed | options)


def test_a_network_is_right_about_what_it_sees(seen: Path, first_drn: Path) -> None:
    scores = score(seen, first_drn)
    assert [found.value for found in scores] == [100, 100, 100]
    protocol = scores[0].protocol
    assert protocol.startswith(
        f"drn-d-22/v1[drn={drn_weights(first_drn)[1][:8]} 128x64 photos=bicubic labels=nearest train-ids"
    )
    assert {found.protocol for found in scores} == {protocol}


def test_shuffled_label_maps_score_less(seen: Path, first_drn: Path) -> None:
    maps = sorted((seen / "labels").iterdir())
    shuffled = {f"{i}_A": maps[(i + 1) % len(maps)] for i in range(len(maps))}
    for real, wrong in zip(score(seen, first_drn), score(seen, first_drn, labels=shuffled), strict=True):
        assert wrong.value < real.value


@pytest.mark.usefixtures(
    "exact"
)  # first weights leave many pixels between two classes, where float32 rounds either way
def test_scores_do_not_depend_on_batches_order_and_names(seen: Path, first_drn: Path, tmp_path: Path) -> None:
    maps = sorted((seen / "labels").iterdir())
    shifted = {f"{i}_A": maps[(i + 1) % len(maps)] for i in range(len(maps))}
    expected = [found.value for found in score(seen, first_drn, labels=shifted)]
    for size in (1, 2):
        values = [found.value for found in score(seen, first_drn, labels=shifted, batch_size=size)]
        assert values == pytest.approx(expected, rel=1e-4)
    (tmp_path / "other").mkdir()
    renamed = {}
    for i, name in enumerate("zebra"):
        (tmp_path / "other" / f"{name}{i}.png").write_bytes((seen / "photos" / f"{i}_A.png").read_bytes())
        renamed[f"{name}{i}"] = shifted[f"{i}_A"]
    other = evaluation.score(
        tmp_path / "other", seen / "photos", NAMES, labels=renamed, drn=first_drn, drn_size=(128, 64)
    )
    assert [found.value for found in other] == pytest.approx(expected, rel=1e-4)


def test_both_layouts_of_weights_files(first_drn: Path, tmp_path: Path) -> None:
    state = torch.load(first_drn, weights_only=True)
    checkpoint = {"epoch": 250, "arch": "drn_d_22", "best_prec1": 68.0}
    prefixed = {f"module.{key}": value for key, value in state.items()}
    torch.save(checkpoint | {"state_dict": prefixed}, tmp_path / "checkpoint.pth.tar")
    old = {key: value for key, value in state.items() if "num_batches_tracked" not in key}
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state, tmp_path / "ours.safetensors")
    digests = {tensor_digest(read_drn(path)) for path in [first_drn, *tmp_path.iterdir()]}
    assert len(digests) == 1
    photo = smooth("x", 32, 32)
    seen = [
        predict(load_drn(read_drn(path), torch.device("cpu")), [photo], torch.device("cpu"))[0]
        for path in [first_drn, tmp_path / "old.pth"]
    ]
    assert (seen[0] == seen[1]).all()


def test_weights_are_looked_for_in_the_environment(first_drn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DRN", raising=False)
    with pytest.raises(EvaluationError, match=r"no weights of DRN-D-22 .* set HARNESS_DRN"):
        evaluation.scoring.check_ready(["miou"])
    monkeypatch.setenv("HARNESS_DRN", str(first_drn))
    evaluation.scoring.check_ready(["miou"])


def test_other_files_are_refused_in_one_line(first_drn: Path, tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 4, 3).state_dict(), tmp_path / "other.pth")
    with pytest.raises(EvaluationError, match=r"other.pth: weights of another network, \d+ tensors differ"):
        read_drn(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(EvaluationError, match=r"text.pth: cannot be read as weights of DRN-D-22"):
        read_drn(tmp_path / "text.pth")
    with pytest.raises(EvaluationError, match="no such file"):
        read_drn(tmp_path / "absent.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(EvaluationError, match="holds no weights by name"):
        read_drn(tmp_path / "list.pth")


def test_bad_input_is_one_line(seen: Path, first_drn: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="need the label maps of the pictures"):
        score(seen, first_drn, labels=None)
    with pytest.raises(EvaluationError, match="100x64: expected multiples of 8"):
        score(seen, first_drn, drn_size=(100, 64))
    (tmp_path / "labels").mkdir()
    for i in range(4):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "labels" / f"{i}_labelTrainIds.png")
    with pytest.raises(EvaluationError, match=r"4_A.png has none \(5 pictures, 4 label maps"):
        score(seen, first_drn, labels=tmp_path / "labels")
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / "labels" / "4_labelTrainIds.png")
    for i in range(4):
        Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / "labels" / f"{i}_labelTrainIds.png")
    with pytest.raises(EvaluationError, match="without a pixel of the 19 classes"):
        score(seen, first_drn, labels=tmp_path / "labels")


def test_on_the_command_line(
    first_drn: Path, seen: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_DRN", str(first_drn))
    photos, labels = str(seen / "photos"), str(seen / "labels")
    words = ["eval", photos, photos, "--metrics", ",".join(NAMES)]
    assert main([*words, "--labels", labels, "--json"]) == 0
    assert [score["metric"] for score in json.loads(capsys.readouterr().out)] == list(NAMES)
    assert main(words) == 2
    assert "label maps" in capsys.readouterr().err
