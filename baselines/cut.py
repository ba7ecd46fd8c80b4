"""CUT and FastCUT: content kept by contrasting patches of the picture and of its translation.

Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, ECCV 2020.
Official code: taesungp/contrastive-unpaired-translation, models/cut_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from methods.config import ResnetGanConfig
from methods.discriminators import discriminator
from methods.gan import gan_loss
from methods.generators import resnet_generator
from methods.heads import PatchHeads
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.nce import patch_nce, patches


class CUT(Method):
    """A patch of the translation must be recognised among patches of the source, at the same place.

    The generator's own encoder makes the features; an MLP for each layer brings them to a common space.
    """

    title = "CUT"
    paper = "Park et al., ECCV 2020"
    year = 2020
    equations = """
        G, heads: L_GAN + ½ (λ_NCE PatchNCE(a, G(a)) + λ_NCE PatchNCE(b, G(b)))   (eq. 5, no half there)
        PatchNCE: mean over layers and patches of −log softmax(q · k / τ) at the patch of the same place   (eq. 2-3)
        D: ½ mean D(G(a))² + ½ mean (D(b) − 1)²; L_GAN = mean (D(G(a)) − 1)²   (eq. 1, logarithms there)
    """
    differences: ClassVar[tuple[tuple[str, str, str, str], ...]] = (
        ("learning rate", "0.002", "0.0002", "the code; lr"),
        (
            "first layer compared",
            "RGB pixels",
            "layer 0, the reflection-padded picture: pixels near the border are sampled more often",
            "the code",
        ),
        (
            "receptive field of the PatchGAN",
            "70x70",
            "84x84 with antialiased downsampling",
            "the code; no_antialias=true gives 70x70",
        ),
        ("the positive among the negatives", "masked with -infinity", "replaced by -10", "the code (equal to 1e-62)"),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ResnetGanConfig):
        """Defaults of the official code."""

        nce_layers: tuple[int, ...] = (0, 4, 8, 12, 16)
        """generator layers whose features are compared"""
        lambda_NCE: float = 1.0
        """weight of the contrastive terms; 0 switches them off"""
        nce_idt: bool = True
        """also contrast B with its translation by the same generator (identity)"""
        nce_T: float = 0.07
        """temperature that divides the similarities"""
        num_patches: int = 256
        """patches compared for each layer"""
        netF_nc: int = 256
        """width of the common space"""
        nce_includes_all_negatives_from_minibatch: bool = False
        """take negatives from all pictures of the batch, not only from the same picture"""
        flip_equivariance: bool = False
        """mirror the input with probability 0.5 and mirror the features back before they are compared"""
        lr: float = 2e-4
        """learning rate of all networks"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.nce_layers or self.num_patches < 1 or self.nce_T <= 0:
                raise ValueError("nce_layers, num_patches and nce_T must not be empty or 0")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        self.G = resnet_generator(c)
        self.D = discriminator(c)
        self.F = PatchHeads([self.G.channels(layer) for layer in c.nce_layers], c.netF_nc)
        for net in (self.G, self.D, self.F):
            init_weights(net, c.init_type, c.init_gain)
        self.adam("D", self.D.parameters(), c.lr, (c.beta1, c.beta2))
        self.adam("G", self.G.parameters(), c.lr, (c.beta1, c.beta2))
        self.adam("F", self.F.parameters(), c.lr, (c.beta1, c.beta2))

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch
        n = len(a)
        real = torch.cat((a, b)) if c.nce_idt else a
        mirror = self.draw.coin("flip", a.device) if c.flip_equivariance else None

        # One pass translates A (and B). Its features of the real pictures are the keys: the generator does
        # not change before they are compared, so encoding them again would give the same numbers.
        y, keys = self.G.tapped(flip_if(mirror, real), c.nce_layers)
        fake = y[:n]
        if mirror is not None:  # the keys belong to the picture as it is
            with torch.no_grad():
                keys = self.G.encode(real, c.nce_layers)

        self.D.requires_grad_(True)
        on_fake, on_real = self.D(torch.cat((fake.detach(), b))).split((n, len(b)))
        d_fake, d_real = gan_loss(on_fake, False, c.gan_mode), gan_loss(on_real, True, c.gan_mode)
        d_total = 0.5 * (d_fake + d_real)
        minimise(d_total, self.optimizers["D"])

        self.D.requires_grad_(False)
        g_gan = c.lambda_GAN * gan_loss(self.D(fake), True, c.gan_mode)
        losses = {"G_GAN": g_gan}
        if c.lambda_NCE > 0:
            queries = [flip_if(mirror, q) for q in self.G.encode(y, c.nce_layers)]
            losses["NCE"] = self.nce("NCE", [q[:n] for q in queries], [k[:n] for k in keys])
            if c.nce_idt:
                losses["NCE_Y"] = self.nce("NCE_Y", [q[n:] for q in queries], [k[n:] for k in keys])
        terms = [losses[name] for name in ("NCE", "NCE_Y") if name in losses]
        g_total = g_gan + torch.stack(terms).mean() if terms else g_gan
        minimise(g_total, self.optimizers["G"], self.optimizers["F"])
        return detached(G=g_total, **losses, D=d_total, D_fake=d_fake, D_real=d_real)

    def nce(self, name: str, queries: list[Tensor], keys: list[Tensor]) -> Tensor:
        """The PatchNCE term of one pair of pictures, averaged over patches and layers (eq. 3-4)."""
        c = self.config
        terms = []
        for i, (layer, q, k) in enumerate(zip(c.nce_layers, queries, keys, strict=True)):
            n = q.shape[2] * q.shape[3]
            positions = self.draw.permutation(f"{name}/layer{layer}", n, q.device)[: c.num_patches]
            query = self.F(patches(q, positions), i)
            key = self.F(patches(k.detach(), positions), i)
            groups = 1 if c.nce_includes_all_negatives_from_minibatch else len(q)
            terms.append(patch_nce(query, key, groups, c.nce_T).mean())
        return c.lambda_NCE * torch.stack(terms).mean()

    def translate(self, a: Tensor) -> Tensor:
        return self.G(a)


class FastCUT(CUT):
    """CUT without the identity term, with a heavier contrastive term and flip equivariance."""

    title = "FastCUT"
    equations = """
        G, heads: L_GAN + 10 PatchNCE(a, G(a)); D, L_GAN and PatchNCE as CUT   (eq. 5 with λ_Y = 0)
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(CUT.Config):
        """Defaults of ``--CUT_mode FastCUT``."""

        n_epochs: int = 150
        """epochs with the full learning rate"""
        n_epochs_decay: int = 50
        """epochs over which the learning rate falls linearly towards zero"""
        lambda_NCE: float = 10.0
        """weight of the contrastive term; 0 switches it off"""
        nce_idt: bool = False
        """also contrast B with its translation by the same generator (identity)"""
        flip_equivariance: bool = True
        """mirror the input with probability 0.5 and mirror the features back before they are compared"""


def flip_if(mirror: Tensor | None, x: Tensor) -> Tensor:
    """``x`` mirrored along its width where the coin ``mirror`` says so, decided on the device."""
    return x if mirror is None else torch.where(mirror, x.flip(3), x)
