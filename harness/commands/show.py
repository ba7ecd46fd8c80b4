"""``harness show``: configuration, provenance, scores and weights digest of one run, or of all."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.catalogue import card, show
from harness.commands import add_runs
from harness.errors import UserError
from harness.progress import duration
from harness.runs import Row, RunFolder, all_runs, find_run
from harness.spec import RunSpec
from harness.terminal import padded

EPILOG = """Examples:
  harness show enco-toy-s0
  harness show enco-toy-s0 --json
  harness show --json                          (all runs, as a list)

RUN is the name of a run (harness status), a part that no other name has, or the path of a run folder. Two runs
with the same weights_sha256 have the same trained weights to the bit."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="RUN", nargs="?", help="name of a run, or a part of it (default: all runs)")
    parser.add_argument("--json", action="store_true", help="print JSON: an object, or a list for all runs")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    found = [find_run(args.runs, args.name)] if args.name else list(readable(args.runs))
    if args.json:
        values = [json_of(one) for one in found]
        print(json.dumps(values[0] if args.name else values, indent=1))
    elif not found:
        print(f"no runs in {args.runs} yet. Start with: harness run --methods enco,cut --dataset toy --seeds 0-1")
    else:
        print("\n\n".join("\n".join(text_of(one)) for one in found))
    return 0


def readable(runs: Path) -> Iterator[RunFolder]:
    """Every run whose configuration can be read; the others are named on the error stream."""
    for one in all_runs(runs):
        try:
            one.spec  # noqa: B018 - read here, kept for later
        except UserError as error:
            print(f"harness show: left out {one.name}: {error}", file=sys.stderr)
            continue
        yield one


def json_of(one: RunFolder) -> dict[str, Any]:
    provenance = one.provenance()
    return {
        "run": one.name,
        "path": str(one.path),
        "state": asdict(one.state()),
        "spec": one.spec.to_json(),
        "changed": {name: value for name, (value, _) in changed(one.spec).items()},
        "weights_sha256": provenance.get("weights_sha256"),
        "scores": [asdict(row) for row in one.rows()],
        "provenance": provenance,
        "files": {name: size for name, (_, size) in files(one.path).items()},
    }


def text_of(one: RunFolder) -> Iterator[str]:
    spec, state, provenance = one.spec, one.state(), one.provenance()
    done = f", {state.step}/{state.steps} steps in {duration(state.seconds)}" if state.steps else ""
    yield one.name
    yield f"  {state.stage}{done}{': ' + state.message if state.message else ''}"
    differing = changed(spec)
    if differing:
        yield from section("changed", {name: f"{value}   (default {was})" for name, (value, was) in differing.items()})
    yield from section("run", {n: str(v) for n, v in spec.to_json().items() if n not in ("options", "schema")})
    yield from section("options", {name: show(value) for name, value in spec.options.items()})
    yield from section("provenance", dict(flat({n: v for n, v in provenance.items() if n != "weights_sha256"})))
    scores = {(row.metric, row.protocol, row.selected): row for row in one.rows()}
    yield from section(
        "scores",
        {
            f"{row.metric} {row.value:.6g}{spread_of(row)}": f"{row.protocol}; {row.selected} (step {row.step}); "
            f"{row.n_fake} against {row.n_real} pictures; {when(row.time)}"
            for row in scores.values()
        },
    )
    yield from section("weights_sha256", {}, str(provenance.get("weights_sha256") or "–"))
    held = files(one.path)
    yield from section("files", {name: file_text(name, count, size) for name, (count, size) in held.items()})


def spread_of(row: Row) -> str:
    return "" if row.spread is None else f" (subsets ± {row.spread:.2g})"


def section(title: str, entries: Mapping[str, str], text: str = "") -> Iterator[str]:
    """A title and its entries below; ``text`` stands on the line of the title."""
    empty = "" if entries or text else "  –"
    yield f"  {title}{empty}{'  ' + text if text else ''}"
    if entries:
        yield from ("    " + line for line in padded([[name, value] for name, value in entries.items()]))


def changed(spec: RunSpec) -> dict[str, tuple[str, str]]:
    """What differs from the defaults: name -> (value, default)."""
    default = RunSpec(method=spec.method, dataset=spec.dataset)
    mine, theirs = spec.flat(), default.flat()
    found = {name: (mine[name], theirs[name]) for name in theirs if mine[name] != theirs[name]}
    try:
        options = spec.changed_options()
    except UserError:  # the method is not installed any more
        return found
    return found | {
        name: (show(value), show(card(spec.method).option(name).default)) for name, value in options.items()
    }


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as lines, ``hardware.cpu``; of a list the number of entries and the last one."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[-1], Mapping):
            yield f"{prefix}{name}", str(len(value))
            yield from flat(value[-1], f"{prefix}{name}[last].")
        elif isinstance(value, list):
            yield f"{prefix}{name}", " ".join(map(str, value))
        else:
            yield f"{prefix}{name}", str(value)


def when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "–"


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """What lies in a run folder: name (of a folder with a slash) -> number of files, bytes."""
    found = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            inside = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
            name = path.name + ("/" if path.is_dir() else "")
            found[name] = (len(inside), sum(file.stat().st_size for file in inside))
    return found


def file_text(name: str, count: int, size: int) -> str:
    """``12.3 kB``, or ``64 files, 1.2 MB`` for a folder."""
    text = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
    return f"{count} file{'s' if count != 1 else ''}, {text}" if name.endswith("/") else text
