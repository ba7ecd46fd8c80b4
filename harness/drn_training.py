"""Train a network that segments street photos: checks, the loop with its checkpoints, the scores it ends with."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

import evaluation
from evaluation.cache import write_atomically
from evaluation.drn_training import Pair, Recipe, Training, check_pairs
from evaluation.weights import tensor_digest
from harness import checkpoint
from harness.data.folders import Dataset
from harness.data.label_maps import label_maps, training_pairs
from harness.drn import Network, digest_of_pairs, kept_networks, networks_folder
from harness.errors import UserError
from harness.lease import lease
from harness.progress import Log, duration
from harness.runs import write_json
from harness.scoring import counterparts
from harness.training import CHECKPOINT_SECONDS, CHECKPOINTS, Diverged, Stopped, stop_signals

SMALL_SET = 1000
"""photos; a smaller set has the budget below unless another is asked for, a larger one the published budget"""
SMALL_STEPS, SMALL_BATCH = 450, 2
EPOCHS, BATCH = 250, 32
SCORES = ("miou", "pixacc", "classacc")


def recipe_for(
    count: int, size: tuple[int, int], steps: int, epochs: int, batch_size: int, lr: float, seed: int
) -> Recipe:
    """The recipe for ``count`` photos; 0 of steps, epochs and batch size stands for the default."""
    if steps and epochs:
        raise UserError(f"both --epochs {epochs} and --steps {steps} were given; give one budget")
    batch = batch_size or (SMALL_BATCH if count < SMALL_SET else BATCH)
    if not steps:
        per_epoch = max(1, count // batch)
        steps = epochs * per_epoch if epochs else SMALL_STEPS if count < SMALL_SET else EPOCHS * per_epoch
    return Recipe(size=size, steps=steps, batch_size=batch, lr=lr, seed=seed)


def words(recipe: Recipe) -> str:
    """The recipe in a line."""
    width, height = recipe.size
    return (
        f"{recipe.steps} steps of {recipe.batch_size} at {width}x{height}, crop {recipe.crop}, lr {recipe.lr:g} / 10 "
        f"twice, seed {recipe.seed}"
    )


def train_network(dataset: Dataset, recipe: Recipe, device: torch.device) -> Network:
    """Train a network on the training photos of a dataset, or continue, and keep it; if it is there already, nothing.

    Raises:
        UserError, EvaluationError: what the user can mend.
        Stopped: after SIGINT or SIGTERM; the state was saved.
        Diverged: a loss was not finite.
    """
    pairs = training_pairs(dataset)
    label_maps(dataset)  # of the test photos, which the network is scored on at the end
    pictures = digest_of_pairs(pairs)
    identity = json.dumps([pictures, asdict(recipe)])
    known = [n for n in kept_networks() if (n.pictures, n.recipe) == (pictures, words(recipe))]
    if known:
        return known[0]
    folder = networks_folder() / f"training-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}. Set HARNESS_CACHE to a folder with room") from None
    with lease(folder) as held:
        log = Log(folder / "log.txt", f"drn {dataset.name}")
        log.say(f"trains DRN-D-22 on {len(pairs)} photos: {words(recipe)}")
        log.say(f"works in {folder}; Ctrl-C stops it, the same command continues")
        training = Loop(pairs, recipe, device, folder, log, held.check).finish()
        network = keep(training, dataset, pictures, log)
    shutil.rmtree(folder, ignore_errors=True)
    return network


class Loop:
    """The training of one network, from where it is to its last step."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        recipe: Recipe,
        device: torch.device,
        folder: Path,
        log: Log,
        check: Callable[[], None],
    ) -> None:
        self.log, self.check = log, check
        coding = check_pairs(pairs, lambda done, total: log.progress(f"reads {done}/{total}"))
        self.training = Training(pairs, coding, recipe, device)
        self.checkpoints = folder / "checkpoints"
        saved = checkpoint.newest(self.checkpoints, log.say)
        if saved:
            self.training.restore(saved)
            log.say(f"continues at step {self.training.step} of {recipe.steps}")
        self.first, self.start = self.training.step, time.monotonic()

    def finish(self) -> Training:
        """Do what remains of the steps."""
        training, steps = self.training, self.training.recipe.steps
        save_every, saved = max(1, math.ceil(steps / CHECKPOINTS)), time.monotonic()
        with stop_signals() as stop:
            for loss in training.steps():
                step, halt = training.step, stop()
                last = step == steps
                if last or self.log.due():
                    self.report(float(loss))
                if halt or last or step % save_every == 0 or time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.require_finite(float(loss))
                    self.save()
                    saved = time.monotonic()
                if halt and not last:
                    self.log.say(f"stopped after step {step} of {steps}; the same command continues it")
                    raise Stopped
        return training

    def report(self, loss: float) -> None:
        """The progress line."""
        self.require_finite(loss)
        step, steps = self.training.step, self.training.recipe.steps
        left = (time.monotonic() - self.start) / (step - self.first) * (steps - step)
        rate = self.training.recipe.rate(step - 1)
        text = f"step {step}/{steps} ({100 * step // steps}%)  {duration(left)} left  loss {loss:.3g}  lr {rate:.1g}"
        self.log.progress(text, final=step == steps)

    def require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            self.log.say(f"the loss is not finite at step {self.training.step}; give a smaller --lr")
            raise Diverged

    def save(self) -> None:
        try:
            checkpoint.save(self.checkpoints, self.training.state(), self.check)
        except OSError as error:
            raise UserError(
                f"cannot write a checkpoint to {self.checkpoints}: {error.strerror}. Earlier ones are intact; make "
                "room and give the same command again"
            ) from None


def keep(training: Training, dataset: Dataset, pictures: str, log: Log) -> Network:
    """Score a trained network on the real test photos and put its weights, in the official layout, where runs look."""
    weights = training.weights()
    digest = tensor_digest(weights)
    unfinished = networks_folder() / f"{digest[:12]}.unscored.pth"
    try:
        write_atomically(unfinished, lambda file: torch.save(weights, file))
        scores = scores_of(dataset, unfinished, training, log)
        network = Network(
            dataset=dataset.name,
            pictures=pictures,
            digest=digest,
            size=training.recipe.size,
            recipe=words(training.recipe),
            scores=scores,
            time=time.time(),
        )
        unfinished.replace(network.path)
        write_json(network.path.with_suffix(".json"), asdict(network))
    except OSError as error:
        raise UserError(
            f"cannot keep the network in {networks_folder()}: {error.strerror}; make room and give the same "
            "command again"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return network


def scores_of(dataset: Dataset, weights: Path, training: Training, log: Log) -> dict[str, float]:
    """mIoU, pixAcc and classAcc of the real test photos, in percent; none where their label maps are not known."""
    if not dataset.counterparts:
        return {}
    labels = label_maps(dataset)
    with counterparts(dataset, dataset.default_size) as photos:
        found = evaluation.score(
            photos,
            sorted(labels.values()),
            SCORES,
            device=str(training.device),
            labels=labels,
            drn=weights,
            drn_size=training.recipe.size,
            progress=lambda done, total: log.progress(f"scores {done}/{total}"),
        )
    return {score.metric: score.value for score in found}
