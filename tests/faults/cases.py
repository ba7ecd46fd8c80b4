"""The faults that are tried, how often in the short form (the tests) and in the long one (``make faults``)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.faults import damage, disk, kills, races
from tests.faults.place import Outcome, Place


@dataclass(frozen=True)
class Case:
    name: str
    strike: Callable[[Place, int], Outcome]
    short: int
    """how often in the tests; 0: not there"""
    long: int
    needs_mount: bool = False


CASES = (
    Case("SIGKILL at random moments", partial(kills.at_random_moments, signal.SIGKILL), 6, 200),
    Case("SIGTERM at random moments", partial(kills.at_random_moments, signal.SIGTERM), 3, 200),
    Case("SIGINT at random moments", partial(kills.at_random_moments, signal.SIGINT), 3, 200),
    Case("SIGINT from the start of Python on", partial(kills.from_the_first_moment, signal.SIGINT), 0, 20),
    Case("SIGKILL before each change of a file", kills.before_changes, 4, 10_000),
    Case("killed inside the writing of a checkpoint", kills.inside_checkpoints, 2, 20),
    Case("disk full", disk.full, 8, 24, needs_mount=True),
    Case("disk read-only", disk.locked, 3, 16, needs_mount=True),
    Case("newest checkpoint damaged", damage.checkpoints, 4, 4),
    Case("all checkpoints damaged", damage.all_checkpoints, 1, 1),
    Case("last lines torn", damage.torn_lines, 1, 1),
    Case("clock set back", damage.clock, 1, 1),
    Case("ten workers race for one run", races.workers, 1, 10),
    Case("two fronts race for one grid", races.fronts, 0, 5),
    Case("pictures changed", damage.changed_data, 3, 3),
)
