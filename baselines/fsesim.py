"""FSeSim: content kept by comparing how similar each place of a picture is to its other places.

Zheng et al., The Spatially-Correlative Loss for Various Image Translation Tasks, CVPR 2021.
Official code: lyndonzheng/F-LSeSim, models/sc_model.py and models/losses.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.fsesim_maps import (
    STYLE,
    Features,
    SpatialHeads,
    gradient_penalty,
    map_contrast,
    map_distance,
    similarity_maps,
    style_distance,
)
from methods.config import ResnetGanConfig, check_minimum
from methods.discriminators import discriminator
from methods.gan import gan_loss
from methods.generators import resnet_generator
from methods.init import init_weights
from methods.interface import Batch, ImageShape, Losses, Method, detached, minimise
from methods.jitter import color_jitter
from methods.pool import ImagePool
from methods.vgg import RELU3_3, VGG16, WIDTHS, no_weights, scale_of
from methods.vgg_files import VggKind
from methods.vgg_weights import State, find_vgg16


class FSeSim(Method):
    """A picture and its translation must have the same self-similarity, whatever their colours.

    A frozen VGG16 gives features. At each of some places the similarity to all other places (or to those of a
    window) makes a map; the maps of the picture and of its translation are compared.
    """

    title = "FSeSim"
    paper = "Zheng et al., CVPR 2021"
    year = 2021
    equations = """
        G: L_GAN + λ_spatial mean SmoothL1(1 − cos(S(a), S(G(a)))), S = similarities of VGG16's features
        D: ½ mean D(G(a))² + ½ mean (D(b) − 1)²; L_GAN = mean (D(G(a)) − 1)²
    """
    differences = (
        (
            "similarity of two places",
            "cosine",
            "tanh(dot product / C / 10) by default (PatchSim); cosine with --use_norm",
            "the code, which the author's command runs; use_norm=true for the other",
        ),
        (
            "distance of two maps",
            "1 - cosine, or L1",
            "SmoothL1 of 1 - cosine by default, and only where the translation's own map is in its highest quarter "
            "(SpatialCorrelativeLoss.compare_sim)",
            "the code; use_norm=true takes 1 - cosine itself",
        ),
        (
            "places each place is compared with",
            "a local patch around it",
            "patch_size 64, which at 256x256 pixels is the whole map (train_sc.sh)",
            "64 for FSeSim, 32 for LSeSim as the author advises (lyndonzheng/F-LSeSim, issue 1); patch_size",
        ),
        ("windows in maps that are not square", "-", "row = id // height (PatchSim.select_patch)", "id // width"),
        (
            "VGG16 while the heads learn",
            "-",
            "among the parameters of the optimiser of F, with learning rate 0 (data_dependent_initialize)",
            "frozen, in no optimiser: the same",
        ),
        (
            "colours changed for the contrast (augment)",
            "not specified",
            "torchvision's ColorJitter on Pillow pictures, rounded to 8 bits after each change (UnalignedDataset)",
            "the same changes of tensors, without rounding",
        ),
        ("weights of VGG16", "not said", "torchvision's", "torchvision's; vgg=oxford for the original training"),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ResnetGanConfig):
        """What the official train_sc.sh sets."""

        attn_layers: tuple[int, ...] = (4, 7, 9)
        """layers of VGG16 whose maps are compared, counted from relu1_1 = 0: relu3_1, relu4_1, relu4_3"""
        patch_nums: int = 256
        """places that get a map, drawn anew for each layer; -1: all, each compared with all"""
        patch_size: int = 64
        """side of the window a place is compared with; the whole feature map where the window is no smaller"""
        loss_mode: Literal["cos", "l1"] = "cos"
        """how two maps are compared: by their cosine, or entry by entry"""
        use_norm: bool = False
        """similarity is a cosine and distances are absolute; otherwise dot products in tanh, and SmoothL1"""
        learned_attn: bool = False
        """learn, by contrast, a head on each feature in which similarity is measured"""
        augment: bool = False
        """contrast also a picture with its own copy in other colours"""
        T: float = 0.07
        """temperature that divides the similarities in the contrast"""
        lambda_spatial: float = 10.0
        """weight of the spatially-correlative term"""
        lambda_spatial_idt: float = 0.0
        """weight of the same between B and its translation by the same generator"""
        lambda_identity: float = 0.0
        """weight of the distance between B and its translation by the same generator"""
        lambda_perceptual: float = 0.0
        """weight of the distance between A and its translation at relu3_3"""
        lambda_style: float = 0.0
        """weight of the distance between the Gram matrices of B and of the translation"""
        lambda_gradient: float = 0.0
        """weight of the gradient penalty of the discriminator (WGAN-GP)"""
        vgg: VggKind = "torchvision"
        """whose weights VGG16 has: torchvision's, or the original ones of Oxford"""
        pool_size: int = 50
        """past translations kept for the discriminator; 0: it sees the current ones only"""
        lr: float = 1e-4
        """learning rate of all networks"""

        def __post_init__(self) -> None:
            super().__post_init__()
            check_minimum(self, 0, "pool_size")
            check_minimum(self, 2, "patch_size")
            if not self.attn_layers or not set(self.attn_layers) <= set(range(len(WIDTHS))):
                raise ValueError(f"attn_layers is {self.attn_layers}; expected layers of VGG16, 0 to {len(WIDTHS) - 1}")
            if self.patch_nums < 1 and self.patch_nums != -1:
                raise ValueError(f"patch_nums is {self.patch_nums}; expected 1 or more, or -1 for all places")
            if self.T <= 0:
                raise ValueError("T is 0; expected a temperature above 0")
            if self.augment and not self.learned_attn:
                raise ValueError("augment changes nothing without learned_attn; set both or neither")

    def __init__(self, config: Config, shape: ImageShape, vgg_weights: State | None = None) -> None:
        """``vgg_weights`` are those of VGG16 where they need not be found (methods.vgg_weights.find_vgg16)."""
        super().__init__(config, shape)
        self.config = c = config
        smallest = scale_of(max(c.attn_layers))
        if (shape.height // smallest) * (shape.width // smallest) < 4:
            raise ValueError(f"layer {max(c.attn_layers)} of VGG16 is smaller than 2x2: use larger pictures")
        self.layers = sorted({*c.attn_layers, *STYLE * (c.lambda_style > 0), *[RELU3_3] * (c.lambda_perceptual > 0)})
        self.vgg = VGG16(vgg_weights or find_vgg16(c.vgg), c.vgg, max(self.layers))
        self.G = resnet_generator(c)
        self.D = discriminator(c)
        for net in (self.G, self.D):
            init_weights(net, c.init_type, c.init_gain)
        self.pool_B = ImagePool(c.pool_size, shape)
        self.adam("G", self.G.parameters(), c.lr, (c.beta1, c.beta2))
        self.adam("D", self.D.parameters(), c.lr, (c.beta1, c.beta2))
        if c.learned_attn:
            self.F = SpatialHeads([WIDTHS[layer] for layer in c.attn_layers])
            init_weights(self.F, "normal")
            self.adam("F", self.F.parameters(), c.lr, (c.beta1, c.beta2))

    @classmethod
    def translator(cls, config: Config, shape: ImageShape) -> Method:
        """Without VGG16, which does not take part in translation."""
        return cls(config, shape, no_weights())

    def step(self, batch: Batch) -> Losses:
        c = self.config
        a, b = batch
        n = len(a)
        with_idt = c.lambda_identity > 0 or c.lambda_spatial_idt > 0
        y = self.G(torch.cat((a, b)) if with_idt else a)
        made = {"fake_B": y[:n]} | ({"idt_B": y[n:]} if with_idt else {})

        # VGG16 does not change: it looks once at each picture, for all terms of this step.
        with torch.no_grad():
            known = self.look(self.real_pictures(a, b))
        seen = self.look({name: x for name, x in made.items() if name == "fake_B" or c.lambda_spatial_idt > 0})

        extra = {}
        if c.learned_attn:
            self.F.requires_grad_(True)
            extra["spatial_F"] = self.contrast(known, seen["fake_B"])
            minimise(extra["spatial_F"], self.optimizers["F"])
            self.F.requires_grad_(False)

        self.D.requires_grad_(True)
        shown = self.pool_B.query(made["fake_B"].detach(), self.draw, "pool_B")
        on_fake, on_real = self.D(torch.cat((shown, b))).split((n, len(b)))
        d_fake, d_real = gan_loss(on_fake, False, c.gan_mode), gan_loss(on_real, True, c.gan_mode)
        d_total = 0.5 * (d_fake + d_real)
        if c.lambda_gradient > 0:
            share = self.draw.uniform("gp_alpha", (n, 1, 1, 1), a.device)
            extra["D_gradient"] = c.lambda_gradient * gradient_penalty(self.D, share * b + (1 - share) * shown)
            d_total = d_total + extra["D_gradient"]
        minimise(d_total, self.optimizers["D"])

        # The generator, judged by the updated discriminator in the updated heads.
        self.D.requires_grad_(False)
        losses = self.generator_terms(b, made, known, seen)
        g_total = torch.stack(list(losses.values())).sum()
        minimise(g_total, self.optimizers["G"])
        return detached(G=g_total, **losses, D=d_total, D_fake=d_fake, D_real=d_real, **extra)

    def generator_terms(
        self, b: Tensor, made: dict[str, Tensor], known: dict[str, Features], seen: dict[str, Features]
    ) -> dict[str, Tensor]:
        """The generator's terms, weighted; known, seen: what VGG16 shows of real pictures, and of translations."""
        c = self.config
        mode = "wgangp" if c.gan_mode == "hinge" else c.gan_mode  # officially hinge bounds the discriminator alone
        losses = {"G_GAN": c.lambda_GAN * gan_loss(self.D(made["fake_B"]), True, mode)}
        if c.lambda_style > 0:
            losses["style"] = c.lambda_style * style_distance(known["B"], seen["fake_B"])
        if c.lambda_perceptual > 0:
            losses["perceptual"] = c.lambda_perceptual * F.l1_loss(known["A"][RELU3_3], seen["fake_B"][RELU3_3])
        if c.lambda_spatial > 0:
            losses["spatial"] = c.lambda_spatial * self.spatial("spatial", known["A"], seen["fake_B"])
        if c.lambda_spatial_idt > 0:
            losses["spatial_idt"] = c.lambda_spatial_idt * self.spatial("spatial_idt", known["B"], seen["idt_B"])
        if c.lambda_identity > 0:
            losses["identity"] = c.lambda_identity * F.l1_loss(made["idt_B"], b)
        return losses

    def real_pictures(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """What VGG16 must see beside translations."""
        c = self.config
        pictures = {"A": a}
        if c.lambda_style > 0 or c.lambda_spatial_idt > 0:
            pictures["B"] = b
        if c.learned_attn:
            pictures["other_B"] = b.flip((2, 3))
        if c.augment:
            pictures["aug_A"] = self.recoloured(a, "aug_A")
            pictures["other_aug_B"] = self.recoloured(b, "aug_B").flip((2, 3))
        return pictures

    def recoloured(self, pictures: Tensor, name: str) -> Tensor:
        """``pictures`` in other colours, each place where it was."""
        return color_jitter(pictures, self.draw, name, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.3)

    def look(self, pictures: dict[str, Tensor]) -> dict[str, Features]:
        """Features of several batches of pictures in one pass."""
        found: list[Tensor] = self.vgg(torch.cat(list(pictures.values())), self.layers)
        n = len(pictures)  # of equal size
        return {
            name: {layer: feature.chunk(n)[i] for layer, feature in zip(self.layers, found, strict=True)}
            for i, name in enumerate(pictures)
        }

    def spatial(self, name: str, source: Features, target: Features) -> Tensor:
        """The spatially-correlative loss between a picture and its translation, averaged over layers."""
        c = self.config
        terms = []
        for i, layer in enumerate(c.attn_layers):
            places = self.places(f"{name}/layer{layer}", source[layer])
            of_source, of_target = (self.maps(f[layer], i, places) for f in (source, target))
            terms.append(map_distance(of_source, of_target, c.loss_mode, c.use_norm))
        return torch.stack(terms).mean()

    def contrast(self, known: dict[str, Features], fake: Features) -> Tensor:
        """What the heads minimise: a place is to be recognised in the translation (and in other colours),
        among the other places and those of a picture of B turned upside down."""
        c = self.config
        terms = []
        for i, layer in enumerate(c.attn_layers):
            places = self.places(f"spatial_F/layer{layer}", fake[layer])
            seen = [known[name][layer] for name in ("A", "other_B", "aug_A", "other_aug_B") if name in known]
            maps = self.maps(torch.cat([fake[layer].detach(), *seen]), i, places)
            tgt, src, other, *more = maps.chunk(1 + len(seen))
            if more:
                src, tgt, other = torch.cat((src, src)), torch.cat((tgt, more[0])), torch.cat((other, more[1]))
            terms.append(map_contrast(src, tgt, other, c.T))
        return torch.stack(terms).mean()

    def places(self, name: str, feature: Tensor) -> Tensor | None:
        """The places that get a map, int64 [n], the same for all pictures of a step; None: all."""
        if self.config.patch_nums < 0:
            return None
        n = feature.shape[2] * feature.shape[3]
        return self.draw.permutation(name, n, feature.device)[: self.config.patch_nums]

    def maps(self, feature: Tensor, i: int, places: Tensor | None) -> Tensor:
        """Self-similarity maps of the i-th layer compared: [B, n, N]."""
        c = self.config
        return similarity_maps(self.F(feature, i) if c.learned_attn else feature, places, c.patch_size, c.use_norm)

    def translate(self, a: Tensor) -> Tensor:
        return self.G(a)
