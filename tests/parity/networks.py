"""Golden figures ``networks_*``: every module of the shared networks, its output as it is produced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from methods.config import GanConfig
from methods.discriminators import PixelGAN, discriminator
from methods.generators import ResnetGenerator
from methods.unet import UnetGenerator
from tests.parity import recipe
from tests.parity.compare import Report

PREFIXES = ("networks_resnet9", "networks_patchgan", "networks_unet128")
OFFICIAL_NAMES = {"InstanceNorm": "InstanceNorm2d", "BlurDownsample": "Downsample", "BlurUpsample": "Upsample"}
"""classes that we call otherwise"""


def check(data: Mapping[str, Any]) -> Report:
    report = Report()
    if "cases" not in data:
        unet = UnetGenerator(data["cfg"]["ngf"], data["cfg"]["num_downs"])
        check_network(report, "U-Net", unet, data, {**data, "keys": data["keys"]["G"]})
    for name, case in data.get("cases", {}).items():
        cfg = data["cfg"] | case
        if "ndf" in cfg:
            judge = discriminator(discriminator_config(cfg))
            check_network(report, name, judge, data, case, judge.net if isinstance(judge, PixelGAN) else judge.model)
        else:
            net = ResnetGenerator(cfg["ngf"], cfg["n_blocks"], cfg["no_antialias"], cfg["no_antialias_up"])
            check_network(report, name, net, data, case, net.model)
            report.same(f"{name}: modules", len(net.model), case["n_modules"])
            check_taps(report, name, net, input_of(data), case["layers"])
    return report


def discriminator_config(cfg: Mapping[str, Any]) -> GanConfig:
    if "n_layers_D" not in cfg:
        return GanConfig(ndf=cfg["ndf"], netD="pixel")
    return GanConfig(ndf=cfg["ndf"], netD="n_layers", n_layers_D=cfg["n_layers_D"], no_antialias=cfg["no_antialias"])


def input_of(data: Mapping[str, Any]) -> Tensor:
    return recipe.picture(recipe.seed_of(data), data["cfg"]["input"], data["cfg"]["input_shape"])


def check_network(
    report: Report,
    name: str,
    net: nn.Module,
    data: Mapping[str, Any],
    golden: Mapping[str, Any],
    container: nn.Sequential | None = None,
) -> None:
    """Keys, number of parameters, output, and with ``container`` the output of each of its modules."""
    recipe.fill(net, data["cfg"]["net_name_for_weights"], recipe.seed_of(data))
    report.keys(name, net, {name: golden["keys"]})
    report.same(f"{name}: parameters", sum(p.numel() for p in net.parameters()), golden["n_params"])
    produced: list[Tensor] = []
    for module in container or ():
        module.register_forward_hook(lambda module, args, output: produced.append(output.clone()))
    with torch.no_grad():
        report.tensor("output", f"{name} output", net(input_of(data)), golden["output"])
    if container is None:
        return
    report.same(f"{name}: layers", len(container), len(golden["layers"]))
    for module, output, layer in zip(container, produced, golden["layers"], strict=True):
        at = f"{name} layer {layer['index']}"
        kind = type(module).__name__
        report.same(f"{at}: type", OFFICIAL_NAMES.get(kind, kind), layer["type"])
        report.same(f"{at}: shape", list(output.shape), layer["shape"])
        check_statistics(report, at, output, layer["mean_std_l2"])


def check_taps(report: Report, name: str, net: ResnetGenerator, x: Tensor, layers: Sequence[Mapping[str, Any]]) -> None:
    """What a caller gets for every layer, all asked for at once: behind a norm, the tensor after its ReLU."""
    with torch.no_grad():
        _, taps = net.tapped(x, range(len(layers)))
        alone = net.encode(x, range(len(layers)))
    for tap, encoded, layer in zip(taps, alone, layers, strict=True):
        expected = layer.get("after_inplace_relu", layer["mean_std_l2"])
        check_statistics(report, f"{name} tap {layer['index']}", tap, expected)
        check_statistics(report, f"{name} encoded {layer['index']}", encoded, expected)


def check_statistics(report: Report, name: str, ours: Tensor, golden: Sequence[float]) -> None:
    """Mean, population standard deviation and norm."""
    mean, std, l2 = golden
    typical = (mean**2 + std**2) ** 0.5
    report.relative("output", f"{name} mean", float(ours.mean()), mean, floor=typical)
    report.relative("output", f"{name} std", float(ours.std(correction=0)), std, floor=typical)
    report.relative("output", f"{name} l2", float(ours.norm()), l2)
