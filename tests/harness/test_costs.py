"""Costs are counted exactly, and the stored ones are those of the code."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from evaluation.counting import Meter, Saved
from harness.catalogue import card, load, targets
from harness.cli import main
from harness.commands.methods import costs
from harness.costs import changed, measure, ours, stored, trained_parameters
from harness.tracing import trace, turns
from methods.interface import Batch, ImageShape
from tests.small import pictures

CHEAP = ("discogan", "dualgan")
"""little arithmetic; one takes turns, the other differentiates a gradient"""


def test_a_trace_counts_what_a_real_step_does_and_leaves_the_method_alone() -> None:
    cls = load("cut")
    method = cls(cls.Config(ngf=8, ndf=8, num_patches=16, netF_nc=16), ImageShape(3, 32, 32))
    method.start_epoch(1)
    before = [parameter.clone() for parameter in method.parameters()]
    traced = trace(method, 1)
    assert all(map(torch.equal, before, method.parameters()))
    batch = Batch(*(pictures(1, 32, seed).to(memory_format=torch.channels_last) for seed in (0, 1)))
    with Meter() as meter, Saved([*method.parameters(), *method.buffers()]) as saved:
        method.step(batch)
    assert (traced.flop, traced.saved_bytes) == (meter.flop, saved.peak)


def test_networks_that_take_turns_are_averaged() -> None:
    cls = load("discogan")
    method = cls(cls.Config(width=8), ImageShape(3, 32, 32))
    assert turns(method) == 3
    with Meter() as meter:
        for _ in range(3):
            method.step(Batch(pictures(1, 32, 0), pictures(1, 32, 1)))
    assert trace(method, 1).flop == meter.flop // 3


def test_trained_parameters_are_those_of_the_optimisers() -> None:
    cls = load("cut")
    method = cls(cls.Config(ngf=8, ndf=8, netF_nc=16), ImageShape(3, 32, 32))
    assert trained_parameters(method) == sum(parameter.numel() for parameter in method.parameters())


def check_stored(name: str) -> None:
    """The stored cost of a method must be what counting gives, but for what it was counted with."""
    expected = stored()[name]
    assert replace(measure(name), torch=expected.torch, code=expected.code) == expected


@pytest.mark.parametrize("name", CHEAP)
def test_stored_costs_are_those_of_the_code(name: str) -> None:
    check_stored(name)


@pytest.mark.slow
def test_costs_of_changed_code_are_still_the_same() -> None:
    """python -m harness.costs --write counts them again."""
    assert set(ours()) <= stored().keys()
    for name in changed():
        check_stored(name)


def test_the_list_shows_them_and_dashes_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A generator of nine blocks costs 128 GFLOP."""
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("cut "))
    assert "A to B 14.7 1285 128 Park" in " ".join(line.split())
    assert costs(None) == ["–", "–", "–"]
    assert {line.partition(" ")[0] for line in lines} >= targets().keys()


def test_a_method_without_stored_costs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "show", "methods.enco:EnCo"]) == 0
    assert "costs: not counted" in capsys.readouterr().out
    assert main(["methods", "show", "enco"]) == 0
    assert f"at 256x256: {stored()[card('enco').name].parameters / 1e6:.1f} M" in capsys.readouterr().out
