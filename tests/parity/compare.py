"""The comparison of three training steps with a golden file, the same for every method."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from methods.interface import Batch, Losses, Method
from tests.parity import recipe

BOUNDS = {
    "loss": 1e-9,
    "gradient": 1e-7,
    "parameter": 1e-8,
    "output": 1e-9,
    "value": 1e-9,
    "swd": 1e-4,
    "distance": 1e-10,
    "singular": 1e-6,  # square roots of rounding noise, in libraries that form the singular product
    "many nulls": 5e-5,  # see below
    "feature": 1e-10,
    "float32": 1e-6,  # figures that were stored or averaged in float32
    "single": 3e-6,  # computed in float32
    "picture": 1e-6,  # figures of files
    "exact": 0.0,  # absolute
    "grey": 1e-3,  # absolute, on the scale of 0 to 255
    "program": 1e-5,  # a score by the program itself, in float32 throughout
    "kernel": 1e-6,  # absolute: KID by the program itself
}
"""largest error for each kind of figure, relative where nothing else is said

*many nulls*: pytorch-fid and clean-fid take the root of a product of rank n - 1 (a dozen) in 2048 dimensions. Each of
the other 2000 eigenvalues, which are 0, comes out as rounding noise, 1e-16 of the largest, and its root, 1e-8, counts:
what the files give for one set of features as `pytorch_fid_value` and as `frechet_exact_lowrank` differs by 6e-6, so
that no exact distance is within 1e-6 of the former. Their notes allow 5e-5; the exact figure is held to *distance*.
"""
NOISE = 1e-10
"""a golden gradient norm below this is cancellation noise: a bias in front of an instance norm"""


@dataclass
class Report:
    """The worst error of each kind of figure, with the name of the figure, and what is plainly wrong."""

    worst: dict[str, tuple[float, str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """what could not be compared here, and what is missing for it"""

    def relative(self, kind: str, name: str, ours: float, golden: float, floor: float = 1e-300) -> None:
        self.error(kind, name, abs(ours - golden) / max(abs(golden), floor))

    def error(self, kind: str, name: str, error: float) -> None:
        if not error <= self.worst.get(kind, (-1.0, ""))[0]:
            self.worst[kind] = (error, name)

    def tensor(self, kind: str, name: str, ours: Tensor, golden: Mapping[str, Any]) -> None:
        """Compare shape, statistics and sampled values of a recorded tensor."""
        ours = ours.detach()
        if list(ours.shape) != golden["shape"]:
            self.wrong.append(f"{name}: shape {list(ours.shape)}, golden {golden['shape']}")
            return
        typical = max((golden["mean"] ** 2 + golden["std"] ** 2) ** 0.5, 1e-9)  # size of an entry
        self.relative(kind, f"{name} mean", float(ours.mean()), golden["mean"], floor=typical)
        self.relative(kind, f"{name} std", float(ours.std(correction=0)), golden["std"], floor=typical)
        if "l2" in golden:
            self.relative(kind, f"{name} l2", float(ours.norm()), golden["l2"], floor=1e-9)
        for position, value in zip(golden["positions"], golden["values"], strict=True):
            self.relative(kind, f"{name}[{position}]", float(ours.flatten()[position]), value, floor=typical)

    def same(self, name: str, ours: object, golden: object) -> None:
        if ours != golden:
            self.wrong.append(f"{name}: {ours!r}, golden {golden!r}")

    def keys(self, name: str, net: nn.Module, golden: Mapping[str, Any], buffers: Collection[str] = ()) -> None:
        """Compare the state_dict of ``net`` with the keys and shapes recorded for ``name``.

        ``buffers`` are keys that the file lists apart from the others, without shapes.
        """
        expected = golden[name]
        if isinstance(expected, str):
            expected = golden[expected.removeprefix("same as ")]
        ours = {key: list(value.shape) for key, value in net.state_dict().items()}
        if apart := set(buffers) - expected.keys():
            self.same(f"buffers of {name}", apart - ours.keys(), set())
            ours = {k: v for k, v in ours.items() if k not in apart and not k.endswith("num_batches_tracked")}
        for key in sorted(ours.keys() | expected.keys()):
            self.same(f"shape of {name}.{key}", ours.get(key), expected.get(key))

    @property
    def ok(self) -> bool:
        within = all(error <= BOUNDS[kind] for kind, (error, _) in self.worst.items())
        return within and not self.wrong and bool(self.worst or self.left_out)


@dataclass
class Trainee:
    """A method of ours set up to repeat a golden file."""

    method: Method
    nets: dict[str, nn.Module]
    """networks by the names the file uses"""
    losses: Callable[[Losses], dict[str, Tensor]]
    """our losses under the file's names; figures that are missing here are not compared"""
    draws: recipe.RecordedDraws
    epoch: int = 1
    outputs: Callable[[Batch], dict[str, Tensor]] | None = None
    """outputs and features before the first step, under the file's names"""
    before_step: Callable[[int], None] = lambda step: None
    pictures: Callable[[Batch], Batch] = lambda batch: batch
    """the file's pictures in the range that our step takes"""


def check_training(data: Mapping[str, Any], trainee: Trainee) -> Report:
    """Repeat the three steps of ``data`` and compare losses, gradients, parameters, buffers and keys."""
    seed, report, method = recipe.seed_of(data), Report(), trainee.method
    for name, net in trainee.nets.items():
        recipe.fill(net, name, seed)
        if name in data.get("keys", {}):
            report.keys(name, net, data["keys"], data.get("buffers", {}).get(name, ()))
    method.draw = trainee.draws
    method.epoch = trainee.epoch  # constant learning rates: start_epoch is not called
    if trainee.outputs is not None:
        trainee.draws.step = 0
        with torch.no_grad():
            check_outputs(report, trainee.outputs(trainee.pictures(batch_of(data, seed, 0))), data["output_step0"])
    gradients = record_gradients(method)
    for step, golden in enumerate(data["losses"]):
        trainee.draws.step = step
        trainee.before_step(step)
        ours = trainee.losses(method.step(trainee.pictures(batch_of(data, seed, step))))
        for name, value in ours.items():
            report.relative("loss", f"{name} at step {step}", float(value), golden[name], floor=1e-12)
    check_networks(report, data, trainee.nets, gradients)
    return report


def batch_of(data: Mapping[str, Any], seed: int, step: int) -> Batch:
    shape = data["input_shape"]
    return Batch(*(recipe.picture(seed, f"real_{side}/{step}", shape) for side in "AB"))


def record_gradients(method: Method) -> dict[int, float | None]:
    """Norms of the gradients right before the first step of each optimiser, by ``id`` of the parameter."""
    norms: dict[int, float | None] = {}

    def before(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for p in group["params"]:
                norms.setdefault(id(p), None if p.grad is None else float(p.grad.norm()))

    for optimizer in method.optimizers.values():
        optimizer.register_step_pre_hook(before)
    return norms


def check_outputs(report: Report, ours: Mapping[str, Tensor], golden: Mapping[str, Any]) -> None:
    for name, value in ours.items():
        at = golden
        for part in name.split("/"):
            at = at[part]
        report.tensor("output", name, value, at)


def check_networks(
    report: Report, data: Mapping[str, Any], nets: Mapping[str, nn.Module], gradients: Mapping[int, float | None]
) -> None:
    for name, net in nets.items():
        golden_gradients = data["grad_norms_step0"].get(name) or {}  # null: never optimised
        stats = data["param_stats_after_3"].get(name, {})
        for key, p in net.named_parameters():
            expected, got = golden_gradients.get(key, None), gradients.get(id(p))
            if expected is None:
                if key in golden_gradients and got:
                    report.wrong.append(f"{name}.{key} has a gradient, the official code has none")
            elif expected < NOISE:
                if got is not None and got > 1e-8:
                    report.wrong.append(f"gradient of {name}.{key}: {got}, golden {expected} (noise)")
                continue
            else:
                report.relative("gradient", f"{name}.{key}", got if got is not None else 0.0, expected)
            if key in stats:
                _, mean_abs, l2 = stats[key]
                report.relative("parameter", f"{name}.{key}", float(p.detach().norm()), l2)
                report.relative("parameter", f"{name}.{key} |.|", float(p.detach().abs().mean()), mean_abs)
        for key, golden in data.get("buffers_after_3", {}).get(name, {}).items():
            value = net.state_dict()[key].double()
            if isinstance(golden, list):
                _, mean_abs, l2 = golden
                report.relative("parameter", f"{name}.{key} |.|", float(value.abs().mean()), mean_abs, floor=1e-6)
            else:
                l2 = golden["l2"] if isinstance(golden, dict) else golden
            report.relative("parameter", f"{name}.{key}", float(value.norm()), l2, floor=1e-6)
