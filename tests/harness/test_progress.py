"""What a worker tells a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOLD = "from pathlib import Path; from harness.progress import Log; Log(Path({!r}), 'run').say('trains')"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device that is always full")
def test_a_full_disk_behind_the_terminal_ends_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", TOLD.format(str(log))], stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert log.read_text().endswith("  trains\n")


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD.format("/dev/null/log.txt")], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"run  trains\n", b"")
