"""Complete, atomic and verified checkpoints."""

from __future__ import annotations

import hashlib
import io
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import UserError
from methods.interface import Method

KEPT = 2
"""how many of the newest checkpoints stay on disk"""
DIGEST_BYTES = 32


def state_of(method: Method, step: int) -> dict[str, Any]:
    """Everything the rest of a run depends on: networks, image pools, optimisers, step, random generators.

    The order of the data and the learning rates are functions of the step and need no state of their own.
    """
    state: dict[str, Any] = {
        "step": step,
        "method": method.state_dict(),
        "optimizers": {name: optimizer.state_dict() for name, optimizer in method.optimizers.items()},
        "random": {"torch": torch.get_rng_state()},
    }
    if torch.cuda.is_available():
        state["random"]["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore(method: Method, state: dict[str, Any]) -> int:
    """Put ``state`` back; returns the step it was taken at."""
    method.load_state_dict(state["method"])
    for name, optimizer in method.optimizers.items():
        rates = [group["lr"] for group in optimizer.param_groups]
        optimizer.load_state_dict(state["optimizers"][name])
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate.copy_(group["lr"])  # the tensor that a captured step reads
    torch.set_rng_state(state["random"]["torch"])
    if "cuda" in state["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["random"]["cuda"])
    return int(state["step"])


def save(folder: Path, state: dict[str, Any], check: Callable[[], None] = lambda: None) -> Path:
    """Write a checkpoint beside, call ``check``, rename it, then drop all but the newest two.

    A process killed at any line leaves the previous checkpoints as they were. OSError (no space left, folder
    not writable) leaves them too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{state['step']:09d}.pt"
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    beside = folder / f".{path.name}.{os.getpid()}"
    try:
        with beside.open("wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        check()
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync(folder)
    drop_old(folder)
    return path


def drop_old(folder: Path) -> None:
    """Remove all checkpoints but the newest."""
    for old in checkpoints(folder)[:-KEPT]:
        old.unlink(missing_ok=True)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in ``folder``, oldest first."""
    return sorted(folder.glob("step-*.pt"))


def read(path: Path) -> dict[str, Any] | None:
    """The state in a checkpoint; None if the file is damaged. Never executes what the file holds."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def newest(folder: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, saying which damaged ones were passed over; None if there is none.

    Raises UserError if there are checkpoints and all of them are damaged: starting from nothing would
    silently throw the run away.
    """
    found = checkpoints(folder)
    for path in reversed(found):
        state = read(path)
        if state is not None:
            return state
        say(f"checkpoint {path.name} is damaged (its digest does not match); trying the one before")
    if found:
        raise UserError(f"every checkpoint in {folder} is damaged; delete that folder to train from the start")
    return None


def sync(folder: Path) -> None:
    """Make a rename in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seed_everything(seed: int) -> None:
    """Seed every generator a method could draw from."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global generator is what foreign code would use
    torch.manual_seed(seed)


def weights_sha256(method: Method) -> str:
    """A digest over the trained tensors, by name; two runs with equal digests have equal weights to the bit."""
    digest = hashlib.sha256()
    for name, parameter in sorted(method.named_parameters()):
        digest.update(name.encode())
        digest.update(to_bytes(parameter))
    return digest.hexdigest()


def to_bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().numpy().tobytes()
