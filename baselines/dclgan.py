"""DCLGAN: contrastive translation in both directions with two encoders.

Han et al., Dual Contrastive Learning for Unsupervised Image-to-Image Translation, CVPR Workshops 2021.
Official code: JunlinHan/DCLGAN, models/dcl_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines.dclgan_networks import project
from methods.config import GanMode, ResnetGanConfig
from methods.discriminators import discriminator
from methods.gan import discriminator_loss, gan_loss
from methods.generators import ResnetGenerator, resnet_generator
from methods.heads import PatchHeads
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.nce import patch_nce
from methods.pool import ImagePool


class DCLGAN(Method):
    """CUT in both directions, where every domain has an encoder and heads of its own.

    G_A: A -> B, D_A judges domain B; G_B: B -> A, D_B judges domain A. Pictures of domain A are embedded by
    the encoder of G_A and the heads F1, pictures of domain B by the encoder of G_B and the heads F2, whether
    they are real or translated.
    """

    title = "DCLGAN"
    paper = "Han et al., CVPR Workshops 2021"
    year = 2021
    equations = """
        G_A, G_B, heads: ½ of L_GAN(G_A) + L_GAN(G_B) + λ_NCE (PatchNCE(a, G_A(a)) + PatchNCE(b, G_B(b))) + identity
        identity: λ_IDT (|G_A(b) − b| + |G_B(a) − a|)
        PatchNCE: as CUT, with cosines; a translation is encoded by the generator of the other direction
        D_A, D_B: ½ L(fake) + ½ L(real), hinge by default, fakes from a pool
    """
    two_sided = True
    differences: ClassVar[tuple[tuple[str, str, str, str], ...]] = (
        (
            "adversarial loss",
            "equations with logarithms, text: hinge",
            "options: gan_mode hinge; the generator minimises mean max(0, 1 - D), whose gradient vanishes where "
            "D is above 1",
            "the code; gan_mode",
        ),
        (
            "learning rate and epochs",
            "1e-4, 200 + 200 epochs (cat2dog 100 + 100)",
            "first release as the paper; since 2021-05-31 2e-4, 200 + 200",
            "the paper; lr, n_epochs, n_epochs_decay",
        ),
        (
            "optimiser of the heads",
            "said for SimDCL only",
            "models/dcl_model.py data_dependent_initialize: library defaults, 1e-3 and betas 0.9, 0.999",
            "the code, which made the published weights; lr_F, beta1_F, beta2_F",
        ),
        ("sum of both directions", "lambda times the sum", "every pair of terms is halved", "the code"),
        ("reduction of the contrast", "sum over layers and patches", "mean over both", "the code"),
        ("similarity", "cosine", "cosine of rows already divided by norm + 1e-7 (PatchNCELoss)", "the code"),
        (
            "negatives in a batch of several pictures",
            "other patches of the picture",
            "all patches of the batch; nce_includes_all_negatives_from_minibatch is never read",
            "the code; nce_includes_all_negatives_from_minibatch=false for the paper (equal at batch 1)",
        ),
        ("buffer of past translations", "50 pictures", "pool_size 0", "0; pool_size"),
        (
            "without identity or contrast",
            "not said",
            "--nce_idt False and --lambda_NCE 0 fail; identity is computed only beside the contrast",
            "nce_idt, lambda_IDT and lambda_NCE each switch off their own terms",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ResnetGanConfig):
        """Values of the paper and of the first release."""

        gan_mode: GanMode = "hinge"
        """adversarial objective"""
        nce_layers: tuple[int, ...] = (4, 8, 12, 16)
        """generator layers whose features are compared"""
        lambda_NCE: float = 2.0
        """weight of the contrastive terms; 0 switches them off"""
        lambda_IDT: float = 1.0
        """weight of the identity terms |G_A(B) - B| and |G_B(A) - A|"""
        nce_idt: bool = True
        """use the identity terms"""
        nce_T: float = 0.07
        """temperature that divides the similarities"""
        num_patches: int = 256
        """patches compared for each layer"""
        netF_nc: int = 256
        """width of the common space"""
        nce_includes_all_negatives_from_minibatch: bool = True
        """take negatives from all pictures of the batch, not only from the same picture"""
        pool_size: int = 0
        """past translations of each domain that its discriminator is shown again; 0: only the current ones"""
        lr: float = 1e-4
        """learning rate of generators and discriminators"""
        lr_F: float = 1e-3
        """learning rate of the heads"""
        beta1_F: float = 0.9
        """first Adam coefficient of the heads"""
        beta2_F: float = 0.999
        """second Adam coefficient of the heads"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.nce_layers or self.num_patches < 1 or self.nce_T <= 0:
                raise ValueError("nce_layers, num_patches and nce_T must not be empty or 0")
            if self.pool_size < 0:
                raise ValueError(f"pool_size is {self.pool_size}; expected 0 or more")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        self.G_A, self.G_B = resnet_generator(c), resnet_generator(c)
        self.D_A, self.D_B = discriminator(c), discriminator(c)
        channels = [self.G_A.channels(layer) for layer in c.nce_layers]
        self.F1, self.F2 = PatchHeads(channels, c.netF_nc), PatchHeads(channels, c.netF_nc)
        self.fake_A_pool, self.fake_B_pool = ImagePool(c.pool_size, shape), ImagePool(c.pool_size, shape)
        for net in self.children():
            init_weights(net, c.init_type, c.init_gain)
        self.adam("D", [*self.D_A.parameters(), *self.D_B.parameters()], c.lr, (c.beta1, c.beta2))
        self.adam("G", [*self.G_A.parameters(), *self.G_B.parameters()], c.lr, (c.beta1, c.beta2))
        self.adam("F", [*self.F1.parameters(), *self.F2.parameters()], c.lr_F, (c.beta1_F, c.beta2_F))

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch
        fake_b, idt_a, features_a = self.through(self.G_A, a, b)
        fake_a, idt_b, features_b = self.through(self.G_B, b, a)

        d_a = self.judge(self.D_A, self.fake_B_pool.query(fake_b.detach(), self.draw, "fake_B_pool"), b)
        d_b = self.judge(self.D_B, self.fake_A_pool.query(fake_a.detach(), self.draw, "fake_A_pool"), a)
        minimise(d_a + d_b, self.optimizers["D"])

        self.D_A.requires_grad_(False)
        self.D_B.requires_grad_(False)
        losses = {
            "G_A": c.lambda_GAN * gan_loss(self.D_A(fake_b), True, c.gan_mode),
            "G_B": c.lambda_GAN * gan_loss(self.D_B(fake_a), True, c.gan_mode),
            **self.content(features_a, features_b, fake_a, fake_b),
        }
        if idt_a is not None and idt_b is not None:
            losses["idt_A"] = c.lambda_IDT * (idt_a - b).abs().mean()
            losses["idt_B"] = c.lambda_IDT * (idt_b - a).abs().mean()
        g_total = self.objective(losses)
        minimise(g_total, self.optimizers["G"], self.optimizers["F"])
        return detached(G=g_total, **losses, D_A=d_a, D_B=d_b)

    def through(self, net: ResnetGenerator, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """``net(x)``, ``net(y)`` (None without identity) and the features of x, from one pass.

        The features are the keys of the contrast: the generator does not change before they are compared, so
        encoding x again would give the same numbers.
        """
        c, n = self.config, len(x)
        identity = c.nce_idt and c.lambda_IDT > 0
        out, features = net.tapped(torch.cat((x, y)) if identity else x, c.nce_layers)
        return out[:n], out[n:] if identity else None, [f[:n] for f in features]

    def judge(self, net: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        """What the discriminator ``net`` minimises; fake and real in one batch, as norms see single pictures."""
        net.requires_grad_(True)
        on_fake, on_real = net(torch.cat((fake, real))).split((len(fake), len(real)))
        return discriminator_loss(on_fake, on_real, self.config.gan_mode)

    def content(self, features_a: list[Tensor], features_b: list[Tensor], fake_a: Tensor, fake_b: Tensor) -> Losses:
        """The contrastive terms of A -> B (NCE1) and B -> A (NCE2).

        ``features_a`` are those of the real pictures A under G_A, ``features_b`` those of B under G_B.
        """
        layers = self.config.nce_layers
        if self.config.lambda_NCE == 0:
            return {}
        # No gradient reaches a key, so neither its heads nor its encoder are differentiated.
        features_a, features_b = [f.detach() for f in features_a], [f.detach() for f in features_b]
        ids = self.positions("NCE1", features_a)
        queries, keys = project(self.F2, self.G_B.encode(fake_b, layers), ids), project(self.F1, features_a, ids)
        nce1 = self.nce(queries, keys, len(fake_b))
        ids = self.positions("NCE2", features_b)
        queries, keys = project(self.F1, self.G_A.encode(fake_a, layers), ids), project(self.F2, features_b, ids)
        nce2 = self.nce(queries, keys, len(fake_a))
        return {"NCE1": nce1, "NCE2": nce2}

    def positions(self, name: str, features: list[Tensor]) -> list[Tensor]:
        """For each layer the positions that are compared, the same in all pictures: int64 [S]."""
        c = self.config
        return [
            self.draw.permutation(f"{name}/layer{layer}", f.shape[2] * f.shape[3], f.device)[: c.num_patches]
            for layer, f in zip(c.nce_layers, features, strict=True)
        ]

    def nce(self, queries: list[Tensor], keys: list[Tensor], batch: int) -> Tensor:
        """PatchNCE with cosine similarity, averaged over patches and layers."""
        c = self.config
        groups = 1 if c.nce_includes_all_negatives_from_minibatch else batch
        terms = [patch_nce(q, k, groups, c.nce_T, "cosine").mean() for q, k in zip(queries, keys, strict=True)]
        return c.lambda_NCE * torch.stack(terms).mean()

    def objective(self, losses: Losses) -> Tensor:
        """What generators and heads minimise: the mean of the two directions of every kind of term."""
        return 0.5 * torch.stack(list(losses.values())).sum()

    def translate(self, a: Tensor) -> Tensor:
        return self.G_A(a)

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures [B, 3, H, W] in [-1, 1] to source pictures of the same shape and range."""
        return self.G_B(b)
