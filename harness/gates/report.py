"""What ``harness check`` prints for a person. Imports no torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from harness.gates.comparing import Exit, Verdict
from harness.gates.gate import Gate
from harness.terminal import padded

MANY = ("loss", "start")
SUMMARY = {
    Exit.HOLDS: "holds",
    Exit.WORSE: "worse than recorded",
    Exit.NOTHING: "not comparable: no regression, and no proof that there is none",
}


def lines(
    gate: Gate,
    path: Path,
    seeds: Sequence[int],
    verdicts: Sequence[Verdict],
    code: Exit,
    same: Sequence[Mapping[str, bool]],
) -> Iterator[str]:
    """The report: of each score and picture a line, of each loss its worst window and every one that is out."""
    yield f"gate {path}: recorded {gate.recorded[:10]} over {len(gate.seeds)} seeds, checked with seeds {joined(seeds)}"
    for method, mine in groupby(verdicts, key=lambda verdict: verdict.method):
        yield ""
        yield method
        shown = [row(verdict) for verdict in worth_showing(list(mine))]
        yield from ("  " + line for line in padded([["figure", "measured", "bound", "margin", "verdict"], *shown]))
    yield ""
    for recorded in same:
        if recorded:
            equal = sum(recorded.values())
            yield f"trained weights equal to the recorded ones, to the bit: {equal} of {len(recorded)} recorded seeds"
    yield summary(gate, verdicts, code)


def joined(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def worth_showing(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Everything but losses that hold; of those, of each loss and of each first step what is nearest to its bound."""
    nearest: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.kind in MANY and verdict.outcome == "holds":
            name = verdict.name.rpartition(" ")[0 if verdict.kind == "loss" else 2]
            if name not in nearest or verdict.share < nearest[name].share:
                nearest[name] = verdict
    kept = {id(verdict) for verdict in nearest.values()}
    return [v for v in verdicts if v.kind not in MANY or v.outcome != "holds" or id(v) in kept]


def row(verdict: Verdict) -> list[str]:
    """One line: figure, measured, bound, margin, verdict."""
    if verdict.why:
        return [verdict.name, "–", "–", "–", f"{verdict.outcome}: {verdict.why}"]
    return [verdict.name, number(verdict.value), bound(verdict), number(verdict.margin), verdict.outcome]


def bound(verdict: Verdict) -> str:
    low, high = verdict.limits
    if math.isinf(low):
        return f"<= {number(high)}"
    return f">= {number(low)}" if math.isinf(high) else f"{number(low)} .. {number(high)}"


def number(value: float) -> str:
    return f"{value:.4g}"


def summary(gate: Gate, verdicts: Sequence[Verdict], code: Exit) -> str:
    counts = Counter(verdict.outcome for verdict in verdicts)
    said = ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    return f"{SUMMARY[code]}: {said}  (false alarms when recorded: {100 * gate.false_alarms:.1f} %)"
