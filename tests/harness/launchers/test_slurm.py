"""The SLURM launcher where there is no SLURM; with one it is tested in tests/slurm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.job import Job, read_job, write_job
from harness.launchers import Resources
from harness.launchers.profile import Profile
from harness.launchers.slurm import Slurm, outside_a_job, state_of
from tests.harness.made import make_run


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program can be found."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_without_sbatch(tmp_path: Path, nothing: None) -> None:
    run = make_run(tmp_path, "enco", stage="new")
    with pytest.raises(UserError, match="sbatch is not on this machine; give the command on a login node") as caught:
        Slurm(tmp_path).submit([run.path], Resources())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / ".slurm").exists()


def test_a_controller_that_does_not_answer(tmp_path: Path, nothing: None) -> None:
    """What is not known is not said to have ended, and such runs are not submitted again."""
    run = make_run(tmp_path, "enco", stage="new")
    write_job(run.path, Job(launcher="slurm", id="7_0"))
    slurm = Slurm(tmp_path)
    assert slurm.states(["7_0", "7_1"]) == {"7_0": "unknown", "7_1": "unknown"}
    assert slurm.states([]) == {}
    with pytest.raises(UserError, match="squeue does not answer"):
        slurm.waiting([run.path])
    assert read_job(run.path).id == "7_0"


def test_words_of_squeue() -> None:
    words = {"queued": ["PENDING", "REQUEUE_HOLD"], "running": ["RUNNING", "COMPLETING", "SUSPENDED"]}
    words["ended"] = ["COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", ""]
    assert {state: {state_of(word) for word in found} for state, found in words.items()} == {s: {s} for s in words}


def test_what_a_job_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HARNESS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA", "/data/my pictures")
    profile = Profile(partition="gpu", setup=("module load cuda",), sbatch={"reservation": "school"})
    found = Slurm(tmp_path, profile).parameters(Resources(cpus=4, mem_gb=1.5, minutes=60), tmp_path)
    assert found["setup"] == ["export HARNESS_DATA='/data/my pictures'", "module load cuda", f"cd {tmp_path}"]
    assert found["additional_parameters"] == {"requeue": True, "signal": "TERM@120", "reservation": "school"}
    assert (found["partition"], found["cpus_per_task"], found["mem"], found["time"]) == ("gpu", 4, "1536M", 60)
    assert "qos" not in found
    short = Slurm(tmp_path).parameters(Resources(minutes=2), tmp_path)
    assert short["additional_parameters"]["signal"] == "TERM@12", "a tenth of a short limit"


def test_submitting_from_within_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SRUN_CPUS_PER_TASK"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    with outside_a_job():
        assert not {"SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SRUN_CPUS_PER_TASK"} & os.environ.keys()
        assert os.environ["SLURM_CONF"] == "/etc/slurm.conf"
    assert os.environ["SLURM_JOB_ID"] == "7"
