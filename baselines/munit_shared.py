"""What MUNIT and UNIT share: discriminators, optimisers, schedule, the order of a step.

Official code: NVlabs/MUNIT, trainer.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.munit_networks import Activation, MsImageDis, Padding, smallest_side
from methods.config import MethodConfig, check_minimum
from methods.gan import gan_loss
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.layers import InstanceNorm
from methods.vgg import POOLED, RELU5_3, VGG16
from methods.vgg_files import VggKind
from methods.vgg_weights import State, find_vgg16

Terms = dict[str, tuple[float, Tensor]]
"""weight and value of each term of an objective"""


@dataclass(frozen=True, kw_only=True)
class SharedConfig(MethodConfig):
    """What the configurations of MUNIT and UNIT share.

    The official budget is 1,000,000 iterations, the rate halved every 100,000. It is written here as 1000 and
    100 epochs, exact where an epoch has 1000 steps; ``--steps 1000000`` makes it exact for any data set.
    """

    n_epochs: int = 1000
    """epochs before a linear decay, if there is one (official max_iter: 1,000,000 iterations)"""
    n_epochs_decay: int = 0
    """epochs over which the learning rate falls linearly towards zero"""
    step_size: int = 100
    """epochs after which the learning rate is multiplied by gamma, again and again (official: 100,000 iterations)"""
    gamma: float = 0.5
    """what the learning rate is multiplied by"""
    gen_dim: int = 64
    """channels of the first convolution of the auto-encoders"""
    n_downsample: int = 2
    """halvings in the content encoder"""
    n_res: int = 4
    """residual blocks in the content encoder, and again in the decoder"""
    gen_activ: Activation = "relu"
    """activation in the auto-encoders"""
    gen_pad_type: Padding = "reflect"
    """borders of the convolutions of the auto-encoders"""
    dis_dim: int = 64
    """channels of the first convolution of the discriminators"""
    n_layer: int = 4
    """halvings in a discriminator"""
    num_scales: int = 3
    """scales of a picture that are judged, each half as large as the one before"""
    dis_norm: Literal["none", "in", "ln"] = "none"
    """normalisation in the discriminators: none, instance norm or layer norm"""
    dis_activ: Activation = "lrelu"
    """activation in the discriminators"""
    dis_pad_type: Padding = "reflect"
    """borders of the convolutions of the discriminators"""
    gan_type: Literal["lsgan", "nsgan"] = "lsgan"
    """adversarial objective: least squares, or cross-entropy"""
    init: Literal["kaiming", "xavier", "orthogonal", "gaussian"] = "kaiming"
    """how the weights of the auto-encoders are drawn; those of the discriminators are normal with std 0.02"""
    gan_w: float = 1.0
    """weight of the adversarial terms"""
    recon_x_w: float = 10.0
    """weight of the reconstruction of pictures"""
    vgg_w: float = 0.0
    """weight of the domain-invariant perceptual terms; they need the weights of VGG16"""
    vgg: VggKind = "oxford"
    """whose weights VGG16 has: the original ones of Oxford, or torchvision's"""
    lr: float = 1e-4
    """learning rate of all networks"""
    beta1: float = 0.5
    """first Adam coefficient"""
    beta2: float = 0.999
    """second Adam coefficient"""
    weight_decay: float = 1e-4
    """L2 penalty in the gradient of all parameters"""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = ("step_size", "gen_dim", "n_downsample", "n_res", "dis_dim", "n_layer", "num_scales")
        check_minimum(self, 1, *names)
        for name in ("beta1", "beta2"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected less than 1")


class SharedStep(Method, ABC):
    """A step of MUNIT or UNIT, which say what codes are, how they are exchanged, what auto-encoders minimise.

    Names as in the official code: ``gen_a`` encodes and decodes pictures of A; ``x_ba`` is a picture of B
    translated to A, which ``dis_a`` judges.
    """

    two_sided = True
    gen_a: nn.Module
    gen_b: nn.Module

    def __init__(
        self, config: SharedConfig, shape: ImageShape, generators: Sequence[nn.Module], vgg_weights: State | None
    ) -> None:
        super().__init__(config, shape)
        self.shared = c = config
        least, multiple = smallest_side(c.n_layer, c.num_scales), 2**c.n_downsample
        if min(shape.height, shape.width) < least or shape.height % multiple or shape.width % multiple:
            raise ValueError(
                f"pictures of {shape.width}x{shape.height} do not fit: expected sides of at least {least}, multiples "
                f"of {multiple}; num_scales and n_layer make the least side smaller"
            )
        self.vgg = None
        if c.vgg_w > 0:  # the official network has no pooling between its last two blocks
            self.vgg = VGG16(vgg_weights or find_vgg16(c.vgg), c.vgg, pooled=POOLED[:-1])
        self.gen_a, self.gen_b = generators
        self.dis_a, self.dis_b = (
            MsImageDis(c.dis_dim, c.n_layer, c.num_scales, c.dis_norm, c.dis_activ, c.dis_pad_type) for _ in "ab"
        )
        for net in (self.gen_a, self.gen_b):
            if c.init == "gaussian":
                init_weights(net, "normal", 0.02)
            else:
                init_weights(net, c.init, 2**0.5)
        for net in (self.dis_a, self.dis_b):
            init_weights(net, "normal", 0.02)
        for name, nets in (("G", (self.gen_a, self.gen_b)), ("D", (self.dis_a, self.dis_b))):
            parameters = [p for net in nets for p in net.parameters()]
            self.adam(name, parameters, c.lr, (c.beta1, c.beta2), c.weight_decay)

    def lr_factor(self, epoch: int) -> float:
        """A step decay (official policy ``step``), with the warm-up and the linear decay that are asked for."""
        return super().lr_factor(epoch) * self.shared.gamma ** ((epoch - 1) // self.shared.step_size)

    @abstractmethod
    def encode(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        """The codes of both pictures."""

    @abstractmethod
    def exchange(self, codes: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """x_ba and x_ab that the discriminators are shown."""

    @abstractmethod
    def generator_terms(self, a: Tensor, b: Tensor, codes: tuple[Tensor, ...]) -> Terms:
        """What the auto-encoders minimise."""

    def step(self, batch: Batch) -> Losses:
        a, b = batch
        codes = self.encode(a, b)  # also for the discriminators: the encoders change only at the end

        # The discriminators first, on translations of their own.
        with torch.no_grad():
            x_ba, x_ab = self.exchange(codes)
        self.dis_a.requires_grad_(True)
        self.dis_b.requires_grad_(True)
        d_a, d_b = self.judge(self.dis_a, x_ba, a), self.judge(self.dis_b, x_ab, b)
        d_total = self.shared.gan_w * (d_a + d_b)
        minimise(d_total, self.optimizers["D"])

        # The auto-encoders, judged by the updated discriminators.
        self.dis_a.requires_grad_(False)
        self.dis_b.requires_grad_(False)
        terms = self.generator_terms(a, b, codes)
        g_total = torch.stack([weight * value for weight, value in terms.values()]).sum()
        minimise(g_total, self.optimizers["G"])
        values = {name: value for name, (_, value) in terms.items()}
        return detached(G=g_total, **values, D=d_total, D_a=d_a, D_b=d_b)

    def judge(self, net: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        """What a discriminator minimises, summed over scales (without the usual half)."""
        terms = []
        for scores in net(torch.cat((fake, real))):
            on_fake, on_real = scores.split((len(fake), len(real)))
            terms += [self.gan(on_fake, False), self.gan(on_real, True)]
        return torch.stack(terms).sum()

    def fool(self, net: nn.Module, fake: Tensor) -> Tensor:
        """What a generator minimises, summed over scales."""
        return torch.stack([self.gan(scores, True) for scores in net(fake)]).sum()

    def gan(self, scores: Tensor, real: bool) -> Tensor:
        return gan_loss(scores, real, "lsgan" if self.shared.gan_type == "lsgan" else "vanilla")

    def judged(self, a: Tensor, b: Tensor, x_ba: Tensor, x_ab: Tensor) -> Terms:
        """The adversarial and the perceptual terms of two translations."""
        c = self.shared
        terms = {"adv_a": (c.gan_w, self.fool(self.dis_a, x_ba)), "adv_b": (c.gan_w, self.fool(self.dis_b, x_ab))}
        if self.vgg is not None:
            terms["vgg_a"] = (c.vgg_w, perceptual_distance(self.vgg, x_ba, b))
            terms["vgg_b"] = (c.vgg_w, perceptual_distance(self.vgg, x_ab, a))
        return terms


def perceptual_distance(vgg: VGG16, translation: Tensor, source: Tensor) -> Tensor:
    """Mean squared difference at relu5_3 after instance norm, which takes the style of the domain away."""
    norm = InstanceNorm()
    with torch.no_grad():
        (expected,) = vgg(source, [RELU5_3])
    (found,) = vgg(translation, [RELU5_3])
    return F.mse_loss(norm(found), norm(expected))
