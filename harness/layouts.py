"""What the keys and shapes in a file of weights say of the generator they belong to. Imports no torch.

The keys are those of the official repositories; see ``methods.generators``, ``methods.unet``,
``baselines.distancegan_networks`` and ``baselines.munit_networks`` for the networks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.catalogue import Card, Value, card, show, targets

Shapes = Mapping[str, tuple[int, ...]]
"""shape by key, of one network"""


@dataclass(frozen=True)
class Layout:
    """A generator as its weights describe it."""

    kind: str
    """what it is, in words"""
    marks: frozenset[str]
    """options by which a method is known to have generators of this kind"""
    options: Mapping[str, Value]
    """what the weights say of the options of such a method"""

    def __str__(self) -> str:
        return f"{self.kind} ({', '.join(f'{name}={show(value)}' for name, value in self.options.items())})"

    def of(self, method: Card) -> bool:
        """Whether ``method`` can be configured to have this generator."""
        known = {option.name: option for option in method.options}
        return self.marks <= known.keys() and all(
            name in known and (not known[name].choices or value in known[name].choices)
            for name, value in self.options.items()
        )

    def methods(self) -> list[str]:
        """The registered methods that can have this generator."""
        return [name for name in targets() if self.of(card(name))]


def recognised(networks: Mapping[str, Shapes]) -> Layout | None:
    """The layout of the generator in a file, or of the two of the domains ``a`` and ``b``; None if it is none known."""
    if networks.keys() == {"a", "b"}:
        return munit(networks["a"]) or unit(networks["a"])
    (shapes,) = networks.values()
    return resnet(shapes) or distancegan(shapes) or unet(shapes)


def resnet(shapes: Shapes) -> Layout | None:
    """The ResNet of the CycleGAN / CUT family: reflection padding in front, nothing learned in the norms.

    Antialiased downsampling moves the first residual block from place 10 to 12; antialiased upsampling has its
    convolution one place behind the last block, where the other has it at once.
    """
    blocks = places(shapes, r"model\.(\d+)\.conv_block\.")
    if not blocks or not is_kernel(shapes.get("model.1.weight"), 7):
        return None
    options: dict[str, Value] = {
        "ngf": shapes["model.1.weight"][0],
        "netG": f"resnet_{len(blocks)}blocks",
        "no_antialias": blocks[0] == 10,
        "no_antialias_up": f"model.{blocks[-1] + 1}.weight" in shapes,
    }
    return Layout("a ResNet generator", frozenset({"netG", "no_antialias"}), options)


def distancegan(shapes: Shapes) -> Layout | None:
    """The ResNet of DistanceGAN: zero padding inside the convolutions, norms that learn scale and shift."""
    blocks = places(shapes, r"model\.(\d+)\.conv_block\.")
    if not blocks or not is_kernel(shapes.get("model.0.weight"), 7):
        return None
    options: dict[str, Value] = {
        "ngf": shapes["model.0.weight"][0],
        "which_model_netG": f"resnet_{len(blocks)}blocks",
        "use_dropout": is_kernel(shapes.get(f"model.{blocks[0]}.conv_block.4.weight"), 3),
    }
    return Layout("a ResNet generator with zero padding and affine norms", frozenset({"which_model_netG"}), options)


def unet(shapes: Shapes) -> Layout | None:
    """The U-Net of CycleGAN: one convolution down and one up a level, of kernel 4."""
    if not is_kernel(shapes.get("model.model.0.weight"), 4):
        return None
    levels = sum(is_kernel(shape, 4) for shape in shapes.values()) // 2
    options: dict[str, Value] = {"ngf": shapes["model.model.0.weight"][0], "netG": f"unet_{2**levels}"}
    return Layout("a U-Net generator", frozenset({"netG"}), options)


def munit(shapes: Shapes) -> Layout | None:
    """The auto-encoder of MUNIT: encoders of content and of style, an MLP, a decoder."""
    style = [shape for key, shape in shapes.items() if re.fullmatch(r"enc_style\.model\.\d+\.weight", key)]
    mlp = shapes.get("mlp.model.0.fc.weight")
    if not style or mlp is None or "enc_content.model.0.conv.weight" not in shapes:
        return None
    options = content_encoder(shapes, "enc_content") | {"style_dim": style[0][0], "mlp_dim": mlp[0]}
    return Layout("the two auto-encoders of MUNIT", frozenset({"style_dim"}), options)


def unit(shapes: Shapes) -> Layout | None:
    """The auto-encoder of UNIT: one encoder, one decoder."""
    if "enc.model.0.conv.weight" not in shapes:
        return None
    return Layout("the two auto-encoders of UNIT", frozenset({"recon_kl_w"}), content_encoder(shapes, "enc"))


def content_encoder(shapes: Shapes, name: str) -> dict[str, Value]:
    """Width, halvings and residual blocks of the encoder ``name``."""
    return {
        "gen_dim": shapes[f"{name}.model.0.conv.weight"][0],
        "n_downsample": len(places(shapes, rf"{name}\.model\.(\d+)\.conv\.weight")) - 1,
        "n_res": len(places(shapes, rf"{name}\.model\.\d+\.model\.(\d+)\.")),
    }


def places(shapes: Shapes, pattern: str) -> list[int]:
    """The numbers that stand at the group of ``pattern`` in the keys, in order, each once."""
    return sorted({int(found[1]) for key in shapes if (found := re.match(pattern, key))})


def is_kernel(shape: tuple[int, ...] | None, side: int) -> bool:
    """Whether it is the weight of a convolution with a square kernel of ``side``."""
    return shape is not None and len(shape) == 4 and shape[2:] == (side, side)
