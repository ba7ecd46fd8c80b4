"""EnCo: content kept by agreement of encoder and decoder features inside one generator.

Cai et al., Rethinking the Paradigm of Content Constraints in Unpaired Image-to-Image Translation, AAAI 2024.
Official code: XiudingCai/EnCo-pytorch, models/enco_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.config import ResnetGanConfig
from methods.discriminators import discriminator
from methods.gan import gan_loss
from methods.generators import resnet_generator
from methods.heads import EnCoHeads
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.nce import patches
from methods.sampling import dag_positions


class EnCo(Method):
    """The decoder's features must predict the encoder's features of the same stage, patch by patch.

    Nothing is reconstructed and no second network looks at the pictures: one pass of the generator gives the
    translation and all features. The discriminator says which patches to look at (DAG).
    """

    title = "EnCo"
    paper = "Cai et al., AAAI 2024"
    year = 2024
    equations = """
        G, heads: L_GAN + ½ (2 L_MultiStage + 10 L_identity), no ½ once the identity term stops   (eq. 7, no half there)
        L_MultiStage: mean over stages and patches of 2 − 2 cos(g(h(decoder)), sg(h(encoder)))   (eq. 1-4, sums there)
        L_identity = mean |G(b) − b|   (eq. 6)
        D: ½ mean D(G(a))² + ½ mean (D(b) − 1)²; L_GAN = mean (D(G(a)) − 1)²   (eq. 5, labels swapped there)
    """
    differences = (
        (
            "total loss while the identity term is on",
            "L_GAN + 2 L_MultiStage + 10 L_identity (eq. 7)",
            "L_GAN + 0.5 (2 L_MultiStage + 10 L_identity); the content weight doubles when identity stops",
            "the code, which made the numbers; objective=paper for eq. 7",
        ),
        (
            "reduction of L_MultiStage",
            "sum over stages and patches (eq. 4)",
            "mean over patches, mean over stages",
            "the code",
        ),
        (
            "DAG ranking",
            "'ascending order', then 'the highest scores'",
            "ascending, the first: lowest score, most fake",
            "the code; dag_order=highest for the other reading",
        ),
        (
            "discriminator that guides DAG",
            "'the output of the discriminator'",
            "D after its update of this step, on the current translation, detached",
            "the code",
        ),
        (
            "covering patches of DAG",
            "'uniformly sample the remaining'",
            "drawn from all positions, some may repeat guided ones",
            "the code",
        ),
        ("l2 normalisation", "exact", "divided by norm + 1e-7, then a cosine", "the code"),
        (
            "norm in the heads",
            "not said",
            "batch norm by default; the logged run that matches Table 1 on Cityscapes used layer norm",
            "head_norm=BN; head_norm=LN for the other",
        ),
        (
            "lambda_NCE",
            "2",
            "default 1, README command 2, logged Cityscapes run 10",
            "2",
        ),
        ("labels in eq. 5", "real 0, fake 1 as printed", "real 1, fake 0", "the code"),
        (
            "epochs",
            "not in the text",
            "README command 100 + 100, logged Cityscapes and horse2zebra runs 200 + 200",
            "200 + 200; n_epochs, n_epochs_decay",
        ),
        (
            "flip_equivariance",
            "not mentioned",
            "on in the README command: independent extra flips of A and B, no equivariance",
            "named extra_flip, off",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ResnetGanConfig):
        """README values of the official code, trained for 200 + 200 epochs."""

        warmup_epochs: int = 20
        """epochs over which the learning rate first rises linearly; 0 switches it off"""
        nce_layers: tuple[int, ...] = (3, 7, 13, 18, 24, 28)
        """generator layers compared: encoder stages, then the decoder stages in mirrored order"""
        lambda_NCE: float = 2.0
        """weight of the content term L_MultiStage"""
        lambda_IDT: float = 10.0
        """weight of the identity term |G(B) - B|"""
        stop_idt_epochs: int = -1
        """last epoch with the identity term; -1: n_epochs (the first half), 0: never"""
        decay_idt: bool = False
        """let the identity weight fall linearly to 0 over all epochs"""
        objective: Literal["official", "paper"] = "official"
        """official: halves while the identity term is on; paper: eq. 7 literally"""
        num_patches: int = 256
        """patches compared for each stage and picture (K)"""
        sampling: Literal["dag", "random", "lowest", "highest"] = "dag"
        """dag: guided and covering patches; random: uniform; lowest, highest: guided patches only"""
        dag_order: Literal["lowest", "highest"] = "lowest"
        """which scores the guided patches of sampling=dag have: lowest is most fake"""
        oversample_ratio: int = 4
        """candidates drawn for each patch before ranking (k)"""
        random_ratio: float = 0.5
        """share of covering patches, drawn uniformly (1 - beta)"""
        head_norm: Literal["BN", "LN", "none"] = "BN"
        """normalisation inside the heads: batch norm over patches, layer norm over features, or none"""
        netF_nc: int = 256
        """width of the projection space"""
        stop_gradient: bool = True
        """cut the gradient of the encoder branch (eq. 2)"""
        predictor: bool = True
        """prediction head g on the decoder branch"""
        extra_flip: bool = False
        """mirror the batches of A and of B, each with probability 0.5 (official flip_equivariance)"""
        lr_G: float = 5e-5
        """learning rate of the generator"""
        lr_D: float = 2e-4
        """learning rate of the discriminator"""
        lr_F: float = 5e-5
        """learning rate of the heads"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if len(self.nce_layers) % 2 or not self.nce_layers:
                raise ValueError("nce_layers must name as many decoder layers as encoder layers")
            if not 0 <= self.random_ratio <= 1:
                raise ValueError(f"random_ratio is {self.random_ratio}; expected 0 to 1")
            if self.num_patches < 2 or self.oversample_ratio < 1:
                raise ValueError("num_patches must be at least 2 and oversample_ratio at least 1")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        self.G = resnet_generator(c)
        self.D = discriminator(c)
        half = len(c.nce_layers) // 2
        for encoder, decoder in zip(c.nce_layers[:half], c.nce_layers[half:][::-1], strict=True):
            if self.G.channels(encoder) != self.G.channels(decoder):
                raise ValueError(f"nce_layers pairs {encoder} with {decoder}, whose channels differ")
        self.F = EnCoHeads([self.G.channels(layer) for layer in c.nce_layers[:half]], c.netF_nc, c.head_norm)
        for net in (self.G, self.D, self.F):
            init_weights(net, c.init_type, c.init_gain)
        betas = (c.beta1, c.beta2)
        self.adam("D", self.D.parameters(), c.lr_D, betas)
        self.adam("G", self.G.parameters(), c.lr_G, betas)
        self.adam("F", self.F.parameters(), c.lr_F, betas)

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch
        if c.extra_flip:
            a = torch.where(self.draw.coin("flip_A", a.device), a.flip(3), a)
            b = torch.where(self.draw.coin("flip_B", b.device), b.flip(3), b)
        with_identity = self.epoch <= (c.n_epochs if c.stop_idt_epochs < 0 else c.stop_idt_epochs)
        n = len(a)

        # One pass gives the translation, the identity mapping and the features of A.
        y, taps = self.G.tapped(torch.cat((a, b)) if with_identity else a, c.nce_layers)
        fake = y[:n]
        features = [tap[:n] for tap in taps]

        # Discriminator (eq. 5), fake and real in one batch: its norms look at each picture alone.
        self.D.requires_grad_(True)
        on_fake, on_real = self.D(torch.cat((fake.detach(), b))).split((n, len(b)))
        d_fake, d_real = gan_loss(on_fake, False, c.gan_mode), gan_loss(on_real, True, c.gan_mode)
        d_total = 0.5 * (d_fake + d_real)
        minimise(d_total, self.optimizers["D"])

        # Generator and heads, judged by the updated discriminator.
        self.D.requires_grad_(False)
        scores = self.D(fake)
        g_gan = c.lambda_GAN * gan_loss(scores, True, c.gan_mode)
        content = c.lambda_NCE * self.multi_stage(features, scores.detach())
        identity = self.identity_weight() * (y[n:] - b).abs().mean() if with_identity else torch.zeros_like(g_gan)
        half = 0.5 if with_identity and c.objective == "official" else 1.0
        g_total = g_gan + half * (content + identity)
        minimise(g_total, self.optimizers["G"], self.optimizers["F"])
        return detached(
            G=g_total, G_GAN=g_gan, MultiStage=content, identity=identity, D=d_total, D_fake=d_fake, D_real=d_real
        )

    def multi_stage(self, features: list[Tensor], scores: Tensor) -> Tensor:
        """L_MultiStage (eq. 4), averaged over patches and stages.

        Args:
            features: outputs of ``nce_layers``, each [B, C, H, W].
            scores: raw discriminator scores of the translations, [B, 1, h, w], detached.
        """
        half = len(features) // 2
        encoder, decoder = features[:half], features[half:][::-1]
        return torch.stack(
            [self.stage(i, k, q, scores) for i, (k, q) in enumerate(zip(encoder, decoder, strict=True))]
        ).mean()

    def stage(self, i: int, encoder: Tensor, decoder: Tensor, scores: Tensor) -> Tensor:
        """2 - 2 cos(g(h(decoder)), sg(h(encoder))) over the sampled patches of stage ``i`` (eq. 1-3)."""
        c = self.config
        if c.stop_gradient:
            encoder = encoder.detach()
        positions = self.positions(i, scores, (decoder.shape[2], decoder.shape[3]))
        query = self.F.project(patches(decoder, positions), i)
        if c.predictor:
            query = self.F.predict(query, i)
        key = self.F.project(patches(encoder, positions), i)
        if c.stop_gradient:
            key = key.detach()
        query, key = self.F.normalize(query), self.F.normalize(key)
        return (2 - 2 * F.cosine_similarity(query, key, dim=-1)).mean()

    def positions(self, i: int, scores: Tensor, size: tuple[int, int]) -> Tensor:
        """The positions that stage ``i`` compares, int64 [B, S]."""
        c = self.config
        oversample, share, highest = {
            "dag": (c.oversample_ratio, c.random_ratio, c.dag_order == "highest"),
            "random": (1, 1.0, False),
            "lowest": (c.oversample_ratio, 0.0, False),
            "highest": (c.oversample_ratio, 0.0, True),
        }[c.sampling]
        return dag_positions(scores, size, c.num_patches, oversample, share, self.draw, f"stage{i}", highest)

    def identity_weight(self) -> float:
        """lambda_IDT in this epoch."""
        c = self.config
        epochs = c.n_epochs + c.n_epochs_decay
        return c.lambda_IDT * ((epochs - self.epoch) / epochs if c.decay_idt else 1.0)

    def translate(self, a: Tensor) -> Tensor:
        return self.G(a)
