"""The costs of methods as text and as JSON: one table for each machine and protocol. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from harness.cost_columns import BYTES_PER_GB, machine_text, memory_text, plural, processes_text
from harness.profiles import PROTOCOL, Profile, Setup
from harness.terminal import padded, wrapped

ABSENT = "–"


def as_text(profiles: Iterable[Profile]) -> str:
    """Tables of the profiles, without a newline at the end."""
    return "\n\n".join(text_of(setup, found) for setup, found in by_setup(profiles).items())


def as_json(profiles: Iterable[Profile]) -> str:
    """Everything about the profiles, the single times included."""
    return json.dumps([json_of(profile) for profile in profiles], indent=1, allow_nan=False)


def by_setup(profiles: Iterable[Profile]) -> dict[Setup, list[Profile]]:
    found: dict[Setup, list[Profile]] = {}
    for profile in profiles:
        found.setdefault(profile.setup, []).append(profile)
    return found


def text_of(setup: Setup, profiles: Sequence[Profile]) -> str:
    gpu = ["reserved", "process"] if setup.on_gpu else []
    head = ["sec/iter", "IQR", "min", "GFLOP/s", "share", "Mem", *gpu]
    head += ["saved", "weights", "step", "translation", "images/s"]
    columns = [[name, *texts] for name, *texts in zip(head, *map(cells, profiles), strict=True)]
    grid = zip(["", *(profile.label for profile in profiles)], *map(right_aligned, columns), strict=True)
    title = f"{setup.size}x{setup.size}, batch {setup.batch_size}, {setup.arithmetic}; {machine_text(setup)}"
    return "\n".join([wrapped(title), "", *padded(list(grid)), "", *map(wrapped, notes(setup, profiles))])


def right_aligned(column: Sequence[str]) -> list[str]:
    width = max(map(len, column))
    return [f"{text:>{width}}" for text in column]


def cells(profile: Profile) -> list[str]:
    times, one = profile.sec_per_iter, profile.measurements[0]
    kinds = ("allocated", "reserved", "process") if profile.setup.on_gpu else ("resident",)
    return [
        *(seconds(value) for value in (times.median, times.iqr, times.min)),
        f"{one.step_flop / times.median / 1e9:.4g}",
        f"{profile.share:.2f}",
        *(gigabytes(profile.most(kind)) for kind in kinds),
        gigabytes(one.saved_bytes),
        f"{one.parameters / 1e6:.1f}",
        f"{one.step_flop / 1e9:.4g}",
        f"{one.translate_flop / 1e9:.4g}",
        f"{1 / profile.translate.median:.3g}",
    ]


def seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def gigabytes(value: int | None) -> str:
    return ABSENT if value is None else f"{value / BYTES_PER_GB:.3f}"


def notes(setup: Setup, profiles: Sequence[Profile]) -> list[str]:
    """What a reader has to know of the figures."""
    most = max(len(profile.measurements) for profile in profiles)
    peaks = [f"{extreme(profile.peak for profile in profiles) / 1e9:.0f}" for extreme in (min, max)]
    told = [
        f"{PROTOCOL}: {plural(setup.steps, 'timed step')} after {setup.warm_up} of warm-up in "
        f"{processes_text(most, most)}, methods interleaved; one fixed batch.",
        "sec/iter: median of whole steps, every network and every optimiser; IQR: distance of the quartiles.",
        "GFLOP/s: arithmetic of a step a second. share: the same over that of one large convolution, forward and "
        f"backward, in the same process ({' to '.join(dict.fromkeys(peaks))} GFLOP/s).",
        f"Mem: {memory_text(setup)}, GB of 10^9 bytes. saved: GB, the most that a step keeps for its backward passes; "
        "that is the same on every machine.",
        "weights: trained ones, millions. step, translation: GFLOP of convolutions and matrix products, 2 for a "
        "multiply-add. Translation and images/s: one picture, float32.",
    ]
    fewer = [f"{p.label} in {len(p.measurements)}" for p in profiles if len(p.measurements) < most]
    rounds = [f"{p.label} {p.measurements[0].turns}" for p in profiles if p.measurements[0].turns > 1]
    told += [f"Measured in fewer processes: {', '.join(fewer)}."] if fewer else []
    told += [f"Networks take turns, so times are means over a round: {', '.join(rounds)} steps."] if rounds else []
    if any(one.shared for profile in profiles for one in profile.measurements):
        told.append("Other processes used the GPU meanwhile: these times rank nothing.")
    return told


def json_of(profile: Profile) -> dict[str, Any]:
    first, setup = profile.measurements[0], profile.setup
    return {
        "label": profile.label,
        "spec": profile.spec.to_json(),
        "protocol": PROTOCOL,
        "machine": dict(setup.machine),
        "size": setup.size,
        "batch_size": setup.batch_size,
        "arithmetic": setup.arithmetic,
        "warm_up": setup.warm_up,
        "steps": setup.steps,
        "processes": len(profile.measurements),
        "sec_per_iter": asdict(profile.sec_per_iter),
        "memory_bytes": profile.memory,
        "memory": {kind: profile.most(kind) for kind in first.memory},
        "saved_bytes": first.saved_bytes,
        "parameters": first.parameters,
        "step_flop": first.step_flop,
        "translate_flop": first.translate_flop,
        "images_per_second": 1 / profile.translate.median,
        "convolution_peak": profile.peak,
        "share_of_peak": profile.share,
        "measurements": [asdict(one) for one in profile.measurements],
    }
