"""Plan, status and table of thousands of runs: seconds of each command, best of three.

    python benchmarks/scale.py [--runs 10000] [--folder DIR]

The runs are made by the code that makes real ones, without waiting for the disk after each file and without training.
The first of each reads the files of the runs and writes the index, the others find it there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEEDS = 10
GRID = "enco[sampling=dag|random, num_patches=2-{last}],cut[num_patches=2-{last}]"


def grid(runs: int) -> list[str]:
    """The words of a grid with ``runs`` cells: three axes of options and the seeds, on one dataset."""
    last = max(2, runs // SEEDS // 3 + 1)
    return ["--methods", GRID.format(last=last), "--dataset", "toy", "--seeds", f"0-{SEEDS - 1}", "--steps", "350"]


def make(folder: Path, words: Sequence[str]) -> int:
    """Finished runs of every cell of the grid and its reference rows; returns how many."""
    from harness.commands.run import add_arguments
    from harness.expand import expand
    from harness.gridfile import grid_of
    from harness.planning import reference_specs
    from harness.runs import RunFolder, State, write_json
    from tests.harness.made import FID, row_of

    os.fsync = lambda fd: None  # four waits for the disk a run would measure the disk
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    specs = expand(grid_of(None, vars(parser.parse_args(words)))).specs
    hardware = {"host": "host", "device": "cpu", "cpu": "processor", "threads": 1, "torch": "2.5.0"}
    for i, spec in enumerate([*specs, *reference_specs(specs)]):
        run = RunFolder(folder / spec.name)
        run.create(spec)
        run.set_state(State(stage="finished", step=350, steps=350, seconds=99.5, losses={"G": 1.25, "D": 0.5}))
        write_json(run.path / "provenance.json", {"hardware": hardware})
        scores = {"fid": 60 + i % 97 / 10, "psnr": 12.0, "ssim": 0.3}
        run.add_rows([row_of(run, metric, value, FID, {"step": 350}) for metric, value in scores.items()])
    return len(specs)


def seconds(*words: str) -> tuple[float, float]:
    """Wall and processor time of a command line."""
    before = os.times()
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "harness", *words], stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="make the runs here and keep them (default: a temporary folder)")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary) / "runs"
        words = grid(args.runs)
        empty = ["run", *words, "--dry-run", "--runs", f"{temporary}/none"]
        print("seconds (of the processor)         first         then, best of three")
        report("plan, nothing made yet", empty)
        start = time.perf_counter()
        made = make(folder, words)
        print(f"made {made:,} runs in {time.perf_counter() - start:.0f} s")
        time.sleep(3)  # until the stamps are settled
        report("status", ["status", "--runs", str(folder)])
        report("table", ["table", "--runs", str(folder)])
        report("plan, all finished", ["run", *words, "--dry-run", "--runs", str(folder)])


def report(what: str, words: list[str]) -> None:
    first = seconds(*words)
    best = min(seconds(*words) for _ in range(3))
    print(f"{what:28} {first[0]:8.2f} ({first[1]:.2f})   {best[0]:8.2f} ({best[1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
