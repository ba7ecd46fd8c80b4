"""How fast help, lists and status answer: ``python benchmarks/startup.py``. The bar is 0.3 s, best of ten calls."""

from __future__ import annotations

import subprocess
import sys
import time

COMMANDS = ("--help", "run --help", "methods", "methods show enco", "datasets", "status")
CALLS = 10


def main() -> None:
    bare = best("-c", "pass")
    print(f"{'python alone':20} {bare:.3f} s")
    for command in COMMANDS:
        seconds = best("-m", "harness", *command.split())
        print(f"{command:20} {seconds:.3f} s  {'ok' if seconds < 0.3 else 'over 0.3 s'}")


def best(*words: str) -> float:
    """Seconds of the fastest of ten calls of this Python."""
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
