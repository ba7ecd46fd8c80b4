"""Golden figures ``cyclegan*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.cyclegan import CycleGAN
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.cut import network_options

PREFIXES = ("cyclegan",)


def config(cfg: Mapping[str, Any]) -> CycleGAN.Config:
    return CycleGAN.Config(
        **network_options(cfg),
        lambda_A=float(cfg["lambda_A"]),
        lambda_B=float(cfg["lambda_B"]),
        lambda_identity=float(cfg["lambda_identity"]),
        pool_size=cfg["pool_size"],
        lr=cfg["lr"],
    )


def check(data: Mapping[str, Any]) -> Report:
    cfg, seed = data["cfg"], recipe.seed_of(data)
    batch_size, _, height, width = data["input_shape"]
    method = CycleGAN(config(cfg), ImageShape(3, height, width))

    def outputs(batch: Batch) -> dict[str, Tensor]:
        a, b = batch
        fake_b, idt_a = method.G_A(torch.cat((a, b))).chunk(2)
        fake_a, idt_b = method.G_B(torch.cat((b, a))).chunk(2)
        found = {"fake_B": fake_b, "fake_A": fake_a, "rec_A": method.G_B(fake_b), "rec_B": method.G_A(fake_a)}
        found |= {"idt_A": idt_a, "idt_B": idt_b}
        return {name: value for name, value in found.items() if name in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        return {name: value for name, value in ours.items() if name in data["losses"][0]}

    uniforms = recipe.pool_uniforms(data, ("pool_B", "pool_A"), cfg["pool_size"], batch_size)
    trainee = Trainee(
        method=method,
        nets={"G_A": method.G_A, "G_B": method.G_B, "D_A": method.D_A, "D_B": method.D_B},
        losses=losses,
        draws=recipe.RecordedDraws(seed, uniforms=uniforms),
        outputs=outputs,
    )
    return check_training(data, trainee)
