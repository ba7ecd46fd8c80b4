"""MoNCE: CUT whose negatives push with weights found by optimal transport.

Zhan et al., Modulated Contrast for Versatile Image Synthesis, CVPR 2022.
Official code: fnzhan/MoNCE, folder CUT_MoNCE, models/cut_model.py and models/monce.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.cut import CUT
from methods.nce import patches
from methods.sinkhorn import sinkhorn


class MoNCE(CUT):
    """CUT, except that every negative patch is weighted by how similar it is to the anchor.

    The weights of all anchors of a picture are one transport plan, so that each anchor hands out, and each
    negative receives, the same total weight.
    """

    title = "MoNCE"
    paper = "Zhan et al., CVPR 2022"
    year = 2022
    equations = """
        G, heads: L_GAN + ½ (λ_NCE MoNCE(a, G(a)) + λ_NCE MoNCE(b, G(b))); D and L_GAN as CUT
        MoNCE: −log(e^(c_ii/τ) / (e^(c_ii/τ) + Σ_j f_ij e^(c_ij/τ))), c the cosines, f_ij = (N − 1) w_ij neg_term_weight
        w: the plan of Sinkhorn with kernel e^(c/ε) (hard) or e^((1 − c)/ε) (easy), rows and columns of sum 1
    """
    differences = (
        (
            "transport cost",
            "sum of w_ij exp(x_i . y_j / beta) is minimised, which spares similar pairs",
            "fnzhan/MoNCE, models/sinkhorn.py OT: kernel exp(+-c/eps) of the similarity itself, no beta",
            "the code; cost_type=easy weighs as the paper's formula does",
        ),
        (
            "which negatives weigh more in unpaired translation",
            "not read",
            "cost_type defaults to hard: the similar ones",
            "hard; cost_type",
        ),
        (
            "eps",
            "not read",
            "default 1.0; the script train_horse2zebra.sh uses 0.1, which spreads the weights far more",
            "1.0; eps=0.1 for the script",
        ),
        (
            "batch size",
            "not read",
            "default 1, every shipped script 12: a twelfth of the updates at the same learning rate",
            "1, as for CUT",
        ),
        (
            "gradient through the weights",
            "not read",
            "models/monce.py MoNCELoss: the anchor is not detached, all 50 sweeps are differentiated",
            "the code; detach_plan=true cuts it",
        ),
        (
            "mean weight of a negative",
            "not read",
            "scaled by the option num_patches even where a layer has fewer positions",
            "the code",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(CUT.Config):
        """Defaults of the official code."""

        cost_type: Literal["hard", "easy"] = "hard"
        """hard: negatives similar to the anchor weigh more; easy: dissimilar ones do"""
        eps: float = 1.0
        """entropic regularisation of the transport; the smaller, the more the weights differ"""
        neg_term_weight: float = 1.0
        """mean weight of a negative"""
        sinkhorn_sweeps: int = 50
        """row-and-column scalings by which the transport plan is found"""
        detach_plan: bool = False
        """cut the gradient through the weights"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.eps < 0.025:
                raise ValueError(f"eps is {self.eps}; expected at least 0.025, so that exp(2/eps) is a float32")
            if self.sinkhorn_sweeps < 1:
                raise ValueError(f"sinkhorn_sweeps is {self.sinkhorn_sweeps}; expected at least 1")

    config: Config

    def nce(self, name: str, queries: list[Tensor], keys: list[Tensor]) -> Tensor:
        """The modulated contrast of one pair of pictures, averaged over patches and layers."""
        c = self.config
        groups = 1 if c.nce_includes_all_negatives_from_minibatch else len(queries[0])
        pairs = []
        for i, (layer, q, k) in enumerate(zip(c.nce_layers, queries, keys, strict=True)):
            n = q.shape[2] * q.shape[3]
            positions = self.draw.permutation(f"{name}/layer{layer}", n, q.device)[: c.num_patches]
            pairs.append((self.F(patches(q, positions), i), self.F(patches(k.detach(), positions), i)))
        terms = []
        for rows in sorted({len(q) for q, _ in pairs}):
            # Layers with equally many patches share the sweeps: these are many small operations.
            same = [pair for pair in pairs if len(pair[0]) == rows]
            query, key = (torch.cat(side) for side in zip(*same, strict=True))
            loss = modulated_nce(query, key, groups * len(same), c)
            terms.append(loss.reshape(len(same), rows).mean(1))
        return c.lambda_NCE * torch.cat(terms).mean()


def modulated_nce(query: Tensor, key: Tensor, groups: int, config: MoNCE.Config) -> Tensor:
    """The loss of every row, as ``methods.nce.patch_nce`` with weighted negatives: [R, C], [R, C] -> [R].

    -log( e^{c_ii/T} / ( e^{c_ii/T} + sum_{j != i} f_ij e^{c_ij/T} ) ) with c_ij the similarity of row i of
    ``query`` and row j of ``key``, and f_ij = (num_patches - 1) neg_term_weight plan_ij.

    Source: fnzhan/MoNCE, CUT_MoNCE/models/monce.py, ``MoNCELoss``.
    """
    c = config
    q, k = (x.reshape(groups, -1, x.shape[1]) for x in (query, key.detach()))
    similarity = torch.bmm(q, k.transpose(1, 2))  # [groups, N, N]
    positive = (q * k).sum(-1, keepdim=True)
    plan = transport_plan(similarity.detach() if c.detach_plan else similarity, c.cost_type, c.eps, c.sinkhorn_sweeps)
    weight = plan * (c.num_patches - 1) * c.neg_term_weight + 1e-8
    negatives = (similarity + c.nce_T * weight.log()).masked_fill(diagonal(plan), -10.0)
    logits = torch.cat((positive, negatives), dim=2).flatten(0, 1) / c.nce_T
    target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return F.cross_entropy(logits, target, reduction="none")


def transport_plan(similarity: Tensor, cost_type: Literal["hard", "easy"], eps: float, sweeps: int) -> Tensor:
    """How much weight each row (anchor) gives to each column (negative): [G, N, N] -> [G, N, N].

    Rows and columns sum to 1. An anchor gives its own positive next to nothing (kernel exp(-10/eps)).
    """
    # Half precision would neither hold exp(c/eps) nor let the sweeps converge.
    similarity = similarity.to(torch.promote_types(similarity.dtype, torch.float32))
    gain = similarity if cost_type == "hard" else 1 - similarity
    return sinkhorn((gain.masked_fill(diagonal(gain), -10.0) / eps).exp(), sweeps)


def diagonal(square: Tensor) -> Tensor:
    """Where row and column of ``square`` [..., N, N] are the same: bool [N, N]."""
    return torch.eye(square.shape[-1], dtype=torch.bool, device=square.device)
