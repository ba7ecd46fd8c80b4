"""CycleGAN: content kept by translating back and comparing with the picture one came from.

Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, ICCV 2017.
Official code: junyanz/pytorch-CycleGAN-and-pix2pix, models/cycle_gan_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.config import GanConfig, Init, check_minimum
from methods.discriminators import discriminator
from methods.gan import discriminator_loss, gan_loss
from methods.generators import ResnetGenerator, residual_blocks
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.pool import ImagePool
from methods.unet import UnetGenerator


class CycleGAN(Method):
    """Two generators, each the inverse of the other; two discriminators, one a domain.

    As in the official code ``D_A`` is the one that G_A must convince: it judges pictures of B.
    """

    title = "CycleGAN"
    paper = "Zhu et al., ICCV 2017"
    year = 2017
    equations = """
        G_A, G_B: L_GAN(G_A) + L_GAN(G_B) + cycle + identity   (eq. 3)
        cycle: λ_A |G_B(G_A(a)) − a| + λ_B |G_A(G_B(b)) − b|   (eq. 2)
        identity: λ_identity (λ_B |G_A(b) − b| + λ_A |G_B(a) − a|)   (sec. 5.2)
        D: ½ mean D(fake)² + ½ mean (D(real) − 1)², fakes from a pool   (eq. 1, squares as sec. 4)
        L_GAN = mean (D(G(x)) − 1)²
    """
    two_sided = True
    differences = (
        (
            "networks behind the name",
            "the original: no antialiasing, weights drawn with std 0.02",
            "taesungp/contrastive-unpaired-translation: antialiased, xavier; JunlinHan/DCLGAN and "
            "XiudingCai/EnCo-pytorch: xavier, antialiased on a CPU, but on a GPU only in the upsampling "
            "(CycleGANModel passes the list of GPUs where define_G expects no_antialias)",
            "the original; no_antialias, no_antialias_up and init_type for the others",
        ),
        (
            "epochs",
            "100 + 100",
            "100 + 100 in junyanz/pytorch-CycleGAN-and-pix2pix, 200 + 200 in the three copies named above",
            "100 + 100; n_epochs, n_epochs_decay",
        ),
        (
            "image pool",
            "50 pictures",
            "50 pictures for each domain, lost when a run is resumed (ImagePool)",
            "50 pictures for each domain, part of the checkpoint; pool_size",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(GanConfig):
        """Defaults of the official code."""

        n_epochs: int = 100
        """epochs with the full learning rate"""
        n_epochs_decay: int = 100
        """epochs over which the learning rate falls linearly towards zero"""
        netG: Literal["resnet_9blocks", "resnet_6blocks", "resnet_4blocks", "unet_128", "unet_256"] = "resnet_9blocks"
        """generators: ResNet with so many residual blocks, or U-Net for sides that are multiples of 128 (256)"""
        no_antialias: bool = True
        """strided convolutions instead of blurred downsampling (Zhang, ICML 2019)"""
        no_antialias_up: bool = True
        """transposed convolutions instead of blurred upsampling"""
        init_type: Init = "normal"
        """how weights are drawn: normal has std 0.02"""
        lambda_A: float = 10.0
        """weight of the cycle A -> B -> A"""
        lambda_B: float = 10.0
        """weight of the cycle B -> A -> B"""
        lambda_identity: float = 0.5
        """weight of the identity terms relative to the cycles (it keeps colours); 0 switches them off"""
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
        self.G_A, self.G_B = generator(c, shape), generator(c, shape)
        self.D_A, self.D_B = discriminator(c), discriminator(c)
        for net in (self.G_A, self.G_B, self.D_A, self.D_B):
            init_weights(net, c.init_type, c.init_gain)
        self.pool_B, self.pool_A = ImagePool(c.pool_size, shape), ImagePool(c.pool_size, shape)
        self.adam("G", [*self.G_A.parameters(), *self.G_B.parameters()], c.lr, (c.beta1, c.beta2))
        self.adam("D", [*self.D_A.parameters(), *self.D_B.parameters()], c.lr, (c.beta1, c.beta2))

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch

        # The generators first, judged by the discriminators as they are.
        fake_b, idt_a = self.translate_and_keep(self.G_A, a, b)
        fake_a, idt_b = self.translate_and_keep(self.G_B, b, a)
        self.D_A.requires_grad_(False)
        self.D_B.requires_grad_(False)
        losses = {
            "G_A": c.lambda_GAN * gan_loss(self.D_A(fake_b), True, c.gan_mode),
            "G_B": c.lambda_GAN * gan_loss(self.D_B(fake_a), True, c.gan_mode),
            "cycle_A": c.lambda_A * F.l1_loss(self.G_B(fake_b), a),
            "cycle_B": c.lambda_B * F.l1_loss(self.G_A(fake_a), b),
        }
        if idt_a is not None and idt_b is not None:
            losses["idt_A"] = c.lambda_B * c.lambda_identity * F.l1_loss(idt_a, b)
            losses["idt_B"] = c.lambda_A * c.lambda_identity * F.l1_loss(idt_b, a)
        g_total = torch.stack(list(losses.values())).sum()
        minimise(g_total, self.optimizers["G"])

        # The discriminators, on translations made before that update, from the pools.
        self.D_A.requires_grad_(True)
        self.D_B.requires_grad_(True)
        shown_b = self.pool_B.query(fake_b.detach(), self.draw, "pool_B")
        shown_a = self.pool_A.query(fake_a.detach(), self.draw, "pool_A")
        d_a, d_b = self.judge(self.D_A, shown_b, b), self.judge(self.D_B, shown_a, a)
        minimise(d_a + d_b, self.optimizers["D"])
        return detached(G=g_total, **losses, D_A=d_a, D_B=d_b)

    def translate_and_keep(self, net: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """``net(source)``, and ``net(target)`` for the identity term if that is on, in one batch."""
        if self.config.lambda_identity == 0:
            return net(source), None
        fake, idt = net(torch.cat((source, target))).split((len(source), len(target)))
        return fake, idt

    def judge(self, net: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        """What the discriminator ``net`` minimises; fake and real in one batch, as norms see single pictures."""
        on_fake, on_real = net(torch.cat((fake, real))).split((len(fake), len(real)))
        return discriminator_loss(on_fake, on_real, self.config.gan_mode)

    def translate(self, a: Tensor) -> Tensor:
        return self.G_A(a)

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures to source pictures."""
        return self.G_B(b)


def generator(config: CycleGAN.Config, shape: ImageShape) -> ResnetGenerator | UnetGenerator:
    """The generator that ``config`` describes, not yet initialised."""
    c = config
    if not c.netG.startswith("unet"):
        return ResnetGenerator(c.ngf, residual_blocks(c.netG), c.no_antialias, c.no_antialias_up)
    side = int(c.netG.removeprefix("unet_"))
    if shape.height % side or shape.width % side:
        raise ValueError(f"netG {c.netG} needs sides that are multiples of {side}, not {shape.width}x{shape.height}")
    return UnetGenerator(c.ngf, num_downs=side.bit_length() - 1)
