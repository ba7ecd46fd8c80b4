"""Golden figures ``eval_inception_fid``: the network with the recipe's weights, alone and over folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation import FolderPair
from evaluation.features import compute_features
from evaluation.fid import INCEPTION_SIZE, pytorch_fid_features
from evaluation.frechet import frechet_distance
from evaluation.images import Picture, decode, list_pictures
from evaluation.inception import LEVELS, Inception
from evaluation.kid import kid
from evaluation.precision_recall import share_covered
from tests.evaluation.pictures import folder_of, smooth
from tests.parity import recipe
from tests.parity.compare import Report
from tests.parity.eval_resize import tf1_bilinear
from tests.parity.inception_recipe import (
    NET,
    Features,
    clean_input,
    features,
    plain_network,
    pytorch_fid_input,
    recipe_state,
    write_weights,
)

PREFIXES = ("eval_inception_fid",)


def check(data: Mapping[str, Any]) -> Report:
    report, seed = Report(), recipe.seed_of(data)
    network = plain_network(recipe_state(seed))
    shapes = {key: shape for key, shape, _ in data["keys"] if not key.startswith("fc.")}
    report.keys(NET, network, {NET: shapes})
    for run in data["runs"]:
        check_run(report, network, run, seed)
    check_torch_fidelity(report, network, data, seed)
    check_clean(report, network, data, seed)
    with TemporaryDirectory(prefix="golden-") as folder:
        check_folders(report, Path(folder), data["folders"], seed)
    return report


def check_run(report: Report, network: Inception, run: Mapping[str, Any], seed: int) -> None:
    found = re.search(r"input\('(.+?)', [\[(]([\d, ]+)[\])]\)", run["input"])
    assert found, run["input"]
    name, shape = found[1], [int(n) for n in found[2].split(",")]
    x = (recipe.picture(seed, name, shape) + 1) / 2
    x = 2 * F.interpolate(x, (INCEPTION_SIZE, INCEPTION_SIZE), mode="bilinear", align_corners=False) - 1
    middle: list[Tensor] = []
    hook = network.Mixed_6e.register_forward_hook(lambda _module, _inputs, output: middle.append(output))
    with torch.inference_mode():
        pooled = network(x, LEVELS)
        maps = (*network.stem(x), middle[0], pooled[2048][..., None, None])
    hook.remove()
    for level, of_level in zip(LEVELS, maps, strict=True):
        golden = run["blocks"][str(level)]
        report.same(f"{name} level {level} shape of the map", list(of_level.shape), golden["map_shape"])
        compare(report, "feature", f"{name} level {level}", pooled[level], golden["pooled"])


def compare(report: Report, kind: str, name: str, ours: Tensor, golden: Mapping[str, Any]) -> None:
    """Statistics and samples of features; the file has no shape for some."""
    told = {"shape": list(ours.shape), "positions": golden["pos"], "values": golden["val"]}
    report.tensor(kind, name, ours.double(), {**told, **golden})
    report.relative(kind, f"{name} sum", float(ours.double().sum()), golden["sum"], floor=golden["l2"])


def few_pictures(data: Mapping[str, Any], seed: int) -> list[Picture]:
    """The pictures of the figures of torch-fidelity and clean-fid, as many as there are rows of features."""
    golden = data["torch_fidelity"]
    found = re.search(r"smooth\('(.+)/i', (\d+), (\d+)\)", golden["input"])
    assert found, golden["input"]
    name, height, width = found[1], int(found[2]), int(found[3])
    return [smooth(f"{name}/{i}", height, width, seed) for i in range(golden["features"]["2048"]["shape"][0])]


def check_torch_fidelity(report: Report, network: Inception, data: Mapping[str, Any], seed: int) -> None:
    resized = [torch.from_numpy(tf1_bilinear(picture)) for picture in few_pictures(data, seed)]
    x = (torch.stack(resized).permute(0, 3, 1, 2).double() - 128) / 128
    with torch.inference_mode():
        ours = network(x, LEVELS)
    fc = {key: recipe.weight(seed, NET, key, tuple(shape)) for key, shape, _ in data["keys"] if key.startswith("fc.")}
    logits = ours[2048] @ fc["fc.weight"].T
    named = {**{str(k): v for k, v in ours.items()}, "logits_unbiased": logits, "logits": logits + fc["fc.bias"]}
    for name, golden in data["torch_fidelity"]["features"].items():
        kind = "single" if name.startswith("logits") else "float32"  # it multiplies by the classifier in float32
        compare(report, kind, f"torch-fidelity {name}", named[name], golden)


def check_clean(report: Report, network: Inception, data: Mapping[str, Any], seed: int) -> None:
    ours = features(network, map(clean_input, few_pictures(data, seed)))[2048]
    compare(report, "feature", "clean", torch.from_numpy(ours), data["clean"]["pool2048"])


def check_folders(report: Report, place: Path, golden: Mapping[str, Any], seed: int) -> None:
    factor = re.search(r"multiplied by ([\d.]+)", golden["weights"])
    assert factor, golden["weights"]
    state = recipe_state(seed, float(factor[1]))
    network = plain_network(state)
    sides = {side: folder(place / side, golden[side], golden[f"n_{side}"], seed) for side in ("fake", "real")}
    pictures = {side: [decode(path) for path in list_pictures(where)] for side, where in sides.items()}
    plain = {side: features(network, map(pytorch_fid_input, pictures[side]), LEVELS) for side in sides}
    for level in LEVELS:
        name = f"folders, level {level}"
        check_figures(report, name, plain["fake"][level], plain["real"][level], golden["pytorch_fid"][str(level)])
    fake, real = (features(network, map(clean_input, pictures[side]))[2048] for side in ("fake", "real"))
    check_figures(report, "folders, clean", fake, real, golden["clean_fid_clean_mode"])
    legacy = frechet_distance(plain["fake"][2048], plain["real"][2048])
    report.relative("many nulls", "folders, legacy", legacy, golden["clean_fid_legacy_pytorch_mode"]["fid"])
    single = golden["pytorch_fid"]["2048"]["frechet_exact_lowrank_float32_network"]
    weights = write_weights(state, place / "recipe.pth")
    report.relative("single", "folders, by the program", by_the_program(sides, weights), single)


def folder(where: Path, how: str, count: int, seed: int) -> Path:
    found = re.match(r"smooth\('folder/(.+)/i', (\d+), (\d+)\)", how)
    assert found, how
    return folder_of(where, count, int(found[2]), int(found[3]), found[1], seed)


def by_the_program(sides: Mapping[str, Path], weights: Path) -> float:
    """The distance by float32 features, as `fid` computes them."""
    pair = FolderPair.of(sides["fake"], sides["real"], inception=weights)
    extractor = pytorch_fid_features(pair)
    fake, real = (compute_features(list_pictures(sides[side]), extractor, 5, pair.report) for side in ("fake", "real"))
    return frechet_distance(fake, real)


def check_figures(report: Report, name: str, fake: Features, real: Features, golden: Mapping[str, Any]) -> None:
    """Whatever the file holds of the features of two folders."""
    distance = frechet_distance(fake, real)
    report.relative("distance", f"{name}, exact", distance, golden["frechet_exact_lowrank"])
    for key in {"pytorch_fid_value", "compute_fid_via_custom_feat_extractor"} & golden.keys():
        report.relative("many nulls", f"{name}, {key}", distance, golden[key])
    for side, rows in (("fake", fake), ("real", real)):
        report.relative("feature", f"{name}, mean of {side}", float(rows.mean()), golden[f"feature_mean_{side}"])
    if "kid_full_set_unbiased" in golden:
        report.relative("distance", f"{name}, KID", kid(fake, real), golden["kid_full_set_unbiased"])
    if shares := golden.get("precision_recall_k3"):
        precision, recall = share_covered(fake, real), share_covered(real, fake)
        f_score = 2 * precision * recall / max(1e-5, precision + recall)
        for key, ours in (("precision", precision), ("recall", recall), ("f_score", f_score)):
            report.relative("float32", f"{name}, {key}", ours, shares[key])
