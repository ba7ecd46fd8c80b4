"""Small networks that map patches of features to a common space before they are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from methods.layers import L2Normalize

HeadNorm = Literal["BN", "LN", "none"]


class PatchHeads(nn.Module):
    """One two-layer MLP for each tapped layer: ``mlp_i``: C_i -> width -> width, then unit length.

    Source: taesungp/contrastive-unpaired-translation, models/networks.py, ``PatchSampleF``.
    """

    def __init__(self, channels: Sequence[int], width: int = 256) -> None:
        super().__init__()
        for i, c in enumerate(channels):
            mlp = nn.Sequential(nn.Linear(c, width), nn.ReLU(), nn.Linear(width, width))
            self.add_module(f"mlp_{i}", mlp)
        self.normalize = L2Normalize()

    def forward(self, rows: Tensor, i: int) -> Tensor:
        """Patches of tapped layer number ``i``: [R, C_i] -> [R, width], rows of unit length."""
        return self.normalize(self.get_submodule(f"mlp_{i}")(rows))


class EnCoHeads(nn.Module):
    """Projection h_i (``mlp_i``) and prediction g_i (``prj_i``) of every stage (EnCo, Fig. 2).

    The projection is shared between the encoder and the decoder feature of a stage. Batch norms run over the
    rows of one call, so queries and keys are normalised separately.

    Source: XiudingCai/EnCo-pytorch, models/networks.py, ``PatchSampleWithDAGF``.
    """

    def __init__(self, channels: Sequence[int], width: int = 256, norm: HeadNorm = "BN") -> None:
        super().__init__()
        for i, c in enumerate(channels):
            project = nn.Sequential(
                nn.Linear(c, width, bias=False),
                head_norm(norm, width),
                nn.ReLU(inplace=True),
                nn.Linear(width, width, bias=False),
                head_norm(norm, width, affine=False),
            )
            predict = nn.Sequential(
                nn.Linear(width, width // 2, bias=False),
                head_norm(norm, width // 2),
                nn.ReLU(inplace=True),
                nn.Linear(width // 2, width),
            )
            self.add_module(f"mlp_{i}", project)
            self.add_module(f"prj_{i}", predict)
        self.normalize = L2Normalize()

    def project(self, rows: Tensor, i: int) -> Tensor:
        """h_i: [R, C_i] -> [R, width]."""
        return self.get_submodule(f"mlp_{i}")(rows)

    def predict(self, rows: Tensor, i: int) -> Tensor:
        """g_i: [R, width] -> [R, width]."""
        return self.get_submodule(f"prj_{i}")(rows)


def head_norm(norm: HeadNorm, width: int, affine: bool = True) -> nn.Module:
    """The norm behind a linear layer of a head; a layer norm is always affine, as in the official code."""
    if norm == "BN":
        return nn.BatchNorm1d(width, affine=affine)
    if norm == "LN":
        return nn.LayerNorm(width)
    return nn.Identity()
