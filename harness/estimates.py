"""How long runs will take and how much room they need, before they start. Imports no torch.

Time is only said from runs that were trained on this machine. A run like them takes what they took; of another size,
batch or method it is scaled by the arithmetic of a step (`costs`), where the networks are as wide. Nothing measured:
nothing said.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from harness.catalogue import card
from harness.costs import SIZE, stored
from harness.data.facts import Facts
from harness.errors import UserError
from harness.index import Entry
from harness.spec import RunSpec

How = Literal["measured", "scaled"]
WIDTHS = ("ngf", "gen_dim")
"""options that say how many channels the first convolution of a generator has"""
STRUCTURE = (*WIDTHS, "netG", "netD", "ndf", "n_layers_D", "n_res", "dis_dim", "n_layer", "num_scales")
"""options that change the arithmetic of a step most; where they agree, others are taken to cost the same"""
STATE_BYTES = 12
"""of a checkpoint for each trained weight: float32 the weight and Adam's two moments"""
CHECKPOINTS = 2
PNG_BYTES = 1.8
"""of a translation for each pixel: photos as PNG take about 0.6 of their raw size"""
Kind = tuple[object, ...]


@dataclass(frozen=True)
class Speed:
    """Seconds of one training step, and where that is known from."""

    seconds: float
    how: How


class Speeds:
    """What training steps took on this machine."""

    def __init__(self, entries: Iterable[Entry], host: str | None = None) -> None:
        host = host or socket.gethostname()
        self.rates: dict[Kind, list[float]] = defaultdict(list)
        """seconds for each unit of work"""
        self.known: dict[Kind, Speed | None] = {}
        self.devices: set[str] = set()
        for entry in entries:
            if entry.hardware.get("host") == host:
                self.learn(entry)

    def learn(self, entry: Entry) -> None:
        """Take in how fast a run was."""
        state = entry.state or {}
        step, seconds = state.get("step", 0), state.get("seconds", 0.0)
        if not (entry.spec and step and seconds):
            return
        try:
            spec = RunSpec.from_json(entry.spec)
            if not spec.is_trained:
                return
            for kind in kinds(spec):
                self.rates[kind].append(seconds / step / work(spec))
        except UserError:  # of another version, or its method is not installed any more
            return
        self.devices.add(str(entry.hardware.get("device", "")))

    def of(self, spec: RunSpec) -> Speed | None:
        """How long a step of ``spec`` takes; None where nothing measured is like it."""
        exact, *others = kinds(spec)
        if exact not in self.known:
            found = next((kind for kind in (exact, *others) if kind in self.rates), None)
            how: How = "measured" if found == exact else "scaled"
            self.known[exact] = Speed(median(self.rates[found]) * work(spec), how) if found else None
        return self.known[exact]


def kinds(spec: RunSpec) -> list[Kind]:
    """What runs of the same speed, or of one that can be scaled, have in common; the closest kin first."""
    options = tuple(sorted((name, str(value)) for name, value in spec.changed_options().items()))
    structure = tuple(option for option in options if option[0] in STRUCTURE)
    alike: list[Kind] = [
        (spec.method, options, spec.precision, spec.size, spec.batch_size),
        (spec.method, options, spec.precision),
        (spec.method, structure, spec.precision),
    ]
    return [*alike, (structure, spec.precision)] if spec.method in stored() else alike


def work(spec: RunSpec) -> float:
    """The arithmetic of a step, as far as size, batch and method decide it; pixels where it was not counted."""
    pixels = spec.batch_size * (spec.size / SIZE) ** 2
    cost = stored().get(spec.method)
    return pixels * cost.step_flop / cost.batch_size if cost else pixels


def run_bytes(spec: RunSpec, facts: Facts) -> float | None:
    """Room for one finished run: its checkpoints and translations; None where its weights were not counted."""
    pictures = facts.test_pictures(spec.direction) * spec.size**2 * PNG_BYTES
    if spec.is_reference:
        return pictures
    cost = stored().get(spec.method)
    if cost is None:
        return None
    known = card(spec.method).defaults
    width = next((name for name in WIDTHS if name in known), None)
    share = (float(spec.options[width]) / float(known[width])) ** 2 if width else 1.0  # type: ignore[arg-type]
    return CHECKPOINTS * STATE_BYTES * cost.parameters * share + pictures


def cache_bytes(specs: Iterable[RunSpec], facts: Mapping[str, Facts]) -> int:
    """Room for the decoded pictures that all runs on a dataset share, in the cache folder."""
    total = 0
    for dataset, size, load_size in {(spec.dataset, spec.size, spec.load_size) for spec in specs}:
        a, b, test_a, test_b = facts[dataset].counts
        sides = {size, load_size}
        total += 3 * ((a + b) * sum(side**2 for side in sides) + (test_a + test_b) * size**2)
    return total


def size_text(number: float) -> str:
    """``3.1 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB"
