"""The contract that every method keeps, built in or not: ``harness methods test NAME``.

Each check is one function of :mod:`harness.contract_checks`. They share the runs made here, with narrow
networks on small pictures of noise; what does not depend on numbers is checked at full size, without data.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from harness import checkpoint
from harness.catalogue import Value, card, load
from harness.errors import UserError
from harness.tracing import turns, where
from methods.interface import Batch, ImageShape, Losses, Method

SIDES = (32, 64, 128)
"""of the small pictures: the first that a method accepts"""
LARGE = 256
STEPS = 4
"""within so many steps every network must have been updated, or within a round of turns if that is longer"""
PREPARED = 3
"""batches that a method may look at before its first step"""
NARROW: Mapping[str, int] = {
    **dict.fromkeys(("ngf", "ndf", "gcn", "dcn", "gen_dim", "dis_dim", "width"), 8),
    **dict.fromkeys(("netF_nc", "mlp_dim", "num_patches", "patch_nums"), 16),
    "pool_size": 2,
    "num_scales": 1,
}
"""options that make networks small and steps quick, by the names they have in all methods"""

Tensors = dict[str, Tensor]


class Broken(Exception):
    """A check does not hold; the message says what was found and what was expected."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    ok: bool
    found: str


@dataclass(frozen=True)
class Run:
    """Some steps of a fresh method, and what was seen meanwhile."""

    method: Method
    first: Tensors
    """all weights and buffers before the first step"""
    last: Tensors
    losses: list[Losses]
    """of each step"""
    host_random: list[bool]
    """whether the generators of Python and of NumPy were left alone"""


@dataclass(frozen=True)
class Subject:
    """A method to be examined, and how to make small ones of its kind."""

    name: str
    cls: type[Method]
    options: Mapping[str, Value]
    """of small ones, where they differ from the defaults"""
    side: int = SIDES[0]

    def build(self, seed: int = 0, side: int | None = None, *, full: bool = False) -> Method:
        """A new method for square pictures, as a run would make it; with ``full`` the default options."""
        checkpoint.seed_everything(seed)
        config = self.cls.Config(**({} if full else self.options))
        shape = ImageShape(3, side or self.side, side or self.side)
        return self.cls(config, shape).to(memory_format=torch.channels_last)

    def ready(self, seed: int = 0, *, full: bool = False, batch_size: int | None = None) -> Method:
        """The same, prepared for its first step."""
        side = LARGE if full else self.side
        method = self.build(seed, side, full=full)
        method.prepare(self.batch(n, batch_size, side) for n in range(PREPARED))
        method.start_epoch(1)
        return method

    def batch(self, number: int, batch_size: int | None = None, side: int | None = None) -> Batch:
        """Pictures of noise, the same for the same ``number``."""
        n, side = batch_size or self.cls.min_batch_size, side or self.side
        return Batch(pictures(n, side, side, 2 * number), pictures(n, side, side, 2 * number + 1))

    @cached_property
    def main_run(self) -> Run:
        """Steps until every trained network changed, at least two, at most `STEPS` or a round of turns."""
        method = self.ready()
        first, losses, alone = tensors(method), [], []
        for number in range(max(STEPS, turns(method))):
            before = host_random()
            losses.append(method.step(self.batch(number)))
            alone.append(host_random() == before)
            if number > 0 and not unchanged(trained(method), first, tensors(method)):
                break
        return Run(method, first, tensors(method), losses, alone)


def examine(name: str) -> Iterator[Finding]:
    """Check the method ``name``, yielding what each check found as soon as it is known.

    Raises:
        UserError: there is no such method.
        FileNotFoundError: files are missing that the method needs (weights of a frozen network); the message
            says how to get them.
    """
    from harness.contract_checks import CHECKS
    from harness.contract_kills import kills

    cls = load(name)
    if not (isinstance(cls, type) and issubclass(cls, Method)):
        raise UserError(f"method {name!r}: {cls!r} is not a class derived from methods.interface.Method")
    subject = Subject(name, cls, narrow(name))
    fitting: list[Subject] = []
    first = finding("builds", partial(fits, subject, fitting))
    yield first
    if not first.ok:
        return
    fitted = fitting[0]
    ran = finding("steps", lambda: f"{len(fitted.main_run.losses)} of batch {cls.min_batch_size}")
    yield ran
    if not ran.ok:
        return
    keeps_all = True
    for check, function in CHECKS.items():
        told = finding(check, partial(function, fitted))
        keeps_all = keeps_all and told.ok
        yield told
    if keeps_all:  # costs as much as all others, and would only repeat what they found
        yield finding("kills", partial(kills, fitted))


def finding(check: str, function: Callable[[], str]) -> Finding:
    """The outcome of one check. An exception that is no `Broken` is a failure too, told with its place."""
    try:
        return Finding(check, True, function())
    except Broken as error:
        return Finding(check, False, str(error))
    except FileNotFoundError:
        raise
    except Exception as error:
        return Finding(check, False, where(error))


def fits(subject: Subject, fitting: list[Subject]) -> str:
    """Build for the smallest pictures the method accepts and for large ones; the subject found goes to ``fitting``."""
    refused = ""
    for side in SIDES:
        try:
            subject.build(side=side)
        except ValueError as error:
            refused = refused or f"; refuses {side} pixels: {error}"
            continue
        break
    else:
        raise Broken(f"builds at none of {', '.join(map(str, SIDES))} pixels{refused}")
    subject.build(side=LARGE)
    fitting.append(replace(subject, side=side))
    return f"at {side} and {LARGE} pixels{refused}"


def narrow(name: str) -> dict[str, Value]:
    """The options of a method that make it small, where it has them."""
    options = {option.name: option.default for option in card(name).options}
    return {key: value for key, value in NARROW.items() if isinstance(own := options.get(key), int) and own > value}


def pictures(n: int, height: int, width: int, seed: int) -> Tensor:
    """``n`` pictures of noise in [-1, 1]."""
    drawn = torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return drawn.to(memory_format=torch.channels_last)


def tensors(method: Method) -> Tensors:
    """Copies of all weights and buffers, those that a checkpoint does not hold included."""
    named = [*method.named_parameters(), *method.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same to the bit."""
    alike = one.dtype == other.dtype and one.shape == other.shape
    return alike and checkpoint.to_bytes(one) == checkpoint.to_bytes(other)


def trained(method: Method) -> dict[str, list[str]]:
    """The trained networks of a method, by name, and their weights that an optimiser has."""
    groups = (group for optimizer in method.optimizers.values() for group in optimizer.param_groups)
    owned = {id(parameter) for group in groups for parameter in group["params"]}
    found: dict[str, list[str]] = {}
    for name, parameter in method.named_parameters():
        if id(parameter) in owned:
            found.setdefault(name.partition(".")[0], []).append(name)
    return found


def unchanged(networks: Mapping[str, list[str]], first: Tensors, last: Tensors) -> list[str]:
    """Those of ``networks`` none of whose weights differ."""
    return [net for net, names in networks.items() if all(same(name, first, last) for name in names)]


def same(name: str, first: Tensors, last: Tensors) -> bool:
    """Whether the tensor ``name`` was there at first and is the same to the bit."""
    return name in first and equal(first[name], last[name])


def host_random() -> tuple[object, bytes]:
    """The states of the global generators of Python and of NumPy."""
    state = np.random.get_state()  # noqa: NPY002 - the global generator is what foreign code would use
    return random.getstate(), pickle.dumps(state)
