"""Compare our code with golden figures: ``python tests/check_golden.py FILE_OR_FOLDER...``

Prints one line a file with the worst error of each kind of figure. Exit code 0: all within bounds (what needs real
pictures or weights that are absent is named and left out); 1: a figure is off; 2: usage; 3: a kind of file that is
not supported yet (and nothing off).
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

import tests.parity
from tests.parity.compare import BOUNDS, Report

Check = Callable[[Mapping[str, Any]], Report]


def supported() -> dict[str, Check]:
    """Prefixes of fixture names and the function that checks such a file."""
    found: dict[str, Check] = {}
    for info in pkgutil.iter_modules(tests.parity.__path__):
        module = importlib.import_module(f"tests.parity.{info.name}")
        for prefix in getattr(module, "PREFIXES", ()):
            found[prefix] = module.check
    return found


def find(fixture: str, checks: Mapping[str, Check]) -> Check | None:
    """The check with the longest prefix of the name ``fixture``."""
    prefixes = [p for p in checks if fixture.startswith(p)]
    return checks[max(prefixes, key=len)] if prefixes else None


def check_file(path: Path, checks: Mapping[str, Check]) -> Report | None:
    """The report of one file in float64; None where its kind is not supported."""
    data = json.loads(path.read_text())
    check = find(str(data.get("fixture", path.stem)), checks)
    if check is None:
        return None
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(0)
        return check(data)
    finally:
        torch.set_default_dtype(before)


def line(path: Path, report: Report | None) -> str:
    if report is None:
        return f"{path.name:34} not supported yet"
    figures = "  ".join(f"{kind} {error:.1e}" for kind, (error, _) in sorted(report.worst.items()))
    state = "OFF" if not report.ok else "ok " if report.worst else "left out"
    text = f"{path.name:34} {state}  {figures}".rstrip()
    for kind, (error, name) in sorted(report.worst.items()):
        if not error <= BOUNDS[kind]:
            text += f"\n    {kind} {error:.1e} over {BOUNDS[kind]:.0e}: {name}"
    text += "".join(f"\n    {message}" for message in report.wrong[:5])
    return text + "".join(f"\n    left out: {what}" for what in report.left_out)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("paths", nargs="+", type=Path, help="golden files, or folders of them")
    files: list[Path] = []
    for path in parser.parse_args(argv).paths:
        files += sorted(path.glob("*.json")) if path.is_dir() else [path]
    missing = [p for p in files if not p.is_file()]
    if missing or not files:
        print(f"no golden file at {missing[0] if missing else 'the folders given'}", file=sys.stderr)
        return 2
    checks = supported()
    reports = []
    for path in files:
        try:
            report = check_file(path, checks)
        except json.JSONDecodeError as error:
            print(f"{path}: not a golden file ({error})", file=sys.stderr)
            return 2
        print(line(path, report), flush=True)
        reports.append(report)
    if any(report is not None and not report.ok for report in reports):
        return 1
    return 3 if any(report is None for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
