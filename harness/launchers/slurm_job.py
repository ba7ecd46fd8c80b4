"""What a SLURM job does: start ``harness work`` as a step, and see to it that the job comes back when it was cut short.

It runs in the batch step, which SLURM signals only to end the whole job; preemption and the warning ahead of a time
limit reach the step, as SIGTERM, and there ``harness work`` stops after its current step of training. This file is
the only thing of the harness that submitit's pickle names; it imports no torch.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.job import read_job, write_job
from harness.runs import RunFolder

ENDED_BY_ITSELF = (0, 1, 2)
"""exit codes of ``harness work`` that coming back would not change: finished, failed, a mistake of the user's"""


def work(folder: str) -> None:
    """Work on the run in ``folder`` within a job of SLURM; leaves with the exit code of ``harness work``."""
    run = RunFolder(Path(folder))
    # Known to whoever looks from now on, also where the front died before it could write it down.
    write_job(run.path, replace(read_job(run.path), launcher="slurm", id=own_id(os.environ)))
    before = run.state().step
    code = subprocess.call(command(run.path, os.environ), cwd=os.environ["SLURM_SUBMIT_DIR"], env=environment())
    if code not in ENDED_BY_ITSELF:
        come_back(run, before)
    sys.exit(code)


def own_id(environ: Mapping[str, str]) -> str:
    """The name that `squeue` and the front have for this job."""
    if "SLURM_ARRAY_JOB_ID" in environ:
        return f"{environ['SLURM_ARRAY_JOB_ID']}_{environ['SLURM_ARRAY_TASK_ID']}"
    return environ["SLURM_JOB_ID"]


def command(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """The step: ``harness work FOLDER`` with the code that lies beside this file."""
    code = Path(__file__).resolve().parents[2]
    cpus = environ.get("SLURM_CPUS_PER_TASK")
    # A step does not get the CPUs of its job unless they are asked for once more.
    words = ["srun", "--ntasks=1", *([f"--cpus-per-task={cpus}"] if cpus else [])]
    return [*words, sys.executable, "-u", str(code), "work", str(folder)]


def environment() -> dict[str, str]:
    """That of the job, with one thread a CPU asked for: clusters that do not bind processes show all CPUs of a node."""
    cpus = os.environ.get("SLURM_CPUS_PER_TASK")
    return {**os.environ, **({"OMP_NUM_THREADS": cpus} if cpus else {})}


def come_back(run: RunFolder, before: int) -> None:
    """Requeue this job, unless SLURM is ending it already or it would run into the same end again.

    A job that nobody preempted comes back only if it got further than step ``before``. So neither a time limit that
    is too short for a single step nor a lack of memory makes it come back for ever.
    """
    job = job_facts(os.environ["SLURM_JOB_ID"])
    if job.get("JobState") != "RUNNING":  # cancelled, or requeued by somebody else
        return
    step = run.state().step
    if job.get("PreemptTime", "None") == "None" and step <= before:
        print(f"{run.name}  was ended at step {step}, where it had begun; the job does not come back", flush=True)
        return
    print(f"{run.name}  was interrupted at step {step}; the job is requeued and will continue", flush=True)
    done = subprocess.run(["scontrol", "requeue", os.environ["SLURM_JOB_ID"]], capture_output=True, text=True)
    if done.returncode:
        print(f"scontrol requeue: {done.stderr.strip()}; the command that made the run continues it", flush=True)


def job_facts(id: str) -> dict[str, str]:
    """What the controller knows of a job, by the names of `scontrol show job`; empty where it does not answer."""
    done = subprocess.run(["scontrol", "show", "job", "--oneliner", id], capture_output=True, text=True)
    pairs = (word.partition("=") for word in done.stdout.split())
    return {name: value for name, _, value in pairs}
