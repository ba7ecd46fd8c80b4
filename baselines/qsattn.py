"""QS-Attn: CUT whose deep layers compare significant patches, carried along by an attention matrix.

Hu et al., QS-Attn: Query-Selected Attention for Contrastive Learning in I2I Translation, CVPR 2022.
Official code: sapphire497/query-selected-attention, models/qs_model.py and models/networks_*.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.cut import CUT
from methods.nce import patch_nce, patches

Layout = Literal["intended", "official"]
"""how the positions and channels of a window are arranged; see ``QSAttn.differences``"""

CHUNK = 512
"""positions whose attention is held in memory at once while patches are selected"""


class QSAttn(CUT):
    """CUT, except which patches are compared in the last layers.

    There the source picture's features attend to each other. The positions whose attention is most
    concentrated (least entropy) are the anchors, and their rows of the attention matrix mix the features of
    the source and of the translation alike, so that the relations of the source are kept.
    """

    title = "QS-Attn"
    paper = "Hu et al., CVPR 2022"
    year = 2022
    equations = """
        G, heads: L_GAN + ½ (λ_NCE NCE(a, G(a)) + λ_NCE NCE(b, G(b))); D and L_GAN as CUT
        A = softmax(F Fᵀ) of the source's features F; anchors: the rows of least entropy −Σ A log A
        NCE: PatchNCE between A_anchors F of the translation and of the source
    """
    differences = (
        ("variant", "global, local and global + local are all published", "default global", "global; QS_mode"),
        (
            "keys of the local attention",
            "the features of the window around a position",
            "models/networks_local.py PatchSampleF: F.unfold's channel-major rows re-read as 49 x C without "
            "a transposition, which mixes channels and positions; also in networks_local_global.py",
            "as the paper; window_layout=official for the code",
        ),
        (
            "values of the local attention",
            "the features of the window around a position",
            "models/networks_local.py: windows of all patches are re-read as if they were one, so that the "
            "result mixes patches and depends on their order; at batch 1 the re-reading raises an error",
            "as the paper; window_layout=official for the code with the re-reading made to run",
        ),
        (
            "gradient through the attention",
            "not said",
            "models/networks_global.py: the attention is not detached, so the encoder also learns through the "
            "source picture",
            "the code; detach_attention=true cuts it",
        ),
        (
            "equal entropies",
            "not said",
            "an unstable sort; in float32 most attention rows of an untrained generator are one-hot and their "
            "entropies exactly 0, so the choice among them is arbitrary",
            "entropies are compared as logarithms, which do not run into 0, and sorted stably",
        ),
        (
            "encoder passes",
            "one for each picture compared",
            "models/qs_model.py forward: real_A is encoded once more and the result never used",
            "left out: no effect on the numbers, less time than the official code",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(CUT.Config):
        """Defaults of the official code."""

        QS_mode: Literal["global", "local", "local_global"] = "global"
        """attend to the whole picture, to a window, or select by the window and mix by the whole picture"""
        random_layers: int = 3
        """leading entries of nce_layers whose patches are drawn at random as in CUT; the others attend"""
        window: int = 7
        """side of the window of the local attention, odd"""
        window_layout: Literal["intended", "official"] = "intended"
        """official: channels and positions of a window mixed up as in the official code"""
        detach_attention: bool = False
        """cut the gradient through the attention matrix"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.window % 2 == 0:
                raise ValueError(f"window is {self.window}; expected an odd number")
            if self.random_layers < 0:
                raise ValueError(f"random_layers is {self.random_layers}; expected 0 or more")
            if self.flip_equivariance and not self.detach_attention:
                raise ValueError(
                    "flip_equivariance compares mirrored keys, which carry no gradient; set detach_attention=true"
                )

    config: Config

    def nce(self, name: str, queries: list[Tensor], keys: list[Tensor]) -> Tensor:
        """The PatchNCE term of one pair of pictures, averaged over patches and layers."""
        c = self.config
        terms = []
        for i, (layer, q, k) in enumerate(zip(c.nce_layers, queries, keys, strict=True)):
            if i < c.random_layers:
                n = q.shape[2] * q.shape[3]
                positions = self.draw.permutation(f"{name}/layer{layer}", n, q.device)[: c.num_patches]
                target, source = patches(q, positions), patches(k.detach(), positions)
            else:
                target, source = self.route(q, k)
            groups = 1 if c.nce_includes_all_negatives_from_minibatch else len(q)
            terms.append(patch_nce(self.F(target, i), self.F(source, i), groups, c.nce_T).mean())
        return c.lambda_NCE * torch.stack(terms).mean()

    def route(self, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """A_QS target and A_QS source: two [B, C, H, W] -> two [B*S, C], the second without gradient.

        A_QS, the attention rows of the S anchors, comes from ``source`` alone.
        """
        c = self.config
        with torch.autocast(source.device.type, enabled=False):  # products of a thousand need float32
            target, source = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (target, source))
            anchors = self.select(source.detach())
            x = source.detach() if c.detach_attention else source
            if c.QS_mode == "local":
                attention = window_scores(x, anchors, c.window, c.window_layout).softmax(2)
                values = [window_values(f, anchors, c.window, c.window_layout) for f in (target, source.detach())]
                routed = [(attention[:, :, None] @ values[0])[:, :, 0]]
                routed.append((attention.detach()[:, :, None] @ values[1])[:, :, 0])
            else:
                attention = global_scores(x, anchors).softmax(2)
                routed = [attention @ rows(target), attention.detach() @ rows(source.detach())]
        return routed[0].flatten(0, 1), routed[1].flatten(0, 1)

    def select(self, source: Tensor) -> Tensor:
        """The num_patches positions of least attention entropy, in ascending order: int64 [B, S]."""
        c = self.config
        every = torch.arange(source.shape[2] * source.shape[3], device=source.device)
        entropies = []
        for positions in torch.split(every.expand(len(source), -1), CHUNK, dim=1):
            if c.QS_mode == "global":
                scores = global_scores(source, positions)
            else:
                scores = window_scores(source, positions, c.window, c.window_layout)
            entropies.append(log_entropy(scores))
        return torch.cat(entropies, dim=1).argsort(dim=1, stable=True)[:, : c.num_patches]


def log_entropy(scores: Tensor) -> Tensor:
    """log H of the softmax of every row, H = sum_j A_j (-log A_j): [..., N] -> [...].

    The logarithm keeps rows apart whose entropy itself would be rounded to 0.
    """
    log_probability = scores.log_softmax(-1)
    return (log_probability + (-log_probability).log()).logsumexp(-1)


def rows(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, H*W, C], position = row*width + column."""
    return x.flatten(2).transpose(1, 2)


def global_scores(x: Tensor, positions: Tensor) -> Tensor:
    """Dot products of the features at ``positions`` [B, S] with those everywhere: [B, S, H*W]."""
    return patches(x, positions).reshape(*positions.shape, -1) @ x.flatten(2)


def window_scores(x: Tensor, positions: Tensor, side: int, layout: Layout) -> Tensor:
    """Dot products of the features at ``positions`` [B, S] with those in the window around: [B, S, side^2].

    Outside the picture features are 0.
    """
    keys = windows(x, positions, side)
    if layout == "official":
        keys = keys.transpose(2, 3).reshape(keys.shape)
    query = patches(x, positions).reshape(*positions.shape, -1)
    return (keys @ query[..., None])[..., 0]


def window_values(x: Tensor, positions: Tensor, side: int, layout: Layout) -> Tensor:
    """What the local attention at ``positions`` [B, S] mixes: [B, S, side^2, C]."""
    values = windows(x, positions, side)
    if layout == "official":
        b, s, n, c = values.shape
        # [B, S, C*n] swapped to [B, C*n, S] and then read on as if it still were patch by patch
        values = values.transpose(2, 3).reshape(b, s, c * n).transpose(1, 2).reshape(b, s, n, c)
    return values


def windows(x: Tensor, positions: Tensor, side: int) -> Tensor:
    """The features around ``positions`` [B, S], row by row, 0 outside the picture: [B, S, side^2, C]."""
    b, c, _, width = x.shape
    padded = F.pad(x, (side // 2,) * 4)
    line = padded.shape[3]
    step = torch.arange(side, device=x.device)
    corner = positions // width * line + positions % width
    index = corner[:, :, None] + (step[:, None] * line + step).flatten()
    picture = torch.arange(b, device=x.device)[:, None, None] * (padded.shape[2] * line)
    found = rows(padded).reshape(-1, c).index_select(0, (picture + index).flatten())
    return found.view(*index.shape, c)
