"""Golden figures ``real_fid``: scores by the real programs with the true Inception, of folders of real pictures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from evaluation import EvaluationError, FolderPair
from evaluation.clean import clean_features
from evaluation.features import Features, compute_features
from evaluation.fid import pytorch_fid_features
from evaluation.frechet import frechet_distance
from evaluation.kid import kid
from evaluation.weights import DIGEST
from tests.parity.compare import Report
from tests.real_data import ABSENT, real_pictures

PREFIXES = ("real_fid",)
WAYS = {"plain": pytorch_fid_features, "clean": clean_features}


def check(data: Mapping[str, Any]) -> Report:
    root = real_pictures()
    if root is None:
        return Report(left_out=[ABSENT])
    try:
        pair = FolderPair.of(root / data["cases"][0]["fake"], root / data["cases"][0]["real"])
        _, digest = pair.inception
    except EvaluationError as error:
        return Report(left_out=[str(error)])
    report = Report()
    report.same("digest of the weights", digest, DIGEST)
    extractors = {way: extractor_of(pair) for way, extractor_of in WAYS.items()}

    @cache
    def seen(folder: str, way: str) -> Features:
        files = FolderPair.of(root / folder, root / folder).real.pictures
        return compute_features(files, extractors[way], 8, pair.report)  # type: ignore[type-var]

    for case in data["cases"]:
        name = f"{case['fake']} {case['real']}"
        fake, real = (seen(case[side], "plain") for side in ("fake", "real"))
        plain = frechet_distance(fake, real)
        report.relative("program", f"{name} FID", plain, case["pytorch_fid"])
        report.relative("program", f"{name} FID, clean-fid's legacy mode", plain, case["clean_fid_legacy_pytorch"])
        fake, real = (seen(case[side], "clean") for side in ("fake", "real"))
        report.relative("program", f"{name} clean-FID", frechet_distance(fake, real), case["clean_fid"])
        if len(fake) == len(real):  # else the program draws subsets at random, and the figure is one of many
            report.error("kernel", f"{name} KID", abs(kid(fake, real) - case["clean_kid"]))
        else:
            check_subset_kid(report, name, fake, real, case["clean_kid"])
    return report


def check_subset_kid(report: Report, name: str, fake: Features, real: Features, golden: float) -> None:
    """The mean over 100 subsets of unknown draws: near the mean of ours, by the error of both."""
    import numpy as np

    from evaluation.kid import subset_kids

    values = subset_kids(fake, real, 2000, min(len(fake), len(real)), np.random.RandomState(0))
    error = float(values.std()) / 100**0.5
    report.same(f"{name} KID within 4 errors of the mean", bool(abs(values.mean() - golden) <= 4 * error), True)
