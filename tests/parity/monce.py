"""Golden figures ``monce*``, and the set-up of every method that is CUT with another contrast."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from baselines.cut import CUT
from baselines.monce import MoNCE, modulated_nce, transport_plan
from methods.interface import Batch, ImageShape, Losses
from methods.layers import L2Normalize
from tests.parity import cut, recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.dclgan import check_rows

PREFIXES = ("monce",)


def check(data: Mapping[str, Any]) -> Report:
    cfg = data["cfg"]
    _, _, height, width = data["input_shape"]
    weights = {name: cfg[name] for name in ("cost_type", "eps", "neg_term_weight")}
    config = MoNCE.Config(**asdict(cut.config(cfg)), **weights)
    method = MoNCE(config, ImageShape(3, height, width))
    report = check_training(data, trainee(data, method))
    for name, golden in data.get("unit", {}).items():
        check_contrast(report, name, golden, config, recipe.seed_of(data))
    return report


def trainee(data: Mapping[str, Any], method: CUT) -> Trainee:
    """A descendant of CUT set up to repeat a file."""
    coins = [{"flip": bool(step.get("flipped", False))} for step in data["random"]["steps"]]

    def outputs(batch: Batch) -> dict[str, Tensor]:
        a, b = (x.flip(3) if coins[0]["flip"] else x for x in batch)
        found = {"fake_B": method.G(a), "idt_B": method.G(b)}
        return {name: value for name, value in found.items() if name in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        return {name: value for name, value in ours.items() if name in data["losses"][0]}

    return Trainee(
        method=method,
        nets={"G": method.G, "D": method.D, "F": method.F},
        losses=losses,
        draws=recipe.RecordedDraws(recipe.seed_of(data), coins),
        outputs=outputs,
    )


def check_contrast(report: Report, name: str, golden: Mapping[str, Any], config: MoNCE.Config, seed: int) -> None:
    """The transport plan and the modulated contrast alone, for the cost type and eps in ``name``."""
    found = re.fullmatch(r"monce_(hard|easy)_eps([\d.]+)", name)
    if found is None:
        report.wrong.append(f"unit.{name}: expected a name such as monce_hard_eps1.0")
        return
    kind, eps = found[1], float(found[2])
    q, k = (recipe.picture(seed, f"unit/feat_{side}", (64, 16)).requires_grad_() for side in "qk")
    query, key = L2Normalize()(q), L2Normalize()(k)
    c = MoNCE.Config(cost_type=kind, eps=eps, neg_term_weight=config.neg_term_weight, num_patches=32, nce_T=0.07)  # type: ignore[arg-type]

    similarity = query.detach().view(2, 32, 16) @ key.detach().view(2, 32, 16).transpose(1, 2)
    plan = transport_plan(similarity, c.cost_type, c.eps, c.sinkhorn_sweeps)
    for j, value in enumerate(golden["plan_row0_first8"]):
        report.relative("value", f"unit.{name}.plan[0,0,{j}]", float(plan[0, 0, j]), value)
    largest = float(plan.diagonal(dim1=1, dim2=2).max())
    report.relative("value", f"unit.{name}.plan_diag_max", largest, golden["plan_diag_max"])
    for kind, dim in (("row", 2), ("col", 1)):
        off = float((plan.sum(dim) - 1).abs().max())
        report.relative("value", f"unit.{name}.{kind}_sum_max_dev", off, golden[f"{kind}_sum_max_dev"], floor=1e-3)
    rows = modulated_nce(query, key, 2, c)
    check_rows(report, f"unit.{name}", rows, q, golden)
