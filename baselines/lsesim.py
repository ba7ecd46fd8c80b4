"""LSeSim: FSeSim whose similarities are learned.

Zheng et al., The Spatially-Correlative Loss for Various Image Translation Tasks, CVPR 2021.
Official code: lyndonzheng/F-LSeSim, models/sc_model.py and models/losses.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from baselines.fsesim import FSeSim


class LSeSim(FSeSim):
    """FSeSim in features that are learned by contrast, with local windows and copies in other colours."""

    title = "LSeSim"
    equations = """
        heads: cross-entropy with which a place's map S(a) is found among those of a changed copy of a; G, D as FSeSim
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(FSeSim.Config):
        """``--learned_attn --augment``, with the window that the author advises for it."""

        patch_size: int = 32
        """side of the window a place is compared with; the whole feature map where the window is no smaller"""
        learned_attn: bool = True
        """learn, by contrast, a head on each feature in which similarity is measured"""
        augment: bool = True
        """contrast also a picture with its own copy in other colours"""
