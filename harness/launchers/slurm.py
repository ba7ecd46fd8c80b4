"""Runs as jobs of SLURM: arrays made by submitit, states from `squeue`. Imports no torch.

States never come from `sacct`: the controller knows every job that waits or runs, a job it does not know has ended,
and how the run fared stands in its folder. So nothing depends on a cluster's accounting.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.job import read_job, write_job
from harness.launchers import JobState, Resources, Settings
from harness.launchers.profile import Profile, read_profile
from harness.launchers.snapshot import take
from harness.lease import lease
from harness.runs import RunFolder, read_json, write_json

FOLDER = ".slurm"
"""below the folder of all runs: copies of the code, submission files, what jobs print"""
UNRECORDED = "unrecorded.json"
"""in the folder of a submission: the runs whose folders do not hold their ids yet"""
LEAD_SECONDS = 120
"""how long before the time limit a run is asked to stop and save, at least; less for limits under 20 minutes"""
WAIT_SECONDS, LOOK_SECONDS = 60.0, 0.5
"""how long a front waits for another that is submitting, and how often it looks"""
QUEUED = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
RUNNING = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"}


class Slurm:
    """The jobs of one folder of runs on the cluster of this machine."""

    name = "slurm"
    poll_seconds = 5.0

    def __init__(self, runs: Path, profile: Profile | None = None) -> None:
        self.folder = runs.resolve() / FOLDER
        self.given = profile

    @classmethod
    def of(cls, runs: Path, settings: Settings) -> Slurm:
        """As asked for on the command line."""
        return cls(runs, None if settings.profile is None else read_profile(settings.profile))

    @cached_property
    def profile(self) -> Profile:
        """The one that was given, else the default one: read only where it is needed, to submit."""
        return self.given or read_profile()

    def submit(self, folders: Sequence[Path], resources: Resources) -> list[str]:
        """Submit one array, or as many as the cluster's longest allows; prints the id of each.

        Code and configuration are those of this moment: the job runs a copy of the sources and reads ``spec.json``.
        """
        need("sbatch", "srun", "squeue", "scontrol")
        folders = [folder.resolve() for folder in folders]
        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder):
            for place in self.folder.glob(f"*/{UNRECORDED}"):
                self.record(place.parent)
            taken = self.waiting(folders)
            left = [folder for folder in folders if folder not in taken]
            if left:
                taken |= self.submit_new(left, self.profile.resources(resources))
        return [taken[folder] for folder in folders]

    def submit_new(self, folders: Sequence[Path], resources: Resources) -> dict[Path, str]:
        """Submit runs that have no job; returns the id of each."""
        specs = [RunFolder(folder).spec for folder in folders]
        code = take(self.folder, {spec.method for spec in specs if not spec.is_reference})
        longest = longest_array() if len(folders) > 1 else 1
        parts = [folders[i : i + longest] for i in range(0, len(folders), longest)]
        ids: dict[Path, str] = {}
        for part in parts:
            ids |= self.submit_array(part, code, resources, len(parts))
        return ids

    def waiting(self, folders: Sequence[Path]) -> dict[Path, str]:
        """The job of each folder that has one waiting or running."""
        jobs = {folder: read_job(folder) for folder in folders}
        ids = {folder: job.id for folder, job in jobs.items() if job.launcher == self.name and job.id}
        states = self.states(list(ids.values()))
        if "unknown" in states.values():
            raise UserError("squeue does not answer, so it is not known which runs have a job; try again later")
        return {folder: id for folder, id in ids.items() if states[id] != "ended"}

    def submit_array(self, folders: Sequence[Path], code: Path, resources: Resources, arrays: int) -> dict[Path, str]:
        """Submit one array that may use its share of the throttle, one of ``arrays``; returns the id of each run."""
        import submitit

        from harness.launchers import slurm_job

        throttle = max(1, (self.profile.throttle or len(folders) * arrays) // arrays)
        place = self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        place.mkdir()
        write_json(place / UNRECORDED, {"runs": [folder.name for folder in folders]})
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), outside_a_job():
                executor = submitit.SlurmExecutor(place, python=self.profile.python or None)
                executor.update_parameters(**self.parameters(resources, code), array_parallelism=throttle)
                executor.map_array(slurm_job.work, [str(folder) for folder in folders])
        except submitit.core.utils.FailedJobError:
            shutil.rmtree(place)
            raise UserError(f"sbatch refuses: {refusal(said.getvalue())} (profile: docs/clusters.md)") from None
        ids = self.record(place)
        told = f", at most {throttle} at once" if throttle < len(ids) else ""
        array = next(iter(ids.values())).partition("_")[0]
        print(f"slurm job {array}: {len(ids)} run{'s' if len(ids) != 1 else ''}{told}", flush=True)
        return ids

    def record(self, place: Path) -> dict[Path, str]:
        """Write the ids of a submission into its run folders; the next front does it for one that died before."""
        names = (read_json(place / UNRECORDED) or {}).get("runs", [])
        ids: dict[Path, str] = {}
        for file in place.glob("*_submission.sh"):  # none where nothing was submitted
            array = file.name.partition("_")[0]
            for index, name in enumerate(names):
                folder = self.folder.parent / name
                ids[folder] = f"{array}_{index}" if len(names) > 1 else array
                if folder.exists():
                    write_job(folder, replace(read_job(folder), launcher=self.name, id=ids[folder]))
        (place / UNRECORDED).unlink()
        return ids

    def parameters(self, resources: Resources, code: Path) -> dict[str, Any]:
        """What submitit has to be told. A step hears of preemption and of the end of its time by SIGTERM."""
        profile, minutes = self.profile, resources.minutes or self.profile.minutes
        lead = min(LEAD_SECONDS, 60 * minutes // 10)
        given = {
            "job_name": "harness",
            "time": minutes,
            "partition": profile.partition,
            "account": profile.account,
            "qos": profile.qos,
            "constraint": profile.constraint,
            "gres": profile.gres,
            "cpus_per_task": resources.cpus,
            "gpus_per_node": resources.gpus,
            "mem": resources.mem_gb and f"{round(resources.mem_gb * 1024)}M",
        }
        own = {name: value for name, value in sorted(os.environ.items()) if name.startswith("HARNESS_")}
        return {name: value for name, value in given.items() if value} | {
            "use_srun": False,
            "stderr_to_stdout": True,
            "setup": [
                *(f"export {name}={shlex.quote(value)}" for name, value in own.items()),
                *profile.setup,
                f"cd {shlex.quote(str(code))}",
            ],
            "additional_parameters": {"requeue": True, "signal": f"TERM@{lead}", **profile.sbatch},
        }

    def states(self, ids: Sequence[str]) -> Mapping[str, JobState]:
        """The state of each job by the controller's word: one it does not know has ended."""
        if not ids:
            return {}
        arrays = ",".join(sorted({id.partition("_")[0] for id in ids}))
        words = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={arrays}", "--format=%i %T"]
        try:
            done = subprocess.run(words, capture_output=True, text=True)
        except OSError:
            return dict.fromkeys(ids, "unknown")
        if done.returncode and "Invalid job id" not in done.stderr:  # which it says of one that it has forgotten
            return dict.fromkeys(ids, "unknown")
        found = dict(line.split() for line in done.stdout.splitlines())
        return {id: state_of(found.get(id, "")) for id in ids}

    def cancel(self, ids: Sequence[str]) -> None:
        """`scancel`: SIGTERM, which runs answer by saving after their current step, then SIGKILL after KillWait."""
        need("scancel")
        if not ids:
            return
        done = subprocess.run(["scancel", "--quiet", *ids], capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"scancel refuses: {refusal(done.stderr)}")

    def tend(self) -> None:
        """Nothing to do: what died, SLURM knows."""

    def logs(self, id: str) -> Path | None:
        return next(iter(self.folder.glob(f"*/{id}_0_log.out")), None)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only front that submits: a second one waits here, and then finds the jobs of the first."""
    with contextlib.ExitStack() as stack:
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            with contextlib.suppress(UserError):
                stack.enter_context(lease(folder))
                break
            time.sleep(LOOK_SECONDS)
        else:
            stack.enter_context(lease(folder))
        yield


def state_of(word: str) -> JobState:
    return "queued" if word in QUEUED else "running" if word in RUNNING else "ended"


def need(*programs: str) -> None:
    """UserError unless all of ``programs`` can be started."""
    if missing := [name for name in programs if shutil.which(name) is None]:
        raise UserError(f"{missing[0]} is not on this machine; give the command on a login node of a SLURM cluster")


def longest_array() -> int:
    """How many tasks an array may have on this cluster."""
    done = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True)
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.stdout, flags=re.M)
    if found is None:
        raise UserError(f"scontrol show config: {refusal(done.stderr)}")
    return max(1, int(found[1]))


def refusal(text: str) -> str:
    """What a program of SLURM said, in one line without its name."""
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line) for line in text.splitlines() if line.strip()]
    return "; ".join(lines) or "no reason given"


@contextlib.contextmanager
def outside_a_job() -> Iterator[None]:
    """Hide what an interactive job sets, which the new job would inherit; where the cluster is stays known."""
    hidden = {name: os.environ[name] for name in os.environ if re.match(r"(SLURM|SRUN)_(?!CONF$)", name)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
