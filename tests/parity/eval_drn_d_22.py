"""Golden figures ``eval_drn_d_22``: DRN-D-22 with weights of the recipe, stage by stage, and what it scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluation.drn import CLASSES, DRN, MEAN, STD, normalised
from evaluation.segmentation import histogram, scores_of
from tests.evaluation.pictures import smooth
from tests.parity import recipe
from tests.parity.compare import Report
from tests.parity.eval_seg_metrics import label_map

PREFIXES = ("eval_drn_d_22",)


def check(data: Mapping[str, Any]) -> Report:
    report, network = Report(), recipe_drn(recipe.seed_of(data))
    check_keys(report, network, data)
    report.same("mean and deviation", [list(MEAN), list(STD)], [data["cfg"]["mean_std"][k] for k in ("mean", "std")])
    for i, run in enumerate(data["runs"]):
        check_run(report, f"run {i}", network, run, recipe.seed_of(data))
    return report


def recipe_drn(seed: int) -> DRN:
    """The network with weights of the recipe."""
    network = DRN().eval()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            parameter.data.copy_(recipe.weight(seed, "drn_d_22", name, tuple(parameter.shape)))
    return network


def check_keys(report: Report, network: DRN, data: Mapping[str, Any]) -> None:
    learnable = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    buffers = {name for name, _ in network.named_buffers()}
    kinds = {"learnable": learnable, "buffer": buffers}
    ours = [[key, list(value.shape)] for key, value in network.state_dict().items()]
    report.same("keys and shapes in order", ours, [entry[:2] for entry in data["keys"]])
    for key, _, kind in data["keys"]:
        if kind in kinds:
            report.same(f"{key} is {kind}", key in kinds[kind], True)
        else:
            report.same(f"{key} is fixed", key in learnable | buffers, False)
    golden, up = data["up_weight"], network.up.weight
    report.same("shape of up", list(up.shape), golden["shape"])
    for row in (0, 7):
        report.same(f"row {row} of up", up[-1, 0, row].tolist(), golden[f"row{row}"])
    report.same("sum of up", up.sum(dim=(1, 2, 3)).tolist(), [golden["sum_per_channel"]] * CLASSES)


def check_run(report: Report, name: str, network: DRN, run: Mapping[str, Any], seed: int) -> None:
    x = input_of(report, name, run, seed)
    stages: dict[str, Tensor] = {}
    hooks = [
        stage.register_forward_hook(lambda _, __, out, key=f"base.{i}": stages.update({key: out.clone()}))
        for i, stage in enumerate(network.base)
    ]
    with torch.inference_mode():
        log_probabilities, scores = network(x)
    for hook in hooks:
        hook.remove()
    for key, golden in run.get("stages", {}).items():
        check_tensor(report, f"{name} {key}", stages[key], golden)
    check_tensor(report, f"{name} scores", scores, run["seg_logits_low_res"])
    check_tensor(report, f"{name} log-probabilities", log_probabilities, run["log_softmax"])
    classes = log_probabilities.argmax(dim=1)
    counts = torch.bincount(classes.flatten(), minlength=CLASSES).tolist()
    report.same(f"{name} classes", counts, run["argmax_histogram"])
    if "argmax_at" in run:
        at = run["argmax_at"]
        report.same(f"{name} classes at", classes.flatten()[at["pos"]].tolist(), at["val"])
    if "scored_against" in run:
        check_scores(report, name, classes[0], run, seed)


def input_of(report: Report, name: str, run: Mapping[str, Any], seed: int) -> Tensor:
    """The input that a run's sentence describes: numbers of the recipe, or a picture to be normalised."""
    numbers = re.match(r"input\('(.+)', \(([\d, ]+)\)\) fed directly", run["input"])
    if numbers:
        return recipe.picture(seed, numbers[1], [int(n) for n in numbers[2].split(",")])
    picture = re.match(r"smooth\('(.+)', (\d+), (\d+)\)", run["input"])
    assert picture, run["input"]
    pixels = smooth(picture[1], int(picture[2]), int(picture[3]), seed)
    x = normalised(torch.from_numpy(pixels[None]))
    check_tensor(report, f"{name} input", x, run["network_input"])
    return x


def check_tensor(report: Report, name: str, ours: Tensor, golden: Mapping[str, Any]) -> None:
    """Shape, statistics and entries; the mean and the sum relative to the size of entries, as they may vanish."""
    if "shape" in golden:
        report.same(f"{name}: shape", list(ours.shape), golden["shape"])
    typical = golden["l2"] / max(1, ours.numel()) ** 0.5
    report.relative("feature", f"{name} mean", float(ours.mean()), golden["mean"], floor=typical)
    report.relative("feature", f"{name} deviation", float(ours.std(correction=0)), golden["std"])
    report.relative("feature", f"{name} l2", float(ours.norm()), golden["l2"])
    if "sum" in golden:
        report.relative("feature", f"{name} sum", float(ours.sum()), golden["sum"], floor=typical * ours.numel())
        report.relative("feature", f"{name} mean size", float(ours.abs().mean()), golden["abs_mean"])
    for position, value in zip(golden.get("pos", ()), golden.get("val", ()), strict=True):
        report.relative("feature", f"{name}[{position}]", float(ours.flatten()[position]), value, floor=typical)


def check_scores(report: Report, name: str, classes: Tensor, run: Mapping[str, Any], seed: int) -> None:
    words = re.match(
        r"label\('(.+)', (\d+), (\d+), classes 0\.\.18, block (\d+), p_ignore ([\d.]+)\)", run["scored_against"]
    )
    assert words, run["scored_against"]
    height, width, block = (int(words[i]) for i in (2, 3, 4))
    truth = label_map(seed, words[1], height, width, range(CLASSES), block, float(words[5]))
    scores = scores_of(histogram(truth, classes.numpy().astype(np.uint8)))
    report.relative("feature", f"{name} mAP", scores.miou, run["drn_mAP_percent"])
    report.relative("feature", f"{name} pixAcc", scores.pixacc / 100, run["pixAcc"])
    report.relative("feature", f"{name} classAcc", scores.classacc / 100, run["classAcc_nanmean"])
