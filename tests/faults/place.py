"""A small run, what it comes to when nobody disturbs it, and what must hold of one that was disturbed."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from harness.cli import main
from harness.contract_kills import make_pictures
from harness.faults import Fault, Worker, start
from harness.job import Job, write_job
from harness.planning import open_for, plan
from harness.runs import RunFolder, read_lines

STEPS, SIDE = 8, 32
SMALL = ("ngf=4", "ndf=4", "num_patches=16", "netF_nc=8")
COUNT = itertools.count()


class Lost(AssertionError):
    """Something that was finished is gone, was done twice, or came out otherwise."""


@dataclass
class Outcome:
    """What became of runs that a fault befell."""

    times: int = 0
    """how often it struck"""
    again: int = 0
    """the most steps that one blow made a run train again"""
    notes: list[str] = field(default_factory=list)
    """what the table says beside"""

    def struck(self, again: int = 0) -> None:
        self.times += 1
        self.again = max(self.again, again)


@dataclass
class Place:
    """A folder with pictures of noise, a run that nobody disturbed, and room for others."""

    root: Path
    seconds: float = 0.0
    """the undisturbed run took, in a process that had started already"""
    operations: int = 0
    """changes of its files"""
    tell: Callable[[str], None] = lambda text: None

    @property
    def undisturbed(self) -> RunFolder:
        return RunFolder(self.root / "undisturbed" / self.spec_name)

    @property
    def spec_name(self) -> str:
        (path,) = (self.root / "undisturbed").iterdir()
        return path.name

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def new(self, runs: Path | None = None, data: Path | None = None) -> RunFolder:
        """A run like the undisturbed one, in a folder of runs of its own."""
        dataset, where = open_for(str(data or self.root / "noise"), None)
        (spec,) = plan(["cut"], dataset, where, [3], SMALL, SIDE, None, steps=STEPS)
        run = RunFolder((runs or self.root / f"disturbed-{next(COUNT)}") / spec.name)
        run.create(spec)
        write_job(run.path, Job(metrics=("fd-random",), device="cpu"))
        return run

    def work(self, run: RunFolder, fault: Fault | None = None) -> Worker:
        """``harness work`` on a run, in a process of its own."""
        return self.start(["work", str(run.path)], run.path, fault)

    def start(self, words: list[str], folder: Path, fault: Fault | None = None) -> Worker:
        """A command line of the harness, in a process of its own."""
        output = self.root / f"output-{next(COUNT)}.txt"
        return start(main, [words], folder, output, fault, {"HARNESS_CACHE": str(self.cache)})

    def finish(self, run: RunFolder) -> str:
        """Work on a run to its end, which must be that of the undisturbed run; returns what was printed."""
        worker = self.work(run)
        code = worker.wait(300)
        text = clean(worker)
        if code != 0:
            raise Lost(f"a run that nobody disturbs any more ends with exit code {code}: {text}")
        self.verify(run)
        return text

    def verify(self, run: RunFolder) -> None:
        """A finished run: the same to the bit as the undisturbed one, nothing twice, nothing left behind."""
        one, other = self.undisturbed, run
        same("stage", one.state().stage, other.state().stage)
        same("weights", one.provenance()["weights_sha256"], other.provenance()["weights_sha256"])
        same("training curve", one.losses(), sorted(other.losses(), key=lambda row: row["step"]))
        same("scores", *([asdict(replace(row, time=0.0)) for row in run.rows()] for run in (one, other)))
        same("files", *(names(run) for run in (one, other)))
        for path in sorted(one.translations.iterdir()):
            same(path.name, path.read_bytes(), (other.translations / path.name).read_bytes())

    def remove(self, run: RunFolder) -> None:
        shutil.rmtree(run.path.parent)


def make_place(root: Path, tell: Callable[[str], None] = lambda text: None) -> Place:
    """A place whose undisturbed run is done."""
    import time

    place = Place(root, tell=tell)
    make_pictures(root / "noise", SIDE + 4)
    run = place.new(root / "undisturbed")
    for _ in range(2):  # the second time the pictures are in the cache
        shutil.rmtree(run.path)
        run = place.new(root / "undisturbed")
        begun = time.monotonic()
        worker = place.work(run)
        if worker.wait(300) != 0:
            raise Lost(worker.text())
        place.seconds = time.monotonic() - begun
        place.operations = worker.operations()
    return place


def clean(worker: Worker) -> str:
    """What a process printed; Lost if it shows a traceback."""
    text = worker.text()
    if "Traceback" in text or "Exception ignored" in text:
        raise Lost(f"a traceback:\n{text}")
    return text


def same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise Lost(f"{what}: expected {expected}, found {found}")


def names(run: RunFolder) -> list[str]:
    """The files of a run, but that of the lease, whose name counts starts."""
    found = (str(path.relative_to(run.path)) for path in run.path.rglob("*"))
    return sorted(name for name in found if not name.startswith("lease-"))


def reached(run: RunFolder) -> int:
    """The last step whose losses a run wrote down."""
    return max((int(row["step"]) for row in run.losses()), default=0)


def repeated(run: RunFolder) -> int:
    """How many steps a run trained more than once."""
    rows = list(read_lines(run.path / "losses.jsonl"))
    return len(rows) - len({row["step"] for row in rows})


def root_can_mount() -> bool:
    """Whether a small file system can be made here."""
    return os.geteuid() == 0 and shutil.which("mount") is not None
