"""The local launcher with real slots and workers: kills, races and a machine that goes down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from harness.cli import main
from harness.job import Job, read_job, write_job
from harness.launchers import Resources, Settings
from harness.launchers.local import Local
from harness.lease import holder_of
from harness.planning import open_for, plan
from harness.runs import RunFolder, all_runs

SMALL = ["--size", "32", "--device", "cpu", "--metrics", "fd-random", "--set", "ngf=8", "--set", "ndf=8"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A folder of runs whose slots and workers are gone after the test."""
    folder = tmp_path / "runs"
    yield folder
    for path in [*folder.glob(".local/slots/*"), *(run.path for run in all_runs(folder))]:
        kill(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A dataset of tiny pictures in two colours."""
    for split, colour in {"trainA": "red", "trainB": "blue", "testA": "red", "testB": "blue"}.items():
        (tmp_path / "colours" / split).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (40 + i, 36), colour).save(tmp_path / "colours" / split / f"{i}.png")
    return str(tmp_path / "colours")


def kill(folder: Path, number: int = signal.SIGKILL) -> None:
    """Kill the process that holds the lease of ``folder``, if any."""
    holder = holder_of(folder)
    if holder:
        with suppress(ProcessLookupError):
            os.kill(holder.pid, number)


def until(condition: Callable[[], object], what: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} seconds: {what}"
        time.sleep(0.05)


def new_run(runs: Path, data: str, steps: int, seed: int = 0) -> RunFolder:
    dataset, found = open_for(data, None)
    settings = ["ngf=8", "ndf=8", "num_patches=16", "netF_nc=32"]
    (spec,) = plan(["enco"], dataset, found, [seed], settings, 32, None, steps=steps)
    run = RunFolder(runs / spec.name)
    run.create(spec)
    write_job(run.path, Job(metrics=("fd-random",), device="cpu"))
    return run


def step_of(run: RunFolder) -> int:
    return max((int(row["step"]) for row in run.losses()), default=0)


def sessions(run: RunFolder) -> int:
    return len(run.provenance().get("sessions", []))


def status(runs: Path, capsys: Capture) -> dict[str, str]:
    """The stage of each run, as `harness status` says it."""
    capsys.readouterr()
    assert main(["status", "--json", "--runs", str(runs)]) == 0
    return {one["run"]: one["stage"] for one in json.loads(capsys.readouterr().out)}


@pytest.mark.slow
def test_twelve_cells_on_two_slots_without_their_fronts(runs: Path, data: str, capsys: Capture) -> None:
    """One front hands over and leaves, one follows and is killed: all cells end, none was worked on twice."""
    words = ["run", "--methods", "enco,cut", "--dataset", data, "--seeds", "0-4", "--steps", "2", *SMALL]
    words += ["--runs", str(runs), "--slots", "2"]
    front = subprocess.Popen([sys.executable, "-m", "harness", *words], stdout=subprocess.DEVNULL)
    assert main([*words, "--detach"]) == 0
    assert "harness status" in capsys.readouterr().out
    before = 0
    killed = False
    while (stages := status(runs, capsys)) and set(stages.values()) != {"finished"}:
        counted = list(stages.values())
        assert len(counted) == 12
        assert set(counted) <= {"queued", "running", "trained", "finished"}, stages
        assert counted.count("running") + counted.count("trained") <= 2
        assert counted.count("finished") >= before
        before = counted.count("finished")
        if before > 2 and not killed:
            front.kill()
            killed = True
        time.sleep(0.3)
    assert killed
    front.wait()
    assert [sessions(run) for run in all_runs(runs)] == [1] * 12
    logs = [path.read_text() for path in runs.glob(".local/slots/*/log.txt")]
    assert len(logs) == 2
    assert all("ended with code 0" in text for text in logs)
    assert main(words) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_whatever_dies_the_weights_are_the_same(runs: Path, data: str, tmp_path: Path) -> None:
    """The worker is killed, then the slot, then everything as when a machine goes down."""
    calm = new_run(tmp_path / "calm", data, 40)
    command = [sys.executable, "-m", "harness", "work", str(calm.path)]
    undisturbed = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    run, local = new_run(runs, data, 40), Local.of(runs, Settings(slots=1))
    assert local.submit([run.path], Resources()) == [run.name]
    (slot,) = runs.glob(".local/slots/*")
    until(lambda: step_of(run) > 4, "training")
    kill(run.path)
    until(lambda: sessions(run) == 2 and step_of(run) > 12, "the slot starts another worker")
    kill(slot)
    until(lambda: holder_of(slot) is None, "the slot is gone")
    assert local.states([run.name]) == {run.name: "running"}
    local.tend()  # as a front does now and then: another slot waits for the worker that was left behind
    until(lambda: holder_of(slot), "another process is the slot")
    assert sessions(run) == 2
    kill(slot)
    kill(run.path)
    until(lambda: holder_of(slot) is None and holder_of(run.path) is None, "all are gone")
    assert local.submit([run.path], Resources()) == [run.name]
    until(lambda: run.state().stage == "finished", "the run ends")
    assert sessions(run) == 3
    assert undisturbed.wait() == 0
    assert run.provenance()["weights_sha256"] == calm.provenance()["weights_sha256"]
    until(lambda: holder_of(slot) is None, "the slot ends when nothing waits")
    assert local.states([run.name]) == {run.name: "ended"}


def test_cancel_and_logs(runs: Path, data: str, capsys: Capture) -> None:
    found = [new_run(runs, data, 4000, seed) for seed in range(3)]
    local = Local.of(runs, Settings(slots=1))
    local.submit([run.path for run in found], Resources())
    until(lambda: step_of(found[0]) > 0, "training")
    assert list(status(runs, capsys).values()) == ["running", "queued", "queued"]
    assert main(["logs", "enco-colours-s1", "--runs", str(runs)]) == 0
    assert "waits for its turn" in capsys.readouterr().err
    assert main(["rm", "enco-colours-s1", "--yes", "--runs", str(runs)]) == 2
    assert "waits for its turn; take it back first" in capsys.readouterr().err
    assert main(["cancel", "enco-colours-s1", "--runs", str(runs)]) == 0
    assert "waited: taken back" in capsys.readouterr().out
    assert list(status(runs, capsys).values()) == ["running", "cancelled", "queued"]
    follow = [sys.executable, "-m", "harness", "logs", "-f", found[0].name, "--runs", str(runs)]
    follower = subprocess.Popen(follow, stdout=subprocess.PIPE, text=True)
    assert main(["cancel", "--all", "--runs", str(runs)]) == 0
    assert "stops after its current step" in capsys.readouterr().out
    until(lambda: found[0].state().stage == "stopped", "the run stops")
    out, _ = follower.communicate(timeout=60)
    assert out.splitlines()[-1].endswith("the same command continues it")
    until(lambda: not local.queue.claimed(), "the slot is free")
    assert list(status(runs, capsys).values()) == ["cancelled"] * 3
    assert not local.queue.waiting()
    assert main(["cancel", "--all", "--runs", str(runs)]) == 0
    assert "nothing to cancel" in capsys.readouterr().out


def test_ctrl_c_stops_what_the_front_started(runs: Path, data: str, capsys: Capture) -> None:
    words = ["run", "--methods", "enco", "--dataset", data, "--seeds", "0-1", "--steps", "4000", *SMALL]
    command = [sys.executable, "-m", "harness", *words, "--runs", str(runs), "--slots", "1"]
    front = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: any(step_of(run) for run in all_runs(runs)), "training")
    front.send_signal(signal.SIGINT)
    out, err = front.communicate(timeout=120)
    assert front.returncode == 130
    assert "stopped after step" in out
    assert "the same command continues" in out
    assert "Traceback" not in err
    stages = [stage for name, stage in status(runs, capsys).items() if name.startswith("enco")]
    assert sorted(stages) == ["new", "stopped"]
    local = Local.of(runs, Settings())
    assert not local.queue.waiting()
    assert not local.queue.claimed()


def test_failed_runs_are_tried_again_and_only_those(runs: Path, data: str, capfd: pytest.CaptureFixture[str]) -> None:
    diverging = ["--set", "lr_G=1e38", "--set", "warmup_epochs=0", "--steps", "4"]
    words = ["run", "--methods", "enco", "--dataset", data, *diverging, *SMALL, "--runs", str(runs), "--slots", "1"]
    assert main(words) == 1
    out, err = capfd.readouterr()
    assert "a loss was not finite at step 2" in out
    assert "1 failed; `harness logs RUN` shows why" in err
    (failed,) = [run for run in all_runs(runs) if not run.spec.is_reference]
    assert main(["retry", "identity", "--runs", str(runs)]) == 2
    assert "is finished, not failed" in capfd.readouterr().err
    assert main(["retry", "--failed", "--runs", str(runs)]) == 1
    assert capfd.readouterr().out.startswith("tries 1 run again\n")
    assert sorted(sessions(run) for run in all_runs(runs)) == [1, 1, 2]
    assert read_job(failed.path).launcher == "local"
    assert main(["logs", failed.name, "-n", "1", "--runs", str(runs)]) == 0
    assert "what its worker printed besides" in capfd.readouterr().err


def test_slots_of_a_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cores = len(os.sched_getaffinity(0))
    assert len(Local(tmp_path).slots_of("cpu")) == cores
    assert len(Local(tmp_path, threads=2 * cores).slots_of("cpu")) == 1
    assert len(Local(tmp_path, slots=5).slots_of("cpu")) == 5
    assert len(Local(tmp_path, slots=5).slots_of("cuda:1")) == 1
