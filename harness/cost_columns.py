"""The columns Mem and sec/iter of a result table. Imports no torch.

Costs of different machines or protocols never share a column, so that ranks are ranks on one machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from harness.catalogue import show
from harness.errors import UserError
from harness.frozen import OPTION
from harness.labels import RowKey
from harness.profiles import PROTOCOL, Profile, Setup

BYTES_PER_GB = 1e9


class Cost(NamedTuple):
    """What a column of costs is called."""

    title: str
    unit: str
    """"" where the title has it"""


COSTS = {"memory": Cost("Mem", "GB"), "sec-per-iter": Cost("sec/iter", "")}
"""by the names that published figures have too"""


class CostColumn(NamedTuple):
    """One cost in one setup."""

    metric: str
    note: str
    """what the head must say: where the setup is not that of the table"""
    protocol: str
    """how it was measured, in full"""
    values: Mapping[RowKey, float]


def cost_columns(profiles: Iterable[Profile], size: int, keys: Sequence[RowKey]) -> list[CostColumn]:
    """Memory and seconds of the rows of a table, two columns for each setup.

    A row has the costs of its method with the same options and precision. Those at the table's size are shown where
    there are any; else those at other sizes, which the head then says.
    """
    rows: dict[tuple[str, tuple[tuple[str, str], ...], str], list[RowKey]] = {}
    for key in keys:
        if key.settings is not None and not key.mark:
            rows.setdefault((key.method, costly(key.options), key.settings.precision), []).append(key)
    setups: dict[Setup, dict[RowKey, Profile]] = {}
    for profile in profiles:
        for key in rows.get((*identity(profile), profile.spec.precision), ()):
            setups.setdefault(profile.setup, {})[key] = profile
    fitting = {setup: found for setup, found in setups.items() if setup.size == size} or setups
    return [column for setup in sorted(fitting) for column in pair(setup, fitting[setup], size)]


def identity(profile: Profile) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Method and changed options as they stand in the key of a row (`harness.labels.row_key`), if they cost."""
    spec = profile.spec
    try:
        return spec.method, costly(tuple((name, show(value)) for name, value in spec.changed_options().items()))
    except UserError:  # the method is not installed any more
        return profile.label, ()


def costly(options: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The options without the one that says whose VGG16 is looked through: all cost the same."""
    return tuple(option for option in options if option[0] != OPTION)


def pair(setup: Setup, found: Mapping[RowKey, Profile], size: int) -> list[CostColumn]:
    note, text = head_note(setup, found, size), protocol_in_full(setup, list(found.values()))
    return [
        CostColumn("memory", note, text, {key: profile.memory / BYTES_PER_GB for key, profile in found.items()}),
        CostColumn("sec-per-iter", note, text, {key: profile.sec_per_iter.median for key, profile in found.items()}),
    ]


def head_note(setup: Setup, keys: Iterable[RowKey], size: int) -> str:
    """What differs between the setup and the runs in the table."""
    pieces = [f"{setup.size}x{setup.size}"] if setup.size != size else []
    if {key.settings.batch_size for key in keys if key.settings} != {setup.batch_size}:
        pieces.append(f"batch {setup.batch_size}")
    if setup.arithmetic == "tf32":
        pieces.append("tf32")
    return ", ".join(pieces)


def protocol_in_full(setup: Setup, profiles: Sequence[Profile]) -> str:
    """Machine, size and how it was measured, as one line below the table."""
    counts = [len(profile.measurements) for profile in profiles]
    shared = any(one.shared for profile in profiles for one in profile.measurements)
    return (
        f"{PROTOCOL} on {machine_text(setup)}; {setup.size}x{setup.size}, batch {setup.batch_size}, "
        f"{setup.arithmetic}; sec/iter: median of {plural(setup.steps, 'training step')} in "
        f"{processes_text(min(counts), max(counts))}, after {setup.warm_up} of warm-up; Mem: "
        f"{memory_text(setup)}; GB of 10^9 bytes{'; other processes used the GPU meanwhile' if shared else ''}"
    )


def processes_text(least: int, most: int) -> str:
    """``each of 2 to 3 fresh processes``."""
    if most == 1:
        return "one fresh process"
    return f"each of {most if least == most else f'{least} to {most}'} fresh processes"


def machine_text(setup: Setup) -> str:
    """``AMD EPYC 7763, 2 threads, torch 2.9.0, host nova``."""
    facts = dict(setup.machine)
    named = [f"{name} {value}" for name, value in facts.items() if name not in ("device", "threads")]
    threads = [f"{facts['threads']} thread{'s' if facts['threads'] != '1' else ''}"] if "threads" in facts else []
    return ", ".join([facts.get("device", "a machine that was not recorded"), *threads, *named])


def memory_text(setup: Setup) -> str:
    return "most that tensors held on the GPU" if setup.on_gpu else "most main memory that the process held"


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
