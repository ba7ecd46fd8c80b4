"""DiscoGAN: relations between two domains found by translating there and back.

Kim et al., Learning to Discover Cross-Domain Relations with Generative Adversarial Networks, ICML 2017.
Official code: SKTBrain/DiscoGAN, discogan/image_translation.py and discogan/angle_pairing.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from baselines.discogan_networks import Discriminator, Generator, halvings
from methods.config import MethodConfig
from methods.gan import gan_loss
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.translation import in_mode, translate_padded
from methods.turns import Turns


class DiscoGAN(Method):
    """Two translations, each the inverse of the other; small networks without skips, one score a picture.

    Names are crossed as in the official code: ``generator_B`` makes pictures of B from A, ``generator_A``
    pictures of A from B; ``discriminator_A`` judges pictures of A. In every ``update_interval``-th step,
    beginning with the first, the discriminators are updated, in all others the generators. The networks see
    pictures in [0, 1]. The curriculum counts steps: a shorter run never leaves its first part.
    """

    title = "DiscoGAN"
    paper = "Kim et al., ICML 2017"
    year = 2017
    equations = """
        generators: (1 − r) (gan_weight L_GAN + fm_weight L_FM) + r content, both domains; r rises after gan_curriculum
        content: mean (ABA − A)², mean (BAB − B)²; L_FM: squared difference of the batch means of D's features
        D: cross-entropy, real 1 and fake 0; takes turns with the generators
    """
    two_sided = True
    differences: ClassVar[tuple[tuple[str, str, str, str], ...]] = (
        (
            "feature matching",
            "not mentioned",
            "0.9 feature matching + 0.1 GAN (SKTBrain/DiscoGAN, image_translation.py, get_fm_loss)",
            "the code; gan_weight, fm_weight",
        ),
        (
            "weights of GAN and reconstruction",
            "plain sum",
            "(1 - rate) and rate; rate 0.01 for 10,000 iterations, then 0.5 (image_translation.py); 0.9 throughout "
            "in angle_pairing.py",
            "the code; gan_curriculum, starting_rate, default_rate",
        ),
        (
            "updates of discriminators and generators",
            "not said",
            "1 to 2, the discriminators first (update_interval 3)",
            "the code; update_interval",
        ),
        ("weight decay", "1e-4", "1e-5, L2 in the gradient (image_translation.py)", "the code; weight_decay"),
        ("batch", "200", "64 by default, 500 in script.sh", "the batch size of the run; 64 is advised"),
        (
            "training length",
            "not said",
            "5000 epochs of 64 pictures a step (10,000 in angle_pairing.py), constant rate",
            "200 epochs, constant rate; n_epochs, n_epochs_decay",
        ),
        (
            "colour order and range of pictures",
            "not said",
            "BGR in [0, 1] (dataset.py, read_images)",
            "RGB, [0, 1] inside the method: the same up to the names of the channels",
        ),
        (
            "size",
            "64",
            "64 only (model.py)",
            "powers of two from 16: halvings are added or dropped so that the innermost map stays 4x4",
        ),
        (
            "batch norm in translation",
            "not said",
            "statistics of the test batch (the networks never leave training mode)",
            "running statistics, so that pictures do not influence each other; translate_norm=batch for the code",
        ),
        (
            "initialisation",
            "not said",
            "the default of PyTorch in 2017 (batch norm scales uniform in [0, 1])",
            "today's default (scales 1)",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(MethodConfig):
        """Defaults of image_translation.py but for the number of epochs.

        angle_pairing.py: num_layers 5, fm_features 3,4, starting_rate and default_rate 0.9.
        """

        n_epochs_decay: int = 0
        """epochs over which the learning rate falls linearly towards zero"""
        direction: Literal["both", "A_to_B", "gan"] = "both"
        """what is learned: both translations (official model_arch discogan), A to B and back (recongan), or A to B
        by the adversarial terms alone (gan)"""
        num_layers: int = 4
        """layers of the encoder at 64 pixels: 3 (innermost map 8x8), 4 (4x4) or 5 (1x1)"""
        width: int = 64
        """channels of the first convolution of every network"""
        gan_weight: float = 0.1
        """weight of the GAN term within the adversarial part"""
        fm_weight: float = 0.9
        """weight of feature matching within the adversarial part; 0 switches it off"""
        fm_features: tuple[int, ...] = ()
        """discriminator layers whose features are matched; empty: all with a batch norm (2,3,4 at 64 pixels)"""
        gan_curriculum: int = 10000
        """steps with starting_rate"""
        starting_rate: float = 0.01
        """share of the reconstruction in the generators' loss at first; the adversarial part has the rest"""
        default_rate: float = 0.5
        """the same share after gan_curriculum steps"""
        update_interval: int = 3
        """one step in so many updates the discriminators, the others the generators"""
        translate_norm: Literal["running", "batch"] = "running"
        """statistics of the batch norms in translation: running means, or of the pictures translated together"""
        learning_rate: float = 2e-4
        """learning rate of all networks"""
        weight_decay: float = 1e-5
        """L2 penalty in the gradient of all parameters"""
        beta1: float = 0.5
        """first Adam coefficient"""
        beta2: float = 0.999
        """second Adam coefficient"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.num_layers not in (3, 4, 5):
                raise ValueError(f"num_layers is {self.num_layers}; expected 3, 4 or 5")
            if self.width < 1 or self.update_interval < 1:
                raise ValueError("width and update_interval must be at least 1")
            if self.starting_rate > 1 or self.default_rate > 1:
                raise ValueError("starting_rate and default_rate are shares; expected at most 1")

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        self.config = c = config
        downs = halvings(shape)
        self.downs = downs - (c.num_layers == 3)
        self.fm_features = c.fm_features or tuple(range(2, downs + 1))
        if not set(self.fm_features) <= set(range(2, downs + 1)):
            raise ValueError(f"fm_features {c.fm_features}: this discriminator has layers 2 to {downs}")
        self.generator_A = Generator(c.width, self.downs, c.num_layers == 5)
        self.generator_B = Generator(c.width, self.downs, c.num_layers == 5)
        self.discriminator_A = Discriminator(c.width, downs)
        self.discriminator_B = Discriminator(c.width, downs)
        self.turns = Turns(c.update_interval)
        generators = chain(self.generator_A.parameters(), self.generator_B.parameters())
        discriminators = chain(self.discriminator_A.parameters(), self.discriminator_B.parameters())
        for name, parameters in (("G", generators), ("D", discriminators)):
            self.adam(name, parameters, c.learning_rate, (c.beta1, c.beta2), c.weight_decay)

    def step(self, batch: Batch) -> Losses:
        a, b = unit(batch.a), unit(batch.b)
        if self.config.num_layers == 5 and len(a) < 2:
            raise ValueError("num_layers 5 has batch norms over a single position: expected a batch size from 2")
        side = "D" if self.turns.place == 0 else "G"
        self.discriminator_A.requires_grad_(side == "D")
        self.discriminator_B.requires_grad_(side == "D")

        # Every network runs in every step, real and fake pictures apart: that moves its running statistics.
        with torch.set_grad_enabled(side == "G"):
            ab, ba = self.generator_B(a), self.generator_A(b)
            contents, content_a, content_b = self.content(a, b, ab, ba)
        gan_a, fm_a, dis_a = self.adversarial(self.discriminator_A, a, ba)
        gan_b, fm_b, dis_b = self.adversarial(self.discriminator_B, b, ab)
        gen_loss, rate = self.generator_loss(gan_a, fm_a, gan_b, fm_b, content_a, content_b)
        dis_loss = dis_a + dis_b if self.config.direction == "both" else dis_b
        minimise(dis_loss if side == "D" else gen_loss, self.optimizers[side])
        self.turns.advance()
        return detached(
            gen_loss=gen_loss,
            gen_loss_A=gan_a,
            gen_loss_B=gan_b,
            fm_loss_A=fm_a,
            fm_loss_B=fm_b,
            **contents,
            dis_loss=dis_loss,
            dis_loss_A=dis_a,
            dis_loss_B=dis_b,
            rate=rate,
        )

    def content(self, a: Tensor, b: Tensor, ab: Tensor, ba: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """What ties a translation to its source: here the reconstructions |ABA - A|^2 and |BAB - B|^2.

        Returns the terms to report, and what belongs to the translations A -> B and B -> A.
        """
        recon_a, recon_b = F.mse_loss(self.generator_A(ab), a), F.mse_loss(self.generator_B(ba), b)
        return {"recon_loss_A": recon_a, "recon_loss_B": recon_b}, recon_a, recon_b

    def adversarial(self, net: Discriminator, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The generator's GAN loss, the feature matching loss and the discriminator's loss in one domain."""
        on_real, real_features = net(real)
        on_fake, fake_features = net(fake)
        dis_loss = 0.5 * gan_loss(on_real, True, "vanilla") + 0.5 * gan_loss(on_fake, False, "vanilla")
        fm = [feature_matching(real_features[i], fake_features[i]) for i in self.fm_features]
        return gan_loss(on_fake, True, "vanilla"), torch.stack(fm).sum(), dis_loss

    def generator_loss(
        self, gan_a: Tensor, fm_a: Tensor, gan_b: Tensor, fm_b: Tensor, content_a: Tensor, content_b: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The loss of the generators and the share of content in it.

        The translation A -> B is judged in domain B and compared in domain A.
        """
        c = self.config
        rate = torch.where(self.turns.iteration < c.gan_curriculum, c.starting_rate, c.default_rate)
        adversarial_a = c.gan_weight * gan_a + c.fm_weight * fm_a
        adversarial_b = c.gan_weight * gan_b + c.fm_weight * fm_b
        a_to_b = (1 - rate) * adversarial_b + rate * content_a
        b_to_a = (1 - rate) * adversarial_a + rate * content_b
        losses = {"both": a_to_b + b_to_a, "A_to_B": a_to_b, "gan": adversarial_b}
        return losses[c.direction], rate

    def translate(self, a: Tensor) -> Tensor:
        return self.translated(self.generator_B, a)

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures to source pictures."""
        return self.translated(self.generator_A, b)

    def translated(self, net: Generator, x: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] of any size in [-1, 1] through ``net``, whose state stays as it is."""
        multiple = 2**self.downs
        least = 4 * multiple if self.config.num_layers == 5 else 1
        state = {name: buffer.clone() for name, buffer in net.named_buffers()}  # takes the moves of the statistics
        with in_mode(net, training=self.config.translate_norm == "batch"):
            y = translate_padded(lambda p: functional_call(net, state, (p,)), unit(x), multiple, least)
        return y * 2 - 1


def unit(x: Tensor) -> Tensor:
    """Pictures in [-1, 1] to [0, 1]."""
    return (x + 1) / 2


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """Squared difference of the batch means of features [B, C, H, W], averaged over C, H and W.

    The official code passes it through a hinge embedding criterion with all targets 1, which is the mean.
    """
    return (real.mean(0) - fake.mean(0)).square().mean()
