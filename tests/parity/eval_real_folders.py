"""Golden figures ``eval_real_folders``: the whole way from real files to scores, with networks of the recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState
from PIL import Image

from evaluation.drn import CLASSES, normalised
from evaluation.frechet import frechet_distance
from evaluation.images import decode, list_pictures
from evaluation.kid import kid
from evaluation.palette import CAMVID
from evaluation.segmentation import histogram, scores_of
from evaluation.swd import Sampling, read_squared, swd
from harness.data.decode import load
from tests.parity import recipe
from tests.parity.compare import Report
from tests.parity.eval_drn_d_22 import recipe_drn
from tests.parity.eval_resize import check_grey, clean, network_input
from tests.parity.inception_recipe import (
    FOLDER_FACTOR,
    Features,
    clean_input,
    features,
    plain_network,
    pytorch_fid_input,
    recipe_state,
)
from tests.real_data import ABSENT, real_pictures

PREFIXES = ("eval_real_folders",)
INPUTS = {"pytorch_fid_path": pytorch_fid_input, "clean_path": clean_input}
JPEG = (".jpg", ".jpeg")


def check(data: Mapping[str, Any]) -> Report:
    root = real_pictures()
    if root is None:
        return Report(left_out=[ABSENT])
    report, seed = Report(), recipe.seed_of(data)
    decoded_alike = [check_preprocessing(report, root, case) for case in data["preprocessing"]]
    check_fid(report, root, data["fid"], seed, other_decoder=not all(decoded_alike))
    check_swd(report, root, data, seed)
    for case in data["segmentation"]:
        check_segmentation(report, root, case, data["notes"], seed)
    return report


def there(report: Report, *paths: Path) -> bool:
    """Whether all of the files and folders exist; names those that do not."""
    missing = [str(path) for path in paths if not path.exists()]
    report.left_out += [f"{path} is absent" for path in missing]
    return not missing


def check_preprocessing(report: Report, root: Path, case: Mapping[str, Any]) -> bool:
    """One file decoded and resized; False where this machine decodes JPEG otherwise than the figures' did."""
    path = root / case["file"]
    if not there(report, path):
        return True
    picture = decode(path)
    report.same(f"{path.name}: size", [picture.shape[1], picture.shape[0]], case["size_wh"])
    if int(picture.sum()) != case["pixel_sum"] and path.suffix in JPEG:
        report.left_out.append(f"{case['file']}: another JPEG decoder, whose pixels sum to another number")
        return False
    report.error("exact", f"{path.name}: sum of pixels", abs(int(picture.sum()) - case["pixel_sum"]))
    side = abs(int(load(path, 256).astype(np.int64).sum()) - case["pil_bicubic_256_sum"])
    report.error("exact", f"{path.name}: sum at 256x256", side)
    check_grey(report, f"{path.name} clean", clean(picture), case["clean"])
    check_grey(report, f"{path.name} network input", network_input(picture), case["pytorch_fid_network_input"], 127.5)
    return True


def check_fid(report: Report, root: Path, cases: list[Mapping[str, Any]], seed: int, other_decoder: bool) -> None:
    network = plain_network(recipe_state(seed, FOLDER_FACTOR))

    @cache
    def seen(folder: Path, way: str) -> Features:
        files = list_pictures(folder)
        return features(network, map(INPUTS[way], map(decode, files)))[2048]

    for case in cases:
        sides = {side: root / case[side] for side in ("fake", "real")}
        if not there(report, *sides.values()):
            continue
        files = [path for folder in sides.values() for path in list_pictures(folder)]
        if other_decoder and any(path.suffix in JPEG for path in files):
            report.left_out.append(f"{case['fake']} against {case['real']}: another JPEG decoder")
            continue
        for way, golden in ((way, case[way]) for way in INPUTS):
            name = f"{case['fake']} {case['real']} {way}"
            fake, real = (seen(sides[side], way) for side in ("fake", "real"))
            report.same(f"{name}: counts", [len(fake), len(real)], [case["n_fake"], case["n_real"]])
            ours = {
                "frechet_exact_lowrank": frechet_distance(fake, real),
                "kid_full_set_unbiased": kid(fake, real),
                "feature_mean_fake": float(fake.mean()),
                "feature_mean_real": float(real.mean()),
            }
            for key, value in ours.items():
                report.relative("picture", f"{name} {key}", value, golden[key])


def check_swd(report: Report, root: Path, data: Mapping[str, Any], seed: int) -> None:
    notes = " ".join(data["notes"])
    found = re.search(r"first (\d+) facades .* bicubic to (\d+)x\d+, .* minibatch (\d+)", notes)
    assert found, "the notes do not say how the sliced Wasserstein distance is made"
    count, size, batch = map(int, found.groups())
    folders = [root / "facades" / name for name in ("testB", "results_pix2pix_pretrained")]
    if not there(report, *folders):
        return
    real, fake = ([read_squared(path, size) for path in list_pictures(folder)[:count]] for folder in folders)
    parts = [[side[i : i + batch] for i in range(0, count, batch)] for side in (real, fake)]
    values = swd(parts[0], parts[1], size, RandomState(seed), Sampling(minibatch=batch))
    golden = data["swd_x1e3_per_level_then_mean"]
    for level, (ours, theirs) in enumerate(zip([*values, np.mean(values)], golden, strict=True)):
        report.relative("swd", f"SWD, level {level} (the last is the mean)", float(ours), theirs)


def check_segmentation(report: Report, root: Path, case: Mapping[str, Any], notes: list[str], seed: int) -> None:
    size = case["width"], case["height"]
    photos = [root / name for name in case["photos"]]
    labels = [path.parents[1] / f"{path.parent.name[:-1]}_labels" / path.name for path in photos]  # testB: test_labels
    if not there(report, *photos, *labels):
        return
    said = re.search(r"label mapped (.+?);", " ".join(notes))
    assert said, "the notes do not map labels"
    train_ids = [int(n) for n in re.findall(r"\d+", said[1])]
    report.same("train ids of CamVid", [label.train_id for label in CAMVID.labels], train_ids)
    network, hist, predicted, ignored = recipe_drn(seed), np.zeros((CLASSES, CLASSES), np.int64), 0, 0
    for photo, label_file in zip(photos, labels, strict=True):
        pixels = np.array(Image.fromarray(decode(photo)).resize(size, Image.Resampling.BICUBIC))
        with torch.inference_mode():
            classes = network(normalised(torch.from_numpy(pixels[None])))[0].argmax(1)[0].numpy()
        with Image.open(label_file) as image:
            truth = CAMVID.of_index[np.array(image.resize(size, Image.Resampling.NEAREST))]
        hist += histogram(truth, classes.astype(np.uint8))
        predicted += np.bincount(classes.ravel(), minlength=CLASSES)
        ignored += int((truth == 255).sum())
    name, scores = f"segmentation at {size[0]}x{size[1]}", scores_of(hist)
    report.same(f"{name}: classes", predicted.tolist(), case["pred_histogram"])  # type: ignore[attr-defined]
    report.same(f"{name}: pixels by true class", hist.sum(1).tolist(), case["hist_row_sums"])
    report.same(f"{name}: pixels ignored", ignored, case["ignored_pixels"])
    report.relative("feature", f"{name}: mAP", scores.miou, case["drn_mAP_percent"])
    report.relative("feature", f"{name}: pixAcc", scores.pixacc / 100, case["pixAcc"])
    report.relative("feature", f"{name}: classAcc", scores.classacc / 100, case["classAcc_nanmean"])
