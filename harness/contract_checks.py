"""The checks of the contract. Each returns what it found, or raises Broken with what was expected."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from harness import checkpoint
from harness.contract import (
    LARGE,
    Broken,
    Subject,
    Tensors,
    equal,
    pictures,
    same,
    tensors,
    trained,
    unchanged,
)
from harness.tracing import trace
from methods.interface import Losses, Method

FURTHER = 2
"""steps that a continued run is compared over"""
SIZES = ((36, 52), (64, 40))
"""height and width of pictures to translate: not square, no powers of two, multiples of 4 as networks of two
halvings need"""


def updates(subject: Subject) -> str:
    """Every network with an optimiser changes, and nothing else does but what a checkpoint keeps."""
    run = subject.main_run
    networks, kept = trained(run.method), run.method.state_dict().keys()
    if not networks:
        raise Broken("no optimiser trains anything; expected optimisers made in __init__ (Method.adam)")
    late = [name for name in run.last if name not in run.first]
    if late:
        raise Broken(f"{some(late)} made during a step; expected everything made in __init__")
    still = unchanged(networks, run.first, run.last)
    if still:
        raise Broken(f"{', '.join(still)} did not change in {len(run.losses)} steps, though an optimiser has it")
    owned = {name for names in networks.values() for name in names}
    others = {name: p for name, p in subject.build().named_parameters() if name not in owned}
    changed = [name for name in run.last if not same(name, run.first, run.last)]
    if moved := [name for name in changed if name in others]:
        raise Broken(f"{some(moved)} changed, though no optimiser has it")
    if lost := [name for name in changed if name not in kept]:
        raise Broken(f"{some(lost)} changed, but no checkpoint holds it; expected a buffer with persistent=True")
    if forgotten := [name for name, parameter in others.items() if parameter.requires_grad]:
        raise Broken(f"no optimiser has {some(forgotten)}; what is frozen needs requires_grad_(False) in __init__")
    return f"{', '.join(networks)} changed within {len(run.losses)} steps" + f"; {len(others)} frozen" * bool(others)


def losses(subject: Subject) -> str:
    """Named finite scalars without gradient, the same names in each step."""
    run = subject.main_run
    for number, step in enumerate(run.losses, 1):
        if not step or step.keys() != run.losses[0].keys():
            raise Broken(f"step {number} returns {list(step)}; expected losses, of the same names in each step")
        for name, value in step.items():
            if not isinstance(value, Tensor) or value.shape != ():
                raise Broken(f"{name} is {described(value)}; expected a scalar tensor")
            if value.requires_grad:
                raise Broken(f"{name} carries its graph along; expected detached(...)")
            if not value.isfinite():
                raise Broken(f"{name} is {float(value)} in step {number}")
    return f"{len(run.losses[-1])} finite scalars: {', '.join(run.losses[-1])}"


def translation(subject: Subject) -> str:
    return translates(subject, "translate")


def translation_back(subject: Subject) -> str:
    if not subject.cls.two_sided:
        return "one-sided: learns A to B only"
    if not callable(getattr(subject.cls, "translate_back", None)):
        raise Broken("two_sided is true, but there is no translate_back")
    return translates(subject, "translate_back")


def translates(subject: Subject, way: str) -> str:
    """Pictures keep their shape, stay in [-1, 1], and leave the method as it is."""
    method = subject.main_run.method
    before = tensors(method)
    for height, width in ((subject.side, subject.side), *SIZES):
        for n in (1, 2):
            translate_one(method, way, pictures(n, height, width, seed=7))
    translate_one(subject.build(side=LARGE), way, pictures(1, LARGE, LARGE, seed=7))
    moved = [name for name, tensor in tensors(method).items() if not equal(before[name], tensor)]
    if moved:
        raise Broken(f"{way} changed {moved[0]}; expected everything as it was")
    sizes = ", ".join(f"{height}x{width}" for height, width in ((subject.side,) * 2, *SIZES, (LARGE,) * 2))
    return f"keeps shape and range at {sizes}"


def translate_one(method: Method, way: str, source: Tensor) -> None:
    with torch.no_grad():
        found = getattr(method, way)(source)
    if not isinstance(found, Tensor) or found.shape != source.shape:
        raise Broken(f"{way} of {shape_text(source)} gives {described(found)}; expected the same shape")
    if not bool((found.abs() <= 1).all()):
        low, high = float(found.min()), float(found.max())
        raise Broken(f"{way} gives numbers from {low:.3g} to {high:.3g}; expected [-1, 1]")


def resume(subject: Subject) -> str:
    """A run continued from a checkpoint goes on as the run that was never stopped, to the bit."""
    done = len(subject.main_run.losses)
    method = subject.ready()
    for number in range(done):
        method.step(subject.batch(number))
    with tempfile.TemporaryDirectory() as folder:
        path = checkpoint.save(Path(folder), checkpoint.state_of(method, done))
        state = checkpoint.read(path)
    assert state is not None
    expected = [method.step(subject.batch(done + number)) for number in range(FURTHER)]

    continued = subject.build(seed=1)
    step = checkpoint.restore(continued, state)
    continued.start_epoch(1)
    found = [continued.step(subject.batch(step + number)) for number in range(FURTHER)]
    compare("continued from a checkpoint", done, expected, found, tensors(method), tensors(continued))
    source = pictures(1, subject.side, subject.side, seed=7)
    with torch.no_grad():
        if not equal(method.translate(source), continued.translate(source)):
            raise Broken("continued from a checkpoint, weights are the same but translate is not")
    return f"saved after step {done} and continued for {FURTHER}: the same to the bit"


def same_seed(subject: Subject) -> str:
    """A second run with the same seed gives the same numbers, to the bit."""
    run = subject.main_run
    again = subject.ready()
    found = [again.step(subject.batch(number)) for number in range(len(run.losses))]
    compare("run again with the same seed", 0, run.losses, found, run.last, tensors(again))
    return f"two runs of {len(run.losses)} steps: the same to the bit"


def compare(
    what: str, done: int, expected: list[Losses], found: list[Losses], last: Tensors, last_found: Tensors
) -> None:
    """Broken unless losses, weights and buffers of two runs are the same to the bit."""
    for number, (one, other) in enumerate(zip(expected, found, strict=True), done + 1):
        for name, value in one.items():
            if name not in other or not equal(value, other[name]):
                raise Broken(f"{what}, {name} of step {number} is {other.get(name)}, not {value}")
    for name, tensor in last.items():
        if name not in last_found or not equal(tensor, last_found[name]):
            raise Broken(f"{what}, {name} differs")


def batch_sizes(subject: Subject) -> str:
    """The smallest batch, one picture more."""
    least = subject.cls.min_batch_size
    for n in (least, least + 1):
        method = subject.ready(batch_size=n)
        step = method.step(subject.batch(0, n))
        wrong = [name for name, value in step.items() if not bool(torch.as_tensor(value).isfinite().all())]
        if wrong:
            raise Broken(f"{wrong[0]} is not finite at batch {n}")
    return f"{least} and {least + 1}"


def host_randomness(subject: Subject) -> str:
    """The generators of Python and of NumPy are left alone."""
    run = subject.main_run
    if not all(run.host_random):
        number = run.host_random.index(False) + 1
        raise Broken(f"step {number} draws from Python's or NumPy's generator; expected self.draw")
    return "none of Python's or NumPy's"


def host_reads(subject: Subject) -> str:
    """A step at full size waits for no number; what it costs."""
    batch_size = subject.cls.min_batch_size
    traced = trace(subject.ready(full=True), batch_size)
    return (
        f"no number is read; at {LARGE}x{LARGE}, batch {batch_size}, a step has {traced.flop / 1e9:,.0f} GFLOP "
        f"and keeps {traced.saved_bytes / 1e9:.2f} GB of saved tensors"
    )


def some(names: list[str]) -> str:
    """The first of ``names``, and how many more there are."""
    return names[0] + f" and {len(names) - 1} more" * (len(names) > 1)


def shape_text(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def described(value: object) -> str:
    """What something is, in few words."""
    return f"a tensor of {shape_text(value) or 'one number'}" if isinstance(value, Tensor) else repr(value)


CHECKS: dict[str, Callable[[Subject], str]] = {
    "updates": updates,
    "losses": losses,
    "translate": translation,
    "translate back": translation_back,
    "resume": resume,
    "same seed": same_seed,
    "batch sizes": batch_sizes,
    "host randomness": host_randomness,
    "host reads": host_reads,
}
"""in the order in which they are told; building and stepping come first"""
