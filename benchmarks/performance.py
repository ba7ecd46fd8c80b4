"""Measures what methods cost on this machine and puts the table into ``docs/performance.md``.

    python benchmarks/performance.py                     all methods at 256x256
    python benchmarks/performance.py --repeats 3         further options of `harness profile`

Stopped and called again it goes on. Use a machine that does nothing else. The name of the machine is left out.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BLOCK = re.compile(r"(<!-- measured: begin -->\n```text\n).*?(\n```\n<!-- measured: end -->)", re.DOTALL)


def main() -> int:
    command = [sys.executable, "-m", "harness", "profile", "--methods", "all", *sys.argv[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return done.returncode
    table = re.sub(r",\s+host \S+", "", done.stdout).strip()
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: found[1] + table + found[2], page), encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
