"""``harness run --tensorboard``: event files that TensorBoard reads; where it is not installed, said at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main

WORDS = ["run", "--methods", "cut", "--dataset", "toy", "--size", "32", "--steps", "3", "--metrics", "fd-random"]
SMALL = ["--set", "ngf=8", "--set", "ndf=8", "--device", "cpu", "--tensorboard"]


@pytest.mark.filterwarnings("ignore")  # tensorboard's own imports warn
def test_event_files(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert main([*WORDS, *SMALL, "--runs", str(tmp_path)]) == 0
    (folder,) = tmp_path.glob("cut-*/tensorboard")
    events = accumulator.EventAccumulator(str(folder)).Reload()
    assert [event.step for event in events.Scalars("loss/G")] == [1, 2, 3]
    assert [event.step for event in events.Images("samples")] == [1, 2, 3]


def test_without_the_package_nothing_starts(tmp_path: Path) -> None:
    code = "import sys; sys.modules['tensorboard'] = None; from harness.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *WORDS, *SMALL, "--runs", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == "harness run: --tensorboard needs the package tensorboard: pip install tensorboard"
    assert not list(tmp_path.glob("cut-*"))
