"""From a trained run to rows in its ``metrics.jsonl``: translate the test split, then score it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

import evaluation
from evaluation.protocol import Score
from harness.data.decode import Pixels, load
from harness.data.folders import Dataset, picture_names
from harness.data.pipeline import test_pictures
from harness.runs import Row, RunFolder
from harness.samples import save_grid, translate_pictures
from harness.spec import RunSpec
from methods.interface import Method

TRANSLATED_AT_ONCE = 8
CONTENT = ("psnr", "ssim")
"""scores against the true counterpart of each picture, where it is known"""
Progress = Callable[[str, int, int], None]


def write_translations(run: RunFolder, dataset: Dataset, method: Method, device: torch.device, tell: Progress) -> Path:
    """Translate the whole test split into ``translations/`` as PNG, each named after its source."""
    size, total = run.spec.size, len(dataset.test_a)

    def translated() -> Iterator[tuple[str, Pixels]]:
        pictures = test_pictures(dataset.test_a, size)
        done = 0
        while batch := list(islice(pictures, TRANSLATED_AT_ONCE)):
            out = translate_pictures(method, np.stack([pixels for _, pixels in batch]), device)
            yield from zip([name for name, _ in batch], out, strict=True)
            done += len(batch)
            tell("translate", done, total)

    return write_pictures(run, translated())


def write_reference(run: RunFolder, dataset: Dataset) -> Path:
    """The "translations" of a reference row, as PNG at the size of the run.

    ``identity``: the test pictures of A, unchanged. ``real``: as many training pictures of B, evenly spaced
    over the split, because a Fréchet distance falls with the number of pictures.
    """
    size, wanted = run.spec.size, len(dataset.test_a)
    if run.spec.method == "identity":
        return write_pictures(run, test_pictures(dataset.test_a, size))
    chosen = np.linspace(0, len(dataset.train_b) - 1, min(wanted, len(dataset.train_b))).round().astype(int)
    paths = [dataset.train_b[i] for i in chosen]
    folder = write_pictures(run, test_pictures(paths, size))
    save_grid(run.samples / "step-000000000.png", [np.stack([load(path, size) for path in paths[:TRANSLATED_AT_ONCE]])])
    return folder


def write_pictures(run: RunFolder, pictures: Iterable[tuple[str, Pixels]]) -> Path:
    """Write (name, uint8 [H, W, 3]) as PNG files into ``translations/``, which is complete or absent."""
    beside = run.path / ".translations"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, pixels in pictures:
        Image.fromarray(pixels).save(beside / f"{name}.png")
    run.check()
    shutil.rmtree(run.translations, ignore_errors=True)
    beside.rename(run.translations)
    return run.translations


def score_run(
    run: RunFolder, dataset: Dataset, step: int, metrics: Sequence[str], device: torch.device, tell: Progress
) -> list[Row]:
    """Score ``translations/`` and append the rows; returns them.

    Fréchet distances are against all files of the target test split, unmodified (the default of the
    specification); content errors against the counterparts, resized as the test pictures were.
    """
    spec, target = run.spec, dataset.test_splits[1]

    def progress(done: int, total: int) -> None:
        tell("score", done, total)

    scores = evaluation.score(run.translations, dataset.test_b, metrics, device=str(device), progress=progress)
    rows = [
        row_of(spec, step, score, f"{score.protocol} ref={target} fake=png{spec.size}", run.name) for score in scores
    ]
    if dataset.counterparts and spec.method != "real":
        with TemporaryDirectory(prefix="counterparts-") as folder:
            write_counterparts(Path(folder), dataset, spec.size)
            content = evaluation.score(run.translations, Path(folder), CONTENT)
        # Their reference are the files of the split, not the resized copies made for the comparison.
        content = [replace(score, reference=scores[0].reference) for score in content]
        rows += [row_of(spec, step, score, f"{score.protocol} size={spec.size}", run.name) for score in content]
    run.add_rows(rows)
    return rows


def write_counterparts(folder: Path, dataset: Dataset, size: int) -> None:
    """The true translation of every test picture, under the name of its source, at ``size``."""
    pairs = dataset.pairs()
    for name, (_, truth) in zip(picture_names([a for a, _ in pairs]), pairs, strict=True):
        Image.fromarray(load(truth, size)).save(folder / f"{name}.png")


def row_of(spec: RunSpec, step: int, score: Score, protocol: str, run: str) -> Row:
    return Row(
        run=run,
        method=spec.label,
        dataset=spec.dataset,
        direction=spec.direction,
        seed=spec.seed,
        step=step,
        metric=score.metric,
        value=score.value,
        protocol=protocol,
        higher_is_better=score.direction == "higher",
        n_fake=score.n_fake,
        n_real=score.n_real,
        reference=score.reference,
        time=time.time(),
    )
