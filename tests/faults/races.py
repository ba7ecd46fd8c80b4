"""Many who want the same runs at the same moment."""

from __future__ import annotations

import os
import random
import signal

from harness.faults import KILLED
from harness.lease import newest
from tests.faults.place import Lost, Outcome, Place, clean, repeated, same

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
