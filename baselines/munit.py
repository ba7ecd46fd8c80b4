"""MUNIT and UNIT: two auto-encoders whose codes of content can be exchanged.

Huang et al., Multimodal Unsupervised Image-to-Image Translation, ECCV 2018.
Liu et al., Unsupervised Image-to-Image Translation Networks, NeurIPS 2017.
Official code of both: NVlabs/MUNIT, trainer.py.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.munit_networks import AdaINGen, VAEGen
from baselines.munit_shared import SharedConfig, SharedStep, Terms
from methods.config import check_minimum
from methods.interface import ImageShape
from methods.vgg_weights import State


class MUNIT(SharedStep):
    """A picture is a content, which both domains share, and a style, which is its domain's own.

    Translation puts a style drawn at random to the content.
    """

    title = "MUNIT"
    paper = "Huang et al., ECCV 2018"
    year = 2018
    equations = """
        generators: gan_w L_GAN + recon_x_w |x_aa − a| + recon_c_w |c'' − c| + recon_s_w |s'' − s|   (eq. 1-3, 5)
        x_aa from the codes c, s' of a; x_ab from c and a drawn style s; c'', s'' the codes of x_ab   (sec. 3.2)
        D: sum over scales of mean D(fake)² + mean (D(real) − 1)²   (eq. 4, logarithms there)
    """
    differences = (
        (
            "adversarial objective",
            "the general GAN formula; least squares in section 5.1",
            "least squares, summed over three scales, without the usual half (MsImageDis)",
            "the code; gan_type, num_scales",
        ),
        (
            "cycle term",
            "optional (style-augmented cycle consistency)",
            "weight 0 or 10 by configuration; the author: high where pixels stay in place, else none (issue 60)",
            "0; recon_x_cyc_w=10 where pixels stay in place",
        ),
        (
            "perceptual term",
            "for high resolution",
            "off but in the configuration for 512 pixels (synthia2cityscape); relu5_3 of Oxford's VGG16 without the "
            "pooling in front of its last block (networks.py, Vgg16)",
            "off; vgg_w, vgg",
        ),
        (
            "layer normalisation",
            "layer normalisation",
            "unbiased deviation, eps added to it (networks.py, LayerNorm)",
            "the code",
        ),
        ("training length", "not said", "1,000,000 iterations of one picture", "1000 epochs of 1000; n_epochs"),
        (
            "first iteration at a halved rate",
            "-",
            "the 100,000th, as the scheduler steps before the update (train.py)",
            "the one after",
        ),
        (
            "style of a translation that is scored",
            "several, drawn at random",
            "several; each stored picture is stretched to the full range of grey levels (test_batch.py)",
            "one, drawn for each picture from test_seed and the picture itself, not stretched; synchronized",
        ),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(SharedConfig):
        """Defaults of edges2shoes_folder.yaml; summer2winter_yosemite256 has recon_x_cyc_w 10."""

        style_dim: int = 8
        """numbers in a style code"""
        mlp_dim: int = 256
        """width of the network that turns a style code into scales and shifts"""
        recon_s_w: float = 1.0
        """weight of the reconstruction of style codes"""
        recon_c_w: float = 1.0
        """weight of the reconstruction of content codes"""
        recon_x_cyc_w: float = 0.0
        """weight of the reconstruction of pictures after translation there and back"""
        synchronized: bool = False
        """translate all pictures with the same style instead of one drawn for each"""
        test_seed: int = 1
        """where the styles of translations are drawn from"""

        def __post_init__(self) -> None:
            super().__post_init__()
            check_minimum(self, 1, "style_dim", "mlp_dim")

    gen_a: AdaINGen
    gen_b: AdaINGen

    def __init__(self, config: Config, shape: ImageShape, vgg_weights: State | None = None) -> None:
        """``vgg_weights`` are those of VGG16 where they need not be found (methods.vgg_weights.find_vgg16)."""
        super().__init__(config, shape, [auto_encoder(config) for _ in "ab"], vgg_weights)
        self.config = config

    def encode(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        """c_a, s_a', c_b, s_b'."""
        return (*self.gen_a.encode(a), *self.gen_b.encode(b))

    def exchange(self, codes: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        c_a, _, c_b, _ = codes
        s_a, s_b = self.styles("dis", c_a)
        return self.gen_a.decode(c_b, s_a), self.gen_b.decode(c_a, s_b)

    def styles(self, when: str, like: Tensor) -> tuple[Tensor, Tensor]:
        """s_a and s_b, from the standard normal distribution: [B, style_dim, 1, 1]."""
        shape = (len(like), self.config.style_dim, 1, 1)
        s_a, s_b = (self.draw.normal(f"s_{side}_{when}", shape, like.device) for side in "ab")
        return s_a, s_b

    def generator_terms(self, a: Tensor, b: Tensor, codes: tuple[Tensor, ...]) -> Terms:
        """Within domains: x_aa, x_bb. Across: x_ba, x_ab, whose codes must be those they were made of (sec. 3.2)."""
        c = self.config
        c_a, s_a_prime, c_b, s_b_prime = codes
        s_a, s_b = self.styles("gen", c_a)
        x_aa, x_ba = self.gen_a.decode(torch.cat((c_a, c_b)), torch.cat((s_a_prime, s_a))).chunk(2)
        x_bb, x_ab = self.gen_b.decode(torch.cat((c_b, c_a)), torch.cat((s_b_prime, s_b))).chunk(2)
        c_b_recon, s_a_recon = self.gen_a.encode(x_ba)
        c_a_recon, s_b_recon = self.gen_b.encode(x_ab)
        terms = {
            "recon_x_a": (c.recon_x_w, F.l1_loss(x_aa, a)),
            "recon_x_b": (c.recon_x_w, F.l1_loss(x_bb, b)),
            "recon_s_a": (c.recon_s_w, F.l1_loss(s_a_recon, s_a)),
            "recon_s_b": (c.recon_s_w, F.l1_loss(s_b_recon, s_b)),
            "recon_c_a": (c.recon_c_w, F.l1_loss(c_a_recon, c_a)),
            "recon_c_b": (c.recon_c_w, F.l1_loss(c_b_recon, c_b)),
        }
        if c.recon_x_cyc_w > 0:
            terms["cycrecon_x_a"] = (c.recon_x_cyc_w, F.l1_loss(self.gen_a.decode(c_a_recon, s_a_prime), a))
            terms["cycrecon_x_b"] = (c.recon_x_cyc_w, F.l1_loss(self.gen_b.decode(c_b_recon, s_b_prime), b))
        return terms | self.judged(a, b, x_ba, x_ab)

    def translate(self, a: Tensor) -> Tensor:
        return self.gen_b.decode(self.gen_a.enc_content(a), self.test_styles(a))

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures to source pictures."""
        return self.gen_a.decode(self.gen_b.enc_content(b), self.test_styles(b))

    def test_styles(self, pictures: Tensor) -> Tensor:
        """A style for each picture, [B, style_dim, 1, 1]: the same whenever, and beside whatever, it is translated.

        Its seed is made of ``test_seed`` and the picture in 8 bits, unless all are to have the same.
        """
        c = self.config
        rows = []
        for picture in ((pictures + 1) * 127.5).round().to(torch.uint8).cpu():
            content = b"" if c.synchronized else picture.contiguous().numpy().tobytes()
            generator = torch.Generator().manual_seed(zlib.crc32(content, c.test_seed))
            rows.append(torch.randn(c.style_dim, 1, 1, generator=generator, dtype=torch.float32, device="cpu"))
        return torch.stack(rows).to(pictures)


def auto_encoder(c: MUNIT.Config) -> AdaINGen:
    """The auto-encoder of one domain that ``c`` describes, not yet initialised."""
    return AdaINGen(c.gen_dim, c.style_dim, c.n_downsample, c.n_res, c.mlp_dim, c.gen_activ, c.gen_pad_type)


class UNIT(SharedStep):
    """One code for both domains: what encodes a picture of A, plus noise, decodes to a picture of B."""

    title = "UNIT"
    paper = "Liu et al., NeurIPS 2017"
    year = 2017
    equations = """
        generators: gan_w L_GAN + recon_x_w |x_aa − a| + recon_x_cyc_w |x_aba − a| + recon_kl_w mean z²
            + recon_kl_cyc_w mean z''², both domains; mean z² stands for the divergence of N(z, 1) from N(0, 1)
        D: as MUNIT
    """
    differences = (
        (
            "layers shared by the domains",
            "the last of the encoders and the first of the decoders",
            "none (NVlabs/MUNIT, UNIT_Trainer)",
            "the code",
        ),
        (
            "divergence of the code from the prior",
            "Kullback-Leibler divergence from the standard normal distribution",
            "mean square of the code, whose variance is 1 (UNIT_Trainer)",
            "the code: the same up to a factor and a constant",
        ),
        (
            "cycle term",
            "part of the objective",
            "fails where its weight is 0 (UNIT_Trainer.gen_update)",
            "left out where its weight is 0",
        ),
        ("training length", "not said", "1,000,000 iterations of one picture", "1000 epochs of 1000; n_epochs"),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(SharedConfig):
        """Defaults of unit_edges2shoes_folder.yaml of mingyuliutw/UNIT; unit_gta2city_folder.yaml has vgg_w 1."""

        recon_kl_w: float = 0.01
        """weight of the divergence of the codes"""
        recon_x_cyc_w: float = 10.0
        """weight of the reconstruction of pictures after translation there and back"""
        recon_kl_cyc_w: float = 0.01
        """weight of the divergence of the codes of translations"""

    gen_a: VAEGen
    gen_b: VAEGen

    def __init__(self, config: Config, shape: ImageShape, vgg_weights: State | None = None) -> None:
        """``vgg_weights`` are those of VGG16 where they need not be found (methods.vgg_weights.find_vgg16)."""
        c = config
        generators = [VAEGen(c.gen_dim, c.n_downsample, c.n_res, c.gen_activ, c.gen_pad_type) for _ in "ab"]
        super().__init__(config, shape, generators, vgg_weights)
        self.config = config

    def encode(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        """h_a, h_b: the means of codes."""
        return self.gen_a.enc(a), self.gen_b.enc(b)

    def sample(self, h: Tensor, name: str) -> Tensor:
        """A code of mean ``h`` and variance 1."""
        return h + self.draw.normal(name, tuple(h.shape), h.device)

    def exchange(self, codes: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        z_a, z_b = (self.sample(h, f"n_{side}_dis") for side, h in zip("ab", codes, strict=True))
        return self.gen_a.dec(z_b), self.gen_b.dec(z_a)

    def generator_terms(self, a: Tensor, b: Tensor, codes: tuple[Tensor, ...]) -> Terms:
        """Reconstruction within domains and after translation there and back, and the divergence of all codes."""
        c = self.config
        h_a, h_b = codes
        z_a, z_b = self.sample(h_a, "n_a_gen"), self.sample(h_b, "n_b_gen")
        x_aa, x_ba = self.gen_a.dec(torch.cat((z_a, z_b))).chunk(2)
        x_bb, x_ab = self.gen_b.dec(torch.cat((z_b, z_a))).chunk(2)
        h_b_recon, h_a_recon = self.gen_a.enc(x_ba), self.gen_b.enc(x_ab)
        terms = {
            "recon_x_a": (c.recon_x_w, F.l1_loss(x_aa, a)),
            "recon_x_b": (c.recon_x_w, F.l1_loss(x_bb, b)),
            "recon_kl_a": (c.recon_kl_w, h_a.square().mean()),
            "recon_kl_b": (c.recon_kl_w, h_b.square().mean()),
            "recon_kl_cyc_aba": (c.recon_kl_cyc_w, h_a_recon.square().mean()),
            "recon_kl_cyc_bab": (c.recon_kl_cyc_w, h_b_recon.square().mean()),
        }
        if c.recon_x_cyc_w > 0:
            z_b_recon, z_a_recon = self.sample(h_b_recon, "n_b_recon_gen"), self.sample(h_a_recon, "n_a_recon_gen")
            terms["cyc_x_a"] = (c.recon_x_cyc_w, F.l1_loss(self.gen_a.dec(z_a_recon), a))
            terms["cyc_x_b"] = (c.recon_x_cyc_w, F.l1_loss(self.gen_b.dec(z_b_recon), b))
        return terms | self.judged(a, b, x_ba, x_ab)

    def translate(self, a: Tensor) -> Tensor:
        return self.gen_b.dec(self.gen_a.enc(a))

    def translate_back(self, b: Tensor) -> Tensor:
        """Target pictures to source pictures."""
        return self.gen_a.dec(self.gen_b.enc(b))
