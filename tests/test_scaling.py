"""The page on scaling says what is true of a real run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scaling_simulation", ROOT / "benchmarks/scaling_simulation.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_a_real_run_has_as_many_files_as_the_page_says(simulation: ModuleType, tmp_path: Path) -> None:
    run = simulation.finished_run(tmp_path)
    table = [line for line in simulation.per_run(run) if line.startswith("|")]
    assert "\n".join(table) in simulation.PAGE.read_text()


def test_no_job_is_done_twice_and_none_is_left(simulation: ModuleType) -> None:
    lines = list(simulation.load(jobs=60, workers=4))
    assert "| done once | 60 |" in lines
    assert "| done twice, never, or still in the queue | 0, 0, 0 |" in lines
