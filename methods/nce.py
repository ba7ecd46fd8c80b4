"""Patches of features and the contrast between them (CUT, section 3)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def patches(feature: Tensor, positions: Tensor) -> Tensor:
    """The feature vectors at ``positions``: [B, C, H, W] and int64 [S] (or [B, S]) -> [B*S, C], picture-major.

    A "patch" is one position of a feature map, its receptive field in the picture; a position is
    row*width + column.
    """
    b, c = feature.shape[:2]
    flat = feature.flatten(2)
    if positions.dim() == 1:
        return flat.index_select(2, positions).transpose(1, 2).reshape(-1, c)
    index = positions.unsqueeze(1).expand(b, c, -1)
    return flat.gather(2, index).transpose(1, 2).reshape(-1, c)


def patch_nce(
    query: Tensor, key: Tensor, groups: int, temperature: float, similarity: Literal["dot", "cosine"] = "dot"
) -> Tensor:
    """The PatchNCE loss of every row (CUT, eq. 3): [R, C] and [R, C] -> [R].

    Row r of ``query`` is to be recognised among the rows of ``key`` of its group; row r of ``key`` is the
    positive, the other rows of the group are negatives. No gradient flows to ``key``.

    Args:
        groups: R is cut into this many equal groups; the batch size keeps negatives within a picture, 1 takes
            them from the whole batch.
        similarity: ``dot`` compares the rows as they are (CUT), ``cosine`` at exact unit length (DCLGAN).

    Source: taesungp/contrastive-unpaired-translation, models/patchnce.py, ``PatchNCELoss``. There the
    positive stands in front and its copy among the negatives is overwritten with -10; so it is here.
    ``cosine``: the class of that name of JunlinHan/DCLGAN.
    """
    if similarity == "cosine":
        query, key = F.normalize(query, dim=1, eps=1e-8), F.normalize(key, dim=1, eps=1e-8)
    q = query.reshape(groups, -1, query.shape[1])
    k = key.detach().reshape(groups, -1, key.shape[1])
    among = torch.bmm(q, k.transpose(1, 2))  # [groups, S, S]
    positive = (q * k).sum(-1, keepdim=True)
    itself = torch.eye(among.shape[1], dtype=torch.bool, device=query.device)
    logits = torch.cat((positive, among.masked_fill(itself, -10.0)), dim=2).flatten(0, 1) / temperature
    target = torch.zeros(logits.shape[0], dtype=torch.long, device=query.device)
    return F.cross_entropy(logits, target, reduction="none")
