"""DistanceGAN: pictures far apart in one domain must be translated to pictures far apart in the other.

Benaim and Wolf, One-Sided Unsupervised Domain Mapping, NIPS 2017.
Official code: sagiebenaim/DistanceGAN, cyclegan_arch/distance_gan_model.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.distancegan_networks import PatchGAN, ResnetGenerator, init_weights
from baselines.distances import Distances, pair_distances
from methods.config import GanMode, MethodConfig
from methods.gan import discriminator_loss, gan_loss
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.pool import ImagePool
from methods.schedule import linear_decay
from methods.translation import in_mode, translate_padded


class DistanceGAN(Method):
    """One translation suffices: it keeps the distances between pictures, so no way back is needed.

    Networks of the CycleGAN kind. As in the official code ``G_A`` maps A to B and ``D_A`` judges pictures
    of B. Networks of a direction that is not learned are not built. Distances need at least two pictures in
    a batch, unless those between the halves of a picture are taken.
    """

    title = "DistanceGAN"
    paper = "Benaim and Wolf, NIPS 2017"
    year = 2017
    equations = """
        G: L_GAN + λ_distance mean |n_A(d(a_i, a_j)) − n_B(d(G(a_i), G(a_j)))| (+ cycles with use_cycle_loss)
        d: mean |u − v| of two pictures, or of two halves of one; n_X(d) = (d − μ_X) / σ_X over the training set X
        D: ½ mean D(fake)² + ½ mean (D(real) − 1)², fakes from a pool
    """
    min_batch_size = 2
    differences = (
        (
            "directions",
            "one-sided",
            "both by default, --A_to_B or --B_to_A for one (cyclegan_arch/distance_gan_model.py)",
            "A to B alone, which trains the same whether or not B to A does; direction=both for two",
        ),
        (
            "pairs of pictures",
            "expectation over pairs",
            "pairs within a batch, of size 2 by default; mean and deviation of the distances between whole batches",
            "the code; the batch size is that of the run, at least 2",
        ),
        (
            "distance within one picture",
            "between the halves of each picture",
            "top and bottom half of the whole batch, one number (use_self_distance)",
            "the code; self_distance_per_picture=true for the paper",
        ),
        (
            "padding of the discriminator",
            "that of CycleGAN, 1",
            "1 under Python 2, 2 under Python 3 (cyclegan_arch/networks.py, NLayerDiscriminator: padw)",
            "1; padw",
        ),
        (
            "identity term",
            "none",
            "an option that cyclegan_arch/distance_gan_model.py ignores",
            "none",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(MethodConfig):
        """Defaults of cyclegan_arch, trained in one direction."""

        n_epochs: int = 100
        """epochs with the full learning rate (one more, as in the official code)"""
        n_epochs_decay: int = 100
        """epochs over which the learning rate falls linearly towards zero"""
        direction: Literal["A_to_B", "both"] = "A_to_B"
        """which translations are learned"""
        lambda_distance_A: float = 1.0
        """weight of the distances between pictures of A and those between their translations"""
        lambda_distance_B: float = 1.0
        """the same for pictures of B"""
        use_self_distance: bool = False
        """compare the halves of a picture instead of pairs of pictures"""
        self_distance_per_picture: bool = False
        """with use_self_distance: one distance a picture instead of one a batch"""
        unnormalized_distances: bool = False
        """compare plain distances instead of normalised ones"""
        max_items: int = 900
        """batches from which mean and deviation of the distances are measured before training"""
        use_cycle_loss: bool = False
        """also translate back and compare, in both directions"""
        lambda_A: float = 10.0
        """weight of the cycle A -> B -> A"""
        lambda_B: float = 10.0
        """weight of the cycle B -> A -> B"""
        ngf: int = 64
        """channels of the generator's first convolution"""
        ndf: int = 64
        """channels of the discriminator's first convolution"""
        which_model_netG: Literal["resnet_9blocks", "resnet_6blocks"] = "resnet_9blocks"
        """generator: number of residual blocks"""
        use_dropout: bool = False
        """dropout of 0.5 in the residual blocks, in training only"""
        n_layers_D: int = 3
        """layers of the discriminator"""
        padw: int = 1
        """padding of the discriminator's convolutions, 1 or 2"""
        no_lsgan: bool = False
        """cross-entropy instead of least squares as adversarial objective"""
        pool_size: int = 50
        """past translations kept for each discriminator; 0: it sees the current ones only"""
        lr: float = 2e-4
        """learning rate of all networks"""
        beta1: float = 0.5
        """first Adam coefficient"""
        beta2: float = 0.999
        """second Adam coefficient"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if min(self.max_items, self.ngf, self.ndf, self.n_layers_D) < 1 or self.pool_size < 0:
                raise ValueError("max_items, ngf, ndf and n_layers_D must be at least 1, pool_size at least 0")
            if self.padw not in (1, 2):
                raise ValueError(f"padw is {self.padw}; expected 1 or 2")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        if shape.height % 4 or shape.width % 4:
            raise ValueError(f"pictures of {shape.width}x{shape.height} do not fit; expected multiples of 4")
        two = c.direction == "both"
        self.G_A, self.D_A = generator(c), discriminator(c, shape)
        self.G_B = generator(c) if two or c.use_cycle_loss else None
        self.D_B = discriminator(c, shape) if two else None
        self.pool_B = ImagePool(c.pool_size, shape)
        self.pool_A = ImagePool(c.pool_size, shape) if two else None
        self.distances = Distances(c.use_self_distance, c.self_distance_per_picture, not c.unnormalized_distances)
        for name, nets in (("G", (self.G_A, self.G_B)), ("D", (self.D_A, self.D_B))):
            parameters = [p for net in nets if net is not None for p in net.parameters()]
            self.adam(name, parameters, c.lr, (c.beta1, c.beta2))
        self.gan_mode: GanMode = "vanilla" if c.no_lsgan else "lsgan"

    def lr_factor(self, epoch: int) -> float:
        """The rate falls at the end of each epoch behind ``n_epochs``, so it is full in one epoch more."""
        c = self.config
        return linear_decay(epoch, c.n_epochs + 1, max(0, c.n_epochs_decay - 1), c.warmup_epochs)

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure mean and deviation of the distances between (or within) the first ``max_items`` whole batches.

        They are all held in memory: 900 batches of two pictures at 256 pixels take 1.4 GB a domain.
        """
        if self.config.unnormalized_distances:
            return
        taken = list(islice(batches, self.config.max_items))
        full = [batch for batch in taken if len(batch.a) == len(taken[0].a)]
        self.distances.normal_A.measure(self.spread([batch.a for batch in full]))
        self.distances.normal_B.measure(self.spread([batch.b for batch in full]))

    def spread(self, batches: list[Tensor]) -> Tensor:
        """The distances whose mean and deviation normalise: of all pairs of whole batches, or of halves."""
        if self.config.use_self_distance:
            return torch.cat([self.distances.within(x) for x in batches])
        return pair_distances(torch.stack(batches))

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch

        # The generators first, judged by the discriminators as they are.
        self.freeze_discriminators(True)
        fake_b = self.G_A(a)
        losses = {
            "G_A": gan_loss(self.D_A(fake_b), True, self.gan_mode),
            "distance_A": c.lambda_distance_A * self.distances.a_to_b(a, fake_b),
        }
        if self.G_B is not None:
            fake_a = self.G_B(b)
            if self.D_B is not None:
                losses["G_B"] = gan_loss(self.D_B(fake_a), True, self.gan_mode)
                losses["distance_B"] = c.lambda_distance_B * self.distances.b_to_a(b, fake_a)
            if c.use_cycle_loss:
                losses["cycle_A"] = c.lambda_A * F.l1_loss(self.G_B(fake_b), a)
                losses["cycle_B"] = c.lambda_B * F.l1_loss(self.G_A(fake_a), b)
        g_total = torch.stack(list(losses.values())).sum()
        minimise(g_total, self.optimizers["G"])

        # The discriminators, on translations made before that update, from the pools.
        self.freeze_discriminators(False)
        judged = {"D_A": self.judged(self.D_A, self.pool_B.query(fake_b.detach(), self.draw, "pool_B"), b)}
        if self.D_B is not None and self.pool_A is not None:
            judged["D_B"] = self.judged(self.D_B, self.pool_A.query(fake_a.detach(), self.draw, "pool_A"), a)
        minimise(torch.stack(list(judged.values())).sum(), self.optimizers["D"])
        return detached(G=g_total, **losses, **judged)

    def freeze_discriminators(self, frozen: bool) -> None:
        for net in (self.D_A, self.D_B):
            if net is not None:
                net.requires_grad_(not frozen)

    def judged(self, net: PatchGAN, fake: Tensor, real: Tensor) -> Tensor:
        """The loss of a discriminator; its norms look at each picture alone, so both kinds go in one batch."""
        on_fake, on_real = net(torch.cat((fake, real))).split(len(real))
        return discriminator_loss(on_fake, on_real, self.gan_mode)

    def translate(self, a: Tensor) -> Tensor:
        with in_mode(self.G_A, training=False):
            return translate_padded(self.G_A, a, 4)

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures to source pictures.

        Raises:
            ValueError: that direction was not learned.
        """
        if self.D_B is None or self.G_B is None:
            raise ValueError("only A to B was learned; direction=both learns both")
        with in_mode(self.G_B, training=False):
            return translate_padded(self.G_B, b, 4)


def generator(config: DistanceGAN.Config) -> ResnetGenerator:
    """A generator that ``config`` describes, initialised."""
    blocks = int(config.which_model_netG.removeprefix("resnet_").removesuffix("blocks"))
    return init_weights(ResnetGenerator(config.ngf, blocks, config.use_dropout))


def discriminator(config: DistanceGAN.Config, shape: ImageShape) -> PatchGAN:
    """A discriminator that ``config`` describes, initialised; ValueError where pictures are too small for it."""
    net = PatchGAN(config.ndf, config.n_layers_D, config.padw)
    if net.scores(min(shape.height, shape.width)) < 1:
        raise ValueError(f"pictures of {shape.width}x{shape.height} are too small for n_layers_D {config.n_layers_D}")
    return init_weights(net)
