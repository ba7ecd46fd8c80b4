"""Golden figures of what is said of several seeds: intervals, tests, corrections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import RandomState

from harness import statistics
from harness.table import mean_and_std
from tests.parity import recipe
from tests.parity.compare import Report

PREFIXES = ("eval_stats",)


def check(data: Mapping[str, Any]) -> Report:
    report, seed = Report(), recipe.seed_of(data)
    scores = np.array(data["scores"])  # seeds x methods
    resamples = resamples_of(data)

    def draws(name: str) -> RandomState:
        return recipe.random_state(seed, f"boot/{name}")

    def same(name: str, ours: float, golden: float) -> None:
        report.relative("value", name, ours, golden, floor=1e-3)

    for golden in data["per_method"]:
        name = f"m{golden['method']}"
        for kind, ours in of_method(scores[:, golden["method"]], draws(name), draws(name), resamples).items():
            same(f"{name} {kind}", ours, value_at(golden, kind))
    p_values = []
    for golden in data["pairs"]:
        a, b = golden["a"], golden["b"]
        ours = of_pair(scores[:, a], scores[:, b], draws(f"p{a}{b}"), resamples)
        p_values.append(ours["paired_t_p"])
        for kind, value in ours.items():
            same(f"p{a}{b} {kind}", value, value_at(golden, kind))
    for i, (ours, golden) in enumerate(zip(statistics.holm(p_values), data["holm"], strict=True)):
        same(f"holm {i}", ours, golden)
    return report


def of_method(v: np.ndarray, random: RandomState, again: RandomState, resamples: int) -> dict[str, float]:
    mean, std = mean_and_std(v.tolist())
    assert std is not None
    student = statistics.student_interval(v)
    bootstrap = statistics.bootstrap_interval(v, random, resamples)
    return {
        "mean": mean,
        "std_ddof1": std,
        "sem": statistics.standard_error(v),
        "iqm_trim25": float(np.sort(v)[len(v) // 4 : len(v) - len(v) // 4].mean()),
        "t_interval_95 0": student.low,
        "t_interval_95 1": student.high,
        "bootstrap_percentile_95 0": bootstrap.low,
        "bootstrap_percentile_95 1": bootstrap.high,
        "bootstrap_mean_of_means": float(statistics.bootstrap_means(v, again, resamples).mean()),
    }


def of_pair(a: np.ndarray, b: np.ndarray, random: RandomState, resamples: int) -> dict[str, float]:
    paired, welch, wilcoxon = statistics.paired_t(a, b), statistics.welch_t(a, b), statistics.wilcoxon_exact(a, b)
    bootstrap = statistics.bootstrap_interval(a - b, random, resamples)
    return {
        "mean_diff": float((a - b).mean()),
        "paired_t": paired.statistic,
        "paired_t_p": paired.p,
        "welch_t": welch.statistic,
        "welch_p": welch.p,
        "wilcoxon_statistic": wilcoxon.statistic,
        "wilcoxon_exact_p": wilcoxon.p,
        "cohen_dz": statistics.cohen_dz(a, b),
        "paired_bootstrap_95 0": bootstrap.low,
        "paired_bootstrap_95 1": bootstrap.high,
        "probability_of_improvement_a_lower": statistics.probability_below(a, b),
    }


def value_at(golden: Mapping[str, Any], kind: str) -> float:
    """``name`` or, for the ends of an interval, ``name 0`` and ``name 1``."""
    name, _, end = kind.partition(" ")
    return golden[name][int(end)] if end else golden[name]


def resamples_of(data: Mapping[str, Any]) -> int:
    """How many resamples the notes say."""
    match = re.search(r"size=\((\d+), len\(v\)\)", " ".join(data["notes"]))
    assert match, "the notes do not say how many resamples were drawn"
    return int(match[1])
