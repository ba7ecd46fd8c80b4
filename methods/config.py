"""Configurations of methods: frozen dataclasses of plain values, validated when made. Imports no torch.

The string under a field is its help text; the type is checked, a ``Literal`` lists the choices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_origin, get_type_hints

Init = Literal["xavier", "normal", "kaiming", "orthogonal"]
"""distributions of initial weights (methods.init)"""
GanMode = Literal["lsgan", "vanilla", "wgangp", "nonsaturating", "hinge"]
"""adversarial objectives that judge one picture at a time (methods.gan)"""


@dataclass(frozen=True, kw_only=True)
class MethodConfig:
    """What every method has: its training schedule."""

    n_epochs: int = 200
    """epochs with the full learning rate"""
    n_epochs_decay: int = 200
    """epochs over which the learning rate falls linearly towards zero"""
    warmup_epochs: int = 0
    """epochs over which the learning rate first rises linearly; 0 switches it off"""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            check_value(field.name, getattr(self, field.name), hints[field.name])
        check_minimum(self, 0, "n_epochs", "n_epochs_decay", "warmup_epochs")
        if self.n_epochs + self.n_epochs_decay < 1:
            raise ValueError("n_epochs + n_epochs_decay must be at least 1")


@dataclass(frozen=True, kw_only=True)
class GanConfig(MethodConfig):
    """Networks and Adam of the CycleGAN / CUT family, but for the kind of generator."""

    ngf: int = 64
    """channels of the generator's first convolution"""
    ndf: int = 64
    """channels of the discriminator's first convolution"""
    netD: Literal["basic", "n_layers", "pixel"] = "basic"
    """discriminator: PatchGAN of three layers, of n_layers_D layers, or one that judges single pixels"""
    n_layers_D: int = 3
    """layers of the discriminator where netD is n_layers"""
    no_antialias: bool = False
    """strided convolutions instead of blurred downsampling (Zhang, ICML 2019)"""
    no_antialias_up: bool = False
    """transposed convolutions instead of blurred upsampling"""
    gan_mode: GanMode = "lsgan"
    """adversarial objective"""
    lambda_GAN: float = 1.0
    """weight of the adversarial term of the generator"""
    init_type: Init = "xavier"
    """distribution of the initial weights"""
    init_gain: float = 0.02
    """scale of the initial weights: the gain of xavier and orthogonal, the standard deviation of normal"""
    beta1: float = 0.5
    """first Adam coefficient"""
    beta2: float = 0.999
    """second Adam coefficient"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_minimum(self, 1, "ngf", "ndf", "n_layers_D")
        for name in ("beta1", "beta2"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected less than 1")


@dataclass(frozen=True, kw_only=True)
class ResnetGanConfig(GanConfig):
    """The same with a ResNet generator, whose layers can be tapped."""

    netG: Literal["resnet_9blocks", "resnet_6blocks", "resnet_4blocks"] = "resnet_9blocks"
    """generator: number of residual blocks"""


def check_value(name: str, value: object, hint: object) -> None:
    """Raise ValueError unless ``value`` is of the annotated kind, and finite and not negative if a number.

    Supported annotations: bool, int, float, str, Literal[...] and tuple[int, ...].
    """
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(str, get_args(hint)))}")
    elif get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not all(type(v) is int for v in value):
            raise ValueError(f"{name} is {value!r}; expected whole numbers separated by commas")
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
            raise ValueError(f"{name} is {value!r}; expected a number")
        if value < 0:
            raise ValueError(f"{name} is {value!r}; expected a number that is not negative")
    elif type(value) is not hint:
        expected = {bool: "true or false", int: "a whole number", str: "a word"}.get(hint, hint)  # type: ignore[call-overload]
        raise ValueError(f"{name} is {value!r}; expected {expected}")


def check_minimum(config: MethodConfig, minimum: int, *names: str) -> None:
    """Raise ValueError if one of the fields ``names`` is below ``minimum``."""
    for name in names:
        if getattr(config, name) < minimum:
            raise ValueError(f"{name} is {getattr(config, name)}; expected {minimum} or more")
