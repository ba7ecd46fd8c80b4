"""Where the weights of VGG16 lie on this machine. Imports no torch, opens no file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

VggKind = Literal["torchvision", "oxford"]
"""two trainings of the same network: torchvision's, and the original of Oxford (in Caffe)"""
ENVIRONMENT = "HARNESS_VGG16"
"""the variable that names a weights file"""
TORCHVISION_FILE = "vgg16-397923af.pth"
"""torchvision's file, as torch's hub cache names it"""


def weights_file(kind: VggKind) -> Path:
    """Where the weights are kept once found; the file need not exist yet.

    Raises:
        FileNotFoundError: this user has no home folder.
    """
    if own := os.environ.get("HARNESS_CACHE"):
        folder = Path(own).expanduser()
    elif xdg := os.environ.get("XDG_CACHE_HOME"):
        folder = Path(xdg).expanduser() / "unpaired-harness"
    else:
        try:
            folder = Path.home() / ".cache" / "unpaired-harness"
        except RuntimeError:
            message = "this user has no home folder for the cache: set HARNESS_CACHE to a folder"
            raise FileNotFoundError(message) from None
    return folder.absolute() / "weights" / f"vgg16-{kind}.safetensors"


def hub_file() -> Path:
    """Where torch's hub puts torchvision's file (torch.hub.get_dir)."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("TORCH_HOME") or caches / "torch")
    return home.expanduser() / "hub" / "checkpoints" / TORCHVISION_FILE


def kinds_here() -> set[VggKind]:
    """The trainings that lie in our cache or torch's. A file that the user named counts as either: what it holds is
    seen when it is read."""
    if os.environ.get(ENVIRONMENT):
        return {"torchvision", "oxford"}
    kinds: tuple[VggKind, ...] = ("torchvision", "oxford")
    found = {kind for kind in kinds if weights_file(kind).is_file()}
    return found | {"torchvision"} if hub_file().is_file() else found
