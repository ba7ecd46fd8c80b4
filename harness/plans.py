"""A plan as a person reads it before anything starts. Imports no torch."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.data.facts import Facts
from harness.errors import UserError
from harness.estimates import Speeds, cache_bytes, run_bytes, size_text
from harness.footnotes import ranges
from harness.job import Job
from harness.jobs import stage_of
from harness.planning import Cell
from harness.progress import duration
from harness.spec import RunSpec
from harness.terminal import padded, wrapped

FEW = 200
"""runs that are shown one by one unless all are asked for"""
WORDS = ("new", "queued", "running", "stopped", "interrupted", "failed", "trained", "done", "changed")
"""states of cells, in the order they are counted in"""


@dataclass(frozen=True)
class Plan:
    """The runs that were asked for and how far they are."""

    runs: Path
    cells: Sequence[Cell]
    references: Sequence[Cell]
    """the rows identity and real of each dataset"""
    facts: Mapping[str, Facts]
    """by name of the dataset"""
    speeds: Speeds

    @property
    def unfinished(self) -> list[Cell]:
        """What is still to do, reference rows first."""
        return [cell for cell in [*self.references, *self.cells] if not cell.finished]

    @property
    def missing(self) -> list[Facts]:
        return [facts for facts in self.facts.values() if facts.missing]

    def not_scored(self, jobs: Mapping[str, Job]) -> str:
        """What is said of scores that were asked for after runs had been finished; "" where there are none."""
        lacking = [
            {*jobs[cell.spec.dataset].metrics} - {row.metric for row in cell.run.rows()}
            for cell in self.cells
            if cell.finished
        ]
        if not any(lacking):
            return ""
        count, names = sum(map(bool, lacking)), ",".join(sorted(set().union(*lacking)))
        return (
            f"note: {count} finished run{'s' * (count > 1)} without {names}: harness eval RUN --metrics {names} adds "
            "them, also to the runs of the rows identity and real"
        )

    def check(self) -> None:
        """UserError where a run cannot be continued, or where pictures are missing that are needed."""
        blocked = [cell for cell in [*self.references, *self.cells] if cell.blocked]
        if blocked:
            more = f" ({len(blocked)} such folders)" if len(blocked) > 1 else ""
            raise UserError(f"{blocked[0].blocked}{more}")
        needed = {cell.spec.dataset for cell in self.unfinished}
        missing = [facts for facts in self.missing if facts.name in needed]
        if len(missing) == 1:
            raise UserError(missing[0].missing)
        if missing:
            raise UserError(
                f"datasets {', '.join(facts.name for facts in missing)} are not here: expected folders "
                f"$HARNESS_DATA/NAME or ./datasets/NAME; harness datasets show NAME says how to get each"
            )

    def lines(self, every_run: bool = False) -> list[str]:
        """What is asked for, a line a run; where there are many, a line for all seeds of a configuration."""
        table = self.table(every_run or len(self.cells) <= FEW)
        return [*self.summary(), *self.needs(), "", *table, *self.absent()]

    def summary(self) -> list[str]:
        n = len(self.cells)
        methods = {cell.spec.method for cell in self.cells}
        configurations = {(cell.spec.label, cell.spec.dataset) for cell in self.cells}
        seeds = sorted({cell.spec.seed for cell in self.cells})
        axes = [
            counted(len(methods), "method"),
            counted(len(self.facts), "dataset"),
            f"seed{'s' if len(seeds) > 1 else ''} {ranges(seeds)}",
        ]
        if len(configurations) > len(methods) * len(self.facts):
            axes.insert(1, counted(len({cell.spec.label for cell in self.cells}), "configuration"))
        return [
            f"{counted(n, 'run')} in {self.runs}: {states(self.cells)}",
            f"{', '.join(axes)}; and {counted(len(self.references), 'reference row')} (identity, real): "
            f"{states(self.references)}",
        ]

    def table(self, every_run: bool) -> list[str]:
        groups = [[cell] for cell in self.cells] if every_run else self.configurations
        rows = [["run", "configuration", "seed", "budget", "time", "disk", "state"]]
        rows += [self.row(group, every_run) for group in groups]
        head, *texts = padded(rows)
        lines, before = [f"  {head}"], ""
        for group, text in zip(groups, texts, strict=True):
            if place(group[0].spec) != before:
                lines += ["", place(group[0].spec)] if before else [place(group[0].spec)]
                before = place(group[0].spec)
            lines.append(f"  {text}")
        return lines

    def row(self, group: Sequence[Cell], every_run: bool) -> list[str]:
        spec = group[0].spec
        speed, room = self.speeds.of(spec), run_bytes(spec, self.facts[spec.dataset])
        return [
            group[0].run.name if every_run else counted(len(group), "run"),
            spec.label,
            ranges(cell.spec.seed for cell in group),
            self.budget(spec),
            f"{'~' if speed.how == 'scaled' else ''}{duration(speed.seconds * self.steps(spec))}" if speed else "?",
            size_text(room) if room else "?",
            states(group, every_run),
        ]

    def needs(self) -> list[str]:
        """Time and disk of what is still to do."""
        todo = [cell for cell in self.cells if not cell.finished and not cell.blocked]
        if not todo:
            return []
        known = [(cell, speed) for cell in todo if (speed := self.speeds.of(cell.spec))]
        seconds = sum(speed.seconds * max(0, self.steps(cell.spec) - cell.state.step) for cell, speed in known)
        scaled = sum(speed.how == "scaled" for _, speed in known)
        unsaid = len(todo) - len(known)
        time = f"about {duration(seconds)} of training, one run after another" if known else "unknown"
        notes = [f"scaled (~) by arithmetic from other runs for {scaled:,}"] if scaled else []
        notes += [f"unknown for {unsaid:,} that no run on this machine is like"] if unsaid and known else []
        notes += ["no run was trained on this machine that these could be compared with"] if not known else []
        device = ", ".join(sorted(self.speeds.devices))
        notes += [f"as measured here on {device}"] if known else []
        room = sum(run_bytes(cell.spec, self.facts[cell.spec.dataset]) or 0.0 for cell in todo)
        cache = size_text(cache_bytes((cell.spec for cell in todo), self.facts))
        runs = self.runs.absolute()
        free = shutil.disk_usage(next(path for path in (runs, *runs.parents) if path.exists())).free
        short = f" (where only {size_text(free)} are free)" if room > free else ""
        return [
            f"time: {time} ({'; '.join(notes)})",
            f"disk: about {size_text(room)} in {self.runs}{short}, and {cache} of decoded pictures in the cache",
        ]

    @cached_property
    def configurations(self) -> list[list[Cell]]:
        """The cells by what differs in the seed alone."""
        groups: dict[tuple[object, ...], list[Cell]] = {}
        for cell in self.cells:
            spec = cell.spec
            key = (spec.label, spec.dataset, spec.direction, spec.size, spec.load_size, spec.batch_size)
            groups.setdefault((*key, spec.epochs, spec.steps, spec.precision), []).append(cell)
        return list(groups.values())

    def steps(self, spec: RunSpec) -> int:
        """Training steps of a run; 0 where they are not known."""
        epochs = spec.epochs or own_epochs(spec)
        return spec.steps or epochs * self.facts[spec.dataset].steps_per_epoch(spec.batch_size)

    def budget(self, spec: RunSpec) -> str:
        steps = f"{self.steps(spec):,} steps"
        return steps if spec.steps else f"{counted(spec.epochs or own_epochs(spec), 'epoch')}, {steps}"

    def absent(self) -> list[str]:
        """The datasets that are not here and how to get them."""
        if not self.missing:
            return []
        lines = ["", f"{counted(len(self.missing), 'dataset')} missing:"]
        return lines + [wrapped(facts.missing, "  ", "    ") for facts in self.missing]


def place(spec: RunSpec) -> str:
    """Where a run stands in the plan."""
    return f"{spec.dataset} {spec.direction} {spec.size}x{spec.size}"


def own_epochs(spec: RunSpec) -> int:
    """Epochs of the method's own schedule."""
    return int(spec.options.get("n_epochs", 0)) + int(spec.options.get("n_epochs_decay", 0))  # type: ignore[arg-type]


def word(cell: Cell) -> str:
    """The state of a cell as the plan calls it."""
    return "changed" if cell.blocked else "done" if cell.finished else stage_of(cell.state, cell.waits)


def states(cells: Iterable[Cell], single: bool = False) -> str:
    """``3 new, 1 done``; of a single cell how far it is: ``stopped 120/400``."""
    cells = list(cells)
    if single:
        state = cells[0].state
        if cells[0].blocked:
            pictures = [f"pictures in {', '.join(cells[0].other_pictures)}"] if cells[0].other_pictures else []
            return f"changed: {'; '.join([*cells[0].changed, *pictures])}"
        return word(cells[0]) + (f" {state.step}/{state.steps}" if state.step and not cells[0].finished else "")
    found = Counter(word(cell) for cell in cells)
    return ", ".join(f"{found[name]} {name}" for name in WORDS if found[name])


def counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' if n != 1 else ''}"
