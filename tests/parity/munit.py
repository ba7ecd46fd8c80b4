"""Golden figures ``munit*`` and ``unitgan*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.munit import MUNIT, UNIT
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.fsesim import vgg_weights

PREFIXES = ("munit", "unitgan")
NAMES = {"G": "gen_total", "D": "dis_total", "D_a": "dis_a", "D_b": "dis_b"}
"""our names of terms, and the files', who call the others as we do behind ``gen_``"""


def shared_options(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of SharedConfig for an official configuration."""
    gen, dis = cfg["gen"], cfg["dis"]
    reals = ("gan_w", "recon_x_w", "recon_x_cyc_w", "vgg_w", "lr", "beta1", "beta2", "weight_decay")
    return {name: float(cfg[name]) for name in reals} | {
        "init": cfg["init"],
        "vgg": "oxford",
        "gamma": cfg["gamma"],
        "gen_dim": gen["dim"],
        "n_downsample": gen["n_downsample"],
        "n_res": gen["n_res"],
        "gen_activ": gen["activ"],
        "gen_pad_type": gen["pad_type"],
        "dis_dim": dis["dim"],
        "dis_norm": dis["norm"],
        "dis_activ": dis["activ"],
        "n_layer": dis["n_layer"],
        "gan_type": dis["gan_type"],
        "num_scales": dis["num_scales"],
        "dis_pad_type": dis["pad_type"],
    }


def build(data: Mapping[str, Any]) -> MUNIT | UNIT:
    cfg, (_, _, height, width) = data["cfg"], data["input_shape"]
    weights = vgg_weights(recipe.seed_of(data)) if cfg["vgg_w"] > 0 else None
    shape = ImageShape(3, height, width)
    if "recon_kl_w" in cfg:
        kl = {name: float(cfg[name]) for name in ("recon_kl_w", "recon_kl_cyc_w")}
        return UNIT(UNIT.Config(**shared_options(cfg), **kl), shape, weights)
    own = {name: float(cfg[name]) for name in ("recon_s_w", "recon_c_w")}
    widths = {name: cfg["gen"][name] for name in ("style_dim", "mlp_dim")}
    return MUNIT(MUNIT.Config(**shared_options(cfg), **own, **widths), shape, weights)


class RecipeNoise(recipe.RecordedDraws):
    """Style codes and noises are inputs of the recipe."""

    def normal(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return recipe.picture(self.seed, f"{name}/{self.step}", shape)


def check(data: Mapping[str, Any]) -> Report:
    seed, method = recipe.seed_of(data), build(data)
    between: dict[str, Tensor] = {}

    def pictures(batch: Batch) -> Batch:
        """The file's own: they are called x_a and x_b."""
        shape, step = batch.a.shape, trainee.draws.step
        return Batch(*(recipe.picture(seed, f"x_{side}/{step}", tuple(shape)) for side in "ab"))

    def outputs(batch: Batch) -> dict[str, Tensor]:
        between.update(intermediates(method, batch))
        return {name: value for name, value in translations(method, batch).items() if name in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        named = {NAMES.get(name, f"gen_{name}"): value for name, value in ours.items()}
        off = {name: torch.zeros(()) for name in data["losses"][0].keys() - named.keys()}  # terms without weight
        return off | {name: value for name, value in named.items() if name in data["losses"][0]}

    nets = ("gen_a", "gen_b", "dis_a", "dis_b")
    trainee = Trainee(
        method=method,
        nets={name: method.get_submodule(name) for name in nets},
        losses=losses,
        draws=RecipeNoise(seed),
        outputs=outputs,
        pictures=pictures,
    )
    scores: list[Tensor] = []
    method.optimizers["D"].register_step_post_hook(lambda *_: scores.extend(scores_of(method, seed, data, scores)))
    report = check_training(data, trainee)
    golden = data.get("intermediates_step0", {})
    for name in between.keys() & golden.keys():
        report.tensor("value", name, between[name], golden[name])
    for ours, expected in zip(scores, golden.get("dis_a_scales_on_x_a_after_first_dis_step", scores), strict=True):
        report.tensor("value", "scores of dis_a after its first step", ours, expected)
    return report


def scores_of(method: MUNIT | UNIT, seed: int, data: Mapping[str, Any], known: list[Tensor]) -> list[Tensor]:
    """What dis_a says of x_a, if that is not known yet."""
    if known:
        return []
    with torch.no_grad():
        found: list[Tensor] = method.dis_a(recipe.picture(seed, "x_a/0", data["input_shape"]))
    return found


def translations(method: MUNIT | UNIT, batch: Batch) -> dict[str, Tensor]:
    """The pictures that the first step makes."""
    codes = method.encode(*batch)
    x_ba_dis, x_ab_dis = method.exchange(codes)
    found = {"x_ba_dis": x_ba_dis, "x_ab_dis": x_ab_dis}
    if isinstance(method, MUNIT):
        c_a, style_a, c_b, style_b = codes
        s_a, s_b = method.styles("gen", c_a)
        found |= {"x_a_recon": method.gen_a.decode(c_a, style_a), "x_b_recon": method.gen_b.decode(c_b, style_b)}
        return found | {"x_ba": method.gen_a.decode(c_b, s_a), "x_ab": method.gen_b.decode(c_a, s_b)}
    z_a, z_b = method.sample(codes[0], "n_a_gen"), method.sample(codes[1], "n_b_gen")
    found |= {"x_a_recon": method.gen_a.dec(z_a), "x_b_recon": method.gen_b.dec(z_b)}
    return found | {"x_ba": method.gen_a.dec(z_b), "x_ab": method.gen_b.dec(z_a)}


def intermediates(method: MUNIT | UNIT, batch: Batch) -> dict[str, Tensor]:
    """The codes of the first step, under the files' names."""
    codes = method.encode(*batch)
    if isinstance(method, UNIT):
        return dict(zip(("content_a", "content_b"), codes, strict=True))
    found = dict(zip(("content_a", "style_a", "content_b", "style_b"), codes, strict=True))
    return found | {"adain_params_of_style_b_in_gen_b": method.gen_b.mlp(found["style_b"])}
