"""The training of one run: the loop, its schedule, its signals, its checkpoints."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from harness import checkpoint
from harness.catalogue import load
from harness.data.folders import Dataset
from harness.data.pipeline import TrainingPairs
from harness.errors import UserError
from harness.progress import Log, training_text
from harness.runs import NOT_FINITE, RunFolder, State
from harness.samples import save_samples
from harness.spec import RunSpec
from methods.interface import Batch, ImageShape, Losses, Method

if TYPE_CHECKING:
    from harness.tensorboard import Writer

CHECKPOINT_SECONDS = 120.0
"""the most training time that a kill can cost"""
STATE_SECONDS = 2.0
"""how old ``state.json`` may be"""
CHECKPOINTS, SAMPLES, LOSS_ROWS = 10, 10, 200
"""how many of each a run makes at least, at even distances"""


class Stopped(Exception):
    """A signal asked the run to stop; the state was saved."""


class Diverged(Exception):
    """A loss was not finite; the last good checkpoint stands."""


@dataclass(frozen=True)
class Schedule:
    """How the steps of a run map to the epochs of the method's own schedule.

    A run with another budget than the official one plays the official schedule faster or slower: the same
    share of it is spent in warm-up, at the full rate, in decay.
    """

    steps: int
    epochs: int
    """N1 + N2 of the method"""
    constant_epochs: int
    """N1: afterwards pictures are neither enlarged nor shifted any more"""

    def epoch(self, step: int) -> int:
        """The epoch, counted from 1, that the step after ``step`` finished ones belongs to."""
        return 1 + step * self.epochs // self.steps

    def zoom(self, step: int) -> bool:
        return self.epoch(step) <= self.constant_epochs


def build(spec: RunSpec, device: torch.device, training: bool = True) -> Method:
    """The method of a run, seeded, on ``device``; UserError for a configuration it refuses.

    Without ``training`` what only a step needs may be missing.
    """
    cls = load(spec.method)
    checkpoint.seed_everything(spec.seed)
    try:
        config = cls.Config(**spec.options)
        with device:
            shape = ImageShape(3, spec.size, spec.size)
            method = cls(config, shape) if training else cls.translator(config, shape)
    except (ValueError, FileNotFoundError) as error:
        raise UserError(f"{spec.label} at {spec.size} pixels: {error}") from None
    return method.to(memory_format=torch.channels_last)


def trained(run: RunFolder, device: torch.device, say: Callable[[str], None]) -> tuple[Method, int]:
    """The method of a run with the weights it has by now, for translating, and the step; UserError if it has none."""
    state = checkpoint.newest(run.checkpoints, say)
    if state is None:
        raise UserError(f"{run.name} has no checkpoint yet: it is {run.state().stage}. Train it with `harness run`")
    method = build(run.spec, device, training=False)
    return method, checkpoint.restore(method, state)


def schedule_of(spec: RunSpec, method: Method, steps_per_epoch: int) -> Schedule:
    config = method.schedule_config
    epochs = config.n_epochs + config.n_epochs_decay
    steps = spec.steps or (spec.epochs or epochs) * steps_per_epoch
    return Schedule(steps, epochs, config.n_epochs)


def precision_of(spec: RunSpec, device: torch.device) -> Callable[[], object]:
    """A context for each step. Weights are cast anew in each pass: a cast made without gradient (keys of
    FastCUT) must not be reused in a pass with gradient."""
    if spec.precision == "fp32":
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


def train(run: RunFolder, dataset: Dataset, device: torch.device, log: Log, writer: Writer | None = None) -> Method:
    """Train the run from where it is to its last step; returns the method.

    Raises Stopped after SIGINT or SIGTERM, Diverged where a loss is not finite, UserError for what the user
    can mend (no space left, a configuration the method refuses).
    """
    spec = run.spec
    pairs = TrainingPairs(dataset, spec.size, spec.batch_size, spec.seed, spec.load_size)
    method = build(spec, device)
    schedule = schedule_of(spec, method, pairs.steps_per_epoch)
    saved = checkpoint.newest(run.checkpoints, log.say)
    checkpoint.drop_old(run.checkpoints)  # where a kill kept them from being dropped
    step = checkpoint.restore(method, saved) if saved else 0
    known = run.state()
    state = replace(known, stage="running", step=step, steps=schedule.steps, message="")
    state = replace(state, seconds=known.seconds * step / known.step if known.step else 0.0)
    if step:
        log.say(f"continues at step {step} of {schedule.steps}")
    else:
        log.say(f"trains {schedule.steps} steps on {len(dataset.train_a)} + {len(dataset.train_b)} pictures")
    loop = Loop(run, spec, method, schedule, state, log, device, writer)
    try:
        if not step:
            method.prepare(loop.batch(pairs, k) for k in range(pairs.steps_per_epoch))
        with stop_signals() as stop:
            loop.go(pairs, dataset, stop)
    except ValueError as error:  # how a method refuses pictures it cannot be trained with
        raise UserError(f"{spec.label}: {error}") from error
    return method


class Loop:
    """The state of a running training."""

    def __init__(
        self,
        run: RunFolder,
        spec: RunSpec,
        method: Method,
        schedule: Schedule,
        state: State,
        log: Log,
        device: torch.device,
        writer: Writer | None,
    ) -> None:
        self.run, self.spec, self.method, self.schedule, self.log = run, spec, method, schedule, log
        self.state, self.device, self.writer = state, device, writer
        self.session_start, self.session_steps = time.monotonic(), 0
        self.seconds_before, self.saved_at = state.seconds, time.monotonic()
        self.stated_at = 0.0
        self.bad = torch.full((), -1, device=device)
        """first step with a loss that was not finite, -1 if none: looked at only where we wait anyway"""

    def go(self, pairs: TrainingPairs, dataset: Dataset, stop: Callable[[], bool]) -> None:
        schedule, autocast = self.schedule, precision_of(self.spec, self.device)
        step, epoch = self.state.step, -1
        loss_every, save_every, sample_every = (
            max(1, math.ceil(schedule.steps / n)) for n in (LOSS_ROWS, CHECKPOINTS, SAMPLES)
        )
        self.run.set_state(self.state)
        while step < schedule.steps:
            if schedule.epoch(step) != epoch:
                epoch = schedule.epoch(step)
                self.method.start_epoch(epoch)
            batch = self.batch(pairs, step)
            with autocast():  # type: ignore[attr-defined]
                losses = self.method.step(batch)
            step += 1
            self.session_steps += 1
            self.watch(losses, step)
            last = step == schedule.steps
            if last or step % loss_every == 0 or self.log.due() or self.state_due():
                self.report(losses, step, row=last or step % loss_every == 0)
            if last or step % sample_every == 0:
                path = save_samples(self.run.samples, self.method, dataset, self.spec.size, step, self.device)
                if self.writer:
                    self.writer.picture(path, step)
            halt = stop()
            if last or halt or step % save_every == 0 or time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                self.save(losses, step)
            if halt and not last:
                self.run.set_state(replace(self.state, stage="stopped", message="stopped by a signal"))
                self.log.say(f"stopped after step {step} of {schedule.steps}; the same command continues it")
                raise Stopped
        self.run.set_state(replace(self.state, stage="trained"))

    def state_due(self) -> bool:
        """Whether those who watch the run have waited long enough for news."""
        return time.monotonic() - self.stated_at > STATE_SECONDS

    def batch(self, pairs: TrainingPairs, step: int) -> Batch:
        """The pictures of the step after ``step`` finished ones, on the device."""
        a, b = pairs.batch(step, self.schedule.zoom(step))
        return Batch(*(x.to(self.device, memory_format=torch.channels_last) for x in (a, b)))

    def watch(self, losses: Losses, step: int) -> None:
        """Note, without waiting for the device, the first step whose losses are not all finite."""
        finite = torch.stack([value.float() for value in losses.values()]).isfinite().all()
        self.bad = torch.where(finite | (self.bad >= 0), self.bad, step)

    def check_finite(self) -> None:
        bad = int(self.bad)
        if bad >= 0:
            message = f"{NOT_FINITE} at step {bad}"
            self.run.set_state(replace(self.state, stage="failed", message=message))
            kept = checkpoint.checkpoints(self.run.checkpoints)
            where = f"the last good checkpoint is {kept[-1].name}" if kept else "no checkpoint had been written"
            self.log.say(f"{message}; {where}")
            raise Diverged(message)

    def report(self, losses: Losses, step: int, row: bool) -> None:
        """The progress line; with ``row`` also a row of the training curve."""
        self.run.check()
        values = {name: float(value) for name, value in losses.items()}  # waits for the device
        self.check_finite()
        now = time.monotonic()
        seconds = now - self.session_start
        self.state = replace(self.state, step=step, losses=values, seconds=self.seconds_before + seconds)
        if row:
            self.run.add_losses(step, values)
            if self.writer:
                self.writer.losses(values, step)
        if self.log.due() or step == self.schedule.steps:
            per_step = seconds / self.session_steps
            steps, left = self.schedule.steps, per_step * (self.schedule.steps - step)
            text = training_text(step, steps, self.spec.batch_size / per_step, left, values)
            self.log.progress(text, final=step == steps)
        if self.state_due() or step == self.schedule.steps:
            self.stated_at = now
            self.run.set_state(self.state)

    def save(self, losses: Losses, step: int) -> None:
        self.check_finite()
        self.saved_at = time.monotonic()
        seconds = self.seconds_before + self.saved_at - self.session_start
        self.state = replace(self.state, step=step, seconds=seconds)
        try:
            checkpoint.save(self.run.checkpoints, checkpoint.state_of(self.method, step), self.run.check)
            self.run.set_state(self.state)
        except OSError as error:
            raise UserError(
                f"cannot write a checkpoint to {self.run.checkpoints}: {error.strerror}. "
                "Earlier checkpoints are intact; make room and give the same command again"
            ) from None


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Within the block SIGINT and SIGTERM only set what the yielded function returns."""
    caught: list[int] = []
    handlers: Mapping[int, object] = {
        number: signal.signal(number, lambda n, _: caught.append(n)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
