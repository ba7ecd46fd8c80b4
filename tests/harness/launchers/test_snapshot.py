"""The copy of the code that jobs run: whole, the same for the same code, and apart from the original."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.launchers.snapshot import take

WHERE = "import harness, methods, baselines, evaluation; print(harness.__file__, methods.__file__, baselines.__file__)"


def test_runs_by_itself_wherever_it_is_started(tmp_path: Path) -> None:
    """Also from a folder that holds another package of the same name."""
    copy = take(tmp_path / "jobs", ["enco"])
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/__init__.py").write_text("raise RuntimeError('the wrong one')")
    words = [sys.executable, str(copy), "methods", "show", "enco"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "EnCo" in done.stdout
    done = subprocess.run([sys.executable, "-c", WHERE], capture_output=True, text=True, cwd=copy, env=environment)
    assert done.stdout.count(str(copy)) == 3, done.stderr


def test_named_for_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "mine"
    (place / "package").mkdir(parents=True)
    module = place / "package" / "method.py"
    module.write_text("a = 1")
    monkeypatch.syspath_prepend(place)
    first = take(tmp_path / "jobs", ["package.method:Method"])
    assert take(tmp_path / "jobs", ["package.method:Method"]) == first
    module.write_text("a = 2")
    second = take(tmp_path / "jobs", ["package.method:Method"])
    assert second != first
    assert (first / "package/method.py").read_text() == "a = 1"
    assert json.loads((second / "code.json").read_text())["sha256"].startswith(second.name.removeprefix("code-"))
    assert not list((tmp_path / "jobs").glob(".code-*"))


def test_a_method_that_cannot_be_found(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the source of 'nowhere' cannot be found"):
        take(tmp_path, ["nowhere.method:Method"])
