"""Help, lists and status import nothing heavy; how fast they are, benchmarks/startup.py measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import VERBS
from tests.harness.made import make_run

HEAVY = ("torch", "torchvision", "pandas", "matplotlib", "scipy", "numpy")
CODE = f"""
import sys
from harness.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
found = [name for name in {HEAVY} if name in sys.modules]
print(found, file=sys.stderr)
sys.exit(code)
"""
LISTS = (["methods"], ["methods", "show", "enco"], ["datasets"])


def imported(*words: str) -> str:
    """The heavy modules that a command line imports, as a printed list; it must succeed."""
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("runs")
    for method in ("identity", "enco", "cut"):
        make_run(folder, method, {"fid": 60.0})
    return str(folder)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_imports_nothing_heavy_and_shows_an_example(verb: str) -> None:
    assert imported(*verb.split(), "--help") == "[]"
    done = subprocess.run([sys.executable, "-m", "harness", *verb.split(), "--help"], capture_output=True, text=True)
    assert f"harness {verb}" in done.stdout.partition("usage:")[2].partition("\n\n")[2]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_lists_import_nothing_heavy(words: list[str]) -> None:
    assert imported(*words) == "[]"


@pytest.mark.parametrize("verb", ["status", "table", "show"])
def test_reading_runs_imports_nothing_heavy(verb: str, runs: str) -> None:
    assert imported(verb, "--runs", runs) == "[]"
