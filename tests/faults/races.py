"""Many who want the same runs at the same moment."""

from __future__ import annotations

import os
import random
import signal

from harness.faults import KILLED
from harness.lease import newest
from harness.runs import all_runs
from tests.faults.place import SIDE, SMALL, STEPS, Lost, Outcome, Place, clean, repeated, same

CROWD = 10


def workers(place: Place, times: int) -> Outcome:
    """Ten workers start on one run at once; the one that got it is killed at a random moment, and ten start again."""
    rng, outcome = random.Random(0), Outcome(notes=[f"{CROWD} workers on one run, the holder killed"])
    while outcome.times < times:
        run = place.new()
        crowd = [place.work(run) for _ in range(CROWD)]
        outcome.struck()
        crowd[0].wait(rng.random() * place.seconds)
        _, holder = newest(run.path)
        if holder and any(one.process.pid == holder.pid and one.process.is_alive() for one in crowd):
            os.kill(holder.pid, signal.SIGKILL)
        crowd += [place.work(run) for _ in range(CROWD)]
        codes = [one.wait(300) for one in crowd]
        texts = [clean(one) for one in crowd]
        for code, text in zip(codes, texts, strict=True):
            refused = code == 2 and "is being run by" in text
            if code not in (0, KILLED) and not refused:
                raise Lost(f"exit code {code}: {text}")
        same("workers killed", True, codes.count(KILLED) <= 1)
        outcome.again = max(outcome.again, repeated(run))
        place.finish(run)
        begun = [text for text in texts if " trains " in text or " continues at " in text]
        same("workers that trained", True, len(begun) <= 2)
        place.remove(run)
        place.tell(f"{outcome.times}/{times}")
    return outcome


def fronts(place: Place, times: int) -> Outcome:
    """Two fronts ask for one grid at once, one of them is killed; its slots and the other bring it to its end."""
    rng, outcome = random.Random(0), Outcome(notes=["2 fronts, one grid of 3 runs on 2 slots, one front killed"])
    while outcome.times < times:
        folder = place.root / f"fronts-{outcome.times}"
        words = ["run", "--methods", "cut", "--dataset", str(place.root / "noise"), "--seeds", "3-5"]
        words += ["--steps", str(STEPS), "--size", str(SIDE), "--metrics", "fd-random", "--device", "cpu"]
        words += [word for setting in SMALL for word in ("--set", setting)]
        words += ["--launcher", "local", "--slots", "2", "--runs", str(folder)]
        both = [place.start(words, folder) for _ in range(2)]
        outcome.struck()
        if both[0].wait(rng.random() * 3 * place.seconds) is None:
            both[0].process.kill()
        both[0].wait(60)
        code, text = both[1].wait(600), clean(both[1])
        same("exit code of the other front", (0, ""), (code, "" if code == 0 else text))
        runs = list(all_runs(folder))
        same("runs", 3 + 2, len(runs))  # and the two reference rows
        same("finished", {"finished"}, {run.state().stage for run in runs})
        for run in runs:
            same("steps trained twice", 0, repeated(run))
            same("scores made twice", len(run.rows()), len({(row.metric, row.protocol) for row in run.rows()}))
        (alike,) = (run for run in runs if run.name == place.undisturbed.name)
        place.verify(alike)
        place.tell(f"{outcome.times}/{times}")
    return outcome
