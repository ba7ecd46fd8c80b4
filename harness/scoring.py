"""From a trained run to rows in its ``metrics.jsonl``: translate the test split, then score it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
from harness.job import Job, Reference
from harness.references import digest_of, reference_pictures, spaced
from harness.runs import Row, RunFolder
from harness.samples import save_grid, translate_pictures
from harness.spec import RunSpec
from harness.streets import score_streets, street_metrics
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
    size = run.spec.size
    if run.spec.method == "identity":
        return write_pictures(run, test_pictures(dataset.test_a, size))
    paths = spaced(dataset.train_b, len(dataset.test_a))
    folder = write_pictures(run, test_pictures(paths, size))
    save_grid(run.samples / "step-000000000.png", [np.stack([load(path, size) for path in paths[:TRANSLATED_AT_ONCE]])])
    return folder


def write_pictures(run: RunFolder, pictures: Iterable[tuple[str, Pixels]]) -> Path:
    """Write (name, uint8 [H, W, 3]) as PNG files into ``translations/``, which is complete or absent."""
    beside = run.path / ".translations"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        for name, pixels in pictures:
            Image.fromarray(pixels).save(beside / f"{name}.png")
        run.check()
        shutil.rmtree(run.translations, ignore_errors=True)
        beside.rename(run.translations)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return run.translations


def score_run(run: RunFolder, dataset: Dataset, step: int, job: Job, device: torch.device, tell: Progress) -> list[Row]:
    """Score ``translations/`` as ``job`` asks and append the rows that are not there yet; returns all.

    Distances are to the reference that the job names; content errors to the counterparts, resized as the test
    pictures were; segmentation scores to the label maps.
    """
    spec, streets = run.spec, street_metrics(job.metrics)

    def progress(done: int, total: int) -> None:
        tell("score", done, total)

    made: list[tuple[Score, str]] = []
    if metrics := [name for name in job.metrics if name not in streets]:
        scores, called = score_sets(run, dataset, metrics, job.reference, str(device), progress)
        made += [(score, f"{score.protocol} ref={called} fake=png{spec.size}") for score in scores]
    if dataset.counterparts and spec.method != "real":
        made += [(score, f"{score.protocol} size={spec.size}") for score in score_content(run, dataset)]
    if streets and (spec.method != "real" or dataset.counterparts):
        # The row "real" shows what the network makes of the photos that belong to these label maps.
        photos = counterparts(dataset, spec.size) if spec.method == "real" else nullcontext(run.translations)
        with photos as folder:
            seen = score_streets(folder, dataset, job, str(device), progress)
        made += [(score, f"{score.protocol} fake=png{spec.size}") for score in seen]
    rows = [row_of(spec, step, score, protocol, run.name) for score, protocol in made]
    there = {replace(row, time=0.0) for row in run.rows()}  # of a process that died before it could say so
    run.add_rows([row for row in rows if replace(row, time=0.0) not in there])
    return rows


def score_content(run: RunFolder, dataset: Dataset) -> list[Score]:
    """Content errors against the counterparts; their reference are the files of the split, not the resized copies
    made for the comparison."""
    with counterparts(dataset, run.spec.size) as folder:
        scores = evaluation.score(run.translations, folder, CONTENT)
    return [replace(score, reference=digest_of(dataset, "testB")) for score in scores]


def score_sets(
    run: RunFolder,
    dataset: Dataset,
    metrics: Sequence[str],
    reference: Reference,
    device: str,
    progress: Callable[[int, int], None],
) -> tuple[list[Score], str]:
    """Scores of the run's pictures against a reference, and what protocols call it.

    The row ``real`` holds training pictures of B; against these it is test pictures of B instead.
    """
    test_pictures_are_real = run.spec.method == "real" and reference == "trainB"
    held_out = spaced(dataset.test_b, len(dataset.test_a))
    with (
        resized(held_out, run.spec.size) if test_pictures_are_real else nullcontext(run.translations) as pictures,
        reference_pictures(dataset, reference, run.spec.size) as (real, called),
    ):
        scores = evaluation.score(pictures, real, metrics, device=device, progress=progress)
    return [replace(score, reference=digest_of(dataset, reference)) for score in scores], called


@contextmanager
def resized(paths: Sequence[Path], size: int) -> Iterator[Path]:
    """A folder with these pictures as the row ``real`` would hold them; gone after the block."""
    with TemporaryDirectory(prefix="resized-") as folder:
        for name, pixels in test_pictures(paths, size):
            Image.fromarray(pixels).save(Path(folder) / f"{name}.png")
        yield Path(folder)


@contextmanager
def counterparts(dataset: Dataset, size: int) -> Iterator[Path]:
    """A folder with the true translation of every test picture, as `write_counterparts`; gone after the block."""
    with TemporaryDirectory(prefix="counterparts-") as folder:
        write_counterparts(Path(folder), dataset, size)
        yield Path(folder)


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
        spread=score.spread,
        time=time.time(),
    )
