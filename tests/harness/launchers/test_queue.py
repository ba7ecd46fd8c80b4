"""Jobs are taken once, in order, and never lost, whatever becomes of the slot that took one."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from harness.launchers.queue import MOST_DEATHS, Queue, Slot
from harness.lease import lease
from harness.runs import RunFolder, Stage
from tests.harness.made import make_run

HERE = Slot("cpu", 0)


def waiting_job(runs: Path, stage: Stage = "new") -> tuple[Queue, str]:
    run, queue = make_run(runs, "cut", stage=stage), Queue(runs)
    queue.put(run.name, "cpu")
    return queue, run.name


def test_jobs_are_taken_in_the_order_in_which_they_were_put(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    for index, name in enumerate(("c", "a", "b")):
        queue.put(name, "cpu")
        os.utime(tmp_path / ".local/waiting/cpu" / name, (1000 + index,) * 2)
    queue.put("d", "gpu")
    assert queue.waiting() == {"a": "cpu", "b": "cpu", "c": "cpu", "d": "gpu"}
    assert [queue.take(HERE) for _ in range(4)] == ["c", "a", "b", None]
    assert queue.claimed() == dict.fromkeys("abc", f"{socket.gethostname()}.cpu.0")
    assert queue.take(Slot("gpu", 0)) == "d"


def test_a_job_is_taken_once(tmp_path: Path) -> None:
    queue, taken = Queue(tmp_path), list[str]()
    names = [f"run-{number}" for number in range(200)]
    for name in names:
        queue.put(name, "cpu")

    def empty(slot: Slot) -> None:
        while (name := queue.take(slot)) is not None:
            taken.append(name)

    slots = [threading.Thread(target=empty, args=(Slot("cpu", index),)) for index in range(4)]
    for slot in slots:
        slot.start()
    for slot in slots:
        slot.join()
    assert sorted(taken) == sorted(names)


def test_a_slot_is_known_by_its_name_on_its_machine() -> None:
    slot = Slot("cuda:1", 3)
    assert Slot.named(slot.name) == slot
    assert Slot.named("other.node.cpu.3") is None


@pytest.mark.parametrize(
    ("stage", "code", "waits"),
    [
        ("finished", 0, False),
        ("stopped", 130, False),
        ("running", 130, False),  # stopped where no step is made
        ("failed", None, False),
        ("running", -9, True),
        ("running", None, True),  # the slot died, nobody saw how the worker ended
        ("trained", None, True),
    ],
)
def test_what_becomes_of_a_job_on_which_nobody_works_any_more(
    tmp_path: Path, stage: Stage, code: int | None, waits: bool
) -> None:
    queue, name = waiting_job(tmp_path, stage)
    assert queue.take(HERE) == name
    queue.settle(HERE.name, name, None, code)
    assert (name in queue.waiting()) is waits
    assert not queue.claimed()
    assert RunFolder(tmp_path / name).state().stage == ("interrupted" if stage == "running" else stage)


def test_a_worker_that_dies_again_and_again_fails_its_run(tmp_path: Path) -> None:
    queue, name = waiting_job(tmp_path)
    for _ in range(MOST_DEATHS):
        assert queue.take(HERE) == name
        queue.settle(HERE.name, name, None, -9)
    assert not queue.waiting()
    state = RunFolder(tmp_path / name).state()
    assert (state.stage, state.message) == ("failed", "its worker died 3 times, the last time by SIGKILL")


def test_a_worker_that_could_not_even_begin_fails_its_run(tmp_path: Path) -> None:
    queue, name = waiting_job(tmp_path)
    queue.output(name).parent.mkdir()
    queue.output(name).write_text("Traceback\nModuleNotFoundError: No module named 'torch'\n\n")
    queue.take(HERE)
    queue.settle(HERE.name, name, None, 1)
    message = RunFolder(tmp_path / name).state().message
    assert message == "its worker ended with code 1: ModuleNotFoundError: No module named 'torch'"


def test_a_run_that_had_failed_before_and_whose_worker_is_killed_waits_again(tmp_path: Path) -> None:
    queue, name = waiting_job(tmp_path, "failed")
    queue.take(HERE)
    queue.settle(HERE.name, name, RunFolder(tmp_path / name).state(), -9)
    assert name in queue.waiting()


def test_a_cancelled_job_does_not_wait_again(tmp_path: Path) -> None:
    queue, name = waiting_job(tmp_path, "running")
    queue.take(HERE)
    queue.cancel(name)
    queue.settle(HERE.name, name, None, -15)
    assert not queue.waiting()
    queue.put(name, "cpu")
    queue.cancel(name)
    assert not queue.waiting()
    assert not queue.mark(name).exists()


def test_claims_of_dead_slots_are_given_back_unless_somebody_works_on_the_run(tmp_path: Path) -> None:
    queue, name = waiting_job(tmp_path, "running")
    queue.take(HERE)
    queue.place(HERE.name).mkdir(parents=True)
    with lease(queue.place(HERE.name)):
        queue.settle_dead_slots()
        assert name in queue.claimed()
    with lease(tmp_path / name):
        queue.settle_dead_slots()
        assert name in queue.claimed()
    queue.settle_dead_slots()
    assert name in queue.waiting()
