"""Golden figures ``dclgan*`` and ``simdcl*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.dclgan import DCLGAN
from baselines.dclgan_networks import LightNetwork
from baselines.simdcl import SimDCL
from methods.interface import Batch, ImageShape, Losses
from methods.layers import L2Normalize
from methods.nce import patch_nce
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.cut import ints, network_options

PREFIXES = ("dclgan", "simdcl")


def options(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that both configurations have. The official loss never reads its option on negatives."""
    heads = cfg["optimizers"]["optimizer_F"]
    return dict(
        **network_options(cfg),
        nce_layers=ints(cfg["nce_layers"]),
        nce_idt=cfg["nce_idt"],
        nce_T=cfg["nce_T"],
        num_patches=cfg["num_patches"],
        netF_nc=cfg["netF_nc"],
        nce_includes_all_negatives_from_minibatch=True,
        pool_size=cfg["pool_size"],
        lr=cfg["lr"],
        lr_F=heads["lr"],
        beta1_F=heads["betas"][0],
        beta2_F=heads["betas"][1],
    )


def method_of(cfg: Mapping[str, Any], shape: ImageShape) -> DCLGAN:
    """The method of a file. The recorded SimDCL applies neither lambda_NCE nor lambda_IDT."""
    if cfg["model"] == "simdcl":
        config = SimDCL.Config(**options(cfg), lambda_NCE=1.0, lambda_IDT=1.0, lambda_SIM=float(cfg["lambda_SIM"]))
        return SimDCL(config, shape)
    lambda_NCE, lambda_IDT = float(cfg["lambda_NCE"]), float(cfg["lambda_IDT"])
    return DCLGAN(DCLGAN.Config(**options(cfg), lambda_NCE=lambda_NCE, lambda_IDT=lambda_IDT), shape)


def check(data: Mapping[str, Any]) -> Report:
    cfg, seed = data["cfg"], recipe.seed_of(data)
    _, _, height, width = data["input_shape"]
    method = method_of(cfg, ImageShape(3, height, width))

    def outputs(batch: Batch) -> dict[str, Tensor]:
        a, b = batch
        found = {
            "fake_B": method.G_A(a),
            "fake_A": method.G_B(b),
            "idt_A": method.G_A(b),
            "idt_B": method.G_B(a),
        }
        return {name: value for name, value in found.items() if name in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        scale = 1.0 if cfg["model"] == "simdcl" else cfg["lambda_GAN"]  # applied to what is logged, after backward
        return {**ours, "D_A": scale * ours["D_A"], "D_B": scale * ours["D_B"]}

    trainee = Trainee(
        method=method,
        nets={name: method.get_submodule(name) for name in data["keys"]},
        losses=losses,
        draws=recipe.RecordedDraws(seed),
        outputs=outputs,
    )
    report = check_training(data, trainee)
    unit = data.get("unit", {})
    if "patchnce" in unit:
        check_contrast(report, unit["patchnce"], cfg["nce_T"], seed)
    if "mapping" in unit:
        check_similarity(report, unit, seed)
    return report


def check_contrast(report: Report, golden: Mapping[str, Any], temperature: float, seed: int) -> None:
    """PatchNCE with cosine similarity alone."""
    q, k = (recipe.picture(seed, f"unit/feat_{side}", (24, 16)).requires_grad_() for side in "qk")
    normalize = L2Normalize()
    rows = patch_nce(normalize(q), normalize(k), 1, temperature, "cosine")
    check_rows(report, "unit.patchnce", rows, q, golden)
    report.same("unit.patchnce gradient of the keys", k.grad, golden["grad_k"])


def check_rows(report: Report, name: str, rows: Tensor, query: Tensor, golden: Mapping[str, Any]) -> None:
    """The losses of the first rows, their mean over all, and the gradient of the raw queries."""
    for i, value in enumerate(golden["rows"]):
        report.relative("value", f"{name}.rows[{i}]", float(rows[i].detach()), value)
    report.relative("value", f"{name}.loss_mean", float(rows.detach().mean()), golden["loss_mean"])
    (gradient,) = torch.autograd.grad(rows.mean(), query)
    report.relative("gradient", f"{name}.grad_q_l2", float(gradient.norm()), golden["grad_q_l2"])


def check_similarity(report: Report, unit: Mapping[str, Any], seed: int) -> None:
    """The light network and the distance of two of its vectors, alone."""
    net = LightNetwork(layers=4)
    recipe.fill(net, "unit_F", seed)
    with torch.no_grad():
        vector = net(recipe.picture(seed, "unit/stack", (4, 256, 256))[None])
    golden = unit["mapping"]
    report.same("unit.mapping shape", list(vector.shape), golden["output_shape"])
    report.relative("value", "unit.mapping l2", float(vector.norm()), golden["l2"])
    for i, value in enumerate(golden["values"]):
        report.relative("value", f"unit.mapping[{i}]", float(vector[0, i]), value)
    apart = recipe.picture(seed, "unit/sim_a", (1, 64)) - recipe.picture(seed, "unit/sim_b", (1, 64))
    report.relative("value", "unit.sim_criterion", float(apart.abs().mean()), unit["sim_criterion"]["value"])
