"""What a gate compares of one finished run: its scores, its losses over the course of training, its pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from harness.data.registry import REGISTRY
from harness.gates.gate import How, Kind, Name
from harness.gates.rules import Better
from harness.runs import RunFolder

DRAWN = "drawn by the harness"
DRAWN_SETS = {name for name, entry in REGISTRY.items() if entry.embedded}
"""datasets whose pictures are known by name; the bytes of their files depend on the libraries that wrote them"""
WINDOWS = 7
"""spans of steps that losses are averaged over, each twice as long as the one before"""


@dataclass(frozen=True)
class Observation:
    """One figure of one run."""

    kind: Kind
    name: str
    better: Better
    how: How
    value: float

    @property
    def key(self) -> Name:
        return Name(self.kind, self.name)


def observe(run: RunFolder) -> list[Observation]:
    """Everything that a gate compares of a finished run."""
    return [*scores(run), *losses(run), *pictures(run), *start(run)]


def scores(run: RunFolder) -> Iterator[Observation]:
    """Its scores, of each metric and protocol the last."""
    last = {(row.metric, row.protocol, row.selected): row for row in run.rows()}
    for row in last.values():
        how: dict[str, str | int] = {
            "protocol": row.protocol,
            "selected": row.selected,
            "n_fake": row.n_fake,
            "n_real": row.n_real,
            "reference": DRAWN if run.spec.data in DRAWN_SETS else row.reference,
        }
        yield Observation("score", row.metric, "higher" if row.higher_is_better else "lower", how, row.value)


def losses(run: RunFolder) -> Iterator[Observation]:
    """The mean of each loss over each window."""
    rows = run.losses()
    steps = int(rows[-1]["step"]) if rows else 0
    for first, last in windows(steps):
        inside = [row for row in rows if first <= row["step"] <= last]
        for name in terms(inside[0]) if inside else ():
            value = math.fsum(row[name] for row in inside) / len(inside)
            how: dict[str, str | int] = {"of_steps": steps, "rows": len(inside)}
            yield Observation("loss", f"{name} {first}-{last}", "neither", how, value)


def terms(row: Mapping[str, float]) -> list[str]:
    return [name for name in row if name != "step"]


def start(run: RunFolder) -> Iterator[Observation]:
    """The losses of the first step: on one release of torch and kind of device a function of the seed."""
    facts = run.provenance()
    torch = ".".join(str(facts.get("packages", {}).get("torch", "")).split(".")[:2])
    device = str(facts.get("hardware", {}).get("device", ""))
    for row in run.losses()[:1]:
        for name in terms(row) if row["step"] == 1 else ():
            named = f"{name} at step 1, seed {run.spec.seed}"
            yield Observation("start", named, "neither", {"torch": torch, "device": device}, row[name])


def windows(steps: int) -> list[tuple[int, int]]:
    """First and last step of each window: the first steps, where runs differ least, have windows of their own.

    64 steps: 1-1, 2-2, 3-4, 5-8, 9-16, 17-32, 33-64.
    """
    ends = sorted({steps >> k for k in range(WINDOWS)} - {0})
    return [(before + 1, end) for before, end in pairwise([0, *ends])]


def pictures(run: RunFolder) -> Iterator[Observation]:
    """Mean statistics of the translations, in grey levels."""
    paths = sorted(run.translations.glob("*.png"))
    if not paths:
        return
    how: dict[str, str | int] = {"pictures": len(paths), "size": run.spec.size}
    for name, value in statistics_of(paths).items():
        yield Observation("picture", name, "neither", how, value)


def statistics_of(paths: Sequence[Path]) -> dict[str, float]:
    """Brightness, contrast (standard deviation inside a picture) and detail (mean difference of neighbours)."""
    import numpy as np
    from PIL import Image

    found: dict[str, list[float]] = {"brightness": [], "contrast": [], "detail": []}
    for path in paths:
        with Image.open(path) as picture:
            x = np.asarray(picture.convert("RGB"), np.float64)
        across, down = np.abs(np.diff(x, axis=1)).mean(), np.abs(np.diff(x, axis=0)).mean()
        found["brightness"].append(float(x.mean()))
        found["contrast"].append(float(x.std((0, 1)).mean()))
        found["detail"].append(float((across + down) / 2))
    return {name: math.fsum(values) / len(values) for name, values in found.items()}
