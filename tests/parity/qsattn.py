"""Golden figures ``qsattn*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from baselines.qsattn import QSAttn, global_scores, log_entropy, window_scores
from methods.heads import PatchHeads
from methods.interface import ImageShape
from methods.nce import patches
from tests.parity import cut, recipe
from tests.parity.compare import Report, check_training
from tests.parity.monce import trainee

PREFIXES = ("qsattn",)
TIE = 1e-9
"""relative gap of entropies below which rounding decides which of two positions comes first"""


def config(data: Mapping[str, Any]) -> QSAttn.Config:
    """Our configuration; the files made with the corrected window layout say so in a note and in their name."""
    cfg = {"nce_includes_all_negatives_from_minibatch": False, **data["cfg"]}
    corrected = any(note.startswith("NOT the official behaviour") for note in data.get("notes", ()))
    corrected = corrected or "intended" in data["fixture"]
    return QSAttn.Config(
        **asdict(cut.config(cfg)),
        QS_mode=cfg["QS_mode"] if cfg["QS_mode"] in ("global", "local") else "local_global",
        window_layout="intended" if corrected else "official",
    )


def check(data: Mapping[str, Any]) -> Report:
    _, _, height, width = data["input_shape"]
    method = QSAttn(config(data), ImageShape(3, height, width))
    replay = trainee(data, method)
    steps = [step["attention_selection"] for step in data["random"]["steps"]]
    if any(min(layer["min_relative_gap"]) < TIE for step in steps for layer in step.values()):
        replay_selection(method, replay.draws, steps)
    report = check_training(data, replay)
    if "unit" in data:
        check_sampler(report, data["unit"]["patch_sample"], method.config, recipe.seed_of(data))
    return report


def replay_selection(method: QSAttn, draws: recipe.RecordedDraws, steps: list[Mapping[str, Any]]) -> None:
    """Take the recorded anchors instead of ranking: NCE's layers in order, then those of NCE_Y, every step."""
    taken = [0] * len(steps)

    def select(source: Tensor) -> Tensor:
        anchors = list(steps[draws.step].values())[taken[draws.step]]["selected_per_image"]
        taken[draws.step] += 1
        return torch.tensor(anchors)

    method.select = select  # type: ignore[method-assign]


def check_sampler(report: Report, golden: Mapping[str, Any], c: QSAttn.Config, seed: int) -> None:
    """Selection, routing and heads alone, on feature maps of the recipe."""
    shapes = golden["shapes"]
    method = QSAttn(replace(c, num_patches=16, netF_nc=8, ngf=1, ndf=1), ImageShape(3, 32, 32))
    heads = PatchHeads([shape[1] for shape in shapes], 8)
    recipe.fill(heads, "unit_F", seed)
    sources, targets = (
        [recipe.picture(seed, f"unit/{kind}/{i}", shape).requires_grad_() for i, shape in enumerate(shapes)]
        for kind in ("src", "tgt")
    )
    selected = iter(zip(golden["selected_ids"], golden["entropies_sorted_first20"], strict=True))
    objective = torch.zeros(())
    for i, (source, target) in enumerate(zip(sources, targets, strict=True)):
        if i < c.random_layers:
            positions = recipe.permutation(seed, f"unit/layer{i}", source.shape[2] * source.shape[3])[:16]
            query, key = patches(target, positions), patches(source.detach(), positions)
        else:
            query, key = method.route(target, source)
            for anchors, entropies in zip(method.select(source), entropies_of(source, c), strict=True):
                ids, lowest = next(selected)
                report.same(f"unit anchors of layer {i}", anchors.tolist(), ids)
                for ours, value in zip(entropies.sort().values, lowest, strict=False):
                    report.relative("value", f"unit entropy of layer {i}", float(ours), value)
        query, key = heads(query, i), heads(key, i).detach()
        objective = objective + (query * key).sum()
        for side, rows in (("query", query), ("key", key)):
            check_rows_of(report, side, rows.detach(), i, golden)
    report.relative("value", "unit.objective", float(objective.detach()), golden["objective"])
    objective.backward()
    for name, features in (("src", sources), ("tgt", targets)):
        for i, (feature, value) in enumerate(zip(features, golden[f"grad_{name}_l2"], strict=True)):
            norm = None if feature.grad is None else float(feature.grad.norm())
            if norm is None or value is None:
                report.same(f"unit.grad_{name}[{i}]", norm, value)
            else:
                report.relative("gradient", f"unit.grad_{name}_l2[{i}]", norm, value)


def entropies_of(source: Tensor, c: QSAttn.Config) -> Tensor:
    """Attention entropies of all positions: [B, H*W]."""
    every = torch.arange(source.shape[2] * source.shape[3]).expand(len(source), -1)
    if c.QS_mode == "global":
        return log_entropy(global_scores(source.detach(), every)).exp()
    return log_entropy(window_scores(source.detach(), every, c.window, c.window_layout)).exp()


def check_rows_of(report: Report, side: str, rows: Tensor, i: int, golden: Mapping[str, Any]) -> None:
    first = golden[f"{side}_first8_layers0to2"]
    if i < len(first):
        for j, value in enumerate(first[i]):
            report.relative("value", f"unit.{side}[{i}][{j}]", float(rows.flatten()[j]), value)
    for j, value in enumerate(golden[f"{side}_sum_over_rows"][i]):
        report.relative("value", f"unit.{side} sum[{i}][{j}]", float(rows.sum(0)[j]), value, floor=1e-2)
