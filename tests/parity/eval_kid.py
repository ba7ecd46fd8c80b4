"""Golden figures ``eval_kid_prc_is``: KID, precision and recall, Inception score of given features."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.kid import kernel, kid, subset_kids
from evaluation.precision_recall import share_covered
from tests.parity import recipe
from tests.parity.compare import Report
from tests.parity.inception_score import inception_score

PREFIXES = ("eval_kid_prc_is",)
SMALL = 1e-3
"""a KID below this is a difference of means of size one that nearly cancel"""


def check(data: Mapping[str, Any]) -> Report:
    report, seed = Report(), recipe.seed_of(data)
    specs = data["kid"]["features"]
    fake, real = (recipe.features(seed, **renamed(specs[side])) for side in ("fake", "real"))
    check_kid(report, data["kid"], fake, real)
    for case in data["precision_recall"]["results"]:
        check_precision_recall(report, case, fake, real)
    check_inception_score(report, data["inception_score"], seed)
    return report


def renamed(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"name" if key == "feat" else key: value for key, value in spec.items()}


def check_kid(report: Report, golden: Mapping[str, Any], fake: NDArray[np.float64], real: NDArray[np.float64]) -> None:
    report.relative("distance", "KID of the full sets", kid(fake, real), golden["full_set_unbiased"], floor=SMALL)
    xx, yy, xy = kernel(fake, fake), kernel(real, real), kernel(fake, real)
    biased = float(xx.mean() + yy.mean() - 2 * xy.mean())
    report.relative("distance", "KID of the full sets, biased", biased, golden["full_set_biased"])
    first = golden["first_h_rows"]
    h = first["h"]
    ours = kid(fake[:h], real[:h])
    report.relative("distance", "KID of equally many rows", ours, first["mmd2_unbiased"], floor=SMALL)
    xx, yy, xy = xx[:h, :h], yy[:h, :h], xy[:h, :h]
    biased = float(xx.mean() + yy.mean() - 2 * xy.mean())
    report.relative("distance", "KID of equally many rows, biased", biased, first["mmd2_biased"])
    cross = (xy.sum() - xy.trace()) / (h * (h - 1))  # the u-statistic leaves the diagonal out
    u_statistic = ours + 2 * float(xy.mean() - cross)
    report.relative(
        "distance", "KID of equally many rows, u-statistic", u_statistic, first["mmd2_u_statistic"], floor=SMALL
    )
    for case in golden["subset_estimates"]:
        check_subsets(report, case, fake, real)


def check_subsets(
    report: Report, case: Mapping[str, Any], fake: NDArray[np.float64], real: NDArray[np.float64]
) -> None:
    count, size = case["subsets"], case["subset_size"]
    name = f"KID of {count} subsets of {size}"
    random = np.random.RandomState(case["torch_fidelity_rng_seed"])
    values = subset_kids(fake, real, count, size, random)
    report.relative(
        "distance", f"{name}, torch-fidelity", float(values.mean()), case["torch_fidelity_mean"], floor=SMALL
    )
    report.relative("distance", f"{name}, spread", float(values.std()), case["torch_fidelity_std"], floor=SMALL)
    random = np.random.RandomState(case["clean_fid_numpy_global_seed"])
    values = subset_kids(real, fake, count, size, random)  # clean-fid draws its second set first
    report.relative("distance", f"{name}, clean-fid", float(values.mean()), case["clean_fid"], floor=SMALL)


def check_precision_recall(
    report: Report, case: Mapping[str, Any], fake: NDArray[np.float64], real: NDArray[np.float64]
) -> None:
    k = case["neighborhood"]
    precision, recall = share_covered(fake, real, k), share_covered(real, fake, k)
    f_score = 2 * precision * recall / max(1e-5, precision + recall)
    for name, ours in (("precision", precision), ("recall", recall), ("f_score", f_score)):
        report.relative("float32", f"{name}, {k} neighbours", ours, case[name], floor=1e-3)


def check_inception_score(report: Report, golden: Mapping[str, Any], seed: int) -> None:
    found = re.fullmatch(r"([\d.]+) \* input\('(.+)', \((\d+), (\d+)\)\)", golden["logits"])
    assert found, golden["logits"]
    scale, name, rows, classes = found.groups()
    logits = float(scale) * recipe.picture(seed, name, (int(rows), int(classes))).numpy()
    for case in golden["results"]:
        mean, std = inception_score(logits, case["splits"], case["rng_seed"] if case["shuffle"] else None)
        about = f"Inception score, {case['splits']} parts{', dealt' if case['shuffle'] else ''}"
        report.relative("distance", about, mean, case["inception_score_mean"])
        report.relative("distance", f"{about}, spread", std, case["inception_score_std"], floor=1e-3)
