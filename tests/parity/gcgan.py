"""Golden figures ``gcgan*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.gcgan import GcGAN, turn
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training

PREFIXES = ("gcgan",)
NAMES = {"G_total": "G", "D_total": "D"}
"""figures of the files that we call otherwise"""


def variant(data: Mapping[str, Any]) -> str:
    """``models/gc_gan_cross_model.py`` among the sources -> ``"cross"``."""
    model = str(data["cfg"].get("model") or data["source"]["files"][0])
    name = model.rpartition("/")[2].removesuffix(".py").removesuffix("_model")
    return name.removeprefix("gc_gan_")


def config(data: Mapping[str, Any]) -> GcGAN.Config:
    cfg = data["cfg"]
    return GcGAN.Config(
        ngf=cfg["ngf"],
        ndf=cfg["ndf"],
        netG=cfg["which_model_netG"],
        netD=cfg["which_model_netD"],
        n_layers_D=cfg["n_layers_D"],
        n_epochs=cfg["niter"],
        n_epochs_decay=cfg["niter_decay"],
        init_type=cfg["init_type"],
        variant=variant(data),  # type: ignore[arg-type]
        geometry=cfg["geometry"],
        gan_mode="vanilla" if cfg["no_lsgan"] else "lsgan",
        lambda_GAN=float(cfg["lambda_G"]),
        lambda_AB=float(cfg["lambda_AB"]),
        lambda_gc=float(cfg["lambda_gc"]),
        identity=float(max(0, cfg["identity"])),
        pool_size=cfg["pool_size"],
        lr=cfg["lr"],
        beta1=cfg["beta1"],
    )


def check(data: Mapping[str, Any]) -> Report:
    batch_size, _, height, width = data["input_shape"]
    c = config(data)
    method = GcGAN(c, ImageShape(3, height, width))

    def outputs(batch: Batch) -> dict[str, Tensor]:
        (plain, *turned), *_ = method.generate([batch.a, *(turn(batch.a, g) for g in method.geometries)])
        names = [f"fake_{name}" for name in method.turned]
        return {"fake_B": plain} | dict(zip(names, turned, strict=True))

    def losses(ours: Losses) -> dict[str, Tensor]:
        golden = data["losses"][0]
        named = {name: ours[NAMES.get(name, name)] for name in golden if NAMES.get(name, name) in ours}
        left = {name: torch.zeros(()) for name in golden.keys() - named.keys()}  # terms that are off
        return named | left

    pools = [f"pool_{name}" for name in ("B", *method.turned)]
    trainee = Trainee(
        method=method,
        nets={name: net for name, net in method.named_children() if name[:2] in ("G_", "D_")},
        losses=losses,
        draws=recipe.RecordedDraws(
            recipe.seed_of(data), uniforms=recipe.pool_uniforms(data, pools, c.pool_size, batch_size)
        ),
        outputs=outputs,
    )
    report = check_training(data, trainee)
    check_inputs(report, data)
    return report


def check_inputs(report: Report, data: Mapping[str, Any]) -> None:
    """The transformed pictures, as recorded."""
    seed = recipe.seed_of(data)
    for name, golden in data.get("intermediates_step0", {}).items():
        side = name[-1]  # real_A, real_gc_A, real_gc_B
        x = recipe.picture(seed, f"real_{side}/0", data["input_shape"])
        report.tensor("value", name, turn(x, data["cfg"]["geometry"]) if "gc" in name else x, golden)
