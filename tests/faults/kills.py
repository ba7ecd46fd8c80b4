"""Signals: at random moments, before every change of a file, inside the writing of a checkpoint."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from functools import partial

from harness.faults import CUT, KILLED, Fault, limit_files
from harness.interrupts import STOPPED
from harness.runs import RunFolder
from tests.faults.place import Lost, Outcome, Place, clean, repeated, same


def at_random_moments(number: int, place: Place, times: int) -> Outcome:
    """``times`` signals, each at a moment drawn uniformly over the length of a run; a run takes as many as it needs to
    come to its end."""
    rng, outcome, run = random.Random(number), Outcome(), place.new()
    codes = {-number} if number == signal.SIGKILL else {STOPPED, -number}
    while outcome.times < times:
        before = repeated(run)
        worker = place.work(run)
        if worker.wait(rng.random() * place.seconds) is None:
            worker.send(number)
        code = worker.wait(300)
        clean(worker)
        if code in codes:
            outcome.struck(repeated(run) - before)
            place.tell(f"{outcome.times}/{times}")
        run = go_on(place, run, code, codes, worker.text())
    place.finish(run)
    return outcome


def go_on(place: Place, run: RunFolder, code: int | None, codes: set[int], text: str) -> RunFolder:
    """The run to go on with after a process ended: a new one where this one is finished, which is verified, also after
    it was asked for once more. Lost if the process ended otherwise than by itself or by the signal."""
    if code not in {0, *codes}:
        raise Lost(f"ended with exit code {code}: {text}")
    if run.state().stage != "finished":
        return run
    place.verify(run)
    if "already finished" not in place.finish(run):
        raise Lost("a finished run was worked on again")
    place.remove(run)
    return place.new()


def from_the_first_moment(number: int, place: Place, times: int) -> Outcome:
    """Signals to ``python -m harness work`` started anew, so that they also come while it imports."""
    rng, outcome, run = random.Random(number), Outcome(), place.new()
    environment = os.environ | {"HARNESS_CACHE": str(place.cache), "OMP_NUM_THREADS": "1"}
    while outcome.times < times:
        command = [sys.executable, "-m", "harness", "work", str(run.path)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        try:
            output, _ = process.communicate(timeout=0.3 + rng.random() * (3 + place.seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            output, _ = process.communicate(timeout=300)
            outcome.struck()
            place.tell(f"{outcome.times}/{times}")
        if "Traceback" in output:
            raise Lost(output)
        run = go_on(place, run, process.returncode, {STOPPED, -number}, output)
    place.finish(run)
    return outcome


def before_changes(place: Place, times: int) -> Outcome:
    """SIGKILL before one of the changes that a run makes to its files, for every one of them or evenly spread."""
    outcome = Outcome(notes=[f"a run makes {place.operations} changes"])
    times = min(times, place.operations)
    for k in range(times):
        at = 1 + k * place.operations // times
        run = place.new()
        worker = place.work(run, Fault(at=at))
        same(f"exit code before change {at}", KILLED, worker.wait(300))
        place.finish(run)
        outcome.struck(repeated(run))
        place.tell(f"{outcome.times}/{times}")
        place.remove(run)
    return outcome


def inside_checkpoints(place: Place, times: int) -> Outcome:
    """Ended by the kernel after a random number of bytes of a checkpoint."""
    rng, outcome = random.Random(0), Outcome()
    size = min(path.stat().st_size for path in place.undisturbed.checkpoints.iterdir())
    while outcome.times < times:
        run = place.new()
        for _ in range(min(3, times - outcome.times)):
            fault = Fault(at=rng.randint(1, 2), named="/.step-00000", act=partial(limit_files, rng.randrange(1, size)))
            before = repeated(run)
            same("exit code", CUT, place.work(run, fault).wait(300))
            outcome.struck(repeated(run) - before)
            place.tell(f"{outcome.times}/{times}")
        place.finish(run)
        place.remove(run)
    return outcome
