"""Golden figures ``discogan*``, and what they share with DistanceGAN on the networks of DiscoGAN."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.discogan import DiscoGAN, unit
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training

PREFIXES = ("discogan",)
DIRECTIONS = {"discogan": "both", "recongan": "A_to_B", "recongan_reverse": "A_to_B", "gan": "gan"}
FEATURES = {"conv2": 2, "conv3": 3, "conv4": 4}


def common(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that both families of files describe."""
    same = ("gan_curriculum", "update_interval", "width")
    reals = ("starting_rate", "default_rate", "learning_rate", "weight_decay", "beta1", "beta2")
    options = {name: cfg[name] for name in same} | {name: float(cfg[name]) for name in reals}
    return options | {"fm_features": tuple(FEATURES[name] for name in cfg["fm_features"])}


def config(cfg: Mapping[str, Any]) -> DiscoGAN.Config:
    options = common(cfg) | {"direction": DIRECTIONS[cfg["model_arch"]], "num_layers": 5 if cfg["extra_layers"] else 4}
    if cfg["script"] == "angle_pairing.py" and cfg["model_arch"] == "gan":
        options |= {"gan_weight": 1.0, "fm_weight": 0.0}
    return DiscoGAN.Config(**options)


def check(data: Mapping[str, Any]) -> Report:
    _, _, height, width = data["input_shape"]
    method = DiscoGAN(config(data["cfg"]), ImageShape(3, height, width))
    return check_disco(data, method, swap=data["cfg"]["model_arch"] == "recongan_reverse")


def check_disco(data: Mapping[str, Any], method: DiscoGAN, swap: bool) -> Report:
    """Repeat the steps of ``data``, which feeds pictures in [-1, 1] to networks made for [0, 1].

    With ``swap`` our A is the file's B: so we learn B to A.
    """
    rename = swapped if swap else str

    def losses(ours: Losses) -> dict[str, Tensor]:
        return {rename(name): value for name, value in ours.items() if rename(name) in data["losses"][0]}

    def pictures(batch: Batch) -> Batch:
        a, b = batch[::-1] if swap else batch
        return Batch(unscaled(a), unscaled(b))

    names = ("generator_A", "generator_B", "discriminator_A", "discriminator_B")
    trainee = Trainee(
        method=method,
        nets={rename(name): method.get_submodule(name) for name in names},
        losses=losses,
        draws=recipe.RecordedDraws(recipe.seed_of(data)),
        outputs=outputs(method, data["output_step0"], rename),
        pictures=pictures,
    )
    return check_training(data, trainee)


def swapped(name: str) -> str:
    """The name with A and B exchanged."""
    return name.translate(str.maketrans("AB", "BA"))


def unscaled(pictures: Tensor) -> Tensor:
    """Pictures that the method's own scaling turns into ``pictures``."""
    return 2 * pictures - 1


def outputs(
    method: DiscoGAN, golden: Mapping[str, Any], rename: Callable[[str], str]
) -> Callable[[Batch], dict[str, Tensor]]:
    """Translations and judgements by copies of the networks: a pass moves running statistics."""

    def found(batch: Batch) -> dict[str, Tensor]:
        nets = copy.deepcopy(method)
        a, b = unit(batch.a), unit(batch.b)
        ab, ba = nets.generator_B(a), nets.generator_A(b)
        pictures = {"AB": ab, "BA": ba, "ABA": nets.generator_A(ab), "BAB": nets.generator_B(ba)}
        judged = {
            "A_dis_real": nets.discriminator_A(a),
            "A_dis_fake": nets.discriminator_A(ba),
            "B_dis_real": nets.discriminator_B(b),
            "B_dis_fake": nets.discriminator_B(ab),
        }
        scores = {name: torch.sigmoid(score).reshape(-1, 1, 1, 1) for name, (score, _) in judged.items()}
        return {rename(n): value for n, value in (pictures | scores).items() if rename(n) in golden}

    return found
