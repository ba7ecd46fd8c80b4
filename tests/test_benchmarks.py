"""The benchmarks run, at a small size: what they measure is for people to look at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SMALL_STEP = "--methods cut --size 32 --steps 1 --repeats 1 --device cpu --set ngf=8 --set ndf=8 --runs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["step.py", *SMALL_STEP.split(), "{folder}"], "GFLOP/s"),
        (["scale.py", "--runs", "60", "--folder", "{folder}"], "table"),
        (["startup.py"], "methods show enco"),
        (["evaluation.py", "--pictures", "4", "--repeats", "1"], "clean-fid cached"),
    ],
    ids=lambda value: value[0].removesuffix(".py") if isinstance(value, list) else "",
)
def test_benchmark(words: list[str], printed: str, tmp_path: Path) -> None:
    command = [sys.executable, f"benchmarks/{words[0]}", *(word.format(folder=tmp_path / "made") for word in words[1:])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout
    assert (tmp_path / "made").exists() == any("{folder}" in word for word in words)
