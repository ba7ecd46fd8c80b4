"""Entropy-regularised optimal transport by Sinkhorn's alternating scaling (Cuturi, NeurIPS 2013)."""

from __future__ import annotations

import torch
from torch import Tensor


def sinkhorn(kernel: Tensor, sweeps: int) -> Tensor:
    """The transport plans diag(u) K diag(v) of positive matrices, all marginals one: [G, N, N] -> [G, N, N].

    Starts at v = 1 and sets, ``sweeps`` times, u = 1/(K v) and then v = 1/(K' u). So columns sum to 1 exactly
    and rows as closely as the iteration has converged. Gradients flow through every sweep.

    Source: fnzhan/MoNCE, CUT_MoNCE/models/sinkhorn.py, ``OT``.
    """
    u = v = torch.ones_like(kernel[:, 0])
    for _ in range(sweeps):
        # A product and a sum: for small matrices several times faster than batched matrix-vector products.
        u = 1 / (kernel * v[:, None]).sum(2)
        v = 1 / (kernel * u[:, :, None]).sum(1)
    return u[:, :, None] * kernel * v[:, None]
