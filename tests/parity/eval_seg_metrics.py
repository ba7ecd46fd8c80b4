"""Golden figures ``eval_seg_metrics``: label maps of the recipe, their histogram and the scores it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.drn import CLASSES
from evaluation.palette import IGNORED, TrainIds
from evaluation.segmentation import Histogram, class_iou, histogram, scores_of
from tests.parity.compare import Report
from tests.parity.recipe import random_state, seed_of

PREFIXES = ("eval_seg_metrics",)


def label_map(
    seed: int, name: str, height: int, width: int, classes: Sequence[int], block: int, p_ignore: float
) -> TrainIds:
    """The recipe's ``label``: blocks of random classes, some ignored."""
    rs = random_state(seed, f"label/{name}")
    blocks = rs.choice(classes, size=(-(-height // block), -(-width // block)))
    blocks[rs.uniform(size=blocks.shape) < p_ignore] = IGNORED
    return blocks.repeat(block, axis=0).repeat(block, axis=1)[:height, :width].astype(np.uint8)


def check(data: Mapping[str, Any]) -> Report:
    report = Report()
    for case in data["cases"]:
        check_case(report, case, seed_of(data))
    return report


def check_case(report: Report, case: Mapping[str, Any], seed: int) -> None:
    name, hist, running = case["name"], np.zeros((CLASSES, CLASSES), np.int64), []
    for truth, predicted in maps(case, seed):
        hist += histogram(truth, predicted)
        running.append(round(scores_of(hist).miou, 2))
    report.same(f"{name}: pixels by true class", hist.sum(axis=1).tolist(), case["hist_row_sums"])
    report.same(f"{name}: pixels by predicted class", hist.sum(axis=0).tolist(), case["hist_col_sums"])
    report.same(f"{name}: pixels predicted right", np.diag(hist).tolist(), case["hist_diag"])
    report.same(f"{name}: pixels", int(hist.sum()), case["hist_total"])
    report.same(f"{name}: mAP after each picture", running, case["drn_running_mAP_after_each_image"])
    iou = [None if np.isnan(value) else float(value) for value in class_iou(hist)]
    report.same(f"{name}: IoU of each class", iou, case["per_class_iou"])
    scores = scores_of(hist)
    report.same(f"{name}: mAP to two decimals", round(scores.miou, 2), case["drn_mAP_percent_rounded"])
    report.relative("feature", f"{name}: mAP", scores.miou, case["drn_mAP_percent"])
    report.relative("feature", f"{name}: pixAcc", scores.pixacc / 100, case["pixAcc"])
    report.relative("feature", f"{name}: classAcc", scores.classacc / 100, case["classAcc_nanmean"])
    for key, value in variants(hist, case).items():
        report.relative("feature", f"{name}: {key}", value, case[key])


def maps(case: Mapping[str, Any], seed: int) -> Iterator[tuple[TrainIds, TrainIds]]:
    """True and predicted label map of each picture of a case."""
    name, shape, block = case["name"], (case["h"], case["w"]), case["block"]
    for i in range(case["images"]):
        truth = label_map(seed, f"{name}/gt/{i}", *shape, case["gt_classes"], block, case["p_ignore"])
        noise = label_map(seed, f"{name}/pred/{i}", *shape, case["pred_classes"], block, 0.0)
        keep = random_state(seed, f"keep/{name}/{i}").uniform(size=shape) < 0.6
        keep &= np.isin(truth, case["pred_classes"])  # an ignored pixel is of no class
        yield truth, np.where(keep, truth, noise)


def variants(hist: Histogram, case: Mapping[str, Any]) -> dict[str, float]:
    """Other definitions of the same scores, from our histogram: those of pix2pix's FCN score, where an absent class
    counts as 0, and the pixel accuracy that counts ignored pixels as wrong."""
    right, truth, predicted = np.diag(hist), hist.sum(axis=1), hist.sum(axis=0)
    iou = np.nan_to_num(class_iou(hist))
    return {
        "pix2pix_mean_pixel_acc": float(right.sum() / (hist.sum() + 1e-12)),
        "pix2pix_mean_class_acc": float((right / (truth + 1e-12)).mean()),
        "pix2pix_mean_class_iou": float((right / (truth + predicted - right + 1e-12)).mean()),
        "freq_weighted_iou": float((truth / hist.sum() * iou).sum()),
        "pixAcc_counting_ignored_pixels_as_wrong": float(right.sum() / (case["images"] * case["h"] * case["w"])),
    }
