"""DualGAN: dual learning of two translators, each checked by the other's way back.

Yi et al., DualGAN: Unsupervised Dual Learning for Image-to-Image Translation, ICCV 2017.
Official code: duxingren14/DualGAN, model.py (TensorFlow), as it has been since April 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.dualgan_networks import Discriminator, Drop, Generator
from methods.config import MethodConfig
from methods.gan import Mode, gan_loss
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.rmsprop import TensorFlowRMSProp
from methods.turns import Turns

FIRST_COUNT = 2
"""what the official code counts in its first iteration"""
GP_EPS = 1e-8
"""added under the root of the gradient's norm"""


class DualGAN(Method):
    """Wasserstein critics and a heavy cycle term, on U-Nets of strided convolutions.

    ``A_g`` maps A to B and ``A_d`` judges pictures of B; ``B_g`` and ``B_d`` the other way. The default score
    is one number a picture, so the critics are built for one size; translations can have any.
    """

    title = "DualGAN"
    paper = "Yi et al., ICCV 2017"
    year = 2017
    equations = """
        generators: L_GAN(G_A) + L_GAN(G_B) + λ_A |G_B(G_A(a)) − a| + λ_B |G_A(G_B(b)) − b|, noise as dropout   (eq. 3)
        critics: L(fake) + L(real) by GAN_type; wgan: mean D(fake) − mean D(real), weights clipped   (eq. 1-2)
    """
    two_sided = True
    differences = (
        (
            "adversarial loss",
            "Wasserstein with clipping",
            "wgan-gp by default (duxingren14/DualGAN, model.py, GAN_type); cross-entropy between 2017 and 2020",
            "wgan-gp; GAN_type, clip_value",
        ),
        (
            "noise",
            "noise z enters the generators, by dropout",
            "dropout off by default; dropout_rate is handed over as the probability to keep",
            "off; dropout_keep",
        ),
        ("formula (3)", "the critics stand exchanged", "A_d judges what A_g makes", "the code; a misprint"),
        (
            "norm",
            "batch norm",
            "each picture by itself, eps 1e-6 (ops.py, batch_norm)",
            "the code",
        ),
        (
            "critic steps, weight of the cycle, clipping",
            "2-4; 100-1000; 0.01-0.1",
            "1; 500, in README commands 1000; 0.01",
            "the code; n_critic, lambda_A, lambda_B, clip_value",
        ),
        (
            "discriminator",
            "PatchGAN 70x70",
            "one score a picture by a linear layer (disc_type globalgan)",
            "the code; disc_type=patchgan",
        ),
        (
            "gradient of the gradient penalty",
            "none",
            "tf.nn.moments stops the gradient at the mean, so the second derivative is off by up to 1e-2",
            "the exact derivative",
        ),
        (
            "random flips",
            "not said",
            "never happen: the option is compared with a text after it was parsed (main.py, flip)",
            "as the harness augments for every method",
        ),
        (
            "size",
            "256",
            "256 or 128; smaller ones fail",
            "any: innermost maps stay single positions; critics of pictures up to 32 pixels have fewer layers",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(MethodConfig):
        """Defaults of the official code."""

        n_epochs: int = 50
        """epochs with the full learning rate"""
        n_epochs_decay: int = 0
        """epochs over which the learning rate falls linearly towards zero"""
        GAN_type: Literal["wgan-gp", "wgan", "classic"] = "wgan-gp"
        """adversarial objective: Wasserstein with gradient penalty, with clipping, or cross-entropy, which
        updates the generators twice a step"""
        n_critic: int = 1
        """with wgan and wgan-gp: the generators are updated in one step of so many"""
        clip_value: float = 0.01
        """with wgan: largest size of every weight of the critics"""
        gamma: float = 10.0
        """with wgan-gp: weight of the gradient penalty"""
        lambda_A: float = 500.0
        """weight of the cycle A -> B -> A"""
        lambda_B: float = 500.0
        """weight of the cycle B -> A -> B"""
        loss_metric: Literal["L1", "L2"] = "L1"
        """what the cycles minimise: absolute or squared differences"""
        dropout_keep: float = 1.0
        """probability with which a value of the first three decoder layers is kept, in training and in
        translation (official dropout_rate); 1 switches dropout off"""
        disc_type: Literal["globalgan", "patchgan"] = "globalgan"
        """discriminator: one score a picture, or one a patch"""
        gcn: int = 64
        """channels of the generator's first convolution"""
        dcn: int = 64
        """channels of the discriminator's first convolution"""
        lr: float = 5e-5
        """learning rate of all networks"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if min(self.n_critic, self.gcn, self.dcn) < 1:
                raise ValueError("n_critic, gcn and dcn must be at least 1")
            if not 0 < self.dropout_keep <= 1:
                raise ValueError(f"dropout_keep is {self.dropout_keep}; expected a probability above 0 and up to 1")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        self.A_g, self.B_g = Generator(c.gcn), Generator(c.gcn)
        self.A_d = Discriminator(c.dcn, shape, c.disc_type == "patchgan")
        self.B_d = Discriminator(c.dcn, shape, c.disc_type == "patchgan")
        self.gan_mode: Mode = "vanilla" if c.GAN_type == "classic" else "wgangp"
        self.turns = Turns(1 if c.GAN_type == "classic" else c.n_critic)
        self.optimizers["D"] = TensorFlowRMSProp([*self.A_d.parameters(), *self.B_d.parameters()], c.lr)
        self.optimizers["G"] = TensorFlowRMSProp([*self.A_g.parameters(), *self.B_g.parameters()], c.lr)

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch
        update = (self.turns.place + FIRST_COUNT) % self.turns.period == 0
        # Without dropout the critics' fakes serve the generators too: only the critics move in between.
        once = c.dropout_keep == 1
        with torch.set_grad_enabled(update and once):
            a2b, b2a = self.translations(a, b, "D")
        losses = self.update_critics(a, b, a2b.detach(), b2a.detach())

        for net in (self.A_d, self.B_d):
            net.requires_grad_(False)
        with torch.set_grad_enabled(update):
            if not once:
                a2b, b2a = self.translations(a, b, "G")
            losses |= self.update_generators(a, b, a2b, b2a, "G", update)
            if c.GAN_type == "classic":
                again = self.update_generators(a, b, *self.translations(a, b, "G2"), "G2", update)
                losses |= {f"{name}_2": value for name, value in again.items()}
        self.turns.advance()
        return detached(**losses)

    def translations(self, a: Tensor, b: Tensor, run: str) -> tuple[Tensor, Tensor]:
        """A translated to B and B to A; ``run`` names the draws of dropout."""
        return self.A_g(a, self.dropout(f"{run}/A2B")), self.B_g(b, self.dropout(f"{run}/B2A"))

    def update_critics(self, a: Tensor, b: Tensor, a2b: Tensor, b2a: Tensor) -> Losses:
        """One descent on d_loss; with wgan the weights are clipped afterwards."""
        c = self.config
        for net in (self.A_d, self.B_d):
            net.requires_grad_(True)
        losses = {"Ad_loss": self.critic_loss(self.A_d, b, a2b), "Bd_loss": self.critic_loss(self.B_d, a, b2a)}
        d_loss = losses["Ad_loss"] + losses["Bd_loss"]
        if c.GAN_type == "wgan-gp":
            losses["GP"] = self.gradient_penalty(self.B_d, a, b2a, "eps_A")
            losses["GP"] = losses["GP"] + self.gradient_penalty(self.A_d, b, a2b, "eps_B")
            d_loss = d_loss + c.gamma * losses["GP"]
        minimise(d_loss, self.optimizers["D"])
        if c.GAN_type == "wgan":
            with torch.no_grad():
                for parameter in (*self.A_d.parameters(), *self.B_d.parameters()):
                    parameter.clamp_(-c.clip_value, c.clip_value)
        return {"d_loss": d_loss} | losses

    def critic_loss(self, critic: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        """mean D(fake) - mean D(real), or both cross-entropies. The norms look at each picture alone, so
        both kinds go in one batch."""
        on_fake, on_real = critic(torch.cat((fake, real))).split(len(real))
        return gan_loss(on_fake, False, self.gan_mode) + gan_loss(on_real, True, self.gan_mode)

    def gradient_penalty(self, critic: Discriminator, real: Tensor, fake: Tensor, name: str) -> Tensor:
        """mean (|dD/dx| - 1)^2 at one random point between each real picture and its fake."""
        eps = self.draw.uniform(name, (len(real), 1, 1, 1), real.device)
        x = (real + eps * (fake - real)).requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        slope = (GP_EPS + gradient.square().sum((1, 2, 3))).sqrt()
        return (slope - 1).square().mean()

    def update_generators(self, a: Tensor, b: Tensor, a2b: Tensor, b2a: Tensor, run: str, update: bool) -> Losses:
        """One descent on Ag_loss + Bg_loss; without ``update`` they are only evaluated.

        The official code crosses the cycles, Ag_loss carries that of B; only the sum is minimised.
        """
        c = self.config
        metric = F.l1_loss if c.loss_metric == "L1" else F.mse_loss
        a_loss = metric(self.B_g(a2b, self.dropout(f"{run}/A2B2A")), a)
        b_loss = metric(self.A_g(b2a, self.dropout(f"{run}/B2A2B")), b)
        ag_loss = gan_loss(self.A_d(a2b), True, self.gan_mode) + c.lambda_B * b_loss
        bg_loss = gan_loss(self.B_d(b2a), True, self.gan_mode) + c.lambda_A * a_loss
        if update:
            minimise(ag_loss + bg_loss, self.optimizers["G"])
        return {"Ag_loss": ag_loss, "Bg_loss": bg_loss, "A_loss": a_loss, "B_loss": b_loss}

    def dropout(self, name: str) -> Drop | None:
        """Dropout of one pass of a generator, with its draws ``{name}/{layer}``; None where it is off."""
        keep = self.config.dropout_keep
        if keep == 1:
            return None

        def drop(layer: str, x: Tensor) -> Tensor:
            kept = self.draw.uniform(f"{name}/{layer}", tuple(x.shape), x.device) >= 1 - keep
            return x * kept / keep

        return drop

    def translate(self, a: Tensor) -> Tensor:
        return self.A_g(a, self.dropout("translate"))

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures to source pictures."""
        return self.B_g(b, self.dropout("translate"))
