"""A run that dies anywhere ends with the same weights, to the bit, as one that never died."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.lease import lease
from harness.machine import process as state_of_process
from harness.planning import open_for, plan
from harness.runs import RunFolder

STEPS = 40


def new_run(runs: Path, method: str, steps: int = STEPS) -> RunFolder:
    dataset, data = open_for("toy", None)
    settings = ["ngf=8", "ndf=8", "num_patches=16", "netF_nc=32"]
    (spec,) = plan([method], dataset, data, [3], settings, 32, None, steps=steps)
    run = RunFolder(runs / spec.name)
    run.create(spec)
    return run


def worker(run: RunFolder) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "work", str(run.path), "--device", "cpu", "--metrics", "fd-random"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def finish(run: RunFolder) -> str:
    process = worker(run)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert run.state().stage == "finished"
    return output


def wait_for(process: subprocess.Popen[str], condition: object) -> bool:
    """Until ``condition()`` holds (True) or the process ends (False)."""
    assert callable(condition)
    while process.poll() is None:
        if condition():
            return True
        time.sleep(0.0005)
    return False


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the weights of runs that nobody disturbed."""
    digests = {}
    for method in ("enco", "cut"):
        run = new_run(tmp_path_factory.mktemp(method), method)
        finish(run)
        digests[method] = run.provenance()["weights_sha256"]
    return digests


@pytest.mark.parametrize("method", ["enco", "cut"])
def test_killed_at_random_moments(method: str, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    """SIGKILL twice in the loop and once while a checkpoint is being written, then to the end."""
    run, rng = new_run(tmp_path, method), random.Random(method)
    for target in (rng.randrange(2, 14), rng.randrange(15, 30)):
        process = worker(run)
        reached = wait_for(process, lambda t=target: any(row["step"] >= t for row in run.losses()))
        assert reached, process.communicate()[0]
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert run.state().stage == "interrupted"
    process = worker(run)
    caught = wait_for(process, lambda: any(run.checkpoints.glob(".step-*")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert caught, "the worker ended before it was seen writing a checkpoint"
    finish(run)
    assert run.provenance()["weights_sha256"] == undisturbed[method]
    steps = [row["step"] for row in run.losses()]
    assert sorted(steps) == list(range(1, STEPS + 1)), "the training curve has one row a step"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly(number: int, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    run = new_run(tmp_path, "enco")
    process = worker(run)
    assert wait_for(process, lambda: any(row["step"] >= 5 for row in run.losses()))
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "the same command continues it" in output
    assert "Traceback" not in output
    state = run.state()
    assert state.stage == "stopped"
    assert run.checkpoints.joinpath(f"step-{state.step:09d}.pt").exists()
    assert f"continues at step {state.step} " in finish(run)
    assert run.provenance()["weights_sha256"] == undisturbed["enco"]


def test_frozen_and_taken_over(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    """A worker that another took the run from while it stood still writes nothing more when it wakes up."""
    run = new_run(tmp_path, "enco")
    process = worker(run)
    assert wait_for(process, lambda: any(row["step"] >= 7 for row in run.losses()))
    process.send_signal(signal.SIGSTOP)
    assert wait_for(process, lambda: state_of_process(process.pid)[0] == "T")
    with lease(run.path, patience=0.5):
        before = contents(run.path)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert f"was taken over by process {os.getpid()}" in output
        assert "Traceback" not in output
        assert contents(run.path) == before
    finish(run)
    assert run.provenance()["weights_sha256"] == undisturbed["enco"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but what is being written beside, the log for people and the beating lease."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path): path.read_bytes() for path in paths if path.name != "log.txt" and "lease" not in path.name}


def test_damaged_checkpoint_falls_back(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    """A bit flipped in the newest checkpoint: the one before is taken, said so, and the end is the same."""
    run = new_run(tmp_path, "enco")
    process = worker(run)
    assert wait_for(process, lambda: len(list(run.checkpoints.glob("step-*.pt"))) == 2)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    newest = max(run.checkpoints.glob("step-*.pt"))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    output = finish(run)
    assert f"checkpoint {newest.name} is damaged" in output
    assert run.provenance()["weights_sha256"] == undisturbed["enco"]
    for path in run.checkpoints.glob("step-*.pt"):
        path.write_bytes(b"nothing")
    state = run.state()
    run.set_state(type(state)(stage="interrupted", step=state.step, steps=state.steps))
    process = worker(run)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "every checkpoint" in output
    assert "Traceback" not in output


def test_finished_run_does_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path, "enco", steps=2)
    finish(run)
    rows = run.rows()
    assert "already finished" in finish(run)
    assert run.rows() == rows
    assert {row.metric for row in rows} == {"fd-random", "psnr", "ssim"}
