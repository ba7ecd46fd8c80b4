"""Losses and samples for TensorBoard, an extra: ``pip install 'unpaired-harness[tensorboard]'``."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from harness.errors import UserError


def check_installed() -> None:
    """UserError unless the package tensorboard is here."""
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs the package tensorboard: pip install tensorboard")


class Writer:
    """Event files in the folder ``tensorboard`` of a run."""

    def __init__(self, folder: Path) -> None:
        check_installed()
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder))

    def losses(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(f"loss/{name}", value, step)

    def picture(self, path: Path, step: int) -> None:
        pixels = np.asarray(Image.open(path))
        self.writer.add_image("samples", pixels, step, dataformats="HWC")
        self.writer.flush()
