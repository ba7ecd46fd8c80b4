"""Golden figures ``dualgan*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.dualgan import DualGAN
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training

PREFIXES = ("dualgan",)
RUNS = ("D", "G", "G2")
CALLS = ("A2B", "B2A", "A2B2A", "B2A2B")
LAYERS = ("d1", "d2", "d3")
MASKS = len(CALLS) * len(LAYERS)
"""dropout masks of one execution of the official graph"""


def config(cfg: Mapping[str, Any]) -> DualGAN.Config:
    same = ("GAN_type", "n_critic", "loss_metric", "disc_type", "gcn", "dcn")
    reals = ("clip_value", "gamma", "lambda_A", "lambda_B", "lr")
    return DualGAN.Config(
        **{name: cfg[name] for name in same},
        **{name: float(cfg[name]) for name in reals},
        dropout_keep=float(cfg["dropout_rate"]) or 1.0,
    )


class UniformInputs(recipe.RecordedDraws):
    """Uniform numbers in [0, 1) made of recipe inputs, under the names a file gives them."""

    def __init__(self, seed: int, dropout: Mapping[str, Any]) -> None:
        super().__init__(seed)
        self.dropout = dropout

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        recorded = f"{name}/{self.step}" if name.startswith("eps") else self.mask(*name.split("/"))
        return (recipe.picture(self.seed, recorded, shape) + 1) / 2

    def mask(self, run: str, call: str, layer: str) -> str:
        """The name of the mask of a layer in a generator call of an execution of the graph.

        The file lists a pattern for each mask, each call or each layer, or one for all, with placeholders in
        angle brackets; ValueError where a placeholder is not known.
        """
        number = len(LAYERS) * CALLS.index(call) + LAYERS.index(layer)
        patterns = self.dropout["names"]
        place = LAYERS.index(layer) if len(patterns) == len(LAYERS) else number * len(patterns) // MASKS
        names = self.dropout.get("runs", range(len(RUNS)))
        known = {"step": self.step, "run": names[RUNS.index(run)], "call": call, "layer": layer, "k": number}
        name = str(patterns[place])
        for placeholder, value in known.items():
            name = name.replace(f"<{placeholder}>", str(value))
        if "<" in name:
            raise ValueError(f"mask {name!r} has a placeholder that is not known")
        return name


def check(data: Mapping[str, Any]) -> Report:
    cfg, seed = data["cfg"], recipe.seed_of(data)
    _, _, height, width = data["input_shape"]
    method = DualGAN(config(cfg), ImageShape(3, height, width))

    def outputs(batch: Batch) -> dict[str, Tensor]:
        a, b = batch
        a2b, b2a = method.translations(a, b, "D")
        return {
            "A2B": a2b,
            "B2A": b2a,
            "A2B2A": method.B_g(a2b, method.dropout("D/A2B2A")),
            "B2A2B": method.A_g(b2a, method.dropout("D/B2A2B")),
            "Ad_logits_real": method.A_d(b),
            "Ad_logits_fake": method.A_d(a2b),
            "Bd_logits_real": method.B_d(a),
            "Bd_logits_fake": method.B_d(b2a),
        }

    def losses(ours: Losses) -> dict[str, Tensor]:
        return {name: value for name, value in ours.items() if name in data["losses"][0]}

    draws = UniformInputs(seed, data["random"].get("dropout", {}))
    if method.config.dropout_keep < 1:
        try:
            draws.mask(RUNS[0], CALLS[0], LAYERS[0])
        except (KeyError, ValueError) as error:
            return Report(wrong=[f"random.dropout is not understood: {error}"])
    trainee = Trainee(
        method=method,
        nets={name: method.get_submodule(name) for name in ("A_g", "B_g", "A_d", "B_d")},
        losses=losses,
        draws=draws,
        outputs=outputs,
    )
    return check_training(data, trainee)
