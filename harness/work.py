"""One run from beginning to end: train, translate, score. What every launcher starts: ``harness work FOLDER``."""

from __future__ import annotations

import ctypes
import errno
import sys
import time
import traceback
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.errors import EvaluationError
from harness.data.cache import read_check
from harness.data.folders import Dataset, Split, open_dataset
from harness.errors import UserError
from harness.interrupts import STOPPED
from harness.job import Job
from harness.lease import LeaseLost, lease
from harness.progress import Log, duration
from harness.runs import RunFolder, State

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEEP_BYTES = 2**31 - 1
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE}
"""what a file system answers that is full, locked or gone"""


def keep_memory() -> None:
    """Tell glibc to keep freed memory instead of returning each large block to the system.

    Feature maps above 32 MiB otherwise cost page faults in every operation. To be called before the first
    tensor; other C libraries have no such call and are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, KEEP_BYTES)


def device_of(name: str) -> torch.device:
    """``auto`` is the first GPU if there is one, else the CPU; UserError for a device this machine lacks."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UserError(f"device {name!r} is not available on this machine; expected cpu, cuda or cuda:N") from None
    return device


def work(path: Path, job: Job) -> int:
    """Bring the run in ``path`` to its end, as ``job`` asks.

    Returns the exit code: 0 finished, 1 failed or taken over, 130 stopped.

    Raises UserError for what the user can mend; the run keeps its last good checkpoint and says so in its log.
    """
    spec = RunFolder(path).spec
    with lease(path, job.id) as held:
        run = RunFolder(path, held.check)
        if run.state().stage == "finished":
            print(f"{run.name}  already finished")
            return 0
        log = Log(run.log, run.name)
        try:
            run.sweep()
            return finish(run, log, device_of(job.device), job)
        except LeaseLost as error:  # the other process writes from here on
            print(error, file=sys.stderr)
            return 1
        except Exception as error:
            message = mendable(run, error)
            if message:
                fail(run, message)
                log.write(f"error: {message}")
                raise UserError(f"{spec.label} seed {spec.seed}: {message}") from None
            fail(run, f"{type(error).__name__}: {error}")
            log.say(f"failed: {type(error).__name__}: {error} (see {run.log})")
            log.write(traceback.format_exc())
            raise


def mendable(run: RunFolder, error: Exception) -> str:
    """What the user is told of an error that the user can mend; "" for any other."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return (
            f"cannot write to {error.filename or run.path}: {error.strerror}. What was written before is intact; "
            "mend that and give the same command again"
        )
    return str(error) if isinstance(error, UserError | EvaluationError) else ""


def fail(run: RunFolder, message: str) -> None:
    try:
        run.set_state(replace(run.state(), stage="failed", message=message))
    except (OSError, LeaseLost):  # no space left, or not ours any more: the message on the terminal has to do
        return


def finish(run: RunFolder, log: Log, device: torch.device, job: Job) -> int:
    """Everything that is still to do, each part repeatable."""
    from harness import scoring
    from harness.checkpoint import weights_sha256
    from harness.provenance import record, record_session
    from harness.tensorboard import Writer
    from harness.training import Diverged, Stopped, train, trained

    spec = run.spec
    dataset = dataset_of(run)
    fingerprints = {
        str(split): digest
        for split, digest in read_check(dataset, spec.size, spec.load_size, fine_tuning=spec.is_trained).items()
    }
    check_same_data(run, dataset, fingerprints)
    record_session(run, str(device), fingerprints)
    record(run, pictures={split: len(paths) for split, paths in dataset.splits.items()})

    def tell(what: str, done: int, total: int) -> None:
        log.progress(f"{what} {done}/{total}")

    if spec.is_reference:
        run.set_state(State(stage="running"))
        step = 0
        scoring.write_reference(run, dataset)
    elif spec.imported:
        run.set_state(replace(run.state(), stage="running"))
        method, step = trained(run, device, log.say)
        scoring.write_translations(run, dataset, method, device, tell)
    else:
        writer = Writer(run.path / "tensorboard") if job.tensorboard else None
        try:
            method = train(run, dataset, device, log, writer)
        except Stopped:
            return STOPPED
        except Diverged:
            return 1
        record(run, weights_sha256=weights_sha256(method), parameters=sum(p.numel() for p in method.parameters()))
        step = run.state().steps
        scoring.write_translations(run, dataset, method, device, tell)
    start = time.monotonic()
    rows = scoring.score_run(run, dataset, step, job, device, tell)
    run.set_state(replace(run.state(), stage="finished", message=""))
    values = "  ".join(f"{row.metric} {row.value:.4g}" for row in rows)
    log.say(f"finished: {values}  (scored in {duration(time.monotonic() - start)})")
    return 0


def check_same_data(run: RunFolder, dataset: Dataset, fingerprints: dict[str, str]) -> None:
    """Refuse to continue on other pictures than the run began with."""
    before = run.provenance().get("data", {})
    changed = [split for split in dataset.splits if before.get(split, fingerprints[split]) != fingerprints[split]]
    if changed:
        differences = "; ".join(difference(run, dataset, split, fingerprints[split]) for split in changed)
        raise UserError(
            f"the pictures of {run.spec.data} are not those this run began with: {differences}. "
            "Restore them, or start anew with another --runs folder"
        )


def difference(run: RunFolder, dataset: Dataset, split: Split, fingerprint: str) -> str:
    """How the pictures of a split differ from those a run began with, as far as its provenance and the times of the
    files tell."""
    known, paths = run.provenance(), dataset.splits[split]
    begun = datetime.strptime(known["sessions"][0]["started"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
    later = [path.name for path in paths if path.stat().st_mtime > begun]
    named = f", changed since: {', '.join(later[:3])}{' and more' if len(later) > 3 else ''}" if later else ""
    count = known.get("pictures", {}).get(split, "?")
    return f"{split} {count} -> {len(paths)} pictures, digest {known['data'][split][:8]} -> {fingerprint[:8]}{named}"


def dataset_of(run: RunFolder) -> Dataset:
    """The dataset of a run."""
    return open_dataset(run.spec.data, run.spec.direction)
