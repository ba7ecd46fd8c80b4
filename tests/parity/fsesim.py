"""Golden figures ``fsesim*`` and ``lsesim*``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.fsesim import FSeSim
from methods.interface import Batch, ImageShape, Losses
from methods.vgg import shapes
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.cut import ints, network_options

PREFIXES = ("fsesim", "lsesim")
NAMES = {
    "G": "G_total",
    "D": "D_total",
    "spatial": "G_s",
    "spatial_idt": "G_s_idt_B",
    "identity": "idt_B",
    "perceptual": "per",
}
"""our names of terms, and the files'"""


def config(cfg: Mapping[str, Any]) -> FSeSim.Config:
    weights = ("spatial", "spatial_idt", "perceptual", "style", "identity", "gradient")
    return FSeSim.Config(
        **network_options(cfg),
        **{f"lambda_{name}": float(cfg[f"lambda_{name}"]) for name in weights},
        **{name: cfg[name] for name in ("patch_size", "loss_mode", "use_norm", "learned_attn", "pool_size", "lr")},
        augment=cfg["augment"] and cfg["learned_attn"],
        attn_layers=ints(cfg["attn_layers"]),
        patch_nums=int(cfg["patch_nums"]),
        T=cfg["T"],
    )


class PatchIds(recipe.RecordedDraws):
    """Replays the places a file records: the i-th permutation of pass F, or G, of a step."""

    def __init__(self, data: Mapping[str, Any], uniforms: list[dict[str, float]]) -> None:
        super().__init__(recipe.seed_of(data), uniforms=uniforms)
        self.recorded = data["random"].get("patch_ids", {})
        self.drawn: Counter[tuple[str, int]] = Counter()

    def permutation(self, name: str, n: int, device: torch.device) -> Tensor:
        run = ("F" if name.startswith("spatial_F") else "G", self.step)
        entry = self.recorded[f"{run[0]}/{self.step}/{self.drawn[run]}"]
        self.drawn[run] += 1
        assert entry["n"] == n
        return torch.tensor(entry["used"])

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        if name != "gp_alpha":
            return super().uniform(name, shape, device)
        return (recipe.picture(self.seed, f"gp_alpha/{self.step}", shape) + 1) / 2


def vgg_weights(seed: int) -> dict[str, Tensor]:
    return {key: recipe.weight(seed, "VGG16", key, shape) for key, shape in shapes().items()}


def check(data: Mapping[str, Any]) -> Report:
    batch_size, _, height, width = data["input_shape"]
    seed, c = recipe.seed_of(data), config(data["cfg"])
    method = FSeSim(c, ImageShape(3, height, width), vgg_weights(seed))
    draws = PatchIds(data, recipe.pool_uniforms(data, ["pool_B"], c.pool_size, batch_size))
    if c.augment:  # no colours are changed in the files: the copies are pictures of their own
        method.recoloured = lambda x, name: recipe.picture(seed, f"{name}/{draws.step}", tuple(x.shape))  # type: ignore[method-assign]
    between: dict[str, Tensor] = {}

    def outputs(batch: Batch) -> dict[str, Tensor]:
        found = {"fake_B": method.G(batch.a), "idt_B": method.G(batch.b)}
        between.update(intermediates(method, batch.a, found["fake_B"], data))
        return {name: value for name, value in found.items() if name in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        named = {NAMES.get(name, name): value for name, value in ours.items()}
        return {name: value for name, value in named.items() if name in data["losses"][0]}

    trainee = Trainee(
        method=method,
        nets={name: net for name, net in method.named_children() if name in ("G", "D", "F")},
        losses=losses,
        draws=draws,
        outputs=outputs,
    )
    report = check_training(data, trainee)
    for name, value in between.items():
        report.tensor("value", name, value, data["intermediates_step0"][name])
    named = {key: list(value.shape) for key, value in method.vgg.named_buffers() if key.startswith("features")}
    report.same("layers of VGG16", named.items() <= data["keys"]["VGG16"].items(), True)
    return report


def intermediates(method: FSeSim, a: Tensor, fake: Tensor, data: Mapping[str, Any]) -> dict[str, Tensor]:
    """Features and maps of the first step, under the file's names."""
    c, golden = method.config, data.get("intermediates_step0", {})
    found = {"vgg_in_real_A": method.vgg.prepared(a)}
    for name, x in (("real_A", a), ("fake_B", fake)):
        for i, feature in enumerate(method.vgg(x, c.attn_layers)):
            found[f"feat_{name}/{i}"] = feature
            if f"sim_{name}/{i}" in golden:
                used = data["random"]["patch_ids"].get(f"G/0/{i}", {}).get("used")
                found[f"sim_{name}/{i}"] = method.maps(feature, i, None if used is None else torch.tensor(used))
    return {name: value for name, value in found.items() if name in golden}
