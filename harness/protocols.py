"""Choosing scores by the protocol they were made by. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from harness.collect import Collected, Scored
from harness.errors import unknown
from harness.runs import Row


def only(collected: Collected, protocols: Sequence[str]) -> Collected:
    """What was collected, with the scores of some protocols; runs that have none of them are left out.

    Args:
        protocols: each the beginnings of one or several words of a protocol: ``pytorch-fid``, ``ref=testB``,
            ``clean-fid ref=testB`` for both at once.

    Raises:
        UserError: one of them names no score there is.
    """
    rows = [row for run in collected.scored for row in run.rows]
    for name in protocols:
        if rows and not any(matches(row, name) for row in rows):
            raise unknown(f"protocol of the runs in {collected.runs}", name, {row.protocol for row in rows})
    kept = [
        (run, tuple(row for row in run.rows if any(matches(row, n) for n in protocols))) for run in collected.scored
    ]
    return replace(collected, scored=[Scored(run.spec, found, run.machine) for run, found in kept if found])


def matches(row: Row, name: str) -> bool:
    """Whether each word of ``name`` begins a word of the row's protocol; how its checkpoint was chosen is one too."""
    words = [*re.split(r"[\s\[\]]+", row.protocol), f"selected={row.selected}"]
    return bool(name.split()) and all(any(word.startswith(part) for word in words) for part in name.split())
