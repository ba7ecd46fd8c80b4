"""The line of progress of a front, and what it makes of states."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.front import Front, far
from harness.job import Job
from harness.launchers import Resources, Settings
from harness.launchers.local import Local
from harness.runs import RunFolder, State
from tests.harness.made import make_run

AT_WORK = State(stage="running", step=64, steps=256, seconds=100.0, losses={"G": 1.25})


def front(runs: Path, *folders: RunFolder) -> Front:
    return Front(runs, Local.of(runs, Settings()), dict.fromkeys(folders, Job()), Resources())


def test_how_far_a_run_is() -> None:
    assert far(AT_WORK) == "25%"
    assert far(State(stage="failed", step=3, steps=4)) == "starts"  # what is left of the time before
    assert far(State(stage="trained")) == "is scored"


def test_a_run_alone_is_told_with_speed_time_and_losses(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut", stage="new", batch_size=4)
    seen = front(tmp_path, run)
    assert seen.line() == "waits for its turn"
    seen.working = {run.name: AT_WORK}
    assert seen.line() == f"{run.name}  step 64/256 (25%)  2.56 img/s  5m00s left  G 1.25"
    seen.working = {run.name: State(stage="trained", step=256, steps=256)}
    assert seen.line() == f"{run.name}  is scored"


def test_one_run_at_work_is_told_with_its_losses_and_several_by_their_share(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "cut", seed=seed, stage="new") for seed in range(4)]
    seen = front(tmp_path, *runs)
    seen.working = {runs[0].name: AT_WORK}
    assert seen.line().startswith(
        f"4 runs: 1 running, 3 waiting   {runs[0].name} step 64/256 (25%)  0.64 img/s  5m00s left  G 1.25"
    )
    assert seen.line().endswith("25m00s left in all")  # its own 5 minutes, and three times all 6m40s
    seen.working[runs[1].name] = State(stage="running")
    assert f"2 running, 2 waiting   {runs[0].name} 25%   {runs[1].name} starts" in seen.line()


def test_the_log_is_told_from_where_it_was_without_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path, "cut", stage="running")
    run.log.write_text("2026-01-01 00:00:00  before\n")
    seen = front(tmp_path, run)
    with run.log.open("a") as log:
        log.write("2026-01-01 00:00:01  step 1/2 (50%)\n2026-01-01 00:00:02  trains\n  File x\n2026-01-01 00:00:03  to")
    seen.print_news(run)
    with run.log.open("a") as log:
        log.write("rn\n")
    seen.print_news(run)
    assert capsys.readouterr().out == f"{run.name}  trains\n{run.name}  torn\n"


def test_a_run_that_has_ended_long_ago_ends_the_front(tmp_path: Path) -> None:
    run = make_run(tmp_path, "cut")
    seen = front(tmp_path, run)
    seen.wait_for([run.name])
    assert seen.ended == {run.name: run.state()}
