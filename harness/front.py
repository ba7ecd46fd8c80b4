"""The front of a grid: hands runs to a launcher, follows them to their end, and can go away. Imports no torch."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from harness.interrupts import sigterm_interrupts
from harness.job import Job, read_job, write_job
from harness.jobs import job_states
from harness.launchers import JobState, Launcher, Resources
from harness.progress import duration, training_text
from harness.runs import RunFolder, State

LOOK_SECONDS, TEND_SECONDS = 0.5, 5.0
"""how often the front looks at logs and states of runs, and after the launcher"""
STAMPED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (.*)")
PROGRESS = re.compile(r"\w+ \d+/\d+")
SHOWN = 4
"""runs at work that the status line names"""


class Front:
    """Some runs, and the launcher that is to bring them to their end."""

    def __init__(self, runs: Path, launcher: Launcher, wanted: Mapping[RunFolder, Job], resources: Resources) -> None:
        self.runs, self.launcher, self.resources = runs, launcher, resources
        self.open = {run.name: run for run in wanted}
        self.jobs = {run.name: job for run, job in wanted.items()}
        """how each is to be worked on; of runs that were handed over before, how that is done"""
        self.total = len(self.open)
        self.mine: list[str] = []
        """runs that this front submitted, not those that were worked on already"""
        self.ended: dict[str, State] = {}
        self.working: dict[str, State] = {}
        self.read_to = {run.name: size_of(run.log) for run in wanted}
        self.asked_at = self.told_at = 0.0
        self.tended_at = time.monotonic()
        self.states: dict[str, JobState] = {}
        self.told = ""
        self.terminal = sys.stdout.isatty()

    def submit(self) -> None:
        """Hand over the runs on which nobody works and that wait nowhere."""
        before = {name: read_job(run.path) for name, run in self.open.items()}
        states = job_states(self.runs, before)
        for name, run in self.open.items():
            if states[name] in ("ended", "unknown") and not run.is_held and run.state().stage != "finished":
                # An id of this launcher stays until it gives another: should it know better, it takes nothing twice.
                now = read_job(run.path)
                if now.launcher == self.launcher.name:
                    self.jobs[name] = replace(self.jobs[name], launcher=now.launcher, id=now.id)
                write_job(run.path, self.jobs[name])
                self.mine.append(name)
        self.launcher.submit([self.open[name].path for name in self.mine], self.resources)
        self.jobs = {name: read_job(run.path) for name, run in self.open.items()}

    def follow(self) -> dict[str, State]:
        """Submit, and tell what happens until every run has ended; returns how each of them did.

        KeyboardInterrupt after Ctrl-C or SIGTERM, when what this front submitted has been stopped.
        """
        with sigterm_interrupts():
            try:
                self.submit()
                self.wait_for(self.open)
            except KeyboardInterrupt:
                self.stop()
                raise
        return self.ended

    def stop(self) -> None:
        """Take back what waits, ask what runs to stop after its current step, and wait for that."""
        self.jobs = {name: read_job(run.path) for name, run in self.open.items()}
        mine = [name for name in self.mine if name in self.open and self.jobs[name].id]  # it may not have come far
        self.clear_line()
        print("stops what it started after the current step; Ctrl-C again does not wait for that", flush=True)
        self.launcher.cancel([self.jobs[name].id for name in mine])
        self.wait_for(mine)
        print("the same command continues what is unfinished", flush=True)

    def wait_for(self, names: Iterable[str]) -> None:
        wanted = set(names)
        while wanted & self.open.keys():
            self.look()
            self.tell()
            time.sleep(LOOK_SECONDS)
        self.clear_line()

    def look(self) -> None:
        """Learn how the open runs are, and print what their logs say."""
        now = time.monotonic()
        if now - self.tended_at > TEND_SECONDS:
            self.tended_at = now
            self.launcher.tend()
        if now - self.asked_at >= self.launcher.poll_seconds:
            self.asked_at = now
            self.states = job_states(self.runs, {name: self.jobs[name] for name in self.open})
        self.working = {}
        for name, run in list(self.open.items()):
            if self.states[name] == "queued":
                continue
            self.print_news(run)
            if self.states[name] != "ended" or run.is_held:
                self.working[name] = run.state()
            else:
                self.end(run)

    def end(self, run: RunFolder) -> None:
        """A run on which nobody works any more and that waits nowhere."""
        state = run.state()
        self.ended[run.name] = state
        del self.open[run.name]
        if state.stage == "failed":
            self.print_line(f"{run.name}  failed: {state.message}", error=True)

    def print_news(self, run: RunFolder) -> None:
        """What was added to the log of a run, but for progress."""
        try:
            with run.log.open("rb") as file:
                file.seek(self.read_to[run.name])
                new = file.read()
        except FileNotFoundError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self.read_to[run.name] += len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            match = STAMPED.fullmatch(line)
            if match and not PROGRESS.match(match[1]) and not match[1].startswith(("Traceback", "error: ")):
                self.print_line(f"{run.name}  {match[1]}")

    def tell(self) -> None:
        """The line of progress: rewritten in a terminal, elsewhere printed every ten seconds if it changed."""
        now = time.monotonic()
        if not self.open or now - self.told_at < (1 if self.terminal else 10):
            return
        self.told_at = now
        line = self.line()
        if self.terminal:
            print(f"\r{line[: shutil.get_terminal_size().columns - 1]}\x1b[K", end="", flush=True)
        elif line != self.told:
            print(line, flush=True)
        self.told = line

    def line(self) -> str:
        """How far everything is."""
        at_work = list(self.working.items())
        if self.total == 1:
            return f"{at_work[0][0]}  {self.in_full(*at_work[0])}" if at_work else "waits for its turn"
        counts = Counter[str](state.stage for state in self.ended.values())
        counts |= {"running": len(at_work), "waiting": len(self.open) - len(at_work)}
        counted = ", ".join(f"{count} {stage}" for stage, count in counts.items() if count)
        alone = len(at_work) == 1
        named = "   ".join(
            f"{name} {self.in_full(name, state) if alone else far(state)}" for name, state in at_work[:SHOWN]
        )
        left = 0.0 if alone and len(self.open) == 1 else self.seconds_left()  # which is what the run says itself
        parts = [f"{self.total} runs: {counted}", named, f"{duration(left)} left in all" if left else ""]
        return "   ".join(part for part in parts if part)

    def in_full(self, run: str, state: State) -> str:
        """How far a run is, with its speed, time and losses."""
        if not state.step or state.stage != "running":
            return far(state)
        speed = self.open[run].spec.batch_size * state.step / state.seconds if state.seconds else 0.0
        return training_text(state.step, state.steps, speed, state.seconds_left, state.losses or {})

    def seconds_left(self) -> float:
        """Estimated time until all runs have ended; 0 where nothing is known yet."""
        known = [state for state in [*self.working.values(), *self.ended.values()] if state.step]
        if not known or not self.working:
            return 0.0
        each = sum(state.seconds + state.seconds_left for state in known) / len(known)
        waiting = len(self.open) - len(self.working)
        return (sum(state.seconds_left for state in self.working.values()) + waiting * each) / len(self.working)

    def print_line(self, text: str, error: bool = False) -> None:
        self.clear_line()
        print(text, file=sys.stderr if error else sys.stdout, flush=True)

    def clear_line(self) -> None:
        if self.terminal and self.told:
            print("\r\x1b[K", end="", flush=True)
            self.told_at = 0.0


def far(state: State) -> str:
    """How far a run at work is."""
    if state.stage in ("trained", "finished"):
        return "is scored"
    if state.stage != "running" or not state.steps:
        return "starts"
    return f"{100 * state.step // state.steps}%"


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
