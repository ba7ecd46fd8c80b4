"""Files that are damaged, gone, of another time or of other pictures than the run began with."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from harness.faults import KILLED, Fault
from harness.runs import RunFolder
from tests.faults.place import Lost, Outcome, Place, clean, names, repeated, same

CHANGES_OF_A_SAVE = 3
"""open, rename, and the removal of what the rename took away"""
SAVED = 4


def interrupted(place: Place, data: Path | None = None) -> RunFolder:
    """A run that was killed when it was to write its fifth checkpoint."""
    run = place.new(data=data)
    fault = Fault(at=SAVED * CHANGES_OF_A_SAVE + 1, named="checkpoints/.step-")
    same("exit code", KILLED, place.work(run, fault).wait(300))
    same(
        "checkpoints", ["step-000000003.pt", "step-000000004.pt"], [p.name for p in sorted(run.checkpoints.glob("s*"))]
    )
    return run


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def clear(path: Path) -> None:
    path.write_bytes(b"")


CHECKPOINT_DAMAGE: dict[str, Callable[[Path], None]] = {
    "truncated": halve,
    "one bit flipped": flip,
    "empty": clear,
    "missing": Path.unlink,
}


def checkpoints(place: Place, times: int) -> Outcome:
    """The newest checkpoint is damaged in one way after the other; then both."""
    outcome = Outcome(notes=[", ".join(CHECKPOINT_DAMAGE)])
    for kind, damage in list(CHECKPOINT_DAMAGE.items())[:times]:
        run = interrupted(place)
        damage(run.checkpoints / f"step-{SAVED:09d}.pt")
        text = place.finish(run)
        said = [f"continues at step {SAVED - 1} "]
        said += [f"checkpoint step-{SAVED:09d}.pt is damaged"] if kind != "missing" else []
        if missing := [words for words in said if words not in text]:
            raise Lost(f"{kind}: {missing} is not said: {text}")
        outcome.struck(repeated(run))
        place.tell(kind)
        place.remove(run)
    return outcome


def all_checkpoints(place: Place, times: int) -> Outcome:
    """Both checkpoints are damaged: refused, with nothing removed."""
    outcome = Outcome(notes=["refused, nothing removed"])
    run = interrupted(place)
    for path in run.checkpoints.iterdir():
        flip(path)
    before = names(run)
    worker = place.work(run)
    same("exit code", 2, worker.wait(300))
    if "every checkpoint in" not in clean(worker):
        raise Lost(worker.text())
    same("files", before, names(run))
    for path in run.checkpoints.iterdir():
        flip(path)
    place.finish(run)
    outcome.struck(repeated(run))
    return outcome


def torn_lines(place: Place, times: int) -> Outcome:
    """The last line of the training curve, of the scores and of the log is torn; state.json is empty."""
    outcome = Outcome(notes=["losses.jsonl, metrics.jsonl, log.txt; state.json empty"])
    run = interrupted(place)
    for name in ("losses.jsonl", "log.txt"):
        path = run.path / name
        os.truncate(path, path.stat().st_size - 9)
    clear(run.path / "state.json")
    worker = place.work(run, Fault(at=1, named="metrics.jsonl"))
    same("exit code", KILLED, worker.wait(300))
    whole = (place.undisturbed.path / "metrics.jsonl").read_bytes()
    (run.path / "metrics.jsonl").write_bytes(whole[:-20])
    place.finish(run)
    outcome.struck(repeated(run))
    return outcome


def clock(place: Place, times: int) -> Outcome:
    """The clock is set back ten years: every time in a file and of a file lies in the future."""
    outcome = Outcome(notes=["ten years"])
    run, later = interrupted(place), time.time() + 10 * 365 * 86400
    state = json.loads((run.path / "state.json").read_text())
    (run.path / "state.json").write_text(json.dumps(state | {"updated": later}))
    for path in [*run.path.rglob("*"), *place.cache.rglob("*")]:
        os.utime(path, (later, later))
    same("stage", "interrupted", run.state().stage)
    place.finish(run)
    outcome.struck(repeated(run))
    return outcome


def changed_data(place: Place, times: int) -> Outcome:
    """A picture is changed, added, removed while the run lies still: refused, with the difference; then put back."""
    outcome = Outcome(notes=["refused, with the difference"])
    data = place.root / "copy" / "noise"
    shutil.copytree(place.root / "noise", data)
    run = interrupted(place, data)
    victim = data / "trainB" / "5.png"
    for change, shown in (
        (lambda: shutil.copy(data / "trainA/0.png", victim), "trainB 8 -> 8 pictures, digest"),
        (lambda: shutil.copy(victim, data / "trainB/new.png"), "trainB 8 -> 9 pictures, digest"),
        (victim.unlink, "trainB 8 -> 7 pictures, digest"),
    ):
        change()
        worker = place.work(run)
        same("exit code", 2, worker.wait(300))
        if shown not in clean(worker):
            raise Lost(f"{shown!r} is not said: {worker.text()}")
        shutil.rmtree(data)
        shutil.copytree(place.root / "noise", data)
        outcome.struck()
    place.finish(run)
    shutil.rmtree(data)
    return outcome
