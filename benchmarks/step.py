"""Measures a training step of methods on this machine, as `harness profile` does, and prints the table.

    python benchmarks/step.py --methods enco,cut --size 256
    python benchmarks/step.py --methods all --write      also puts the table into docs/performance.md

Options are those of `harness profile`. Stopped and called again it goes on. Use a machine that does nothing else.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BLOCK = re.compile(r"(<!-- measured: begin -->\n```text\n).*?(\n```\n<!-- measured: end -->)", re.DOTALL)


def main() -> int:
    options = [word for word in sys.argv[1:] if word != "--write"]
    if not any(word.split("=")[0] == "--methods" for word in options):
        options += ["--methods", "all"]
    done = subprocess.run([sys.executable, "-m", "harness", "profile", *options], stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    if done.returncode == 0 and "--write" in sys.argv[1:]:
        write(re.sub(r",\s+host \S+", "", done.stdout).strip())
    return done.returncode


def write(table: str) -> None:
    """Put the table into the page, without the name of the machine."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: found[1] + table + found[2], page), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
