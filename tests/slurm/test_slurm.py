"""The SLURM launcher on a real SLURM: whatever ends a job in the middle, the run ends with the weights it would have
had, to the bit.

All cases run at once on one cluster, each with a run folder of its own; the tests ask for their outcomes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.job import Job, read_job, write_job
from harness.launchers import Resources
from harness.launchers.profile import Profile
from harness.launchers.slurm import UNRECORDED, Slurm
from harness.lease import holder_of
from harness.planning import open_for, plan
from harness.runs import RunFolder, write_json
from tests.slurm.cluster import LONGEST_ARRAY, Cluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

STEPS = 60
SETTINGS = ["ngf=8", "ndf=8", "num_patches=16", "netF_nc=32"]
ONE = Resources(cpus=1, mem_gb=0.4)
METHOD = '''
import time
from dataclasses import dataclass
from baselines.cut import CUT


class Unhurried(CUT):
    """CUT that takes its time, so that every machine can be caught in the middle of a run."""

    @dataclass(frozen=True, kw_only=True)
    class Config(CUT.Config):
        pause: float = 0.05
        """seconds of sleep in each step"""

    def step(self, batch):
        time.sleep(self.config.pause)
        return super().step(batch)
'''


@dataclass(frozen=True)
class Place:
    """A folder of runs and the launcher that works on them."""

    slurm: Slurm
    runs: list[RunFolder]

    def submit(self, resources: Resources = ONE) -> list[str]:
        return self.slurm.submit([run.path for run in self.runs], resources)

    @property
    def run(self) -> RunFolder:
        return self.runs[0]

    @property
    def id(self) -> str:
        return read_job(self.run.path).id

    def state(self) -> str:
        return self.slurm.states([self.id])[self.id]

    def printed(self) -> str:
        path = self.slurm.logs(self.id)
        assert path is not None
        return path.read_text()


def new_place(
    folder: Path, seeds: list[int], profile: Profile, method: str = "unhurried:Unhurried", settings: str = ""
) -> Place:
    dataset, data = open_for("toy", None)
    specs = plan([method], dataset, data, seeds, [*SETTINGS, *settings.split()], 32, None, steps=STEPS)
    runs = [RunFolder(folder / spec.name) for spec in specs]
    for spec, run in zip(specs, runs, strict=True):
        run.create(spec)
        write_job(run.path, Job(metrics=("fd-random",), device="cpu"))
    return Place(Slurm(folder, profile), runs)


def until(condition: Callable[[], object], what: str, seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.05)


def in_the_middle(place: Place) -> None:
    """Until the run has a checkpoint and has trained beyond it."""
    until(lambda: place.run.state().step and len(place.run.losses()) > 8, f"{place.run.name} trains")
    assert place.state() == "running"


def weights(run: RunFolder, seconds: float = 150) -> str:
    until(lambda: run.state().stage in ("finished", "failed"), f"{run.path} ends", seconds)
    assert run.state().stage == "finished", run.log.read_text()
    return str(run.provenance()["weights_sha256"])


def lives(run: RunFolder) -> int:
    return len(run.provenance()["sessions"])


def array(place: Place) -> str:
    """Three jobs of which two may run at once; nobody disturbs them."""
    ids, most = [read_job(run.path).id for run in place.runs], 0
    while set(states := [*place.slurm.states(ids).values()]) != {"ended"}:
        most = max(most, states.count("running"))
        time.sleep(0.2)
    assert most == 2
    assert len({weights(run) for run in place.runs}) == 3
    return weights(place.runs[1])


def requeued(place: Place) -> str:
    """By the administrator; and a second front, asking for the same run before, changes nothing."""
    in_the_middle(place)
    assert place.submit() == [place.id]
    subprocess.run(["scontrol", "requeue", place.id], check=True)
    until(lambda: place.state() == "queued", "the job waits again")
    return weights(place.run)


def preempted(place: Place) -> str:
    """A job of a higher partition wants memory that only the end of this one gives."""
    in_the_middle(place)
    words = ["sbatch", "--parsable", "--partition=high", "--mem=70G", "--ntasks=1", "--output=/dev/null"]
    subprocess.run([*words, "--wrap=sleep 1"], check=True, stdout=subprocess.DEVNULL)
    return weights(place.run)


def killed(place: Place) -> str:
    in_the_middle(place)
    os.kill(place.run.state().pid, signal.SIGKILL)
    return weights(place.run)


def killed_at_once(place: Place) -> str:
    """Before the first step: the job stays away, and is submitted anew."""
    until(lambda: holder_of(place.run.path), "the worker holds the run")
    holder = holder_of(place.run.path)
    assert holder is not None
    os.kill(holder.pid, signal.SIGKILL)
    until(lambda: place.state() == "ended", "the job ends")
    assert "the job does not come back" in place.printed()
    assert place.run.state().step == 0
    place.submit()
    return weights(place.run)


def cancelled(place: Place) -> str:
    in_the_middle(place)
    first = place.id
    place.slurm.cancel([first])
    until(lambda: place.state() == "ended", "the job ends")
    assert place.run.state().stage == "stopped"
    time.sleep(2)
    assert place.state() == "ended"
    place.submit()
    assert place.id != first
    return weights(place.run)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Modules outside the harness that hold a method."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("unhurried", "fleeting"):
        (folder / f"{name}.py").write_text(METHOD)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def places(cluster: Cluster, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Place]:
    """Every case, submitted."""
    root, gpu = tmp_path_factory.mktemp("runs"), Profile(partition="gpu")
    made = {name: new_place(root / name, [1], gpu) for name in ("requeued", "killed", "cancelled", "killed_at_once")}
    made["code_gone"] = new_place(root / "code_gone", [1], gpu, method="fleeting:Unhurried")
    made["array"] = new_place(root / "array", [0, 1, 2], Profile(partition="gpu", throttle=2), method="cut")
    made["preempted"] = new_place(root / "preempted", [1], Profile(partition="spare"))
    for name, place in made.items():
        place.submit(Resources(cpus=1, mem_gb=70) if name == "preempted" else ONE)
    (elsewhere / "fleeting.py").unlink()
    return made


def code_gone(place: Place) -> str:
    """The module of the method is removed after the submission: the job has its own copy."""
    return weights(place.run)


UNDISTURBED = (array, code_gone)
DISTURBED = (requeued, preempted, killed, killed_at_once, cancelled)
CASES = {case.__name__: case for case in (*UNDISTURBED, *DISTURBED)}


@pytest.fixture(scope="module")
def outcomes(places: dict[str, Place]) -> Iterator[dict[str, Future[str]]]:
    """The weights that each case ended with, as far as it is."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {name: pool.submit(case, places[name]) for name, case in CASES.items()}


def test_array_with_throttle(places: dict[str, Place], outcomes: dict[str, Future[str]]) -> None:
    place = places["array"]
    outcomes["array"].result()
    ids = [read_job(run.path).id for run in place.runs]
    assert [id.partition("_")[2] for id in ids] == ["0", "1", "2"]
    assert len({id.partition("_")[0] for id in ids}) == 1
    said = subprocess.check_output(["scontrol", "show", "job", ids[0]], text=True)
    assert "ArrayTaskThrottle=2" in said
    assert [lives(run) for run in place.runs] == [1, 1, 1]


@pytest.mark.parametrize("case", [case.__name__ for case in DISTURBED])
def test_same_weights_to_the_bit(case: str, places: dict[str, Place], outcomes: dict[str, Future[str]]) -> None:
    assert outcomes[case].result() == outcomes["array"].result()
    log = places[case].run.log.read_text()
    assert ("continues at step" in log) == (case != "killed_at_once"), log


def test_code_is_that_of_the_submission(places: dict[str, Place], outcomes: dict[str, Future[str]]) -> None:
    assert outcomes["code_gone"].result() == outcomes["array"].result()
    session = places["code_gone"].run.provenance()["sessions"][0]
    assert len(session["git"]["sha256"]) == 64


def test_more_runs_than_an_array_may_have(cluster: Cluster, elsewhere: Path, tmp_path: Path) -> None:
    """Several arrays, which share the throttle; jobs that are held wait, and can be taken back."""
    place = new_place(tmp_path, [*range(2 * LONGEST_ARRAY - 1)], Profile(throttle=2, sbatch={"hold": True}))
    ids = place.submit()
    arrays = [id.partition("_")[0] for id in ids]
    assert [arrays.count(array) for array in dict.fromkeys(arrays)] == [LONGEST_ARRAY, LONGEST_ARRAY - 1]
    assert set(place.slurm.states(ids).values()) == {"queued"}
    assert "ArrayTaskThrottle=1" in subprocess.check_output(["scontrol", "show", "job", ids[0]], text=True)
    place.slurm.cancel(ids)
    assert set(place.slurm.states(ids).values()) == {"ended"}
    place.slurm.cancel(ids)


def test_front_that_died_before_it_wrote_the_ids(cluster: Cluster, elsewhere: Path, tmp_path: Path) -> None:
    """What the next one finds: a submission whose runs do not know of it."""
    place = new_place(tmp_path, [0, 1], Profile(sbatch={"hold": True}))
    ids = place.submit()
    for run in place.runs:
        write_job(run.path, Job())
    (folder,) = (path.parent for path in place.slurm.folder.glob("*/*_submission.sh"))
    write_json(folder / UNRECORDED, {"runs": [run.name for run in place.runs]})
    assert place.submit() == ids
    assert [read_job(run.path).id for run in place.runs] == ids
    assert not list(place.slurm.folder.glob(f"*/{UNRECORDED}"))
    place.slurm.cancel(ids)


def test_what_sbatch_refuses(cluster: Cluster, elsewhere: Path, tmp_path: Path) -> None:
    """Said in one line, and nothing is left behind."""
    place = new_place(tmp_path, [0], Profile(partition="gup"))
    with pytest.raises(UserError, match=r"sbatch refuses: .*invalid partition specified: gup") as caught:
        place.submit()
    assert "\n" not in str(caught.value)
    assert read_job(place.run.path).id == ""
    assert not list(place.slurm.folder.glob("*/*.pkl"))


def test_no_accounting(cluster: Cluster) -> None:
    """All the above is so on a cluster whose `sacct` knows nothing."""
    done = subprocess.run(["sacct"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "disabled" in done.stderr


def test_time_limit(cluster: Cluster, elsewhere: Path, tmp_path: Path) -> None:
    """SLURM's shortest limit, one minute, ends a run of more than a minute; the job comes back and finishes it."""
    place = new_place(tmp_path / "limited", [1], Profile(partition="gpu"), settings="pause=0.9")
    (id,) = place.submit(Resources(cpus=1, mem_gb=0.4, minutes=1))
    undisturbed = new_place(tmp_path / "undisturbed", [1], Profile(), method="cut").run
    subprocess.run([sys.executable, "-m", "harness", "work", str(undisturbed.path)], check=True, timeout=200)
    assert weights(place.run, seconds=300) == weights(undisturbed)
    assert place.id == id
    assert lives(place.run) > 1
    assert "the job is requeued" in place.printed()
    assert "stopped after step" in place.run.log.read_text()
