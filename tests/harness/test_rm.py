"""``harness rm``: nothing that is finished, waits or runs goes by accident."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.job import Job, write_job
from harness.launchers.queue import Queue
from harness.lease import lease
from tests.harness.made import make_run

Capture = pytest.CaptureFixture[str]


def test_a_run_that_is_not_finished_is_removed(tmp_path: Path, capsys: Capture) -> None:
    run = make_run(tmp_path, "enco", stage="failed")
    kept = make_run(tmp_path, "cut", {"fid": 60.0})
    assert main(["rm", "enco", "--yes", "--runs", str(tmp_path)]) == 0
    assert f"removed {run.name}" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def test_a_finished_run_needs_to_be_meant(tmp_path: Path, capsys: Capture) -> None:
    run = make_run(tmp_path, "enco", {"fid": 60.0})
    other = make_run(tmp_path, "cut", stage="stopped")
    words = ["rm", "enco", "cut", "--yes", "--runs", str(tmp_path)]
    assert main(words) == 2
    assert "give --finished" in capsys.readouterr().err
    assert run.path.exists()
    assert other.path.exists()
    assert main([*words, "--finished"]) == 0
    assert not list(tmp_path.iterdir())


def test_a_run_that_waits_or_runs_is_refused(tmp_path: Path, capsys: Capture) -> None:
    run = make_run(tmp_path, "enco", stage="new")
    words = ["rm", "enco", "--yes", "--runs", str(tmp_path)]
    with lease(run.path):
        assert main(words) == 2
    assert f"is being worked on; take it back first: harness cancel {run.name}" in capsys.readouterr().err
    write_job(run.path, Job(launcher="local", id=run.name))
    Queue(tmp_path).put(run.name, "cpu")
    assert main(words) == 2
    assert "waits for its turn; take it back first" in capsys.readouterr().err
    assert run.path.exists()


def test_without_a_terminal_nobody_can_agree(tmp_path: Path, capsys: Capture) -> None:
    run = make_run(tmp_path, "enco", stage="failed")
    assert main(["rm", "enco", "--runs", str(tmp_path)]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert run.path.exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("", 1), ("no", 1)])
def test_it_asks(tmp_path: Path, answer: str, code: int) -> None:
    run = make_run(tmp_path, "enco", stage="failed")
    person, terminal = pty.openpty()
    os.write(person, f"{answer}\n".encode())
    done = subprocess.run([sys.executable, "-m", "harness", "rm", "enco", "--runs", str(tmp_path)], stdin=terminal)
    os.close(person)
    os.close(terminal)
    assert done.returncode == code
    assert run.path.exists() is (code == 1)
