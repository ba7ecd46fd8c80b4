"""``make faults``: every fault in its long form, and a table of what was lost.

``python -m tests.faults WORD...`` tries those whose names hold one of the words.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from harness.progress import duration
from harness.terminal import padded
from tests.faults.cases import CASES, Case
from tests.faults.place import Lost, Place, make_place, root_can_mount
from tests.signals import hear_ctrl_c


def main(words: list[str]) -> int:
    chosen = [case for case in CASES if not words or any(word in case.name for word in words)]
    rows, failed = [["fault", "times", "steps trained again", "lost", "took", ""]], False
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        print("trains one run that nobody disturbs", flush=True)
        place = make_place(Path(folder))
        for number, case in enumerate(chosen, 1):
            row = try_one(place, case, f"[{number}/{len(chosen)}] {case.name}")
            failed = failed or row[3] not in ("nothing", "not tried")
            rows.append(row)
    print("\n" + "\n".join(padded(rows)))
    return int(failed)


def try_one(place: Place, case: Case, title: str) -> list[str]:
    """The row of one fault."""

    def tell(text: str) -> None:
        print(f"\r{title}  {text}\x1b[K" if sys.stdout.isatty() else f"{title}  {text}", end=end, flush=True)

    end = "" if sys.stdout.isatty() else "\n"
    if case.needs_mount and not root_can_mount():
        return [case.name, "0", "", "not tried", "", "needs the right to mount a small file system"]
    tell("")
    place.tell, begun = tell, time.monotonic()
    try:
        outcome = case.strike(place, case.long)
    except Lost as error:
        print(f"\n{error}", file=sys.stderr)
        return [case.name, "", "", "see above", duration(time.monotonic() - begun), ""]
    tell("nothing lost\n" if end == "" else "nothing lost")
    took = duration(time.monotonic() - begun)
    return [case.name, str(outcome.times), f"at most {outcome.again}", "nothing", took, "; ".join(outcome.notes)]


if __name__ == "__main__":
    hear_ctrl_c()
    sys.exit(main(sys.argv[1:]))
