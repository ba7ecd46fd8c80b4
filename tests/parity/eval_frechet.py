"""Golden figures ``eval_frechet``: the distance of given features and moments, by four libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.frechet import frechet_distance, frechet_from_moments
from tests.parity import recipe
from tests.parity.compare import Report

PREFIXES = ("eval_frechet",)
FIGURES = {"frechet_exact_lowrank", "pytorch_fid", "clean_fid", "torch_fidelity", "torchmetrics"}


def check(data: Mapping[str, Any]) -> Report:
    report, seed = Report(), recipe.seed_of(data)
    for case in data["cases"]:
        check_case(report, seed, case)
    for case in data["given_moments"]:
        check_moments(report, seed, case)
    return report


def check_case(report: Report, seed: int, case: Mapping[str, Any]) -> None:
    x, y = (features(seed, case, side) for side in "12")
    name, gap, trace = case["name"], x.mean(0) - y.mean(0), case["trace1"] + case["trace2"]
    inputs = {"mean_term": gap @ gap, "trace1": x.var(0, ddof=1).sum(), "trace2": y.var(0, ddof=1).sum()}
    for key, value in inputs.items():
        report.relative("distance", f"{name} {key} (of the recipe)", float(value), case[key], floor=1e-12 * trace)
    ours = frechet_distance(x, y)
    full = min(case["n1"], case["n2"]) > case["d"]
    identical = case["set1"] == case["set2"] and case["n1"] == case["n2"]
    for key in FIGURES & case.keys():
        # of equal sets only rounding is left: measured by the traces that cancel
        exact = full or key == "frechet_exact_lowrank"
        kind = "distance" if exact and not identical else "singular"
        report.relative(kind, f"{name} {key}", ours, case[key], floor=trace if identical else 1e-2 * trace)


def features(seed: int, case: Mapping[str, Any], side: str) -> np.ndarray:
    spec = case[f"set{side}"]
    return recipe.features(seed, spec["feat"], case[f"n{side}"], case["d"], spec["scale"], spec["shift"])


def check_moments(report: Report, seed: int, case: Mapping[str, Any]) -> None:
    """Diagonal covariances, for which the distance is known."""
    names = re.findall(r"'(\w+/\w+)'", case["how"])  # mu1, mu2, v1, v2
    mu1, mu2, v1, v2 = (recipe.picture(seed, name, (case["d"],)).numpy() for name in names)
    v1, v2 = abs(v1), abs(v2)
    if "first variance of set 1 set to 0" in case["how"]:
        v1[0] = 0
    else:
        report.same(f"{case['name']}: how", case["how"].endswith("as drawn"), True)
    ours = frechet_from_moments(mu1, np.diag(v1), mu2, np.diag(v2))
    for key in ("analytic", "pytorch_fid", "torch_fidelity"):
        report.relative("distance", f"{case['name']} {key}", ours, case[key])
