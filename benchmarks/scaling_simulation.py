"""What a study of thousands of runs costs in files, bytes and queue load: the figures of docs/scaling.md.

    python benchmarks/scaling_simulation.py [--runs 10000] [--jobs 500] [--workers 10] [--write]

Files and bytes of a run are counted from one that is trained, translated and scored here. The load of the queue is that
of jobs which do nothing but what every job does beside its work, through the real queue and the real leases. With
--write the tables of the page are replaced by those printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "scaling.md"
BLOCK = re.compile(r"(<!-- begin benchmarks/scaling_simulation.py -->\n).*(<!-- end -->)", re.S)
STEPS = 10
"""as many as there are samples; a longer run has no more files"""
STUDIES = (("toy", 64), ("horse2zebra", 256), ("cityscapes", 256))
METHODS = ("cut", "enco", "cyclegan")


def finished_run(folder: Path) -> Path:
    """A small run on the toy dataset, from beginning to end; its folder."""
    from harness.job import Job, write_job
    from harness.planning import open_for, plan
    from harness.runs import RunFolder
    from harness.work import work

    dataset, data = open_for("toy", None)
    settings = ["ngf=8", "ndf=8", "num_patches=16", "netF_nc=32"]
    (spec,) = plan(["cut"], dataset, data, [0], settings, 32, None, steps=STEPS)
    run, job = RunFolder(folder / spec.name), Job(metrics=("fd-random",), device="cpu")
    run.create(spec)
    write_job(run.path, job)
    with redirect_stdout(sys.stderr):
        work(run.path, job)
    return run.path


def count(run: Path) -> dict[str, tuple[int, int]]:
    """Files and bytes of a finished run, by what they are."""
    kinds = {"checkpoints": "checkpoints", "samples": "samples", "translations": "translations"}
    found = {"small files": (0, 0), **dict.fromkeys(kinds, (0, 0)), "folders": (1, 0)}
    for path in run.rglob("*"):
        kind = "folders" if path.is_dir() else kinds.get(path.parent.name, "small files")
        files, size = found[kind]
        found[kind] = (files + 1, size + (0 if path.is_dir() else path.stat().st_size))
    return found


def per_run(run: Path) -> Iterator[str]:
    """The table of one run."""
    from harness.data.folders import open_dataset

    pictures = len(open_dataset("toy").test_a)
    yield "| of one finished run | inodes |"
    yield "| --- | ---: |"
    for kind, (files, _) in count(run).items():
        yield f"| {kind} | {'one for each test picture of A' if kind == 'translations' else files} |"
        assert kind != "translations" or files == pictures, f"{files} translations of {pictures} pictures"
    small = count(run)["small files"]
    names = ", ".join(f"`{path.name}`" for path in sorted(run.iterdir()) if path.is_file())
    yield ""
    weights = json.loads((run / "provenance.json").read_text())["parameters"]
    each = count(run)["checkpoints"][1] / count(run)["checkpoints"][0] / weights
    yield f"The small files ({names}) of this run of {STEPS} steps hold {small[1] / 1000:.0f} kB together. A checkpoint"
    yield f"takes {each:.1f} bytes for each weight: float32 the weight and the two moments of Adam, and little else."


def studies(run: Path, runs: int) -> Iterator[str]:
    """What ``runs`` runs of some methods come to on some datasets."""
    from harness.data.facts import facts_of
    from harness.estimates import run_bytes, size_text
    from harness.spec import RunSpec, resolve_options

    fixed = sum(files for kind, (files, _) in count(run).items() if kind != "translations")
    yield f"| dataset, size | method | inodes a run | a run | inodes of {runs:,} runs | {runs:,} runs |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for dataset, size in STUDIES:
        facts = facts_of(dataset)
        for method in METHODS:
            spec = RunSpec(method=method, options=resolve_options(method, {}), dataset=dataset, size=size)
            room, inodes = run_bytes(spec, facts) or 0.0, fixed + facts.test_pictures(spec.direction)
            yield (
                f"| {dataset}, {size} | {method} | {inodes} | {size_text(room)} | {inodes * runs:,} | "
                f"{size_text(room * runs)} |"
            )


def load(jobs: int, workers: int) -> Iterator[str]:
    """What the queue and the leases do when runs are short."""
    from harness.launchers.queue import Queue

    with tempfile.TemporaryDirectory() as name:
        queue = Queue(Path(name))
        begun = time.perf_counter()
        for number in range(jobs):
            (queue.runs / f"run-{number:05}").mkdir()
            queue.put(f"run-{number:05}", "cpu")
        put = time.perf_counter() - begun
        context = multiprocessing.get_context("fork")
        begun = time.perf_counter()
        processes = [context.Process(target=slot, args=(queue.runs, index)) for index in range(workers)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        took = time.perf_counter() - begun
        done = [(path / "done").read_text().count("\n") for path in sorted(queue.runs.glob("run-*"))]
        left = len(queue.waiting()) + len(queue.claimed())
    yield f"| {jobs:,} jobs that do nothing, {workers} slots on one machine | |"
    yield "| --- | ---: |"
    yield f"| put into the queue, each | {1000 * put / jobs:.1f} ms |"
    yield f"| jobs a second, all slots together: taken, leased, state written, dropped | {jobs / took:.0f} |"
    yield f"| done once | {done.count(1):,} |"
    yield f"| done twice, never, or still in the queue | {sum(n > 1 for n in done)}, {done.count(0)}, {left} |"


def slot(runs: Path, index: int) -> None:
    """Do jobs until none waits, as a slot does."""
    from harness.launchers.queue import Queue, Slot
    from harness.lease import lease
    from harness.runs import RunFolder, State

    queue, here = Queue(runs), Slot("cpu", index)
    while (name := queue.take(here)) is not None:
        with lease(runs / name) as held:
            run = RunFolder(runs / name, held.check)
            with (run.path / "done").open("a") as file:
                file.write(f"{index}\n")
            run.set_state(State(stage="finished"))
        queue.drop(here.name, name)


def heartbeats(leases: int, seconds: float) -> Iterator[str]:
    """What holding leases costs: one file each, written over every few seconds."""
    from harness.lease import BEAT_SECONDS, lease

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        held = []
        for number in range(leases):
            (Path(name) / str(number)).mkdir()
            held.append(stack.enter_context(lease(Path(name) / str(number))))
        before, begun = os.times(), time.perf_counter()
        first = sum(one.holder.beats for one in held)
        time.sleep(seconds)
        after, took = os.times(), time.perf_counter() - begun
        beats = sum(one.holder.beats for one in held) - first
        used = after.user + after.system - before.user - before.system
        size = held[0].path.stat().st_size
    yield f"| {leases} runs at once | |"
    yield "| --- | ---: |"
    yield f"| a heartbeat of each run every | {BEAT_SECONDS:.0f} s |"
    yield f"| heartbeats a second, counted over {took:.0f} s | {beats / took:.0f} |"
    yield f"| a heartbeat writes, over what was there | {size} bytes |"
    yield f"| time of a processor for each | {1e6 * used / max(beats, 1):.0f} µs |"


def rates() -> Iterator[str]:
    """How often a run writes, and a front asks, as the code says."""
    from harness.launchers.local import Local
    from harness.training import CHECKPOINT_SECONDS, CHECKPOINTS, LOSS_ROWS, SAMPLES

    yield "| how often | |"
    yield "| --- | ---: |"
    yield f"| rows of the training curve, at most, in the whole run | {LOSS_ROWS} |"
    yield f"| checkpoints | {CHECKPOINTS} in the run, and one after each {CHECKPOINT_SECONDS:.0f} s without |"
    yield f"| samples in the run | {SAMPLES} |"
    yield f"| a front that waits asks the local queue every | {Local.poll_seconds} s |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="of the study that is counted")
    parser.add_argument("--jobs", type=int, default=500, help="fake jobs that go through the queue")
    parser.add_argument("--workers", type=int, default=10, help="slots that take them")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling.md")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = finished_run(Path(folder))
        parts = [per_run(run), studies(run, args.runs), heartbeats(100, 10.0), load(args.jobs, args.workers), rates()]
        text = "\n\n".join("\n".join(part) for part in parts)
    print(text)
    if args.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(BLOCK.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
