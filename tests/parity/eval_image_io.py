"""Golden figures ``eval_image_io``: from tensor to picture, and what the official test loop leaves behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.official_order import kept_as_real_b
from harness.data.pipeline import to_image, to_tensor
from tests.parity import recipe
from tests.parity.compare import Report

PREFIXES = ("eval_image_io",)


def check(data: Mapping[str, Any]) -> Report:
    report = Report()
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    back = to_image(to_tensor(values)).astype(int)
    lower = np.arange(256)[(back[..., 0] != values[..., 0]).ravel()]
    same(report, "values changed by a round trip", lower.tolist(), data["uint8_values_changed_by_round_trip"])
    same(
        report, "all of them are one lower", bool((values.astype(int) - back)[values != back].max(initial=1) == 1), True
    )
    check_tensor(report, data)
    for case in data["test_order"]:
        check_order(report, case)
    return report


def same(report: Report, name: str, ours: object, golden: object) -> None:
    """An exact figure, which also shows in the line of the file."""
    report.error("exact", name, float(ours != golden))
    report.same(name, ours, golden)


def check_tensor(report: Report, data: Mapping[str, Any]) -> None:
    """The one tensor whose recipe stands in the notes."""
    pattern = r"float32\(([\d.]+) \* input\('(.+?)', \(([\d, ]+)\)\)\)"
    found = re.search(pattern, " ".join(data["notes"]))
    assert found, "the notes do not say how the tensor is made"
    scale, name, shape = found.groups()
    x = (float(scale) * recipe.picture(recipe.seed_of(data), name, [int(n) for n in shape.split(",")])).float()
    picture, golden = to_image(x[0]), data["tensor_case"]
    same(report, "tensor: shape", list(picture.shape), golden["shape"])
    same(report, "tensor: sum", int(picture.sum()), golden["sum"])
    same(report, "tensor: values", picture.ravel()[golden["pos"]].tolist(), golden["val"])


def check_order(report: Report, case: Mapping[str, Any]) -> None:
    n_a, n_b = case["n_testA"], case["n_testB"]
    kept = kept_as_real_b([f"a{i:03d}" for i in range(n_a)], [f"b{i:03d}" for i in range(n_b)], case["num_test"])
    name = f"{n_a} and {n_b} pictures, at most {case['num_test']}"
    same(report, f"{name}: items", max(n_a, n_b), case["dataset_length"])
    same(report, f"{name}: saved", len(kept), case["images_saved"])
    same(report, f"{name}: distinct", len(set(kept.values())), case["distinct_B_in_real_B"])
    golden = case["real_B_content_under_A_name"]
    same(report, f"{name}: content", {a: kept.get(a) for a in golden}, golden)
