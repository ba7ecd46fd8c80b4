"""Translation by networks that need certain sizes, or that behave otherwise in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor, nn


def translate_padded(net: Callable[[Tensor], Tensor], x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """``net(x)`` for pictures [B, C, H, W] of any size; the result has the size of ``x``.

    The last row and column are repeated until both sides are multiples of ``multiple`` and at least ``least``;
    the translation is cut to the size of ``x``. Pictures that fit already are passed as they are.
    """
    height, width = x.shape[-2:]
    down, right = (max(-(-side // multiple) * multiple, least) - side for side in (height, width))
    if not down and not right:
        return net(x)
    return net(F.pad(x, (0, right, 0, down), mode="replicate"))[..., :height, :width]


@contextmanager
def in_mode(net: nn.Module, training: bool) -> Iterator[None]:
    """Within the block ``net`` is in training (or evaluation) mode; afterwards in the mode it was in."""
    before = net.training
    net.train(training)
    try:
        yield
    finally:
        net.train(before)
