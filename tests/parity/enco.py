"""Golden figures ``enco_*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from methods.enco import EnCo
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.cut import ints, network_options

PREFIXES = ("enco",)


def config(cfg: Mapping[str, Any]) -> EnCo.Config:
    """Our configuration for an official one. k = 1 with all patches uniform is random sampling."""
    random = cfg["oversample_ratio"] == 1 and cfg["random_ratio"] == 1
    return EnCo.Config(
        **network_options(cfg),
        warmup_epochs=max(0, cfg.get("warmup_epochs", 0)),
        nce_layers=ints(cfg["nce_layers"]),
        lambda_NCE=float(cfg["lambda_NCE"]),
        lambda_IDT=float(cfg["lambda_IDT"]),
        stop_idt_epochs=cfg["stop_idt_epochs"] if cfg["nce_idt"] else 0,
        decay_idt=cfg["decay_idt"],
        num_patches=cfg["num_patches"],
        sampling="random" if random else "dag",
        oversample_ratio=cfg["oversample_ratio"],
        random_ratio=float(cfg["random_ratio"]),
        head_norm={"BN": "BN", "LN": "LN"}.get(cfg["prj_norm"], "none"),
        netF_nc=cfg["netF_nc"],
        stop_gradient=cfg["stop_gradient"],
        predictor=not cfg["no_predictor"],
        extra_flip=cfg["flip_equivariance"],
        lr_G=cfg["lr_G"],
        lr_D=cfg["lr_D"],
        lr_F=cfg["lr_F"],
    )


def check(data: Mapping[str, Any]) -> Report:
    cfg, seed = data["cfg"], recipe.seed_of(data)
    _, _, height, width = data["input_shape"]
    method = EnCo(config(cfg), ImageShape(3, height, width))
    recorded = data["random"]["patch_selection"]
    flips = [step.get("flip_A_B") or (False, False) for step in recorded]
    coins = [{"flip_A": bool(a), "flip_B": bool(b)} for a, b in flips]

    def outputs(batch: Batch) -> dict[str, Tensor]:
        a = batch.a.flip(3) if coins[0]["flip_A"] else batch.a
        b = batch.b.flip(3) if coins[0]["flip_B"] else batch.b
        fake, features = method.G.tapped(a, method.config.nce_layers)
        found = {"fake_B": fake} | {f"features/{i}": f for i, f in zip(method.config.nce_layers, features, strict=True)}
        if "idt_B" in data["output_step0"]:
            found["idt_B"] = method.G(b)
        return found

    def losses(ours: Losses) -> dict[str, Tensor]:
        named = {name: ours[name] for name in ("G", "G_GAN", "D", "D_fake", "D_real")}
        return named | {"BYOL": ours["MultiStage"], "BYOL_Y": ours["identity"]}

    trainee = Trainee(
        method=method,
        nets={"G": method.G, "D": method.D, "F": method.F},
        losses=losses,
        draws=recipe.RecordedDraws(seed, coins),
        epoch=int(cfg.get("current_epoch", 1)),
        outputs=outputs,
    )
    if any(s.get("tie_at_cut") for step in recorded for stage in step["stages"] for s in stage["samples"]):
        replay_selection(method, trainee.draws, recorded)  # which of equal scores is taken is not defined
    return check_training(data, trainee)


def replay_selection(method: EnCo, draws: recipe.RecordedDraws, recorded: list[dict[str, Any]]) -> None:
    """Take the recorded positions instead of ranking."""

    def positions(i: int, scores: Tensor, size: tuple[int, int]) -> Tensor:
        return torch.tensor([s["selected"] for s in recorded[draws.step]["stages"][i]["samples"]])

    method.positions = positions  # type: ignore[method-assign]
