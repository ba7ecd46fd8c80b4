"""SimDCL: DCLGAN with one more tie between the real and the translated pictures of a domain.

Han et al., Dual Contrastive Learning for Unsupervised Image-to-Image Translation, CVPR Workshops 2021.
Official code: JunlinHan/DCLGAN, models/simdcl_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from baselines.dclgan import DCLGAN
from baselines.dclgan_networks import LightNetwork, project, stacked
from methods.init import init_weights
from methods.interface import ImageShape, Losses


class SimDCL(DCLGAN):
    """DCLGAN whose real and translated pictures of one domain must also look alike as a whole.

    A light network for each of real A (F3), translated B (F4), real B (F5) and translated A (F6) turns a
    picture's projected patches of all layers into 64 numbers; those of a domain are pulled together.
    """

    title = "SimDCL"
    equations = """
        DCLGAN's + λ_SIM (|H_a(a) − H_a'(G_B(b))| + |H_b(b) − H_b'(G_A(a))|), H small heads on projected features
    """
    differences = (
        (
            "weight of the contrast",
            "2",
            "models/simdcl_model.py: 2 in the first release; since 2021-04-12 lambda_NCE is not applied",
            "2; lambda_NCE=1 for the current code",
        ),
        (
            "similarity",
            "L1 norm, summed",
            "L1Loss('sum'): the word falls into a deprecated argument, so the mean over 64 values is taken",
            "the mean, as in all releases; the sum is lambda_SIM=640",
        ),
        ("epochs", "200 (100 + 100)", "200 + 200", "the paper; n_epochs, n_epochs_decay"),
        (
            "batch and picture size",
            "batch 1",
            "shape errors unless batch 1, num_patches 256, netF_nc 256 and pictures of at least 64x64",
            "any: one vector a picture; in small pictures as many rows of each layer as the smallest layer has",
        ),
        ("everything else", "as DCLGAN", "as DCLGAN", "see DCLGAN"),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(DCLGAN.Config):
        """Values of the paper."""

        n_epochs: int = 100
        """epochs with the full learning rate"""
        n_epochs_decay: int = 100
        """epochs over which the learning rate falls linearly towards zero"""
        lambda_SIM: float = 10.0
        """weight of the similarity of real and translated pictures"""
        lr: float = 2e-4
        """learning rate of generators and discriminators"""
        lr_F: float = 2e-4
        """learning rate of the heads and of the light networks"""
        beta1_F: float = 0.5
        """first Adam coefficient of the heads"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.num_patches < 3 or self.netF_nc < 3:
                raise ValueError("num_patches and netF_nc must be at least 3, for a 3x3 convolution runs over them")

    config: Config

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        c = config
        self.F3, self.F4, self.F5, self.F6 = (LightNetwork(len(c.nce_layers)) for _ in range(4))
        for net in (self.F3, self.F4, self.F5, self.F6):
            init_weights(net, c.init_type, c.init_gain)
        heads = (self.F1, self.F2, self.F3, self.F4, self.F5, self.F6)
        self.adam("F", [p for net in heads for p in net.parameters()], c.lr_F, (c.beta1_F, c.beta2_F))

    def content(self, features_a: list[Tensor], features_b: list[Tensor], fake_a: Tensor, fake_b: Tensor) -> Losses:
        """NCE1, NCE2 and Sim. Sim differentiates the keys, and looks at the translations at positions of its own."""
        c, n = self.config, len(fake_b)
        encoded_b, encoded_a = self.G_B.encode(fake_b, c.nce_layers), self.G_A.encode(fake_a, c.nce_layers)
        ids = self.positions("NCE1", features_a)
        real_a = project(self.F1, features_a, ids)
        nce1 = self.nce(project(self.F2, encoded_b, ids), real_a, n)
        translated_b = project(self.F2, encoded_b, self.positions("SIM_q1", encoded_b))
        ids = self.positions("NCE2", features_b)
        real_b = project(self.F2, features_b, ids)
        nce2 = self.nce(project(self.F1, encoded_a, ids), real_b, n)
        translated_a = project(self.F1, encoded_a, self.positions("SIM_q2", encoded_a))
        apart_a = (self.F3(stacked(real_a, n)) - self.F6(stacked(translated_a, n))).abs().mean()
        apart_b = (self.F5(stacked(real_b, n)) - self.F4(stacked(translated_b, n))).abs().mean()
        return {"NCE1": nce1, "NCE2": nce2, "Sim": c.lambda_SIM * (apart_a + apart_b)}

    def objective(self, losses: Losses) -> Tensor:
        """As DCLGAN, plus Sim, which is not halved."""
        return super().objective({k: v for k, v in losses.items() if k != "Sim"}) + losses["Sim"]
