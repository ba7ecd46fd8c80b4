"""``harness metrics``: every score, what it means and by which protocol it is made. Imports nothing heavy."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from typing import Any

from evaluation.protocol import METRICS, Metric
from harness.terminal import wrapped

EPILOG = """Examples:
  harness metrics
  harness metrics --json

A score is named by its protocol: implementation and version, and in brackets what else changes its values (weights,
seeds, levels); a run adds the reference split and the format of its pictures. Figures of different protocols never
share a column."""

NETWORKS = {"inception": "the FID Inception", "drn": "DRN-D-22"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps([as_json(metric) for metric in METRICS.values()], indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(as_text(metric) for metric in METRICS.values()))
    return 0


def as_text(metric: Metric) -> str:
    low, high = (bound_text(bound) for bound in metric.range)
    unit = f" ({metric.unit})" if metric.unit else ""
    arrow, better = ("↑", "higher") if metric.direction == "higher" else ("↓", "lower")
    lines = [
        metric.name,
        wrapped(metric.definition, "  ", "  "),
        wrapped(f"{arrow} {better} is better; {low} to {high}{unit}; {needs(metric)}", "  ", "  "),
        wrapped(f"protocol {metric.protocol}; {metric.source}", "  ", "  "),
    ]
    return "\n".join(lines)


def bound_text(bound: float) -> str:
    return f"{bound:g}" if math.isfinite(bound) else "∞" if bound > 0 else "-∞"


def needs(metric: Metric) -> str:
    """What there must be for the score to be taken."""
    if metric.counterparts:
        pictures = "needs the known counterpart of each picture"
    elif metric.least > 1:
        pictures = f"needs {metric.least} pictures a side"
    else:
        pictures = "needs 1 picture a side"
    return pictures + (f" and weights of {NETWORKS[metric.network]}" if metric.network else "")


def as_json(metric: Metric) -> dict[str, Any]:
    """All of a metric but the name of its function; bounds that are not finite as null."""
    values = asdict(metric)
    del values["measure"]
    return values | {"range": [bound if math.isfinite(bound) else None for bound in metric.range]}
