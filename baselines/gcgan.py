"""GcGAN: translating a turned picture must give the turned translation.

Fu et al., Geometry-Consistent Generative Adversarial Networks for One-Sided Unsupervised Domain Mapping, CVPR 2019.
Official code: hufu6371/GcGAN, models/gc_gan_*_model.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.config import ResnetGanConfig, check_minimum
from methods.discriminators import discriminator
from methods.gan import gan_loss
from methods.generators import resnet_generator
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.pool import ImagePool
from methods.schedule import linear_decay


class GcGAN(Method):
    """One generator, whose translation must commute with a geometric transform.

    Translations of turned pictures have a discriminator of their own, which sees turned pictures of B.
    """

    title = "GcGAN"
    paper = "Fu et al., CVPR 2019"
    year = 2019
    equations = """
        G: L_GAN(G, a) + L_GAN(G, T(a)) + λ_AB λ_gc L_gc + identity
        L_gc = |G(a) − T⁻¹(G(T(a)))| + |G(T(a)) − T(G(a))|, each leading only its first side
        identity: λ_AB identity (|G(b) − b| + |G(T(b)) − T(b)|)
        D, D_gc: ½ mean D(fake)² + ½ mean (D(real) − 1)², fakes from a pool
    """
    differences = (
        (
            "generators",
            "two translators, G_XY and G~",
            "one generator for both by default (gc_gan_share); the README takes two (gc_gan_cross) for horse2zebra "
            "and summer2winter",
            "one; variant=cross for two",
        ),
        (
            "geometry-consistency loss",
            "one L1 distance for each picture",
            "two, each with one side detached (get_gc_rot_loss): twice the value, the same gradient",
            "the code",
        ),
        (
            "dropout in the generator",
            "not said",
            "on unless --no_dropout, which every command of the README gives",
            "none",
        ),
        (
            "start of the decay",
            "-",
            "epoch 100, so that epoch 200 trains with rate 0 (get_scheduler)",
            "the code; early_decay=false for the other",
        ),
        (
            "biases at the start",
            "not said",
            "weights xavier with gain 0.02, biases as PyTorch draws them (weights_init_xavier)",
            "the code",
        ),
        (
            "picture size on Cityscapes",
            "-",
            "cut to 128x128 at batch 12 with six residual blocks, tested at 144x144",
            "that of the run; netG=resnet_6blocks for the other",
        ),
        (
            "transforms of gan_alone",
            "-",
            "always rot (GANAloneModel)",
            "what geometry says",
        ),
        (
            "mix_random",
            "-",
            "the transform not drawn has no part in the step (GcGANMixRandomModel)",
            "its terms have weight 0, so that every step is the same graph; Adam's momentum still moves its "
            "discriminator, as under PyTorch before 2.0",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ResnetGanConfig):
        """Defaults of the official code, without dropout."""

        n_epochs: int = 100
        """epochs with the full learning rate"""
        n_epochs_decay: int = 100
        """epochs over which the learning rate falls linearly towards zero"""
        early_decay: bool = True
        """start the decay one epoch earlier, as the official code does; its last epoch has rate 0"""
        no_antialias: bool = True
        """strided convolutions instead of blurred downsampling (Zhang, ICML 2019)"""
        no_antialias_up: bool = True
        """transposed convolutions instead of blurred upsampling"""
        variant: Literal["share", "cross", "mix", "mix_random", "gan_alone"] = "share"
        """share: one generator; cross: another one for turned pictures; mix: both transforms in each step;
        mix_random: one of the two, drawn in each step; gan_alone: no consistency term"""
        geometry: Literal["rot", "vf"] = "rot"
        """transform, where the variant has a single one: a clockwise quarter turn, or a vertical flip"""
        lambda_GAN: float = 1.0
        """weight of the adversarial terms (official lambda_G)"""
        lambda_AB: float = 10.0
        """common factor of the consistency and the identity terms"""
        lambda_gc: float = 2.0
        """weight of the geometry consistency relative to lambda_AB"""
        identity: float = 0.5
        """weight of the identity terms relative to lambda_AB; 0 switches them off"""
        pool_size: int = 50
        """past translations kept for each discriminator; 0: it sees the current ones only"""
        lr: float = 2e-4
        """learning rate of all networks"""

        def __post_init__(self) -> None:
            super().__post_init__()
            check_minimum(self, 0, "pool_size")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        mixed = c.variant in ("mix", "mix_random")
        self.geometries: tuple[str, ...] = ("rot", "vf") if mixed else (c.geometry,)
        if "rot" in self.geometries and shape.height != shape.width:
            raise ValueError(f"a quarter turn needs square pictures, not {shape.width}x{shape.height}; set geometry=vf")
        # What belongs to a transform is named for it where there are two, else "gc", as in official checkpoints.
        self.turned = ("rot_B", "vf_B") if mixed else ("gc_B",)
        self.G_AB = resnet_generator(c)
        generators: list[nn.Module] = [self.G_AB]
        if c.variant == "cross":
            self.G_gc_AB = resnet_generator(c)
            generators.append(self.G_gc_AB)
        for name in ("B", *self.turned):
            self.add_module(f"D_{name}", discriminator(c))
            self.add_module(f"pool_{name}", ImagePool(c.pool_size, shape))
        discriminators = self.discriminators()
        for net in (*generators, *discriminators):
            init_weights(net, c.init_type, c.init_gain, zero_bias=False)
        self.adam("G", [p for net in generators for p in net.parameters()], c.lr, (c.beta1, c.beta2))
        self.adam("D", [p for net in discriminators for p in net.parameters()], c.lr, (c.beta1, c.beta2))

    def discriminators(self) -> list[nn.Module]:
        """That of the pictures as they are, then one for each transform."""
        return [self.get_submodule(f"D_{name}") for name in ("B", *self.turned)]

    def lr_factor(self, epoch: int) -> float:
        """Linear decay (official policy ``lambda``)."""
        c = self.config
        early = c.early_decay and epoch > c.warmup_epochs
        return linear_decay(epoch + 1 if early else epoch, c.n_epochs, c.n_epochs_decay, c.warmup_epochs)

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch
        sources = [a, *(turn(a, geometry) for geometry in self.geometries)]
        targets = [b, *(turn(b, geometry) for geometry in self.geometries)]
        g_shares, d_shares = self.shares(a)
        judges = self.discriminators()

        # The generator first, judged by the discriminators as they are.
        fakes, *kept = self.generate(sources, targets) if c.identity > 0 else self.generate(sources)
        for net in judges:
            net.requires_grad_(False)
        fooled = [gan_loss(net(fake), True, c.gan_mode) for net, fake in zip(judges, fakes, strict=True)]
        losses = {"G_AB": c.lambda_GAN * fooled[0], "G_gc_AB": c.lambda_GAN * weighted(g_shares, fooled[1:])}
        if c.variant != "gan_alone":
            gaps = [consistency(fakes[0], f, geometry) for f, geometry in zip(fakes[1:], self.geometries, strict=True)]
            losses["gc"] = c.lambda_AB * c.lambda_gc * weighted(g_shares, gaps)
        if kept:
            moved = [F.l1_loss(x, y) for x, y in zip(kept[0], targets, strict=True)]
            losses["idt"] = c.lambda_AB * c.identity * moved[0]
            losses["idt_gc"] = c.lambda_AB * c.identity * weighted(g_shares, moved[1:])
        g_total = torch.stack(list(losses.values())).sum()
        minimise(g_total, self.optimizers["G"])

        # The discriminators, on translations made before that update, from the pools.
        for net in judges:
            net.requires_grad_(True)
        shown = [self.from_pool(name, fake) for name, fake in zip(("B", *self.turned), fakes, strict=True)]
        d_fake, d_real = zip(*map(self.judge, judges, shown, targets), strict=True)
        d_gc_fake, d_gc_real = weighted(d_shares, d_fake[1:]), weighted(d_shares, d_real[1:])
        d_total = 0.5 * (d_fake[0] + d_real[0]) + 0.5 * (d_gc_fake + d_gc_real)
        minimise(d_total, self.optimizers["D"])
        parts = {"D_fake": d_fake[0], "D_real": d_real[0], "D_gc_fake": d_gc_fake, "D_gc_real": d_gc_real}
        return detached(G=g_total, **losses, D=d_total, **parts)

    def generate(self, *rows: list[Tensor]) -> list[list[Tensor]]:
        """Translations of rows of pictures, each a plain batch followed by its turned copies.

        One batch goes through each generator: norms look at single pictures.
        """
        n = len(rows[0][0])
        if self.config.variant == "cross":
            plain = self.G_AB(torch.cat([row[0] for row in rows])).split(n)
            turned = self.G_gc_AB(torch.cat([row[1] for row in rows])).split(n)
            return [list(pair) for pair in zip(plain, turned, strict=True)]
        width = len(rows[0])
        flat = self.G_AB(torch.cat([picture for row in rows for picture in row])).split(n)
        return [list(flat[i : i + width]) for i in range(0, len(flat), width)]

    def shares(self, like: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The weights of the transforms in the generator's and in the discriminators' terms of this step."""
        if self.config.variant == "mix_random":
            drawn = self.draw.coin("rot", like.device).to(like.dtype)
            return [drawn, 1 - drawn], [drawn, 1 - drawn]
        ones = [like.new_ones(())] * len(self.geometries)
        return [one / len(ones) for one in ones], ones

    def from_pool(self, name: str, fake: Tensor) -> Tensor:
        """What the discriminator ``D_name`` is shown instead of ``fake``."""
        pool = self.get_submodule(f"pool_{name}")
        assert isinstance(pool, ImagePool)
        return pool.query(fake.detach(), self.draw, f"pool_{name}")

    def judge(self, net: nn.Module, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """What ``net`` minimises on fake and on real pictures, seen in one batch."""
        on_fake, on_real = net(torch.cat((fake, real))).split((len(fake), len(real)))
        return gan_loss(on_fake, False, self.config.gan_mode), gan_loss(on_real, True, self.config.gan_mode)

    def translate(self, a: Tensor) -> Tensor:
        return self.G_AB(a)


def turn(x: Tensor, geometry: str) -> Tensor:
    """The transform T: ``rot`` turns pictures [B, C, H, W] clockwise by a quarter, ``vf`` mirrors top and bottom."""
    return torch.rot90(x, -1, (2, 3)) if geometry == "rot" else x.flip(2)


def turn_back(x: Tensor, geometry: str) -> Tensor:
    """The inverse of :func:`turn`."""
    return torch.rot90(x, 1, (2, 3)) if geometry == "rot" else x.flip(2)


def consistency(fake: Tensor, turned_fake: Tensor, geometry: str) -> Tensor:
    """L_gc: G(x) against T^-1(G~(T(x))), and G~(T(x)) against T(G(x)); each leads only its first side.

    Together twice the value of a single L1 distance, and its gradient.
    """
    forth = F.l1_loss(fake, turn_back(turned_fake, geometry).detach())
    back = F.l1_loss(turned_fake, turn(fake, geometry).detach())
    return forth + back


def weighted(shares: Sequence[Tensor], terms: Sequence[Tensor]) -> Tensor:
    """The sum of ``terms``, each times its share."""
    return torch.stack([share * term for share, term in zip(shares, terms, strict=True)]).sum()
