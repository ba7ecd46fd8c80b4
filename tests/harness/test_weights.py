"""``harness weights``: what is here with its digest, what is not, and what a broken file is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from evaluation.inception import expected_shapes
from evaluation.weights import tensor_digest as inception_digest
from harness.cli import main
from methods.vgg import shapes
from methods.vgg_files import weights_file
from methods.vgg_weights import TORCHVISION_SHA256, tensor_digest


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty cache folders; no file named."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("HARNESS_INCEPTION", "HARNESS_VGG16", "HARNESS_DRN"):
        monkeypatch.delenv(name, raising=False)


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["weights"]) == 0
    return {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}


def test_nothing_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listed(capsys)
    assert list(lines) == ["name", "inception", "vgg16-torchvision", "vgg16-oxford", "drn-d-22"]
    assert lines["vgg16-oxford"].endswith("not here          harness weights fetch vgg16-oxford (61 MB)")
    assert lines["drn-d-22"].endswith("not here          harness drn train --dataset toy-cityscapes")
    assert lines["vgg16-torchvision"].endswith("harness weights fetch vgg16-torchvision (528 MB)")


def test_what_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of the cache folder and a file of the user's, each with the digest of its tensors."""
    vgg = {key: torch.zeros(shape) for key, shape in shapes().items()}
    kept = weights_file("torchvision")
    kept.parent.mkdir(parents=True)
    said = {"source": TORCHVISION_SHA256, "digest": tensor_digest(vgg)}
    kept.write_bytes(safetensors.torch.save(vgg, said))
    inception = {key: torch.zeros(shape) for key, shape in expected_shapes().items()}
    named = tmp_path / "inception.safetensors"
    safetensors.torch.save_file(inception, named)
    monkeypatch.setenv("HARNESS_INCEPTION", str(named))
    lines = listed(capsys)
    assert lines["vgg16-torchvision"].split()[-2:] == [tensor_digest(vgg)[:16], str(kept)]
    assert lines["inception"].split()[-2:] == [inception_digest(inception)[:16], str(named)]
    assert "not here" in lines["vgg16-oxford"]
    assert main(["weights", "fetch", "vgg16"]) == 0, "already here: nothing is fetched"
    assert tensor_digest(vgg) in capsys.readouterr().out


def test_a_file_that_is_named_and_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "vgg16.pth"
    broken.write_bytes(b"nothing")
    monkeypatch.setenv("HARNESS_VGG16", str(broken))
    assert "not a weights file of VGG16" in listed(capsys)["vgg16-oxford"]
    assert main(["weights", "fetch", "vgg16-oxford"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"harness weights: {broken}: not a weights file of VGG16")
    assert error.count("\n") == 0
