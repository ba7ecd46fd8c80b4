"""Adversarial objectives on raw scores."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from methods.config import GanMode

Mode = GanMode | Literal["ralsgan", "rahinge"]


def gan_loss(scores: Tensor, real: bool, mode: Mode = "lsgan", reference: Tensor | None = None) -> Tensor:
    """How far raw ``scores`` are from saying ``real`` (or fake), averaged to a scalar.

    The generator uses the same function with ``real=True`` on its fakes; so with ``hinge`` it minimises
    mean max(0, 1 - p) and not the usual -mean p, as the official code does. The two relativistic modes
    compare with the mean of ``reference``, the scores of the other kind of picture.

    Source: XiudingCai/EnCo-pytorch, models/networks.py, ``GANLoss``.
    """
    sign = 1.0 if real else -1.0
    if mode in ("ralsgan", "rahinge"):
        if reference is None:
            raise ValueError(f"gan_mode {mode} compares two sets of scores; only one was given")
        scores = scores - reference.mean()
    if mode in ("lsgan", "ralsgan"):
        return (scores - float(real)).square().mean()
    if mode in ("vanilla", "nonsaturating"):
        return F.softplus(-sign * scores).mean()
    if mode == "wgangp":
        return -sign * scores.mean()
    return F.relu(1 - sign * scores).mean()


def discriminator_loss(fake: Tensor, real: Tensor, mode: GanMode) -> Tensor:
    """Half the sum of both sides: what a discriminator minimises, from its scores of fake and real pictures."""
    return 0.5 * (gan_loss(fake, False, mode) + gan_loss(real, True, mode))
