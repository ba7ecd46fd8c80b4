"""``harness check``: run what a gate says with the present code, and compare."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.expand import seed_list
from harness.gates.comparing import Exit, Verdict, compare, exit_code, same_weights
from harness.gates.gate import Gate, find_gate, read_gate
from harness.gates.report import lines
from harness.gates.running import specs_of, train_all
from harness.job import Job
from harness.runs import RunFolder

EPILOG = """Examples:
  harness check toy-fast
  harness check results/gates/mine.json --seeds 7-9 --json
  harness check results/gates/mine.json --into results/nightly      (a second call continues a stopped one)

GATE is a file made by `harness gate record`, or the name of one that comes with the harness. The runs are made
anew by the present code, in a temporary folder that is kept if the gate does not hold; --runs reads finished runs
as they are. Exit codes: 0 holds, 1 worse, 2 a mistake in the command, 3 nothing measured, or by another protocol."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("gate", metavar="GATE", help="a gate file, or the name of one that comes with the harness")
    parser.add_argument("--seeds", metavar="LIST", help="seeds and ranges, e.g. 7-9 (default: those the gate says)")
    add_places(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_places(parser: argparse.ArgumentParser) -> None:
    """The options that say where the runs of a gate are, and on what they are made."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--runs", type=Path, metavar="DIR", help="train nothing: read finished runs in this folder")
    where.add_argument(
        "--into", type=Path, metavar="DIR", help="train in this folder, continuing what this code began there"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")


def run(args: argparse.Namespace) -> int:
    path = find_gate(args.gate)
    gate = read_gate(path)
    seeds = seed_list(args.seeds) if args.seeds else list(gate.check_seeds)
    plans = [specs_of(gate.recipe, case.trial, seeds) for case in gate.cases]
    with runs_folder(args) as folder:
        if args.runs is None:
            train_all(
                folder,
                [spec for specs in plans for spec in specs],
                Job(metrics=gate.recipe.metrics, device=args.device),
            )
        runs = [[RunFolder(folder / spec.name) for spec in specs] for specs in plans]
        verdicts = [v for case, made in zip(gate.cases, runs, strict=True) for v in compare(case, made)]
        same = [same_weights(case, made) for case, made in zip(gate.cases, runs, strict=True)]
        code = exit_code(verdicts)
        if args.json:
            print(json.dumps(json_of(gate, path, seeds, verdicts, code), indent=1, allow_nan=False))
        else:
            print("\n".join(lines(gate, path, seeds, verdicts, code, same)))
        if code == Exit.HOLDS or args.runs or args.into:
            return int(code)
        kept = tempfile.mkdtemp(prefix="harness-gate-kept-")
        shutil.move(folder, kept)
        print(f"the runs are in {kept}/{folder.name}", file=sys.stderr)
    return int(code)


@contextlib.contextmanager
def runs_folder(args: argparse.Namespace) -> Iterator[Path]:
    """The folder of the runs: the one named, or a temporary one."""
    if args.runs or args.into:
        yield args.runs or args.into
        return
    with tempfile.TemporaryDirectory(prefix="harness-gate-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "runs"


def json_of(gate: Gate, path: Path, seeds: Sequence[int], verdicts: Sequence[Verdict], code: Exit) -> dict[str, Any]:
    return {
        "gate": str(path),
        "recorded": gate.recorded,
        "recorded_seeds": list(gate.seeds),
        "seeds": list(seeds),
        "false_alarms": gate.false_alarms,
        "exit_code": int(code),
        "verdict": code.name.lower(),
        "figures": [figure_json(verdict) for verdict in verdicts],
    }


def figure_json(verdict: Verdict) -> dict[str, Any]:
    """One verdict; null for what is not a finite number."""
    numbers = {
        "measured": verdict.value,
        "recorded_mean": verdict.figure.mean if verdict.figure else math.nan,
        "recorded_std": verdict.figure.std if verdict.figure else math.nan,
        "low": verdict.limits.low,
        "high": verdict.limits.high,
        "margin": verdict.margin,
    }
    return {
        "method": verdict.method,
        "kind": verdict.kind,
        "name": verdict.name,
        "verdict": verdict.outcome,
        "why": verdict.why,
        "how": dict(verdict.figure.how) if verdict.figure else {},
        **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
    }
